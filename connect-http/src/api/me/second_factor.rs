//! The caller's second factor: an app for one-time codes.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use connect_auth::SignedIn;
use http::header::AUTHORIZATION;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::auth::verify_code::{cookies, session};
use crate::api::shape::Time;
use crate::app::App;
use crate::extract::{Command, Person};
use crate::problem::Problem;
use crate::qr;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body {
    code: String,
    #[serde(default)]
    token: bool,
}

/// `GET /me/second-factor`: what the caller has.
pub(crate) async fn read(State(app): State<App>, caller: Person) -> Result<Json<Value>, Problem> {
    let status = app.auth().second_factor(&caller.identity).await?;
    let methods: Vec<&str> = status.methods.iter().map(|method| method.as_str()).collect();
    Ok(Json(json!({
        "methods": methods, "app_since": status.app_since.map(Time), "recovery_codes_left": status.recovery_codes,
        "demanded": status.demanded, "reset_possible_from": status.reset_from.map(Time),
    })))
}

/// `POST /me/second-factor`: begins to set up an app. What it is told is told this once.
pub(crate) async fn begin(
    State(app): State<App>,
    caller: Person,
    _: Command<()>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let begun = app.auth().begin_app(&caller.identity).await?;
    let answer = json!({
        "secret": begun.secret.text(), "otpauth_uri": begun.uri, "qr_svg": qr::svg(&begun.uri),
        "expires_at": Time(begun.ends_at),
    });
    Ok((StatusCode::CREATED, Json(answer)))
}

/// The answer with the session that took the place of the one that asked.
fn replaced(app: &App, headers: &HeaderMap, signed_in: &SignedIn, token: bool, mut answer: Value) -> Response {
    // A program that is signed in by its token gets the next one likewise.
    let token = token || headers.contains_key(AUTHORIZATION);
    answer["session"] = session(signed_in, token);
    let cookies = (!token).then(|| cookies(app, signed_in));
    (cookies, Json(answer)).into_response()
}

/// `POST /me/second-factor/confirm`: sets it up, by its first code. The answer has a new session, and the recovery
/// codes of who had none.
pub(crate) async fn confirm(
    State(app): State<App>,
    caller: Person,
    headers: HeaderMap,
    command: Command<Body>,
) -> Result<Response, Problem> {
    let Body { code, token } = command.value;
    let enrolled = app.auth().confirm_app(&caller.identity, &code, &caller.client).await?;
    let codes: Vec<String> = enrolled.recovery_codes.iter().map(connect_auth::Code::grouped).collect();
    Ok(replaced(&app, &headers, &enrolled.signed_in, token, json!({"recovery_codes": codes})))
}

/// `DELETE /me/second-factor`: takes the app away. The answer has a new session.
pub(crate) async fn remove(
    State(app): State<App>,
    caller: Person,
    headers: HeaderMap,
    _: Command<()>,
) -> Result<Response, Problem> {
    let signed_in = app.auth().remove_app(&caller.identity, &caller.client).await?;
    Ok(replaced(&app, &headers, &signed_in, false, json!({})))
}
