//! Addresses that a workspace mails nothing to: nothing reaches them, or whoever reads there has complained.

mod service;

use serde::{Deserialize, Serialize};

use crate::change::{Moment, RecordChange};
use crate::event::Fact;
use crate::record::{RecordKey, RecordKind};
use crate::{DeliveryId, EmailAddress, SuppressionId, Timestamp, Version};

pub use service::Suppressions;

/// Why nothing is mailed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SuppressionReason {
    /// Nothing reaches it.
    HardBounce,
    /// Its reader called a mail spam.
    Complaint,
    /// Somebody of the team has said so.
    Manual,
}

impl SuppressionReason {
    /// The word used in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HardBounce => "hard_bounce",
            Self::Complaint => "complaint",
            Self::Manual => "manual",
        }
    }

    /// Why a mail was not sent.
    pub(crate) const fn refusal(self) -> &'static str {
        match self {
            Self::HardBounce => "mail to this address bounces; it is on the suppression list",
            Self::Complaint => "the reader has complained; the address is on the suppression list",
            Self::Manual => "the address is on the suppression list",
        }
    }
}

/// An address that nothing is mailed to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suppression {
    /// Its id.
    pub id: SuppressionId,
    /// The address.
    pub email: EmailAddress,
    /// Why.
    pub reason: SuppressionReason,
    /// The mail that showed it.
    pub delivery: Option<DeliveryId>,
    /// What was said of it.
    pub detail: String,
    /// How often it was written.
    pub version: Version,
    /// Since when.
    pub created_at: Timestamp,
}

impl RecordKind for Suppression {
    const KIND: &'static str = "suppression";

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn version(&self) -> Version {
        self.version
    }

    fn keys(&self) -> Vec<RecordKey> {
        vec![RecordKey::in_workspace(Self::email_key(&self.email))]
    }
}

impl Suppression {
    /// The key it is found by.
    pub(crate) fn email_key(email: &EmailAddress) -> String {
        format!("email:{}", email.canonical())
    }

    /// Decides that nothing is mailed to an address from now on.
    pub(crate) fn begin(
        email: EmailAddress,
        reason: SuppressionReason,
        (delivery, detail): (Option<DeliveryId>, String),
        moment: &Moment,
    ) -> (Self, RecordChange) {
        let id = moment.ids().suppression();
        let suppression =
            Self { id, email, reason, delivery, detail, version: Version::FIRST, created_at: moment.now() };
        let change = RecordChange::insert(&suppression, Fact::AddressSuppressed { suppression: id, reason });
        (suppression, change)
    }

    /// Decides that it is mailed to again.
    fn end(&self) -> RecordChange {
        RecordChange::remove(self, Fact::AddressReleased { suppression: self.id })
    }
}
