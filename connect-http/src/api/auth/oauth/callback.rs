use std::time::Duration;

use axum::Extension;
use axum::extract::{Path, RawQuery, State};
use axum::response::{AppendHeaders, IntoResponse, Response};
use connect_auth::oauth::{BrowserSecret, OAuthAnswer, OAuthOutcome};
use connect_auth::{Client, CodeRequest, SessionToken};
use http::HeaderMap;
use http::header::SET_COOKIE;

use crate::api::auth::{request_code, verify_code};
use crate::app::{App, Cookie};
use crate::extract::cookie;
use crate::problem::Problem;
use crate::web::{go, oauth_failed};

/// How long an account waits for its code.
const WAITS: Duration = Duration::from_secs(10 * 60);

/// `GET /auth/oauth/{provider}/callback`: the browser comes back.
pub(crate) async fn handle(
    State(app): State<App>,
    Extension(client): Extension<Client>,
    Path(provider): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let present = match cookie(&app, &headers, Cookie::Session).and_then(SessionToken::parse) {
        Some(token) => app.auth().recognise(&token).await?,
        None => None,
    };
    let present = present.map(|identity| identity.in_request(&client, app.desk().random()));
    let answer = OAuthAnswer {
        provider,
        browser: cookie(&app, &headers, Cookie::OAuth).and_then(BrowserSecret::parse),
        query: url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect(),
        present,
        client: client.clone(),
    };
    let answered = match app.auth().finish_oauth(answer).await {
        Ok(OAuthOutcome::SignedIn { signed_in, to }) => {
            (verify_code::cookies(&app, &signed_in), go(&app, &to)).into_response()
        }
        Ok(OAuthOutcome::Linked { to }) => go(&app, &to),
        Ok(OAuthOutcome::CodeNeeded { email, browser, workspace, to }) => {
            let held = request_code::held(&app, &headers);
            let issued = app.auth().request_code(CodeRequest { email, held, workspace, proof: None, client }).await?;
            let challenge = format!("{}.{}", issued.id, issued.secret.text());
            let lifetime = app.auth().settings().code_lifetime;
            let cookies = AppendHeaders([
                (SET_COOKIE, app.set_cookie(Cookie::Challenge, Some(&challenge), lifetime)),
                (SET_COOKIE, app.set_cookie(Cookie::Account, Some(&browser.text()), WAITS)),
            ]);
            let target: String = url::form_urlencoded::byte_serialize(to.as_bytes()).collect();
            (cookies, go(&app, &format!("/sign-in/code?to={target}"))).into_response()
        }
        Err(error) => oauth_failed(&app, error)?,
    };
    // Right or wrong, what the browser has kept is used.
    let gone = app.set_cookie(Cookie::OAuth, None, Duration::ZERO);
    Ok((AppendHeaders([(SET_COOKIE, gone)]), answered).into_response())
}
