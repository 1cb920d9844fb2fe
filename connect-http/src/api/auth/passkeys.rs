//! Signing in with a passkey, and proving with one that it is still you.

use std::time::Duration;

use axum::extract::State;
use axum::response::{AppendHeaders, IntoResponse, Response};
use axum::{Extension, Json};
use connect_auth::passkey::{PasskeyAnswer, PasskeyQuestion, PasskeySignIn};
use connect_auth::{ChallengeSecret, Client};
use http::HeaderMap;
use http::header::{AUTHORIZATION, SET_COOKIE};
use serde::Deserialize;
use serde_json::{Value, json};

use super::verify_code::{cookies, present_session};
use crate::api::me;
use crate::api::shape::Time;
use crate::app::{App, Cookie};
use crate::extract::{Command, Person, cookie};
use crate::problem::Problem;

/// What a passkey is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Purpose {
    /// To sign in.
    #[default]
    SignIn,
    /// To prove once more who one is.
    StepUp,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Start {
    #[serde(default)]
    purpose: Purpose,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Finish {
    #[serde(default)]
    purpose: Purpose,
    question: String,
    /// What `navigator.credentials.get` gave.
    credential: Value,
}

/// A question as browsers take it.
pub(crate) fn shape(app: &App, asked: PasskeyQuestion) -> Json<Value> {
    let expires_at = Time(app.desk().now().plus(asked.lifetime));
    Json(json!({"question": asked.question, "public_key": asked.options, "expires_at": expires_at}))
}

/// `POST /auth/passkeys/start`: asks for a passkey. Whoever signs in with it names no address.
pub(crate) async fn start(
    State(app): State<App>,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
    command: Command<Start>,
) -> Result<Response, Problem> {
    match command.value.purpose {
        Purpose::SignIn => {
            let (asked, browser) = app.auth().start_passkey_sign_in(&client).await?;
            let cookie = app.set_cookie(Cookie::Passkey, Some(&browser.text()), asked.lifetime);
            Ok((AppendHeaders([(SET_COOKIE, cookie)]), shape(&app, asked)).into_response())
        }
        Purpose::StepUp => {
            let Person { identity, client, .. } = Person::of(&app, &headers, client).await?;
            let asked = app.auth().start_passkey_step_up(&identity, &client).await?;
            Ok(shape(&app, asked).into_response())
        }
    }
}

/// `POST /auth/passkeys/finish`: signs in, or proves once more who somebody is.
pub(crate) async fn finish(
    State(app): State<App>,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
    command: Command<Finish>,
) -> Result<Response, Problem> {
    let Finish { purpose, question, credential } = command.value;
    let answer = PasskeyAnswer { question, credential };
    let signed_in = match purpose {
        Purpose::SignIn => {
            let browser = cookie(&app, &headers, Cookie::Passkey).and_then(ChallengeSecret::parse);
            let replaces = present_session(&app, &headers).await?;
            app.auth().finish_passkey_sign_in(PasskeySignIn { answer, browser, replaces, client }).await?
        }
        Purpose::StepUp => {
            let Person { identity, client, .. } = Person::of(&app, &headers, client).await?;
            app.auth().finish_passkey_step_up(&identity, answer, &client).await?
        }
    };
    let mut session = json!({
        "id": signed_in.session.id,
        "expires_at": Time(signed_in.session.ends_at),
        "idle_expires_at": Time(signed_in.session.idle_ends_at),
    });
    // A program that is signed in by its token gets the next one likewise.
    let is_program = headers.contains_key(AUTHORIZATION);
    if is_program {
        session["token"] = signed_in.token.text().into();
    }
    let gone = app.set_cookie(Cookie::Passkey, None, Duration::ZERO);
    let set = (!is_program).then(|| (cookies(&app, &signed_in), AppendHeaders([(SET_COOKIE, gone)])));
    let answer = Json(json!({"user": me::shape(&signed_in.user), "session": session}));
    Ok(match set {
        Some(set) => (set.0, set.1, answer).into_response(),
        None => answer.into_response(),
    })
}
