//! The front page, and the choice of a workspace.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;

use super::form::Form;
use super::page::{Member, Person, Shell, go, is_team, render, render_with, sentence};
use super::setup;
use crate::api::shape::Fields;
use crate::api::workspace::create::allowed;
use crate::app::App;
use crate::extract::{self, Caller};
use crate::problem::Problem;

struct Entry {
    name: String,
    slug: String,
    role: String,
}

#[derive(Template)]
#[template(path = "workspaces.html")]
struct WorkspacesPage {
    shell: Shell,
    member_of: Vec<Entry>,
    customer_of: Vec<Entry>,
    may_create: bool,
    form: NewForm,
    error: String,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct NewForm {
    name: String,
    #[serde(default)]
    slug: String,
}

/// `GET /`: set-up on the first run, else sign-in, else the workspaces, or the one that somebody is a customer of.
pub(super) async fn home(State(app): State<App>, caller: Result<Caller, Problem>) -> Result<Response, Problem> {
    if !app.desk().workspaces().any().await? {
        return Ok(go(&app, "/setup"));
    }
    match caller {
        Ok(Caller::Customer(customer)) => Ok(go(&app, &format!("/{}", customer.identity.access.workspace().slug))),
        Ok(caller) => caller.into_person().map(|_| go(&app, "/workspaces")),
        // That page leads on to where a second factor is shown.
        Err(problem) if problem.code == "second_factor_required" => Ok(go(&app, "/workspaces")),
        Err(problem) if problem.status == StatusCode::UNAUTHORIZED => Ok(go(&app, "/sign-in")),
        Err(problem) => Err(problem),
    }
}

async fn page(app: &App, caller: &extract::Person, form: NewForm, error: String) -> Result<WorkspacesPage, Problem> {
    let person = caller.identity.person();
    let entry = |workspace: connect_core::workspace::Workspace, role: &str| Entry {
        name: workspace.name.to_string(),
        slug: workspace.slug.to_string(),
        role: role.to_owned(),
    };
    let member_of: Vec<Entry> =
        app.desk().workspaces().of(&person).await?.into_iter().map(|(w, role)| entry(w, role.as_str())).collect();
    let mut customer_of: Vec<Entry> =
        app.desk().workspaces().as_customer(&person).await?.into_iter().map(|w| entry(w, "customer")).collect();
    customer_of.retain(|own| member_of.iter().all(|member| member.slug != own.slug));
    let shell = Shell::new(app, "Workspaces", Some(caller));
    Ok(WorkspacesPage { shell, member_of, customer_of, may_create: allowed(app, caller).await?, form, error })
}

/// `GET /workspaces`.
pub(super) async fn workspaces(State(app): State<App>, Person(caller): Person) -> Result<Response, Problem> {
    Ok(render(&page(&app, &caller, NewForm::default(), String::new()).await?))
}

/// `POST /workspaces`: makes another one.
pub(super) async fn create(
    State(app): State<App>,
    Person(caller): Person,
    Form(form): Form<NewForm>,
) -> Result<Response, Problem> {
    let mut fields = Fields::default();
    let (name, slug) = setup::workspace(&mut fields, &form.name, &form.slug);
    let made = match (fields.finish(), name, slug) {
        (Ok(()), Some(name), Some(slug)) => setup::open_workspace(&app, &caller, name, slug, None).await,
        (Err(problem), ..) => Err(problem),
        _ => Err(Problem::invalid(Vec::new())),
    };
    match made {
        Ok(slug) => Ok(go(&app, &format!("/{slug}/tickets"))),
        Err(problem) => {
            let page = page(&app, &caller, form, sentence(&problem)).await?;
            Ok(render_with(problem.status, &page))
        }
    }
}

/// `GET /{workspace}`: the tickets for the team, the requests for customers.
pub(super) async fn workspace(State(app): State<App>, Member(scope): Member) -> Response {
    let slug = &scope.access.workspace().slug;
    let page = if is_team(&scope.access) { "tickets" } else { "requests" };
    go(&app, &format!("/{slug}/{page}"))
}
