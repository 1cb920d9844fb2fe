//! A receiver of webhooks that believes the public library of Standard Webhooks.

use std::path::Path;

use super::node::NodeProgram;

/// What the receiver is made of.
const FILES: [(&str, &str); 3] = [
    ("package.json", include_str!("../../webhook-receiver/package.json")),
    ("package-lock.json", include_str!("../../webhook-receiver/package-lock.json")),
    ("receiver.mjs", include_str!("../../webhook-receiver/receiver.mjs")),
];

/// A receiver that tells whether the last call was genuine.
pub struct WebhookReceiver(NodeProgram);

impl WebhookReceiver {
    /// Installs and starts one in the folder.
    pub fn start(folder: &Path) -> anyhow::Result<Self> {
        NodeProgram::start("the receiver of webhooks", folder, &FILES).map(Self)
    }

    /// Its port on this machine.
    pub fn port(&self) -> u16 {
        self.0.port
    }
}
