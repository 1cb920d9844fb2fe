//! Teams, and who is in them.

pub(super) mod create;
pub(super) mod list;
pub(super) mod members;
pub(super) mod read;
pub(super) mod remove;
pub(super) mod update;

use axum::Json;
use axum::response::{IntoResponse, Response};
use connect_core::team::Team;
use http::StatusCode;
use http::header::ETAG;
use serde_json::{Value, json};

use super::shape::Time;

fn shape(team: Team) -> Value {
    json!({
        "id": team.id, "name": team.name, "version": team.version, "created_at": Time(team.created_at),
    })
}

/// One team as a response, with its version as the ETag.
fn response(status: StatusCode, team: Team) -> Response {
    let etag = format!("\"{}\"", team.version);
    (status, [(ETAG, etag)], Json(shape(team))).into_response()
}
