//! Forms, read as strictly as JSON.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use connect_core::IdempotencyKey;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde::de::DeserializeOwned;

use crate::app::App;
use crate::extract::{request_hash, strict_form};
use crate::problem::Problem;

/// A form of a certain shape.
pub(super) struct Form<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<App> for Form<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if !kind.starts_with("application/x-www-form-urlencoded") {
            let detail = "this address takes forms";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail));
        }
        let body = Bytes::from_request(request, app).await.map_err(|rejection| {
            let large = rejection.status() == StatusCode::PAYLOAD_TOO_LARGE;
            let code = if large { "too_large" } else { "bad_body" };
            Problem::new(rejection.status(), code, "the form is too large or did not arrive whole")
        })?;
        strict_form(&body).map(Self)
    }
}

/// The key that a form carries so that pressing its button twice does one thing.
///
/// `asked` is all that the form says: the same key with something else in the fields is another request.
pub(super) fn once(key: &str, asked: &[&str]) -> Option<IdempotencyKey> {
    let fits = (1..=64).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_alphanumeric());
    fits.then(|| {
        let parts: Vec<&[u8]> = asked.iter().map(|part| part.as_bytes()).collect();
        IdempotencyKey { key: format!("form-{key}"), request_hash: request_hash(&parts) }
    })
}

/// A new key for a form.
pub(super) fn new_key(app: &App) -> String {
    format!("{:032x}", app.desk().ids().next_bits())
}

/// A field that is empty counts as left out.
pub(super) fn filled(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|text| !text.is_empty())
}
