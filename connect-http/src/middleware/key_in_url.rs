//! The guard against API keys in addresses, which end up in logs, histories and `Referer` headers.

use axum::extract::Request;
use connect_auth::ApiKeyToken;
use http::StatusCode;

use crate::problem::Problem;

/// Refuses a request whose address holds a key, or the beginning of one, good or not.
pub(super) fn check(request: &Request) -> Result<(), Problem> {
    let uri = request.uri();
    let text = uri.path_and_query().map_or(uri.path(), http::uri::PathAndQuery::as_str);
    // Decoded as if all of it were a query: so nothing hides behind percent signs.
    let decoded = url::form_urlencoded::parse(text.as_bytes());
    let is_there = decoded.into_iter().any(|(name, value)| ApiKeyToken::is_in(&name) || ApiKeyToken::is_in(&value));
    if !is_there {
        return Ok(());
    }
    tracing::warn!("an API key stood in a URL");
    let detail = "an API key stood in the URL, where logs and histories keep it: revoke it, make another one, and send \
         that in the Authorization header only";
    Err(Problem::new(StatusCode::BAD_REQUEST, "key_in_url", detail))
}
