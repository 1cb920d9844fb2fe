//! The second factor of somebody who has signed in with the first.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use connect_auth::Reset;
use connect_core::user::StrongMethod;
use http::header::AUTHORIZATION;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::pending;
use super::verify_code::{cookies, session};
use crate::api::me;
use crate::api::shape::Time;
use crate::app::App;
use crate::extract::{Arrival, Command};
use crate::problem::Problem;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body {
    code: String,
    #[serde(default)]
    token: bool,
}

/// `GET /auth/second-factor`: who has signed in, and what they have still to show. All that somebody is told before.
pub(crate) async fn read(State(app): State<App>, arrival: Arrival) -> Result<Json<Value>, Problem> {
    let mut methods: Vec<&str> =
        app.auth().shown_methods(&arrival.claimant).await?.into_iter().map(StrongMethod::as_str).collect();
    if !methods.is_empty() {
        methods.push("recovery_code");
    }
    Ok(Json(json!({
        "user": me::shape(arrival.claimant.user()), "required": arrival.claimant.is_awaited(), "methods": methods,
    })))
}

/// `POST /auth/second-factor`: shows it, a code of the app or a recovery code. The answer has a new session.
pub(crate) async fn show(
    State(app): State<App>,
    arrival: Arrival,
    headers: HeaderMap,
    command: Command<Body>,
) -> Result<Response, Problem> {
    let Body { code, token } = command.value;
    let Arrival { claimant, client } = arrival;
    let signed_in = app.auth().show_second_factor(&claimant, &code, &client).await?;
    // A program that is signed in by its token gets the next one likewise.
    let token = token || headers.contains_key(AUTHORIZATION);
    let linked = if token { None } else { pending::link(&app, &headers, &signed_in, &client).await };
    let answer = json!({"user": me::shape(&signed_in.user), "session": session(&signed_in, token)});
    let cookies = (!token).then(|| cookies(&app, &signed_in));
    Ok((cookies, linked, Json(answer)).into_response())
}

/// `POST /auth/second-factor/reset`: asks to take it away by e-mail alone, or does so three days later.
pub(crate) async fn reset(
    State(app): State<App>,
    arrival: Arrival,
    headers: HeaderMap,
    _: Command<()>,
) -> Result<Response, Problem> {
    match app.auth().reset_second_factor(&arrival.claimant, &arrival.client).await? {
        Reset::Asked { from } => {
            Ok((StatusCode::ACCEPTED, Json(json!({"done": false, "possible_from": Time(from)}))).into_response())
        }
        Reset::Done(signed_in) => {
            let token = headers.contains_key(AUTHORIZATION);
            let cookies = (!token).then(|| cookies(&app, &signed_in));
            Ok((cookies, Json(json!({"done": true, "session": session(&signed_in, token)}))).into_response())
        }
    }
}
