//! Showing a second factor after the first.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use connect_auth::Reset;
use connect_core::user::StrongMethod;
use http::HeaderMap;
use serde::Deserialize;

use super::account::Target;
use super::form::Form;
use super::page::{Arrival, Shell, go, render, render_problem, safe_target, sentence};
use crate::api::auth::{pending, verify_code};
use crate::app::App;
use crate::extract::{self, Params};
use crate::problem::Problem;

/// Where it is shown.
pub(super) const SHOW: &str = "/sign-in/second-factor";

#[derive(Template)]
#[template(path = "second_factor.html")]
struct ShowPage {
    shell: Shell,
    to: String,
    /// Whether an app is among what they can show.
    has_app: bool,
    /// Whether passkeys are.
    has_passkeys: bool,
    /// Whether the way back by e-mail is offered: to who has shown nothing yet.
    may_reset: bool,
    /// From when on that way is open, if it was asked for.
    reset_from: Option<String>,
    error: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FactorForm {
    code: String,
    #[serde(default)]
    to: String,
}

/// Forms without fields.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

async fn page(app: &App, arrival: &extract::Arrival, to: &str, error: String) -> Result<ShowPage, Problem> {
    let methods = app.auth().shown_methods(&arrival.claimant).await?;
    let mut shell = Shell::new(app, "Show your second factor", None);
    // The name and the button to sign out; nothing else is there for them yet.
    shell.person = Some(arrival.claimant.user().name.to_string());
    Ok(ShowPage {
        shell,
        to: safe_target(to).to_owned(),
        has_app: methods.contains(&StrongMethod::Totp),
        has_passkeys: methods.contains(&StrongMethod::Passkey),
        may_reset: !arrival.claimant.is_strong() && !methods.is_empty(),
        reset_from: None,
        error,
    })
}

/// `GET /sign-in/second-factor`: asks for a passkey, a code of the app, or a recovery code.
pub(super) async fn ask(
    State(app): State<App>,
    Arrival(arrival): Arrival,
    Params(target): Params<Target>,
) -> Result<Response, Problem> {
    Ok(render(&page(&app, &arrival, &target.to, String::new()).await?))
}

/// `POST /sign-in/second-factor`: shows it, and goes on.
pub(super) async fn show(
    State(app): State<App>,
    Arrival(arrival): Arrival,
    headers: HeaderMap,
    Form(form): Form<FactorForm>,
) -> Result<Response, Problem> {
    let extract::Arrival { claimant, client } = &arrival;
    match app.auth().show_second_factor(claimant, &form.code, client).await.map_err(Problem::from) {
        Ok(signed_in) => {
            let linked = pending::link(&app, &headers, &signed_in, client).await;
            let cookies = verify_code::cookies(&app, &signed_in);
            Ok((cookies, linked, go(&app, safe_target(&form.to))).into_response())
        }
        Err(problem) => Ok(render_problem(&problem, &page(&app, &arrival, &form.to, sentence(&problem)).await?)),
    }
}

/// `POST /sign-in/second-factor/reset`: asks for the way back by e-mail, or takes it.
pub(super) async fn reset(
    State(app): State<App>,
    Arrival(arrival): Arrival,
    _: Form<Nothing>,
) -> Result<Response, Problem> {
    match app.auth().reset_second_factor(&arrival.claimant, &arrival.client).await.map_err(Problem::from) {
        Ok(Reset::Asked { from }) => {
            let reset_from = Some(from.to_string().chars().take(16).collect::<String>().replace('T', " "));
            Ok(render(&ShowPage { reset_from, ..page(&app, &arrival, "/", String::new()).await? }))
        }
        Ok(Reset::Done(signed_in)) => {
            Ok((verify_code::cookies(&app, &signed_in), go(&app, super::factors::PAGE)).into_response())
        }
        Err(problem) => {
            let error = if problem.code == "step_up_required" {
                "Sign out and in again with a code by e-mail for this.".to_owned()
            } else {
                sentence(&problem)
            };
            Ok(render_problem(&problem, &page(&app, &arrival, "/", error).await?))
        }
    }
}
