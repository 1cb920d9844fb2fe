//! The page of a person's passkeys. Making one needs the script of the page; everything else works without.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use connect_core::{Error, Name, PasskeyId};
use serde::Deserialize;

use super::factors::lead;
use super::form::Form;
use super::page::{Person, Shell, go, render, render_problem, sentence};
use crate::app::App;
use crate::extract;
use crate::problem::Problem;

const PAGE: &str = "/sign-in/passkeys";

struct Row {
    id: String,
    name: String,
    since: String,
    used: String,
}

#[derive(Template)]
#[template(path = "passkeys.html")]
struct PasskeysPage {
    shell: Shell,
    passkeys: Vec<Row>,
    error: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RenameForm {
    name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RemoveForm {
    #[serde(default)]
    keep_sessions: bool,
}

fn day(at: connect_core::Timestamp) -> String {
    at.to_string().chars().take(10).collect()
}

async fn page(app: &App, caller: &extract::Person, error: String) -> Result<PasskeysPage, Problem> {
    let passkeys = app.auth().passkeys(&caller.identity).await?;
    let row = |passkey: &connect_core::user::Passkey| Row {
        id: passkey.id.to_string(),
        name: passkey.name.to_string(),
        since: day(passkey.added_at),
        used: passkey.used_at.map(day).unwrap_or_default(),
    };
    let passkeys = passkeys.iter().map(row).collect();
    Ok(PasskeysPage { shell: Shell::new(app, "Passkeys", Some(caller)), passkeys, error })
}

/// The id in a path; what is none is a passkey that is not there.
fn id(text: &str) -> Result<PasskeyId, Error> {
    text.parse().map_err(|_| Error::NotFound("passkey"))
}

/// `GET /sign-in/passkeys`: the passkeys that sign the caller in.
pub(super) async fn list(State(app): State<App>, Person(caller): Person) -> Result<Response, Problem> {
    Ok(render(&page(&app, &caller, String::new()).await?))
}

/// `POST /sign-in/passkeys/{passkey}/rename`.
pub(super) async fn rename(
    State(app): State<App>,
    Person(caller): Person,
    Path(passkey): Path<String>,
    Form(form): Form<RenameForm>,
) -> Result<Response, Problem> {
    let name = match Name::parse("name", &form.name) {
        Ok(name) => name,
        Err(error) => {
            let problem = Problem::from(error);
            return Ok(render_problem(&problem, &page(&app, &caller, sentence(&problem)).await?));
        }
    };
    app.auth().rename_passkey(&caller.identity, id(&passkey)?, &name).await?;
    Ok(go(&app, PAGE))
}

/// `POST /sign-in/passkeys/{passkey}/remove`.
pub(super) async fn remove(
    State(app): State<App>,
    Person(caller): Person,
    Path(passkey): Path<String>,
    Form(form): Form<RemoveForm>,
) -> Result<Response, Problem> {
    let removed = app.auth().remove_passkey(&caller.identity, id(&passkey)?, form.keep_sessions).await;
    match removed.map_err(Problem::from) {
        Ok(()) => Ok(go(&app, PAGE)),
        Err(problem) if problem.code == "last_strong_method" => {
            Ok(render_problem(&problem, &page(&app, &caller, sentence(&problem)).await?))
        }
        Err(problem) => lead(&app, PAGE, problem),
    }
}
