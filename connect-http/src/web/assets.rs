//! The style sheet, and the scripts.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use axum::response::IntoResponse;

const FOR_MINUTES: &str = "public, max-age=300";

/// `GET /assets/desk.css`.
pub(super) async fn style() -> impl IntoResponse {
    let headers = [(CONTENT_TYPE, "text/css; charset=utf-8"), (CACHE_CONTROL, FOR_MINUTES)];
    (headers, include_str!("../../assets/desk.css"))
}

fn script(kept: &'static str, text: &'static str) -> ([(HeaderName, &'static str); 2], &'static str) {
    ([(CONTENT_TYPE, "text/javascript; charset=utf-8"), (CACHE_CONTROL, kept)], text)
}

/// `GET /assets/puzzle.js`: does the work for a code that did not come. Without it everything else works.
pub(super) async fn puzzle() -> impl IntoResponse {
    script(FOR_MINUTES, include_str!("../../assets/puzzle.js"))
}

/// `GET /assets/live.js`: keeps the page of a ticket in step. Without it the page shows what was there when it was loaded.
pub(super) async fn live() -> impl IntoResponse {
    script(FOR_MINUTES, include_str!("../../assets/live.js"))
}

/// `GET /assets/push.js`: has a browser show messages of the desk.
pub(super) async fn push() -> impl IntoResponse {
    script(FOR_MINUTES, include_str!("../../assets/push.js"))
}

/// `GET /push-worker.js`: what runs in the browser while no page is open. It stands at the root of the desk, as a worker
/// serves what is beside it and below. Browsers look for a newer one by themselves.
pub(super) async fn push_worker() -> impl IntoResponse {
    script("no-cache", include_str!("../../assets/push-worker.js"))
}

/// `GET /assets/passkey.js`: has a device sign. Without it codes still work.
#[cfg(feature = "passkeys")]
pub(super) async fn passkey() -> impl IntoResponse {
    script(FOR_MINUTES, include_str!("../../assets/passkey.js"))
}
