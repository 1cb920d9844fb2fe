//! Push: short messages to the devices of members who have let the desk send them any.

mod decide;
#[cfg(feature = "onesignal")]
mod onesignal;
mod service;
#[cfg(feature = "webpush")]
mod vapid;
#[cfg(feature = "webpush")]
mod web;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::event::hexadecimal;
use crate::record::{RecordKey, RecordKind};
use crate::{PushDeviceId, Timestamp, UserId, Version};

pub use decide::NewDevice;
#[cfg(feature = "onesignal")]
pub use onesignal::{OneSignal, OneSignalSettings};
pub use service::PushDevices;
#[cfg(feature = "webpush")]
pub use vapid::{BadVapidKey, VapidKey};
#[cfg(feature = "webpush")]
pub use web::WebPush;

/// The channel to browsers by the push service of their maker.
pub const WEB_PUSH: &str = "web_push";
/// The channel to whatever OneSignal reaches.
pub const ONESIGNAL: &str = "onesignal";

/// By what a device is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "service", rename_all = "snake_case")]
pub enum Reach {
    /// A subscription of a browser (W3C Push API).
    #[serde(rename = "web_push")]
    Web {
        /// Where its push service takes messages for it.
        endpoint: String,
        /// Its public key on P-256: 65 bytes, in URL-safe base 64 without padding.
        p256dh: String,
        /// Its secret for authentication: 16 bytes, likewise.
        auth: String,
    },
    /// A subscription at OneSignal.
    #[serde(rename = "onesignal")]
    OneSignal {
        /// Its id there.
        subscription_id: String,
    },
}

impl Reach {
    /// What no other device in the workspace has: addresses hold secrets and are long, so it is a hash.
    fn key(&self) -> String {
        let address = match self {
            Self::Web { endpoint, .. } => endpoint,
            Self::OneSignal { subscription_id } => subscription_id,
        };
        format!("device:{}", hexadecimal(&Sha256::digest(address)))
    }

    /// The channel that reaches it.
    pub const fn channel(&self) -> &'static str {
        match self {
            Self::Web { .. } => WEB_PUSH,
            Self::OneSignal { .. } => ONESIGNAL,
        }
    }
}

/// A device of a member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushDevice {
    /// Its id.
    pub id: PushDeviceId,
    /// What its owner calls it.
    pub name: String,
    /// By what it is reached.
    #[serde(flatten)]
    pub reach: Reach,
    /// Since when.
    pub created_at: Timestamp,
}

/// The devices of a member in a workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Devices {
    user: UserId,
    pub(crate) devices: Vec<PushDevice>,
    version: Version,
}

impl RecordKind for Devices {
    const KIND: &'static str = "push_devices";

    fn id(&self) -> String {
        Self::id_of(self.user)
    }

    fn version(&self) -> Version {
        self.version
    }

    fn keys(&self) -> Vec<RecordKey> {
        // A browser shows what it is sent to whoever sits there: it is one person's at a time.
        self.devices.iter().map(|device| RecordKey::in_workspace(device.reach.key())).collect()
    }
}

impl Devices {
    fn id_of(user: UserId) -> String {
        format!("push_{user}")
    }
}

/// A message to devices of one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushMessage {
    /// The delivery's id, the same at every attempt.
    pub id: String,
    /// To which.
    pub devices: Vec<PushDevice>,
    /// Its first line.
    pub title: String,
    /// What it says.
    pub body: String,
    /// What it opens.
    pub link: String,
    /// What it is about: a later one about the same takes its place.
    pub tag: String,
}
