//! Members of a workspace.

pub(super) mod list;
pub(super) mod read;
pub(super) mod remove;
pub(super) mod transfer;
pub(super) mod update;

use connect_core::member::Member;
use connect_core::user::User;
use serde_json::{Value, json};

use super::shape::Time;

pub(super) fn shape((member, user): (Member, User)) -> Value {
    json!({
        "id": member.user, "name": user.name, "email": user.email.as_str(), "role": member.role, "role_id": member.custom,
        "team_ids": member.teams, "narrowed": member.narrowed,
        "version": member.version, "created_at": Time(member.created_at),
    })
}
