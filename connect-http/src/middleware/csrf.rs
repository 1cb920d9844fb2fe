//! The guard against requests that another site's page makes a browser send.

use axum::extract::Request;
use http::{Method, StatusCode, header};

use crate::app::{App, Cookie};
use crate::problem::Problem;

/// Lets unsafe requests pass that carry no cookie of ours, or come from a page of ours: by
/// `Sec-Fetch-Site`, else by an exactly allowed `Origin`. Neither header on a request with a cookie, or
/// on a form, means no. Requests with an `Authorization` header ignore cookies, so they cannot be forged.
pub(super) fn check(app: &App, request: &Request, is_api: bool) -> Result<(), Problem> {
    if matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    let headers = request.headers();
    if headers.contains_key(header::AUTHORIZATION) || (is_api && !has_cookie(app, request)) {
        return Ok(());
    }
    let site = headers.get("sec-fetch-site").map(http::HeaderValue::as_bytes);
    let origin = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok()).filter(|origin| *origin != "null");
    let is_allowed = origin.is_some_and(|origin| app.settings().allowed_origins.iter().any(|known| known == origin));
    let ours = match site {
        Some(b"same-origin" | b"none") => true,
        // The browser says it is another site: only one that was named may.
        Some(_) => is_allowed,
        None => is_allowed || origin.is_some_and(|origin| origin == app.origin()),
    };
    if ours {
        return Ok(());
    }
    tracing::warn!("a request from another site was refused");
    Err(Problem::new(StatusCode::FORBIDDEN, "cross_site", "this request does not come from a page of the desk"))
}

fn has_cookie(app: &App, request: &Request) -> bool {
    let names = [app.cookie_name(Cookie::Session), app.cookie_name(Cookie::Challenge)];
    let cookies = request.headers().get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    cookies
        .flat_map(|value| value.split(';'))
        .any(|pair| pair.trim().split_once('=').is_some_and(|(name, _)| names.contains(&name)))
}
