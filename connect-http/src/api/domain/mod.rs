//! Mail domains of a workspace, by which people join.

pub(super) mod create;
pub(super) mod list;
pub(super) mod read;
pub(super) mod remove;
pub(super) mod update;
pub(super) mod verify;

use axum::Json;
use axum::response::{IntoResponse, Response};
use connect_core::domain::MailDomain;
use http::StatusCode;
use http::header::ETAG;
use serde_json::{Value, json};

use super::shape::Time;

fn shape(domain: MailDomain) -> Value {
    json!({
        "id": domain.id, "domain": domain.name, "place": domain.place(), "word": domain.word,
        "proven_at": domain.proven_at.map(Time), "joins_as": domain.joins_as, "version": domain.version,
        "created_at": Time(domain.created_at),
    })
}

/// One domain as a response, with its version as the ETag.
fn response(status: StatusCode, domain: MailDomain) -> Response {
    let etag = format!("\"{}\"", domain.version);
    (status, [(ETAG, etag)], Json(shape(domain))).into_response()
}
