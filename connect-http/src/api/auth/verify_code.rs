use std::time::Duration;

use axum::extract::State;
use axum::response::{AppendHeaders, IntoResponse, Response};
use axum::{Extension, Json};
use connect_auth::{ChallengeSecret, Client, DEVICE_KNOWN_FOR, SessionToken, SignedIn, VerifyCode};
use connect_core::{ChallengeId, FieldError};
use http::HeaderMap;
use http::header::{AUTHORIZATION, SET_COOKIE};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::pending;
use super::request_code::{Purpose, held};
use crate::api::shape::Time;
use crate::api::{me, workspace};
use crate::app::{App, Cookie};
use crate::extract::{Command, Person, cookie};
use crate::problem::Problem;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body {
    challenge_id: String,
    code: String,
    challenge_secret: Option<String>,
    #[serde(default)]
    purpose: Purpose,
    /// Whether the person's other sessions go on after their address was changed.
    #[serde(default)]
    keep_sessions: bool,
    #[serde(default)]
    token: bool,
}

#[derive(Serialize)]
struct Answer {
    user: Value,
    workspaces: Vec<Value>,
    session: Value,
    /// Whether the session is good for nothing yet but to show the second factor.
    second_factor_required: bool,
}

/// The session this browser has already; it ends with the new one.
pub(crate) async fn present_session(
    app: &App,
    headers: &HeaderMap,
) -> Result<Option<connect_core::SessionId>, Problem> {
    let Some(token) = cookie(app, headers, Cookie::Session).and_then(SessionToken::parse) else { return Ok(None) };
    Ok(app.auth().recognise(&token).await?.map(|claimant| claimant.session()))
}

/// The cookies of somebody who has just signed in.
pub(crate) fn cookies(app: &App, signed_in: &SignedIn) -> AppendHeaders<Vec<(http::HeaderName, String)>> {
    let session =
        app.set_cookie(Cookie::Session, Some(&signed_in.token.text()), app.auth().settings().session_absolute);
    let challenge = app.set_cookie(Cookie::Challenge, None, Duration::ZERO);
    let mut cookies = vec![(SET_COOKIE, session), (SET_COOKIE, challenge)];
    if !signed_in.device.is_empty() {
        cookies.push((SET_COOKIE, app.set_cookie(Cookie::Device, Some(&signed_in.device), DEVICE_KNOWN_FOR)));
    }
    AppendHeaders(cookies)
}

/// The session as its holder is told of it; with its token, if they asked for that.
pub(crate) fn session(signed_in: &SignedIn, token: bool) -> Value {
    let mut session = json!({
        "id": signed_in.session.id,
        "expires_at": Time(signed_in.session.ends_at),
        "idle_expires_at": Time(signed_in.session.idle_ends_at),
    });
    if token {
        session["token"] = signed_in.token.text().into();
    }
    session
}

/// `POST /auth/otp/verify`: signs in with a code, or does what else it was asked for. The one path of the API that
/// looks at codes.
pub(crate) async fn handle(
    State(app): State<App>,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
    command: Command<Body>,
) -> Result<Response, Problem> {
    let Body { challenge_id, code, challenge_secret, purpose, keep_sessions, token } = command.value;
    // An id that is none is a challenge that is not there: no more is told.
    let id: ChallengeId = challenge_id.parse().unwrap_or(ChallengeId::from_bits(0));
    let secret = match challenge_secret {
        Some(text) => {
            let bad = || FieldError::new("challenge_secret", "bad_secret", "is not a secret the desk gave");
            Some(ChallengeSecret::parse(&text).ok_or_else(bad)?)
        }
        None => held(&app, &headers).filter(|(held, _)| *held == id).map(|(_, secret)| secret),
    };
    let replaces = if token { None } else { present_session(&app, &headers).await? };
    let verify = VerifyCode { id, secret, code, replaces, client: client.clone() };
    // A program that is signed in by its token gets the next one likewise.
    let token = token || (purpose != Purpose::SignIn && headers.contains_key(AUTHORIZATION));
    let signed_in = match purpose {
        Purpose::SignIn => app.auth().verify_code(verify).await?,
        Purpose::StepUp => {
            let person = Person::of(&app, &headers, client.clone()).await?;
            app.auth().verify_step_up(&person.identity, verify).await?
        }
        Purpose::EmailChange => {
            let person = Person::of(&app, &headers, client.clone()).await?;
            app.auth().verify_email_change(&person.identity, verify, keep_sessions).await?
        }
    };
    let awaited = app.auth().awaits_second_factor(&signed_in.session).await?;
    let linked = match purpose {
        Purpose::SignIn if !token && !awaited => pending::link(&app, &headers, &signed_in, &client).await,
        _ => None,
    };
    let person = connect_core::user::ProvenMailbox::attest(&signed_in.user);
    // Where somebody belongs is told once it is sure who they are.
    let workspaces = if awaited { Vec::new() } else { app.desk().workspaces().of(&person).await? };
    let answer = Answer {
        user: me::shape(&signed_in.user),
        workspaces: workspaces.iter().map(|(found, role)| workspace::shape(found, role.as_str())).collect(),
        session: session(&signed_in, token),
        second_factor_required: awaited,
    };
    let cookies = (!token).then(|| cookies(&app, &signed_in));
    Ok((cookies, linked, Json(answer)).into_response())
}
