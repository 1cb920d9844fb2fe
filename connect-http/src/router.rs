//! The router: the API, the pages, and the layer around both.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::get;

use crate::app::App;
use crate::problem::Problem;
use crate::{api, health, middleware};

/// The desk as a router. Mount it where the desk's public address says: at the root, or nested under a
/// path of the host's.
///
/// Peer addresses come from [`axum::extract::ConnectInfo`], which the serving loop of this crate sets;
/// a host that serves by itself uses `into_make_service_with_connect_info`.
pub fn router(app: App) -> Router {
    let router = Router::new()
        .nest("/api/v1", api::routes())
        .route("/api", axum::routing::any(no_such_path))
        .route("/api/{*path}", axum::routing::any(no_such_path))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(crate::metrics::handle));
    #[cfg(feature = "web")]
    let router = router.merge(crate::web::routes());
    router
        .fallback(no_such_path)
        .method_not_allowed_fallback(no_such_method)
        .layer(DefaultBodyLimit::max(app.settings().max_body))
        .layer(axum::middleware::from_fn_with_state(app.clone(), middleware::around))
        .with_state(app)
}

/// Pages of the host's own that the desk guards as it guards its own: with the id of the request, the end of time
/// and of panics, the guard against forged requests, and the headers of every response.
pub fn guarded(app: App, pages: Router) -> Router {
    pages.layer(axum::middleware::from_fn_with_state(app, middleware::around))
}

async fn no_such_path() -> Problem {
    Problem::new(http::StatusCode::NOT_FOUND, "not_found", "there is nothing at this address")
}

async fn no_such_method() -> Problem {
    Problem::new(http::StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "this address takes other methods")
}
