//! Signing in and out.

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::{AppendHeaders, IntoResponse, Response};
use connect_auth::{Client, CodeRequest, VerifyCode};
use connect_core::EmailAddress;
use http::HeaderMap;
use http::header::SET_COOKIE;
use serde::Deserialize;

use super::form::{Form, filled};
use super::page::{
    Arrival, ProviderLink, Shell, go, render, render_problem, render_with, safe_target, sentence, sign_in_providers,
};
use crate::api::auth::logout::gone;
use crate::api::auth::{pending, request_code, verify_code};
use crate::app::{App, Cookie};
use crate::extract::{self, Params};
use crate::problem::Problem;

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    shell: Shell,
    to: String,
    puzzle: String,
    email: String,
    providers: Vec<ProviderLink>,
    error: String,
}

#[derive(Template)]
#[template(path = "sign_in_code.html")]
struct CodePage {
    shell: Shell,
    to: String,
    error: String,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct Target {
    #[serde(default)]
    pub(super) to: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EmailForm {
    email: String,
    /// A puzzle that the script of the page solved.
    #[serde(default)]
    proof: String,
    /// Whether somebody says that a code did not come.
    #[serde(default)]
    #[allow(dead_code)]
    again: String,
    #[serde(default)]
    to: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CodeForm {
    pub(super) code: String,
    #[serde(default)]
    pub(super) to: String,
}

/// `GET /sign-in`: asks for the address.
pub(super) async fn ask(
    State(app): State<App>,
    caller: Option<extract::Arrival>,
    Params(target): Params<Target>,
) -> Result<Response, Problem> {
    let to = safe_target(&target.to).to_owned();
    if caller.is_some() {
        return Ok(go(&app, &to));
    }
    let shell = Shell::new(&app, "Sign in", None);
    let (puzzle, providers) = (app.auth().puzzle(), sign_in_providers(&app));
    Ok(render(&SignInPage { shell, to, puzzle, email: String::new(), providers, error: String::new() }))
}

/// The workspace whose customers' page somebody wants to go to.
pub(crate) fn customers_page(to: &str) -> Option<String> {
    let mut parts = to.trim_start_matches('/').split(['/', '?']);
    let (workspace, page) = (parts.next()?, parts.next()?);
    (page == "requests" && connect_core::Slug::parse("workspace", workspace).is_ok()).then(|| workspace.to_owned())
}

/// `POST /sign-in`: sends a code.
pub(super) async fn send_code(
    State(app): State<App>,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
    Form(form): Form<EmailForm>,
) -> Result<Response, Problem> {
    let to = safe_target(&form.to).to_owned();
    let outcome = match EmailAddress::parse("email", &form.email) {
        Ok(email) => {
            let held = request_code::held(&app, &headers);
            let proof = filled(&form.proof).map(str::to_owned);
            let request = CodeRequest { email, held, workspace: customers_page(&to), proof, client };
            app.auth().request_code(request).await.map_err(Problem::from)
        }
        Err(error) => Err(error.into()),
    };
    match outcome {
        Ok(issued) => {
            let value = format!("{}.{}", issued.id, issued.secret.text());
            let cookie = app.set_cookie(Cookie::Challenge, Some(&value), app.auth().settings().code_lifetime);
            let target: String = url::form_urlencoded::byte_serialize(to.as_bytes()).collect();
            Ok((AppendHeaders([(SET_COOKIE, cookie)]), go(&app, &format!("/sign-in/code?to={target}"))).into_response())
        }
        Err(problem) => {
            let shell = Shell::new(&app, "Sign in", None);
            let (puzzle, providers) = (app.auth().puzzle(), sign_in_providers(&app));
            let page = SignInPage { shell, to, puzzle, email: form.email, providers, error: sentence(&problem) };
            Ok(render_problem(&problem, &page))
        }
    }
}

/// `GET /sign-in/code`: asks for the code.
pub(super) async fn code(State(app): State<App>, Params(target): Params<Target>) -> Response {
    let to = safe_target(&target.to).to_owned();
    render(&CodePage { shell: Shell::new(&app, "Enter the code", None), to, error: String::new() })
}

/// `POST /sign-in/code`: signs in.
pub(super) async fn enter_code(
    State(app): State<App>,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
    Form(form): Form<CodeForm>,
) -> Result<Response, Problem> {
    let to = safe_target(&form.to).to_owned();
    let Some((id, secret)) = request_code::held(&app, &headers) else {
        let error = "The code was asked for in another browser, or too long ago. Ask for another one.".to_owned();
        let page = CodePage { shell: Shell::new(&app, "Enter the code", None), to, error };
        return Ok(render_with(http::StatusCode::UNAUTHORIZED, &page));
    };
    let replaces = verify_code::present_session(&app, &headers).await?;
    let verify = VerifyCode { id, secret: Some(secret), code: form.code, replaces, client: client.clone() };
    match app.auth().verify_code(verify).await.map_err(Problem::from) {
        Ok(signed_in) => {
            let linked = if app.auth().awaits_second_factor(&signed_in.session).await? {
                None
            } else {
                pending::link(&app, &headers, &signed_in, &client).await
            };
            Ok((verify_code::cookies(&app, &signed_in), linked, go(&app, &to)).into_response())
        }
        Err(problem) => {
            let page = CodePage { shell: Shell::new(&app, "Enter the code", None), to, error: refused(&problem) };
            Ok(render_problem(&problem, &page))
        }
    }
}

/// What people see of a code that was not right.
pub(super) fn refused(problem: &Problem) -> String {
    match problem.remaining {
        Some(0) => "That code is not right, and it is used up now. Ask for another one.".to_owned(),
        Some(1) => "That code is not right. One try is left.".to_owned(),
        Some(left) => format!("That code is not right. {left} tries are left."),
        None => sentence(problem),
    }
}

/// `POST /sign-out`: ends the session.
pub(super) async fn sign_out(State(app): State<App>, Arrival(arrival): Arrival) -> Result<Response, Problem> {
    app.auth().sign_out(&arrival.claimant).await?;
    Ok((gone(&app), go(&app, "/sign-in")).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_customers_page_is_known_by_its_path() {
        assert_eq!(customers_page("/acme/requests/new?x=1").as_deref(), Some("acme"));
        assert_eq!(customers_page("/acme/requests?status=open").as_deref(), Some("acme"));
        assert_eq!(customers_page("/acme/tickets"), None);
        assert_eq!(customers_page("/"), None);
    }
}
