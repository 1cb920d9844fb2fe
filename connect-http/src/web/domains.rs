//! Mail domains: naming one, showing that it is the workspace's, and letting its people join.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use connect_core::domain::parse_domain;
use connect_core::{Action, Error, FieldError, Role};
use serde::Deserialize;

use super::form::{Form, filled};
use super::page::{Member, Shell, go, render, render_with, sentence};
use super::step_up;
use super::time::When;
use crate::app::App;
use crate::extract::{PersonScope, Scope};
use crate::problem::Problem;

struct Entry {
    id: String,
    name: String,
    place: String,
    word: String,
    proven: Option<When>,
    joins_as: &'static str,
}

#[derive(Template)]
#[template(path = "domains.html")]
struct DomainsPage {
    shell: Shell,
    slug: String,
    domains: Vec<Entry>,
    typed: String,
    error: String,
}

async fn page(app: &App, scope: &Scope, typed: String, error: String) -> Result<DomainsPage, Problem> {
    let (domains, now) = (app.desk().domains(&scope.access).list().await?, app.desk().now());
    let entry = |domain: connect_core::domain::MailDomain| Entry {
        id: domain.id.to_string(),
        place: domain.place(),
        proven: domain.proven_at.map(|at| When::new(at, now)),
        joins_as: domain.joins_as.map_or("", Role::as_str),
        name: domain.name,
        word: domain.word,
    };
    Ok(DomainsPage {
        shell: Shell::inside(app, "Domains", scope),
        slug: scope.access.workspace().slug.to_string(),
        domains: domains.into_iter().map(entry).collect(),
        typed,
        error,
    })
}

/// Back to the page, or the page at once with what is wrong.
async fn answered(app: &App, scope: &Scope, done: Result<(), Problem>, typed: String) -> Result<Response, Problem> {
    let path = format!("/{}/domains", scope.access.workspace().slug);
    match done {
        Ok(()) => Ok(go(app, &path)),
        Err(problem) if problem.code == "step_up_required" => Ok(step_up::lead(app, &path)),
        Err(problem) if !app.desk().may(&scope.access, Action::UpdateWorkspace) => Err(problem),
        Err(problem) => {
            let page = page(app, scope, typed, sentence(&problem)).await?;
            Ok(render_with(problem.status, &page))
        }
    }
}

/// Whoever changes something here: a person who proved a short while ago who they are.
fn changing(app: &App, scope: &Scope) -> Result<PersonScope, Problem> {
    let person = scope.caller.clone().into_person()?;
    let caller = PersonScope { scope: scope.clone(), person };
    caller.changes_sign_in(app)?;
    Ok(caller)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NameForm {
    domain: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct JoinForm {
    joins_as: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

/// `GET /{workspace}/domains`.
pub(super) async fn list(State(app): State<App>, Member(scope): Member) -> Result<Response, Problem> {
    Ok(render(&page(&app, &scope, String::new(), String::new()).await?))
}

/// `POST /{workspace}/domains`: names one.
pub(super) async fn create(
    State(app): State<App>,
    Member(scope): Member,
    Form(form): Form<NameForm>,
) -> Result<Response, Problem> {
    let done = async {
        let name = parse_domain("domain", &form.domain)?;
        app.desk().domains(&changing(&app, &scope)?.scope.access).create(name).await?;
        Ok::<_, Problem>(())
    };
    let done = done.await;
    answered(&app, &scope, done, form.domain).await
}

/// `POST /{workspace}/domains/{domain}/verify`: looks whether the word stands at its place.
pub(super) async fn verify(
    State(app): State<App>,
    Member(scope): Member,
    Form(Nothing {}): Form<Nothing>,
) -> Result<Response, Problem> {
    let done = async {
        let caller = changing(&app, &scope)?;
        let id = scope.id("domain", "domain")?;
        app.auth().prove_domain(&caller.person.identity, &scope.access, id).await?;
        Ok::<_, Problem>(())
    };
    let done = done.await;
    answered(&app, &scope, done, String::new()).await
}

/// `POST /{workspace}/domains/{domain}/join`: what its people join as.
pub(super) async fn let_join(
    State(app): State<App>,
    Member(scope): Member,
    Form(form): Form<JoinForm>,
) -> Result<Response, Problem> {
    let done = async {
        let unknown = || FieldError::new("joins_as", "unknown", "must be one of the list");
        let role = filled(&form.joins_as).map(|word| Role::parse(word).ok_or_else(unknown)).transpose()?;
        let access = changing(&app, &scope)?.scope.access;
        app.desk().domains(&access).let_join(scope.id("domain", "domain")?, role, None).await?;
        Ok::<_, Problem>(())
    };
    let done = done.await;
    answered(&app, &scope, done, String::new()).await
}

/// `POST /{workspace}/domains/{domain}/remove`.
pub(super) async fn remove(
    State(app): State<App>,
    Member(scope): Member,
    Form(Nothing {}): Form<Nothing>,
) -> Result<Response, Problem> {
    let done = async {
        let access = changing(&app, &scope)?.scope.access;
        match app.desk().domains(&access).remove(scope.id("domain", "domain")?).await {
            // Pressed twice: it is gone, as was asked for.
            Ok(()) | Err(Error::NotFound(_)) => Ok(()),
            Err(error) => Err(Problem::from(error)),
        }
    };
    let done = done.await;
    answered(&app, &scope, done, String::new()).await
}
