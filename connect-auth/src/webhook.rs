//! The secrets of webhooks, made with the server's secret.

use std::sync::Arc;

use connect_core::webhook::WebhookKeys;
use connect_core::{WebhookId, WorkspaceId};

use crate::KeyRing;
use crate::auth::{Auth, AuthBuilder};

const LABEL: &str = "webhook";

impl WebhookKeys for KeyRing {
    fn secrets(&self, workspace: WorkspaceId, webhook: WebhookId, generation: u32) -> Vec<[u8; 32]> {
        let parts = [workspace.to_string(), webhook.to_string(), generation.to_string()];
        self.tags(LABEL, &parts.each_ref().map(String::as_bytes))
    }
}

impl AuthBuilder {
    /// What the secrets of webhooks are made with; give it to the subscriber that calls them.
    pub fn webhook_keys(&self) -> Arc<dyn WebhookKeys> {
        Arc::new(self.keys.clone())
    }
}

impl Auth {
    /// What the secrets of webhooks are made with.
    pub fn webhook_keys(&self) -> &dyn WebhookKeys {
        &self.inner.keys
    }
}
