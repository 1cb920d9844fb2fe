//! Proving once more who one is, before a page does what a stolen session must not do.

use askama::Template;
use axum::extract::State;
use axum::response::{AppendHeaders, IntoResponse, Response};
use connect_auth::VerifyCode;
use http::HeaderMap;
use http::header::SET_COOKIE;

use super::account::{CodeForm, Target, refused};
use super::form::Form;
use super::page::{Person, Shell, go, render, render_with, safe_target};
use crate::api::auth::{request_code, verify_code};
use crate::app::{App, Cookie};
use crate::extract::{self, Params};
use crate::problem::Problem;

#[derive(Template)]
#[template(path = "step_up.html")]
struct StepUpPage {
    shell: Shell,
    to: String,
    email: String,
}

#[derive(Template)]
#[template(path = "step_up_code.html")]
struct CodePage {
    shell: Shell,
    to: String,
    error: String,
}

/// A path as a part of a query.
pub(super) fn encoded(to: &str) -> String {
    url::form_urlencoded::byte_serialize(to.as_bytes()).collect()
}

/// Leads somebody to prove who they are, and back to a page.
pub(super) fn lead(app: &App, to: &str) -> Response {
    go(app, &format!("/step-up?to={}", encoded(to)))
}

/// `GET /step-up`: says why, and that a mail will come; looking sends none.
pub(super) async fn ask(State(app): State<App>, Person(caller): Person, Params(target): Params<Target>) -> Response {
    let to = safe_target(&target.to).to_owned();
    let email = caller.identity.user.email.to_string();
    render(&StepUpPage { shell: Shell::new(&app, "Confirm that it is you", Some(&caller)), to, email })
}

/// `POST /step-up`: sends a code to the address of the account.
pub(super) async fn send_code(
    State(app): State<App>,
    Person(caller): Person,
    headers: HeaderMap,
    Form(form): Form<Target>,
) -> Result<Response, Problem> {
    let extract::Person { identity, client, .. } = caller;
    let issued = app.auth().request_step_up(&identity, request_code::held(&app, &headers), client).await?;
    let value = format!("{}.{}", issued.id, issued.secret.text());
    let cookie = app.set_cookie(Cookie::Challenge, Some(&value), app.auth().settings().code_lifetime);
    let path = format!("/step-up/code?to={}", encoded(safe_target(&form.to)));
    Ok((AppendHeaders([(SET_COOKIE, cookie)]), go(&app, &path)).into_response())
}

fn code_page(app: &App, caller: &extract::Person, to: &str, error: String) -> CodePage {
    CodePage { shell: Shell::new(app, "Enter the code", Some(caller)), to: safe_target(to).to_owned(), error }
}

/// `GET /step-up/code`: asks for the code.
pub(super) async fn code(State(app): State<App>, Person(caller): Person, Params(target): Params<Target>) -> Response {
    render(&code_page(&app, &caller, &target.to, String::new()))
}

/// `POST /step-up/code`: leads back when the code is right.
pub(super) async fn enter_code(
    State(app): State<App>,
    Person(caller): Person,
    headers: HeaderMap,
    Form(form): Form<CodeForm>,
) -> Result<Response, Problem> {
    let Some((id, secret)) = request_code::held(&app, &headers) else {
        let error = "The code was asked for in another browser, or too long ago. Ask for another one.".to_owned();
        return Ok(render_with(http::StatusCode::UNAUTHORIZED, &code_page(&app, &caller, &form.to, error)));
    };
    let client = caller.client.clone();
    let verify = VerifyCode { id, secret: Some(secret), code: form.code, replaces: None, client };
    match app.auth().verify_step_up(&caller.identity, verify).await.map_err(Problem::from) {
        Ok(signed_in) => Ok((verify_code::cookies(&app, &signed_in), go(&app, safe_target(&form.to))).into_response()),
        Err(problem) => Ok(render_with(problem.status, &code_page(&app, &caller, &form.to, refused(&problem)))),
    }
}
