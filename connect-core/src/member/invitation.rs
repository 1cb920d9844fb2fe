//! Invitations: a promise of a role to whoever proves a mailbox.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::change::{Moment, RecordChange};
use crate::event::Fact;
use crate::record::{RecordKey, RecordKind};
use crate::role::CustomRole;
use crate::{EmailAddress, Error, InvitationId, Result, Role, RoleId, Timestamp, UserId, Version};

/// How long an invitation can be accepted.
pub const LIFETIME: Duration = Duration::from_secs(7 * 24 * 3600);

/// The secret in an invitation's link: 256 random bits. Only its hash is stored with the invitation.
#[derive(Clone, PartialEq, Eq)]
pub struct InvitationToken([u8; 32]);

impl InvitationToken {
    /// The token of these bits.
    pub fn new(bits: [u8; 32]) -> Self {
        Self(bits)
    }

    /// The text that stands in the link.
    pub fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// Reads the text of a link.
    pub fn parse(text: &str) -> Option<Self> {
        URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| bytes.try_into().ok()).map(Self)
    }

    fn hash(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.0))
    }
}

impl std::fmt::Debug for InvitationToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("InvitationToken(…)")
    }
}

/// What somebody is invited to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offer {
    /// A built-in role.
    Role(Role),
    /// A custom role of the workspace.
    Custom(RoleId),
}

/// A promise of a role to whoever proves a mailbox. It ends with its acceptance, its withdrawal or
/// after [`LIFETIME`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    /// Its id.
    pub id: InvitationId,
    /// The mailbox it is bound to; one open invitation each.
    pub email: EmailAddress,
    /// The role it promises.
    pub role: Role,
    /// The custom role that limits it, if it promises one; then the role is its base.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom: Option<RoleId>,
    /// Who invited; their right is checked again on acceptance, and whether they may still sign in. None: the host.
    pub invited_by: Option<UserId>,
    /// SHA-256 of the token, in base 64.
    pub token_hash: String,
    /// How often it was written.
    pub version: Version,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when it can be accepted.
    pub expires_at: Timestamp,
}

impl RecordKind for Invitation {
    const KIND: &'static str = "invitation";

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

impl Invitation {
    /// The key an open invitation is found by, over all workspaces.
    pub(crate) fn email_key(email: &EmailAddress) -> String {
        format!("email:{}", email.canonical())
    }

    /// Decides what a new invitation is. `token` makes the secret from the invitation's id.
    pub fn create(
        email: EmailAddress,
        (role, custom): (Role, Option<&CustomRole>),
        by: Option<(UserId, Role)>,
        token: impl FnOnce(InvitationId) -> InvitationToken,
        moment: &Moment,
    ) -> Result<(Self, RecordChange)> {
        let role = custom.map_or(role, |custom| custom.base);
        let custom = custom.map(|custom| custom.id);
        super::may_grant(by.map(|(_, role)| role), role)?;
        let id = moment.ids().invitation();
        let invitation = Self {
            id,
            email,
            role,
            custom,
            invited_by: by.map(|(user, _)| user),
            token_hash: token(id).hash(),
            version: Version::FIRST,
            created_at: moment.now(),
            expires_at: moment.now().plus(LIFETIME),
        };
        let change =
            RecordChange::insert(&invitation, Fact::InvitationCreated { invitation: id, role, role_id: custom });
        Ok((invitation, change))
    }

    /// Whether this is its token.
    pub fn is_token(&self, token: &InvitationToken) -> bool {
        // Hashes of 256 random bits are compared: how long that takes tells nothing of use.
        token.hash() == self.token_hash
    }

    /// Whether it can still be accepted.
    pub fn is_open(&self, now: Timestamp) -> bool {
        now < self.expires_at
    }

    /// Decides the acceptance by a user who proved `mailbox`, while the inviter has this role now.
    pub fn accept(
        &self,
        token: &InvitationToken,
        user: UserId,
        mailbox: &EmailAddress,
        inviter: Option<Option<Role>>,
        now: Timestamp,
    ) -> Result<RecordChange> {
        // Wrong token, wrong mailbox and past the end look alike: none of them is this caller's invitation.
        if !self.is_token(token) || *mailbox != self.email || !self.is_open(now) {
            return Err(Error::NotFound("invitation"));
        }
        if let Some(inviter) = inviter
            && inviter.is_none_or(|role| role < Role::Admin || role < self.role)
        {
            return Err(Error::refused("inviter_lost_right", "whoever invited you may no longer do so"));
        }
        Ok(RecordChange::remove(self, Fact::InvitationAccepted { invitation: self.id, user }))
    }

    /// Decides the withdrawal.
    pub fn revoke(&self) -> RecordChange {
        RecordChange::remove(self, Fact::InvitationRevoked { invitation: self.id })
    }
}
