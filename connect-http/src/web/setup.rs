//! The first run: the first workspace and its owner.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use connect_core::workspace::NewWorkspace;
use connect_core::{Name, Slug};
use serde::Deserialize;

use super::form::{Form, filled};
use super::page::{Person, Shell, go, render, render_with, sentence};
use crate::api::shape::Fields;
use crate::api::workspace::create::allowed;
use crate::app::App;
use crate::extract;
use crate::problem::Problem;

#[derive(Template)]
#[template(path = "setup.html")]
struct SetupPage {
    shell: Shell,
    signed_in: bool,
    form: SetupForm,
    error: String,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct SetupForm {
    your_name: String,
    name: String,
    #[serde(default)]
    slug: String,
}

/// `GET /setup`.
pub(super) async fn show(State(app): State<App>, caller: Option<extract::Person>) -> Result<Response, Problem> {
    if app.desk().workspaces().any().await? {
        return Ok(go(&app, "/"));
    }
    let shell = Shell::new(&app, "Set up your desk", caller.as_ref());
    let your_name = caller.as_ref().map(|caller| caller.identity.user.name.to_string()).unwrap_or_default();
    let form = SetupForm { your_name, ..SetupForm::default() };
    Ok(render(&SetupPage { shell, signed_in: caller.is_some(), form, error: String::new() }))
}

/// `POST /setup`.
pub(super) async fn create(
    State(app): State<App>,
    Person(caller): Person,
    Form(form): Form<SetupForm>,
) -> Result<Response, Problem> {
    match make(&app, &caller, &form).await {
        Ok(slug) => Ok(go(&app, &format!("/{slug}/tickets"))),
        Err(problem) => {
            let shell = Shell::new(&app, "Set up your desk", Some(&caller));
            let page = SetupPage { shell, signed_in: true, form, error: sentence(&problem) };
            Ok(render_with(problem.status, &page))
        }
    }
}

async fn make(app: &App, caller: &extract::Person, form: &SetupForm) -> Result<Slug, Problem> {
    let mut fields = Fields::default();
    let your_name = fields.read(Name::parse("your_name", &form.your_name));
    let (name, slug) = workspace(&mut fields, &form.name, &form.slug);
    fields.finish()?;
    let (Some(your_name), Some(name), Some(slug)) = (your_name, name, slug) else {
        return Err(Problem::invalid(Vec::new()));
    };
    open_workspace(app, caller, name, slug, Some(your_name)).await
}

/// Name and slug of a new workspace; without a slug it follows from the name.
pub(super) fn workspace(fields: &mut Fields, name: &str, slug: &str) -> (Option<Name>, Option<Slug>) {
    let slug = filled(slug).map_or_else(|| Slug::suggest(name), str::to_owned);
    (fields.read(Name::parse("name", name)), fields.read(Slug::parse("slug", &slug)))
}

/// Makes a workspace, if the caller may, and gives the caller a name.
pub(super) async fn open_workspace(
    app: &App,
    caller: &extract::Person,
    name: Name,
    slug: Slug,
    your_name: Option<Name>,
) -> Result<Slug, Problem> {
    if !allowed(app, caller).await? {
        return Err(connect_core::Error::Forbidden("workspaces are made by invitation").into());
    }
    let new = NewWorkspace { name, slug };
    let workspace = app.desk().workspaces().create(&caller.identity.person(), new, None).await?;
    if let Some(your_name) = your_name {
        app.desk().users().because(caller.identity.cause.clone()).rename(caller.identity.user.id, your_name).await?;
    }
    Ok(workspace.slug)
}
