//! A stranger who looks at what the desk sends out, with libraries of others: signatures of mail, messages to browsers.

use std::path::Path;

use super::node::NodeProgram;

/// What the verifier is made of.
const FILES: [(&str, &str); 3] = [
    ("package.json", include_str!("../../outbound-verifier/package.json")),
    ("package-lock.json", include_str!("../../outbound-verifier/package-lock.json")),
    ("verifier.mjs", include_str!("../../outbound-verifier/verifier.mjs")),
];

/// Says of a mail whether it is signed, and of a message what its browser reads.
pub struct OutboundVerifier(NodeProgram);

impl OutboundVerifier {
    /// Installs and starts one in the folder.
    pub fn start(folder: &Path) -> anyhow::Result<Self> {
        NodeProgram::start("the verifier of what is sent out", folder, &FILES).map(Self)
    }

    /// Its port on this machine.
    pub fn port(&self) -> u16 {
        self.0.port
    }
}
