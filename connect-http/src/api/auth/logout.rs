use std::time::Duration;

use axum::extract::State;
use axum::response::{AppendHeaders, IntoResponse, Response};
use http::header::SET_COOKIE;
use http::{HeaderName, StatusCode};

use crate::app::{App, Cookie};
use crate::extract::{Arrival, Command};
use crate::problem::Problem;

/// What a browser is told to forget. Of its cookies that of the session, by name: "cookies" would remove those of
/// the whole domain, with the host's own sessions. What pages have stored goes only where the origin is the
/// desk's alone.
pub(crate) fn gone(app: &App) -> AppendHeaders<[(HeaderName, String); 2]> {
    let data = if app.base().is_empty() { "\"cache\", \"storage\"" } else { "\"cache\"" };
    let cookie = app.set_cookie(Cookie::Session, None, Duration::ZERO);
    AppendHeaders([(SET_COOKIE, cookie), (HeaderName::from_static("clear-site-data"), data.to_owned())])
}

/// `POST /auth/logout`: ends the session that asks.
pub(crate) async fn handle(State(app): State<App>, caller: Arrival, _: Command<()>) -> Result<Response, Problem> {
    app.auth().sign_out(&caller.claimant).await?;
    Ok((StatusCode::NO_CONTENT, gone(&app)).into_response())
}
