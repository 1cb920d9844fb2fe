//! Invitations to become a member.

pub(super) mod accept;
pub(super) mod create;
pub(super) mod list;
pub(super) mod revoke;

use connect_core::member::Invitation;
use serde_json::{Value, json};

use super::shape::Time;

/// Without the token, which only the mail holds.
fn shape(invitation: Invitation) -> Value {
    json!({
        "id": invitation.id, "email": invitation.email.as_str(), "role": invitation.role,
        "role_id": invitation.custom,
        "invited_by": invitation.invited_by, "created_at": Time(invitation.created_at),
        "expires_at": Time(invitation.expires_at),
    })
}
