//! An OpenID provider: the certified one of Node.js, with a page of settings of our own.

use std::path::Path;

use super::node::NodeProgram;

/// What the provider is made of.
const FILES: [(&str, &str); 3] = [
    ("package.json", include_str!("../../oidc-provider/package.json")),
    ("package-lock.json", include_str!("../../oidc-provider/package-lock.json")),
    ("provider.mjs", include_str!("../../oidc-provider/provider.mjs")),
];

/// A provider at which anybody signs in with any name.
pub struct OidcProvider(NodeProgram);

impl OidcProvider {
    /// Installs and starts one in the folder.
    pub fn start(folder: &Path) -> anyhow::Result<Self> {
        NodeProgram::start("the OpenID provider", folder, &FILES).map(Self)
    }

    /// Its issuer.
    pub fn issuer(&self) -> String {
        format!("http://127.0.0.1:{}", self.0.port)
    }
}
