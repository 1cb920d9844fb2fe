//! Custom roles.

pub(super) mod create;
pub(super) mod list;
pub(super) mod read;
pub(super) mod remove;
pub(super) mod update;

use axum::Json;
use axum::response::{IntoResponse, Response};
use connect_core::role::CustomRole;
use http::StatusCode;
use http::header::ETAG;
use serde_json::{Value, json};

use super::shape::Time;

fn shape(role: CustomRole) -> Value {
    json!({
        "id": role.id, "name": role.name, "base": role.base, "permissions": role.permissions, "version": role.version,
        "created_at": Time(role.created_at),
    })
}

/// One role as a response, with its version as the ETag.
fn response(status: StatusCode, role: CustomRole) -> Response {
    let etag = format!("\"{}\"", role.version);
    (status, [(ETAG, etag)], Json(shape(role))).into_response()
}
