use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use connect_auth::{ChallengeSecret, Client, CodeRequest, IssuedCode};
use connect_core::{ChallengeId, EmailAddress, FieldError, Slug, WorkspaceId};
use http::header::SET_COOKIE;
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};

use crate::api::shape::Time;
use crate::app::{App, Cookie};
use crate::extract::{Command, Person, cookie};
use crate::problem::Problem;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body {
    /// Where to; for a step-up it is the address of the account, and none may be named.
    email: Option<String>,
    #[serde(default)]
    purpose: Purpose,
    /// The workspace whose customers' page this is asked from.
    workspace: Option<String>,
    /// A puzzle of an earlier answer, solved.
    proof: Option<String>,
    #[serde(default)]
    token: bool,
}

/// What a code is asked for, or entered for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Purpose {
    /// To sign in.
    #[default]
    SignIn,
    /// To prove once more who one is.
    StepUp,
    /// To have another address. Such a code is asked for at `/me/email`.
    EmailChange,
}

#[derive(Serialize)]
struct Answer {
    challenge_id: ChallengeId,
    #[serde(skip_serializing_if = "Option::is_none")]
    challenge_secret: Option<String>,
    expires_at: Time,
    resend_at: Time,
    puzzle: String,
}

/// A code that is on its way, or looks as if it were. A program that asked for the secret keeps it itself: it
/// gets no cookie.
pub(crate) fn answer(app: &App, issued: IssuedCode, token: bool) -> Response {
    let secret = issued.secret.text();
    let set = app.set_cookie(
        Cookie::Challenge,
        Some(&format!("{}.{secret}", issued.id)),
        app.auth().settings().code_lifetime,
    );
    let answer = Answer {
        challenge_id: issued.id,
        challenge_secret: token.then_some(secret),
        expires_at: Time(issued.expires_at),
        resend_at: Time(issued.resend_at),
        puzzle: issued.puzzle,
    };
    let cookie = (!token).then_some([(SET_COOKIE, set)]);
    (StatusCode::ACCEPTED, cookie.map(axum::response::AppendHeaders), Json(answer)).into_response()
}

/// The challenge in the cookie of a browser.
pub(crate) fn held(app: &App, headers: &HeaderMap) -> Option<(ChallengeId, ChallengeSecret)> {
    let (id, secret) = cookie(app, headers, Cookie::Challenge)?.split_once('.')?;
    Some((id.parse().ok()?, ChallengeSecret::parse(secret)?))
}

/// `POST /auth/otp/request`: sends a code.
pub(crate) async fn handle(
    State(app): State<App>,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
    command: Command<Body>,
) -> Result<Response, Problem> {
    let Body { email, purpose, workspace, proof, token } = command.value;
    let held = held(&app, &headers);
    match (purpose, email) {
        (Purpose::SignIn, None) => Err(FieldError::new("email", "required", "is required").into()),
        (Purpose::SignIn, Some(email)) => {
            let email = EmailAddress::parse("email", &email)?;
            if let Some(text) = workspace.as_deref().filter(|text| text.parse::<WorkspaceId>().is_err()) {
                Slug::parse("workspace", text)?;
            }
            let request = CodeRequest { email, held, workspace, proof, client };
            Ok(answer(&app, app.auth().request_code(request).await?, token))
        }
        (Purpose::StepUp, None) => {
            let Person { identity, client, .. } = Person::of(&app, &headers, client).await?;
            Ok(answer(&app, app.auth().request_step_up(&identity, held, client).await?, token))
        }
        (Purpose::StepUp, Some(_)) => Err(FieldError::new("email", "not_taken", "is that of the account").into()),
        (Purpose::EmailChange, _) => Err(FieldError::new("purpose", "elsewhere", "is asked for at /me/email").into()),
    }
}
