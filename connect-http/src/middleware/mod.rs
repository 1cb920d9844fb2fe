//! The layer around every request: its id and span, its client, the guard against forged requests, the
//! end of time and of panics, and the headers of every response.

mod cors;
pub(crate) mod csrf;
mod headers;
mod key_in_url;
mod peer;
mod refusals;

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use connect_auth::Client;
use futures::FutureExt;
use http::{HeaderValue, StatusCode, header};
use tracing::Instrument;

use crate::app::{App, Cookie};
use crate::extract::cookie;
use crate::extract::upload::is_multipart;
use crate::problem::Problem;

#[cfg(feature = "testing")]
pub(crate) use peer::client_address;
pub(crate) use refusals::Witness;

/// The route of links that end mail: see the table of pages.
const UNSUBSCRIBE: &str = "/unsubscribe/{workspace}/{user}/{topic}/{signature}";

/// Carries a request through the desk.
pub(crate) async fn around(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let id: Arc<str> = format!("req_{:032x}", app.desk().ids().next_bits()).into();
    let client = client(&app, &request, &id);
    // The template of the route, not the path: paths name people and tickets.
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned()).unwrap_or_default();
    let span = tracing::info_span!("request", %id, method = %request.method(), route = %route);
    let is_api = request.uri().path().contains("/api/") || request.uri().path().ends_with("/api");
    // Whoever sends files sends them for as long as their line takes.
    let brings_files = is_multipart(request.headers()) || route_of_uploads(&request);
    let patience = if brings_files { app.settings().upload_timeout } else { app.settings().timeout };
    let refusals = refusals::Watch::new(&request, &route, client.clone());
    request.extensions_mut().insert(refusals.witness());
    request.extensions_mut().insert(client);
    let origin = cors::origin(&app, request.headers()).filter(|_| is_api);
    let inner = async {
        if let Err(problem) = key_in_url::check(&request) {
            return problem.into_response();
        }
        if let Some(preflight) = origin.as_ref().and_then(|_| cors::preflight(&request)) {
            return preflight;
        }
        if let Err(problem) = csrf::check(&app, &request, is_api || route.ends_with(UNSUBSCRIBE)) {
            return problem.into_response();
        }
        let answered = AssertUnwindSafe(tokio::time::timeout(patience, next.run(request))).catch_unwind();
        match answered.await {
            Ok(Ok(response)) => response,
            Ok(Err(_)) => {
                let detail = "this took too long; whether it was done is unknown";
                let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "timeout", detail);
                Problem { retry_after: Some(2), ..problem }.into_response()
            }
            Err(_) => {
                tracing::error!("a handler panicked");
                Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "something is wrong with the desk itself")
                    .into_response()
            }
        }
    };
    let mut response = inner.instrument(span.clone()).await;
    if let Some(fact) = refusals.fact(&response) {
        refusals.keep(&app, fact).instrument(span.clone()).await;
    }
    span.in_scope(|| tracing::debug!(status = response.status().as_u16(), "answered"));
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        let body = written(&app, &problem, &id, is_api);
        if let Some(kind) = body.1 {
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        *response.body_mut() = body.0;
    }
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert("x-request-id", value);
    }
    if is_api {
        cors::add(origin, &mut response);
    }
    headers::add(&app, is_api, &mut response);
    response
}

fn route_of_uploads(request: &Request) -> bool {
    let route = request.extensions().get::<MatchedPath>();
    request.method() == http::Method::POST && route.is_some_and(|route| route.as_str().ends_with("/attachments"))
}

fn client(app: &App, request: &Request, id: &Arc<str>) -> Client {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let trusted = &app.settings().trusted_proxies;
    // Whatever its bytes are, they say who it was.
    let agent = request.headers().get(header::USER_AGENT).map(|agent| String::from_utf8_lossy(agent.as_bytes()));
    Client {
        device: cookie(app, request.headers(), Cookie::Device).map(str::to_owned),
        ip: peer.map(|ConnectInfo(address)| peer::client_address(address.ip(), request.headers(), trusted)),
        agent: agent.map(std::borrow::Cow::into_owned),
        request_id: Some(id.clone()),
        ipv6_prefix: app.auth().settings().ipv6_prefix,
    }
}

/// The body of a problem: JSON for programs, a page for people.
fn written(app: &App, problem: &Problem, id: &str, is_api: bool) -> (Body, Option<&'static str>) {
    #[cfg(feature = "web")]
    if !is_api {
        return (Body::from(crate::web::problem_page(app, problem, id)), Some("text/html; charset=utf-8"));
    }
    let _ = (app, is_api);
    (Body::from(problem.body(id).to_string()), None)
}
