//! Another address for one's account: after a fresh proof of who asks, a code that is sent to the new address.

use askama::Template;
use axum::extract::State;
use axum::response::{AppendHeaders, IntoResponse, Response};
use connect_auth::VerifyCode;
use connect_core::{EmailAddress, Error};
use http::HeaderMap;
use http::header::SET_COOKIE;
use serde::Deserialize;

use super::account::refused;
use super::form::{Form, filled};
use super::page::{Person, Shell, go, render, render_problem, render_with, sentence};
use super::step_up::lead;
use crate::api::auth::{request_code, verify_code};
use crate::app::{App, Cookie};
use crate::extract;
use crate::problem::Problem;

const PAGE: &str = "/sign-in/address";

#[derive(Template)]
#[template(path = "address.html")]
struct AddressPage {
    shell: Shell,
    present: String,
    email: String,
    error: String,
}

#[derive(Template)]
#[template(path = "address_code.html")]
struct CodePage {
    shell: Shell,
    keep: bool,
    error: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AddressForm {
    email: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CodeForm {
    code: String,
    /// Whether the person's other sessions go on.
    #[serde(default)]
    keep: String,
}

fn page(app: &App, caller: &extract::Person, email: String, error: String) -> AddressPage {
    let present = caller.identity.user.email.to_string();
    AddressPage { shell: Shell::new(app, "Your address", Some(caller)), present, email, error }
}

fn code_page(app: &App, caller: &extract::Person, keep: bool, error: String) -> CodePage {
    CodePage { shell: Shell::new(app, "Enter the code", Some(caller)), keep, error }
}

/// `GET /sign-in/address`: the address of the account, and the form for another one.
pub(super) async fn ask(State(app): State<App>, Person(caller): Person) -> Response {
    render(&page(&app, &caller, String::new(), String::new()))
}

/// `POST /sign-in/address`: sends a code to the new address. Whose proof is too old is led to prove it first.
pub(super) async fn send_code(
    State(app): State<App>,
    Person(caller): Person,
    headers: HeaderMap,
    Form(form): Form<AddressForm>,
) -> Result<Response, Problem> {
    let asked = async {
        let email = EmailAddress::parse("email", &form.email)?;
        let (held, client) = (request_code::held(&app, &headers), caller.client.clone());
        app.auth().request_email_change(&caller.identity, email, held, client).await
    };
    match asked.await {
        Ok(issued) => {
            let value = format!("{}.{}", issued.id, issued.secret.text());
            let cookie = app.set_cookie(Cookie::Challenge, Some(&value), app.auth().settings().code_lifetime);
            Ok((AppendHeaders([(SET_COOKIE, cookie)]), go(&app, &format!("{PAGE}/code"))).into_response())
        }
        Err(Error::StepUpRequired) => Ok(lead(&app, PAGE)),
        Err(error) => {
            let problem = Problem::from(error);
            let page = page(&app, &caller, form.email, sentence(&problem));
            Ok(render_problem(&problem, &page))
        }
    }
}

/// `GET /sign-in/address/code`: asks for the code.
pub(super) async fn code(State(app): State<App>, Person(caller): Person) -> Response {
    render(&code_page(&app, &caller, false, String::new()))
}

/// `POST /sign-in/address/code`: the account has the new address when the code is right.
pub(super) async fn enter_code(
    State(app): State<App>,
    Person(caller): Person,
    headers: HeaderMap,
    Form(form): Form<CodeForm>,
) -> Response {
    let keep = filled(&form.keep).is_some();
    let Some((id, secret)) = request_code::held(&app, &headers) else {
        let error = "The code was asked for in another browser, or too long ago. Ask for another one.".to_owned();
        return render_with(http::StatusCode::UNAUTHORIZED, &code_page(&app, &caller, keep, error));
    };
    let client = caller.client.clone();
    let verify = VerifyCode { id, secret: Some(secret), code: form.code, replaces: None, client };
    match app.auth().verify_email_change(&caller.identity, verify, keep).await.map_err(Problem::from) {
        Ok(signed_in) => (verify_code::cookies(&app, &signed_in), go(&app, PAGE)).into_response(),
        Err(problem) => render_problem(&problem, &code_page(&app, &caller, keep, refused(&problem))),
    }
}
