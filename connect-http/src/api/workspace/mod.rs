//! Workspaces.

pub(crate) mod create;
pub(super) mod list;
pub(super) mod read;
pub(super) mod update;

use connect_core::workspace::Workspace;
use serde_json::{Value, json};

use super::shape::Time;

/// A workspace as the API shows it, with the caller's role.
pub(super) fn shape(workspace: &Workspace, role: &str) -> Value {
    json!({
        "id": workspace.id, "name": workspace.name, "slug": workspace.slug, "role": role,
        "customers": workspace.customers, "require_second_factor": workspace.require_second_factor,
        "locale": workspace.locale, "undo_send_seconds": workspace.undo_send.seconds(), "version": workspace.version, "created_at": Time(workspace.created_at),
    })
}

/// The word for the footing of an access.
pub(super) fn role(access: &connect_core::Access) -> &'static str {
    access.role().map_or("customer", connect_core::Role::as_str)
}
