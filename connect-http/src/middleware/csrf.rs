//! The guard against requests that another site's page makes a browser send.

use axum::extract::Request;
use http::{HeaderMap, Method, StatusCode, header};

use crate::app::{App, Cookie};
use crate::problem::Problem;

/// Lets unsafe requests pass that carry no cookie of ours, or come from a page of ours: by
/// `Sec-Fetch-Site`, else by an exactly allowed `Origin`. Neither header on a request with a cookie, or
/// on a form, means no. Requests with an `Authorization` header ignore cookies, so they cannot be forged. Where the
/// address itself is what allows it (`is_open`), no cookie counts, and programs of mail providers ask, too.
pub(super) fn check(app: &App, request: &Request, is_open: bool) -> Result<(), Problem> {
    if matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    if request.headers().contains_key(header::AUTHORIZATION) || (is_open && !has_cookie(app, request)) {
        return Ok(());
    }
    if is_ours(app, request.headers()) {
        return Ok(());
    }
    tracing::warn!("a request from another site was refused");
    Err(cross_site())
}

fn cross_site() -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "cross_site", "this request does not come from a page of the desk")
}

/// Lets a stream begin that a page of ours asks for, or a program. Browsers send the cookie of a stream from
/// wherever they are sent to it, and name the page's origin where it is another one (ASVS 4.4.2).
pub(crate) fn check_stream(app: &App, headers: &HeaderMap) -> Result<(), Problem> {
    let names_none = !headers.contains_key(header::ORIGIN) && !headers.contains_key("sec-fetch-site");
    if headers.contains_key(header::AUTHORIZATION) || names_none || is_ours(app, headers) {
        return Ok(());
    }
    tracing::warn!("a stream for another site was refused");
    Err(cross_site())
}

/// Lets a request of somebody pass for whom the host vouches, by a cookie or what else browsers send by themselves:
/// an unsafe one from a page of ours only.
pub(crate) fn check_vouched(app: &App, method: &Method, headers: &HeaderMap) -> Result<(), Problem> {
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) || is_ours(app, headers) {
        return Ok(());
    }
    tracing::warn!("a request from another site was refused");
    Err(cross_site())
}

fn is_ours(app: &App, headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site").map(http::HeaderValue::as_bytes);
    let origin = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok()).filter(|origin| *origin != "null");
    let is_allowed = origin.is_some_and(|origin| app.is_allowed_origin(origin));
    match site {
        Some(b"same-origin" | b"none") => true,
        // The browser says it is another site: only one that was named may.
        Some(_) => is_allowed,
        None => is_allowed || origin.is_some_and(|origin| origin == app.origin()),
    }
}

fn has_cookie(app: &App, request: &Request) -> bool {
    let names = [
        Cookie::Session,
        Cookie::Challenge,
        Cookie::Device,
        #[cfg(feature = "passkeys")]
        Cookie::Passkey,
    ]
    .map(|cookie| app.cookie_name(cookie));
    let cookies = request.headers().get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    cookies
        .flat_map(|value| value.split(';'))
        .any(|pair| pair.trim().split_once('=').is_some_and(|(name, _)| names.contains(&name)))
}
