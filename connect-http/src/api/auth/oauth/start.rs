use axum::Extension;
use axum::extract::{Path, State};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use connect_auth::Client;
use connect_auth::oauth::StartOAuth;
use http::header::SET_COOKIE;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use crate::app::{App, Cookie};
use crate::extract::Params;
use crate::problem::Problem;
use crate::web::{customers_page, oauth_failed, safe_target};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Query {
    #[serde(default)]
    to: String,
}

/// `GET /auth/oauth/{provider}/start`: sends the browser to the provider. Another site may lead here, as every
/// link does; a frame or a picture may not.
pub(crate) async fn handle(
    State(app): State<App>,
    Extension(client): Extension<Client>,
    Path(provider): Path<String>,
    Params(query): Params<Query>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let dest = headers.get("sec-fetch-dest").map(http::HeaderValue::as_bytes);
    if dest.is_some_and(|dest| dest != b"document") {
        return Err(Problem::new(StatusCode::FORBIDDEN, "cross_site", "this address is to be opened as a page"));
    }
    let to = safe_target(&query.to).to_owned();
    let start = StartOAuth { provider, workspace: customers_page(&to), to, link: None, client };
    match app.auth().start_oauth(start).await {
        Ok(started) => {
            let cookie = app.set_cookie(Cookie::OAuth, Some(&started.browser.text()), started.lifetime);
            Ok((AppendHeaders([(SET_COOKIE, cookie)]), Redirect::to(&started.url)).into_response())
        }
        Err(error) => oauth_failed(&app, error),
    }
}
