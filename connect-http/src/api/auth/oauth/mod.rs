//! Signing in with a provider: to it, and back.

pub(crate) mod callback;
pub(crate) mod start;

/// Both addresses of a provider change something, so neither answers `HEAD`.
pub(crate) async fn no_head() -> http::StatusCode {
    http::StatusCode::METHOD_NOT_ALLOWED
}
