//! The page of a person's second factor: setting an app up, recovery codes, taking it away.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use connect_auth::{BegunApp, Code};
use connect_core::user::StrongMethod;
use serde::Deserialize;

use super::form::Form;
use super::page::{Person, Shell, go, render, render_problem, render_with, sentence};
use super::second_factor::{Nothing, SHOW};
use super::step_up;
use crate::api::auth::verify_code;
use crate::app::App;
use crate::extract;
use crate::problem::Problem;
use crate::qr;

/// Where it is.
pub(super) const PAGE: &str = "/sign-in/factors";

#[derive(Template)]
#[template(path = "factors.html")]
struct FactorsPage {
    shell: Shell,
    app_since: Option<String>,
    /// Whether there is one that is shown here, and that recovery codes stand in for.
    has_shown: bool,
    codes_left: usize,
    /// Whether a workspace asks for one and there is none.
    is_needed: bool,
    error: String,
}

#[derive(Template)]
#[template(path = "factor_app.html")]
struct AppPage {
    shell: Shell,
    /// What the app is told; nothing where the code that was entered was not right.
    begun: Option<Shown>,
    error: String,
}

/// What an app is told, as the page shows it.
struct Shown {
    picture: String,
    secret: String,
    uri: String,
}

#[derive(Template)]
#[template(path = "recovery_codes.html")]
struct CodesPage {
    shell: Shell,
    codes: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ConfirmForm {
    code: String,
}

/// Leads on to the proof that a problem asks for, and back; other problems stay what they are.
pub(super) fn lead(app: &App, to: &str, problem: Problem) -> Result<Response, Problem> {
    match problem.code {
        "second_factor_required" => Ok(go(app, &format!("{SHOW}?to={}", step_up::encoded(to)))),
        "second_factor_enrolment_required" => Ok(go(app, PAGE)),
        "step_up_required" => Ok(step_up::lead(app, to)),
        _ => Err(problem),
    }
}

async fn page(app: &App, caller: &extract::Person, error: String) -> Result<FactorsPage, Problem> {
    let status = app.auth().second_factor(&caller.identity).await?;
    Ok(FactorsPage {
        shell: Shell::new(app, "Second factor", Some(caller)),
        app_since: status.app_since.map(|at| at.to_string().chars().take(10).collect()),
        has_shown: status.methods.iter().any(|method| *method != StrongMethod::Provider),
        codes_left: status.recovery_codes,
        is_needed: status.demanded && status.methods.is_empty(),
        error,
    })
}

/// `GET /sign-in/factors`: what the caller has.
pub(super) async fn list(State(app): State<App>, Person(caller): Person) -> Result<Response, Problem> {
    Ok(render(&page(&app, &caller, String::new()).await?))
}

fn app_page(app: &App, caller: &extract::Person, begun: Option<BegunApp>, error: String) -> AppPage {
    let shown =
        |begun: BegunApp| Shown { picture: qr::svg(&begun.uri), secret: grouped(&begun.secret.text()), uri: begun.uri };
    AppPage { shell: Shell::new(app, "Set up an app", Some(caller)), begun: begun.map(shown), error }
}

/// In groups of four, as people type it.
fn grouped(text: &str) -> String {
    let groups: Vec<&str> = text.as_bytes().chunks(4).filter_map(|group| std::str::from_utf8(group).ok()).collect();
    groups.join(" ")
}

/// `POST /sign-in/factors/app`: begins to set up an app, and shows what it is told.
pub(super) async fn begin(
    State(app): State<App>,
    Person(caller): Person,
    _: Form<Nothing>,
) -> Result<Response, Problem> {
    match app.auth().begin_app(&caller.identity).await.map_err(Problem::from) {
        Ok(begun) => Ok(render(&app_page(&app, &caller, Some(begun), String::new()))),
        Err(problem) => lead(&app, PAGE, problem),
    }
}

fn codes_page(app: &App, caller: &extract::Person, codes: &[Code]) -> CodesPage {
    let codes = codes.iter().map(Code::grouped).collect();
    CodesPage { shell: Shell::new(app, "Your recovery codes", Some(caller)), codes }
}

/// `POST /sign-in/factors/app/confirm`: sets it up, by its first code.
pub(super) async fn confirm(
    State(app): State<App>,
    Person(caller): Person,
    Form(form): Form<ConfirmForm>,
) -> Result<Response, Problem> {
    match app.auth().confirm_app(&caller.identity, &form.code, &caller.client).await.map_err(Problem::from) {
        Ok(enrolled) => {
            let cookies = verify_code::cookies(&app, &enrolled.signed_in);
            if enrolled.recovery_codes.is_empty() {
                return Ok((cookies, go(&app, PAGE)).into_response());
            }
            Ok((cookies, render(&codes_page(&app, &caller, &enrolled.recovery_codes))).into_response())
        }
        Err(problem) if problem.code == "code_not_right" => {
            let error = "That code is not right, or too old. Enter the one that the app shows now.".to_owned();
            Ok(render_problem(&problem, &app_page(&app, &caller, None, error)))
        }
        Err(problem) if problem.code == "second_factor_spent" => {
            let error = sentence(&problem);
            Ok(render_problem(&problem, &app_page(&app, &caller, None, error)))
        }
        Err(problem) => lead(&app, PAGE, problem),
    }
}

/// `POST /sign-in/factors/app/remove`: takes the app away.
pub(super) async fn remove(
    State(app): State<App>,
    Person(caller): Person,
    _: Form<Nothing>,
) -> Result<Response, Problem> {
    match app.auth().remove_app(&caller.identity, &caller.client).await.map_err(Problem::from) {
        Ok(signed_in) => Ok((verify_code::cookies(&app, &signed_in), go(&app, PAGE)).into_response()),
        Err(problem) if problem.code == "last_strong_method" => {
            Ok(render_with(problem.status, &page(&app, &caller, sentence(&problem)).await?))
        }
        Err(problem) => lead(&app, PAGE, problem),
    }
}

/// `POST /sign-in/factors/codes`: makes other recovery codes, and shows them this once.
pub(super) async fn replace_codes(
    State(app): State<App>,
    Person(caller): Person,
    _: Form<Nothing>,
) -> Result<Response, Problem> {
    match app.auth().replace_recovery_codes(&caller.identity).await.map_err(Problem::from) {
        Ok(codes) => Ok(render(&codes_page(&app, &caller, &codes))),
        Err(problem) => lead(&app, PAGE, problem),
    }
}
