//! Signing in with a provider: to it, and back.

mod callback;
mod start;

use axum::Router;
use axum::routing::get;

use crate::app::App;

/// The two addresses of every provider. Both change something, so neither answers `HEAD`.
pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/auth/oauth/{provider}/start", get(start::handle).head(no_head))
        .route("/auth/oauth/{provider}/callback", get(callback::handle).head(no_head))
}

async fn no_head() -> http::StatusCode {
    http::StatusCode::METHOD_NOT_ALLOWED
}
