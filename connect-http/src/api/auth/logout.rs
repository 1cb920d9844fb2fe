use std::time::Duration;

use axum::extract::State;
use axum::response::{AppendHeaders, IntoResponse, Response};
use http::header::SET_COOKIE;
use http::{HeaderName, StatusCode};

use crate::app::{App, Cookie};
use crate::extract::{Command, Person};
use crate::problem::Problem;

/// `POST /auth/logout`: ends the session that asks.
pub(crate) async fn handle(State(app): State<App>, caller: Person, _: Command<()>) -> Result<Response, Problem> {
    app.auth().end_session(&caller.identity, caller.identity.session.id).await?;
    let gone = app.set_cookie(Cookie::Session, None, Duration::ZERO);
    let clear = (HeaderName::from_static("clear-site-data"), "\"cache\", \"cookies\", \"storage\"".to_owned());
    Ok((StatusCode::NO_CONTENT, AppendHeaders([(SET_COOKIE, gone), clear])).into_response())
}
