//! The programs that tests need: found, installed on Debian, or named.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

/// A program, where it may be, and the Debian package it comes from.
struct Tool {
    program: &'static str,
    package: &'static str,
}

const TOOLS: [Tool; 9] = [
    Tool { program: "postgres", package: "postgresql" },
    Tool { program: "redis-server", package: "redis-server" },
    Tool { program: "nginx", package: "nginx" },
    Tool { program: "chromium", package: "chromium" },
    Tool { program: "chromedriver", package: "chromium-driver" },
    Tool { program: "curl", package: "curl" },
    Tool { program: "jq", package: "jq" },
    Tool { program: "node", package: "nodejs" },
    Tool { program: "npm", package: "npm" },
];

/// The program of this name, wherever it is.
pub fn find(program: &str) -> Option<PathBuf> {
    #[allow(clippy::disallowed_methods)]
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    // Debian keeps the programs of each PostgreSQL version in a folder of its own; the newest first.
    let mut versions: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .map(|entries| entries.flatten().map(|entry| entry.path().join("bin")).collect())
        .unwrap_or_default();
    versions.sort();
    versions.reverse();
    folders.splice(0..0, versions);
    // Where servers are, and not on everybody's path.
    folders.push(PathBuf::from("/usr/sbin"));
    folders.into_iter().map(|folder| folder.join(program)).find(|path| path.is_file())
}

/// Makes sure that every program is there.
pub fn ensure() -> anyhow::Result<()> {
    let missing: Vec<&Tool> = TOOLS.iter().filter(|tool| find(tool.program).is_none()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> = missing.iter().map(|tool| tool.package).collect();
    let names: Vec<&str> = missing.iter().map(|tool| tool.program).collect();
    if !Path::new("/etc/debian_version").exists() {
        bail!(
            "the tests need {}, which are not installed; install them and make sure they are on the PATH",
            names.join(", ")
        );
    }
    println!("installing {}", packages.join(" "));
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|out| out.stdout.trim_ascii() == b"0");
    apt(is_root, &["update"])?;
    let mut install = vec!["install", "--yes", "--no-install-recommends"];
    install.extend(packages);
    apt(is_root, &install)?;
    let still: Vec<&str> = names.into_iter().filter(|name| find(name).is_none()).collect();
    if still.is_empty() { Ok(()) } else { bail!("{} are still missing after the installation", still.join(", ")) }
}

fn apt(is_root: bool, arguments: &[&str]) -> anyhow::Result<()> {
    let mut command = if is_root { Command::new("apt-get") } else { Command::new("sudo") };
    if !is_root {
        command.arg("apt-get");
    }
    let status = command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive").status().context("apt-get")?;
    if status.success() { Ok(()) } else { bail!("apt-get {} failed: {status}", arguments.join(" ")) }
}
