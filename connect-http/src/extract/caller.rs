//! Who calls.

use axum::extract::FromRequestParts;
use connect_auth::{Client, Identity, SessionToken};
use http::header::{AUTHORIZATION, COOKIE};
use http::request::Parts;
use http::{HeaderMap, StatusCode};

use crate::app::{App, Cookie};
use crate::problem::Problem;

/// Somebody who is signed in.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) identity: Identity,
    pub(crate) client: Client,
}

/// The value of a cookie. Of two with one name the first counts.
pub(crate) fn cookie<'h>(app: &App, headers: &'h HeaderMap, cookie: Cookie) -> Option<&'h str> {
    let name = app.cookie_name(cookie);
    let values = headers.get_all(COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut pairs = values.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(known, _)| *known == name).map(|(_, value)| value)
}

/// The token of an `Authorization: Bearer` header, if there is such a header: the inner `None` is one
/// that cannot be read.
fn bearer(headers: &HeaderMap) -> Option<Option<SessionToken>> {
    let value = headers.get(AUTHORIZATION)?;
    let token = value.to_str().ok().and_then(|value| value.split_once(' '));
    Some(
        token
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .and_then(|(_, t)| SessionToken::parse(t.trim())),
    )
}

impl FromRequestParts<App> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let client = parts.extensions.get::<Client>().cloned().unwrap_or_default();
        // A request with an Authorization header ignores cookies, whatever the header says.
        let token = match bearer(&parts.headers) {
            Some(token) => token,
            None => cookie(app, &parts.headers, Cookie::Session).and_then(SessionToken::parse),
        };
        let identity = match &token {
            Some(token) => app.auth().authenticate(token).await?,
            None => None,
        };
        let Some(identity) = identity else {
            // Who is nobody yet is counted by their address.
            app.auth().count_request(client.quota_key()).await?;
            return Err(Problem::unauthorized());
        };
        // Counted only after the credential was found good, so that nobody spends another's share.
        app.auth().count_request(identity.session.id.to_string()).await?;
        Ok(Self { identity, client })
    }
}

impl axum::extract::OptionalFromRequestParts<App> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Option<Self>, Problem> {
        match <Self as FromRequestParts<App>>::from_request_parts(parts, app).await {
            Ok(caller) => Ok(Some(caller)),
            Err(problem) if problem.status == StatusCode::UNAUTHORIZED => Ok(None),
            Err(problem) => Err(problem),
        }
    }
}
