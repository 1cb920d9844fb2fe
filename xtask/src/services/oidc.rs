//! An OpenID provider: the certified one of Node.js, with a page of settings of our own.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, bail};

use super::{end, free_port, tool, wait};

/// What the provider is made of. Its packages are named with their hashes.
const FILES: [(&str, &str); 3] = [
    ("package.json", include_str!("../../oidc-provider/package.json")),
    ("package-lock.json", include_str!("../../oidc-provider/package-lock.json")),
    ("provider.mjs", include_str!("../../oidc-provider/provider.mjs")),
];

/// A provider at which anybody signs in with any name.
pub struct OidcProvider {
    process: Child,
    port: u16,
}

impl OidcProvider {
    /// Installs and starts one in the folder.
    pub fn start(folder: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder)?;
        for (name, text) in FILES {
            std::fs::write(folder.join(name), text)?;
        }
        let installed = Command::new(tool("npm")?)
            .args(["ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"])
            .current_dir(folder)
            .stdout(Stdio::null())
            .status()
            .context("npm")?;
        if !installed.success() {
            bail!("the packages of the OpenID provider cannot be installed");
        }
        let port = free_port()?;
        let process = Command::new(tool("node")?)
            .arg("provider.mjs")
            .arg(port.to_string())
            .current_dir(folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        // From here on it is ended, whatever comes.
        let provider = Self { process, port };
        wait("the OpenID provider", port)?;
        Ok(provider)
    }

    /// Its issuer.
    pub fn issuer(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for OidcProvider {
    fn drop(&mut self) {
        end(&mut self.process, "TERM");
    }
}
