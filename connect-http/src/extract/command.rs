//! A request that changes something: its JSON body, its idempotency key and the version it saw.

use std::fmt::Write;

use axum::body::Bytes;
use axum::extract::{FromRequest, OriginalUri, Request};
use connect_core::{FieldError, IdempotencyKey, Version};
use http::header::{CONTENT_TYPE, IF_MATCH};
use http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::strict;
use crate::app::App;
use crate::problem::Problem;

/// A command with a body of a certain shape; `()` takes none.
pub(crate) struct Command<T> {
    pub(crate) value: T,
    pub(crate) key: Option<IdempotencyKey>,
    pub(crate) seen: Option<Version>,
}

impl<T: DeserializeOwned + 'static> FromRequest<App> for Command<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let headers = request.headers().clone();
        // The path as the client sees it, so that the key means the same wherever the desk is mounted.
        let path = request.extensions().get::<OriginalUri>().map_or_else(|| request.uri().clone(), |uri| uri.0.clone());
        let method = request.method().clone();
        let wants_body = std::any::TypeId::of::<T>() != std::any::TypeId::of::<()>();
        if wants_body && !is_json(&headers) {
            let detail = "the body must be JSON, with the content type application/json";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail));
        }
        let body = Bytes::from_request(request, app).await.map_err(|rejection| {
            if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
                let detail = format!("the body may have at most {} bytes", app.settings().max_body);
                Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail)
            } else {
                Problem::new(StatusCode::BAD_REQUEST, "bad_body", "the body did not arrive whole")
            }
        })?;
        let value = strict::json(if wants_body { &body } else { b"null" })?;
        let key = idempotency_key(&headers, &[method.as_str().as_bytes(), path.path().as_bytes(), &body])?;
        Ok(Self { value, key, seen: seen(&headers)? })
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let mut kinds = headers.get_all(CONTENT_TYPE).iter();
    // Two of them mean whatever the next reader likes.
    let (Some(kind), None) = (kinds.next(), kinds.next()) else { return false };
    let mut parts = kind.to_str().unwrap_or_default().split(';').map(str::trim);
    parts.next().is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"))
        && parts.all(|parameter| parameter.is_empty() || parameter.eq_ignore_ascii_case("charset=utf-8"))
}

/// The `Idempotency-Key` of a request, with a hash over what is asked.
fn idempotency_key(headers: &HeaderMap, asked: &[&[u8]]) -> Result<Option<IdempotencyKey>, Problem> {
    let mut values = headers.get_all("idempotency-key").into_iter();
    let Some(value) = values.next() else { return Ok(None) };
    let text =
        value.to_str().ok().map(|text| text.trim().trim_matches('"')).filter(|text| (1..=255).contains(&text.len()));
    let (Some(key), None) = (text, values.next()) else {
        let detail = "must stand once and have 1 to 255 printable ASCII characters";
        return Err(FieldError::new("Idempotency-Key", "out_of_range", detail).into());
    };
    let request_hash = request_hash(asked);
    Ok(Some(IdempotencyKey { key: key.to_owned(), request_hash }))
}

/// SHA-256 over what is asked, in hexadecimal: each part with its length, so that no two lists look alike.
pub(crate) fn request_hash(asked: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in asked {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let mut text = String::with_capacity(64);
    for byte in hash.finalize() {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The version of an `If-Match` header; `*` asks for none in particular.
fn seen(headers: &HeaderMap) -> Result<Option<Version>, Problem> {
    let Some(value) = headers.get(IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    let number = text.trim_start_matches("W/").trim_matches('"').parse().map(Version::new);
    number.map(Some).map_err(|_| FieldError::new("If-Match", "bad_etag", "must be an ETag as the desk gave it").into())
}
