//! Teams, who is in them, and who sees only their tickets.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use connect_core::{Action, Error, Limit, Name, Role, TeamId, UserId};
use serde::Deserialize;

use super::form::{Form, filled};
use super::page::{Member, Shell, go, render, render_with, sentence};
use crate::api::shape::id;
use crate::app::App;
use crate::extract::Scope;
use crate::problem::Problem;

/// A person of the workspace.
#[derive(Clone)]
struct Person {
    id: UserId,
    name: String,
    narrowed: bool,
    /// Whether they can be held to their teams at all.
    may_be_narrowed: bool,
}

struct Entry {
    id: TeamId,
    name: String,
    members: Vec<Person>,
    others: Vec<Person>,
}

#[derive(Template)]
#[template(path = "teams.html")]
struct TeamsPage {
    shell: Shell,
    slug: String,
    teams: Vec<Entry>,
    people: Vec<Person>,
    may_manage: bool,
    name: String,
    error: String,
}

async fn page(app: &App, scope: &Scope, name: String, error: String) -> Result<TeamsPage, Problem> {
    let teams = app.desk().teams(&scope.access).list(None, Limit::MAX).await?.rows;
    let members = app.desk().members(&scope.access).list(None, Limit::MAX).await?.rows;
    let person = |(member, user): (connect_core::member::Member, connect_core::user::User)| Person {
        id: member.user,
        name: user.name.to_string(),
        narrowed: member.narrowed,
        may_be_narrowed: member.role < Role::Admin,
    };
    let (in_teams, people): (Vec<_>, Vec<_>) =
        members.into_iter().map(|row| (row.0.teams.clone(), person(row))).unzip();
    let of = |team: TeamId, is_in: bool| -> Vec<Person> {
        let rows = in_teams.iter().zip(&people).filter(|(teams, _)| teams.contains(&team) == is_in);
        rows.map(|(_, person)| person.clone()).collect()
    };
    let entry = |team: connect_core::team::Team| Entry {
        id: team.id,
        name: team.name.to_string(),
        members: of(team.id, true),
        others: of(team.id, false),
    };
    Ok(TeamsPage {
        shell: Shell::inside(app, "Teams", scope),
        slug: scope.access.workspace().slug.to_string(),
        teams: teams.into_iter().map(entry).collect(),
        people,
        may_manage: app.desk().may(&scope.access, Action::ManageMembers),
        name,
        error,
    })
}

/// Back to the page, or the page at once with what is wrong.
async fn answered(app: &App, scope: &Scope, done: Result<(), Problem>, typed: String) -> Result<Response, Problem> {
    match done {
        Ok(()) => Ok(go(app, &format!("/{}/teams", scope.access.workspace().slug))),
        Err(problem) if problem.code == "forbidden" => Err(problem),
        Err(problem) => {
            let page = page(app, scope, typed, sentence(&problem)).await?;
            Ok(render_with(problem.status, &page))
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NameForm {
    name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MemberForm {
    member: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NarrowForm {
    narrowed: bool,
}

/// `GET /{workspace}/teams`.
pub(super) async fn list(State(app): State<App>, Member(scope): Member) -> Result<Response, Problem> {
    Ok(render(&page(&app, &scope, String::new(), String::new()).await?))
}

/// `POST /{workspace}/teams`: makes one.
pub(super) async fn create(
    State(app): State<App>,
    Member(scope): Member,
    Form(form): Form<NameForm>,
) -> Result<Response, Problem> {
    let done = async {
        app.desk().teams(&scope.access).create(Name::parse("name", &form.name)?).await?;
        Ok::<_, Problem>(())
    };
    let done = done.await;
    answered(&app, &scope, done, form.name).await
}

/// `POST /{workspace}/teams/{team}`: another name.
pub(super) async fn rename(
    State(app): State<App>,
    Member(scope): Member,
    Form(form): Form<NameForm>,
) -> Result<Response, Problem> {
    let done = async {
        let name = Name::parse("name", &form.name)?;
        app.desk().teams(&scope.access).rename(scope.id("team", "team")?, Some(name), None).await?;
        Ok::<_, Problem>(())
    };
    let done = done.await;
    answered(&app, &scope, done, String::new()).await
}

/// `POST /{workspace}/teams/{team}/remove`.
pub(super) async fn remove(
    State(app): State<App>,
    Member(scope): Member,
    Form(Nothing {}): Form<Nothing>,
) -> Result<Response, Problem> {
    let done = match app.desk().teams(&scope.access).remove(scope.id("team", "team")?).await {
        // Pressed twice: it is gone, as was asked for.
        Ok(()) | Err(Error::NotFound(_)) => Ok(()),
        Err(error) => Err(error.into()),
    };
    answered(&app, &scope, done, String::new()).await
}

/// `POST /{workspace}/teams/{team}/members`: takes somebody in.
pub(super) async fn add_member(
    State(app): State<App>,
    Member(scope): Member,
    Form(form): Form<MemberForm>,
) -> Result<Response, Problem> {
    let done = async {
        let none = || connect_core::FieldError::new("member", "required", "choose somebody");
        let member = id("member", filled(&form.member).ok_or_else(none)?)?;
        app.desk().teams(&scope.access).add_member(scope.id("team", "team")?, member).await?;
        Ok::<_, Problem>(())
    };
    let done = done.await;
    answered(&app, &scope, done, String::new()).await
}

/// `POST /{workspace}/teams/{team}/members/{member}/remove`: takes somebody out.
pub(super) async fn remove_member(
    State(app): State<App>,
    Member(scope): Member,
    Form(Nothing {}): Form<Nothing>,
) -> Result<Response, Problem> {
    let (team, member) = (scope.id("team", "team")?, scope.id("member", "member")?);
    let done = app.desk().teams(&scope.access).remove_member(team, member).await;
    answered(&app, &scope, done.map_err(Problem::from), String::new()).await
}

/// `POST /{workspace}/members/{member}/narrow`: holds somebody to the tickets of their teams, or no more.
pub(super) async fn narrow(
    State(app): State<App>,
    Member(scope): Member,
    Form(form): Form<NarrowForm>,
) -> Result<Response, Problem> {
    let member = scope.id("member", "member")?;
    let done = app.desk().members(&scope.access).narrow(member, form.narrowed).await;
    answered(&app, &scope, done.map(|_| ()).map_err(Problem::from), String::new()).await
}
