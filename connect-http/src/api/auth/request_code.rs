use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use connect_auth::{ChallengeSecret, Client, CodeRequest};
use connect_core::{ChallengeId, EmailAddress, Slug, WorkspaceId};
use http::header::SET_COOKIE;
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};

use crate::api::shape::Time;
use crate::app::{App, Cookie};
use crate::extract::{Command, cookie};
use crate::problem::Problem;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body {
    email: String,
    /// The workspace whose customers' page this is asked from.
    workspace: Option<String>,
    #[serde(default)]
    token: bool,
}

#[derive(Serialize)]
struct Answer {
    challenge_id: ChallengeId,
    #[serde(skip_serializing_if = "Option::is_none")]
    challenge_secret: Option<String>,
    expires_at: Time,
    resend_at: Time,
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
    let Body { email, workspace, token } = command.value;
    let email = EmailAddress::parse("email", &email)?;
    if let Some(text) = workspace.as_deref().filter(|text| text.parse::<WorkspaceId>().is_err()) {
        Slug::parse("workspace", text)?;
    }
    let request = CodeRequest { email, held: held(&app, &headers), workspace, client };
    let issued = app.auth().request_code(request).await?;
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
    };
    // A program that asked for the secret keeps it itself: it gets no cookie.
    let cookie = (!token).then_some([(SET_COOKIE, set)]);
    Ok((StatusCode::ACCEPTED, cookie.map(axum::response::AppendHeaders), Json(answer)).into_response())
}
