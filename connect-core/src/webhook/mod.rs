//! Webhooks: other systems are told of what happens, each event once or more under one id, signed.
//!
//! The layout is that of [Standard Webhooks](https://www.standardwebhooks.com): `webhook-id`, `webhook-timestamp` and
//! `webhook-signature` over `id.timestamp.body`. What is sent holds references, as the journal does: whoever wants to know
//! more asks the API.

mod channel;
mod decide;
mod service;
mod sign;
mod subscriber;
mod url;

use serde::{Deserialize, Serialize};

use crate::change::Versioned;
use crate::record::{RecordKey, RecordKind};
use crate::{Timestamp, UserId, Version, WebhookId, WorkspaceId};

pub use self::url::WebhookUrl;
pub use channel::{WEBHOOK, WebhookChannel};
pub use decide::{NewWebhook, WebhookPatch};
pub use service::Webhooks;
pub use sign::{Secret, Signed};
pub use subscriber::WebhookCalls;

/// Most webhooks of a workspace.
pub const MAX_WEBHOOKS: usize = 50;

/// A secret that calls are signed with, by what it was made from. Not the secret itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SigningKey {
    /// Of several secrets of one webhook, the how manieth.
    pub generation: u32,
    /// SHA-256 of the secret, in base 64: tells which of the desk's keys made it.
    pub hash: String,
    /// Until when it signs; none for the newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Timestamp>,
}

/// An address of another system that is told of what happens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// Where calls go.
    pub url: WebhookUrl,
    /// What it is for, in the words of whoever made it.
    pub description: String,
    /// Types of events that it is told of: whole names, or beginnings such as `ticket.*`.
    pub types: Vec<String>,
    /// Whether it is told at all.
    pub enabled: bool,
    /// Why the desk has switched it off, if it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub switched_off: Option<String>,
    /// What its calls are signed with, newest first.
    pub signing: Vec<SigningKey>,
    /// Who made it.
    pub created_by: Option<UserId>,
    /// How often it was written.
    pub version: Version,
    /// Since when it exists.
    pub created_at: Timestamp,
}

impl RecordKind for Webhook {
    const KIND: &'static str = "webhook";

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn version(&self) -> Version {
        self.version
    }

    fn keys(&self) -> Vec<RecordKey> {
        Vec::new()
    }
}

impl Versioned for Webhook {
    fn at_version(&self, version: Version) -> Self {
        Self { version, ..self.clone() }
    }
}

/// Where the secrets of webhooks come from: derived from the desk's own secret, so that none is stored.
///
/// # Contract
///
/// The same arguments give the same secrets, whenever they are asked for, as long as the desk's secret is known. Of
/// different arguments no two have one in common. May be called from any task, in parallel.
pub trait WebhookKeys: std::fmt::Debug + Send + Sync {
    /// The secrets that this webhook has under each of the desk's secrets, newest first.
    fn secrets(&self, workspace: WorkspaceId, webhook: WebhookId, generation: u32) -> Vec<[u8; 32]>;
}
