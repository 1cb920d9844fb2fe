//! A page of the shop's with a widget that talks to the desk: the shop's server signs a token for whoever is signed
//! in, and the page's script shows it to the desk's API.

use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use axum::{Json, Router};
use connect_auth::WidgetKey;
use connect_core::{Clock, SystemClock};
use serde_json::json;

use crate::login::Login;
use crate::support;

/// How long a token is good. The script asks for another one before that.
const LIFETIME: Duration = Duration::from_secs(5 * 60);

/// The page, its script, and the path at which the script gets a token.
pub fn routes(login: Login, key: WidgetKey) -> Router {
    Router::new()
        .route("/help", get(|| async { Html(include_str!("../assets/help.html")) }))
        .route("/help.js", get(script))
        .route("/help/token", get(token))
        .with_state((login, key))
}

async fn script() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], include_str!("../assets/help.js"))
}

/// A token for the customer who is signed in. Pages of other origins cannot read the answer.
async fn token(
    State((login, key)): State<(Login, WidgetKey)>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, StatusCode> {
    let user = login.who(&headers).await.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    let user = user.filter(|user| !user.staff).ok_or(StatusCode::UNAUTHORIZED)?;
    let customer = support::customer(&user).map_err(|_| StatusCode::UNPROCESSABLE_ENTITY)?;
    let token = key.mint(&customer, SystemClock.now(), LIFETIME);
    let answer = json!({"token": token, "seconds": LIFETIME.as_secs()});
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(answer)))
}
