//! An account at a provider that waits in a browser for the proof of an address.

use axum::response::AppendHeaders;
use connect_auth::{Client, SignedIn};
use http::{HeaderMap, HeaderName};

use crate::app::App;

/// Links the account that waits in this browser to somebody who has just signed in with a code; answers the end of
/// the browser's cookie. Whatever becomes of it, the person is signed in.
#[cfg(feature = "oidc")]
pub(crate) async fn link(
    app: &App,
    headers: &HeaderMap,
    signed_in: &SignedIn,
    client: &Client,
) -> Option<AppendHeaders<[(HeaderName, String); 1]>> {
    use crate::app::Cookie;
    use crate::extract::cookie;

    let kept = cookie(app, headers, Cookie::Account)?;
    if let Some(browser) = connect_auth::oauth::BrowserSecret::parse(kept)
        && let Err(error) = app.auth().link_proven(signed_in, &browser, client).await
    {
        tracing::warn!(%error, "an account was not linked");
    }
    let gone = app.set_cookie(Cookie::Account, None, std::time::Duration::ZERO);
    Some(AppendHeaders([(http::header::SET_COOKIE, gone)]))
}

/// Without providers nothing waits.
#[cfg(not(feature = "oidc"))]
#[allow(clippy::unused_async)]
pub(crate) async fn link(
    _: &App,
    _: &HeaderMap,
    _: &SignedIn,
    _: &Client,
) -> Option<AppendHeaders<[(HeaderName, String); 1]>> {
    None
}
