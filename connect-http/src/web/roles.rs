//! Custom roles, and who has which role.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use connect_core::role::{CustomRole, NewRole, Permissions, RolePatch};
use connect_core::{Action, Error, FieldError, Limit, Name, Role, RoleId};
use serde::Deserialize;

use super::form::Form;
use super::page::{Member, Shell, go, render, render_with, sentence};
use super::step_up;
use crate::api::shape::Fields;
use crate::app::App;
use crate::extract::Scope;
use crate::problem::Problem;

/// An action that can be ticked.
struct Choice {
    word: &'static str,
    chosen: bool,
}

struct Entry {
    id: RoleId,
    name: String,
    base: &'static str,
    words: String,
    choices: Vec<Choice>,
}

/// Somebody, and what they are.
struct Holder {
    id: String,
    name: String,
    role: String,
}

/// A role somebody can be given.
struct Given {
    value: String,
    name: String,
}

#[derive(Template)]
#[template(path = "roles.html")]
struct RolesPage {
    shell: Shell,
    slug: String,
    roles: Vec<Entry>,
    holders: Vec<Holder>,
    given: Vec<Given>,
    bases: Vec<&'static str>,
    choices: Vec<Choice>,
    may_manage: bool,
    form: RoleForm,
    error: String,
}

#[derive(Deserialize, Default)]
pub(super) struct RoleForm {
    name: String,
    #[serde(default)]
    base: String,
    /// The boxes that are ticked, by the words of their actions. Whatever else the form names is refused as no
    /// action.
    #[serde(flatten)]
    ticked: BTreeMap<String, String>,
}

impl RoleForm {
    fn words(&self) -> Vec<String> {
        self.ticked.keys().cloned().collect()
    }
}

fn choices(app: &App, scope: &Scope, chosen: impl Fn(Action) -> bool) -> Vec<Choice> {
    // What is in a role and may not be touched by whoever looks at it stays in it when they save.
    let shown =
        |action: &&Action| !action.is_for_owners() && (app.desk().may(&scope.access, **action) || chosen(**action));
    let choice = |action: &Action| Choice { word: action.as_str(), chosen: chosen(*action) };
    Action::ALL.iter().filter(shown).map(choice).collect()
}

async fn page(app: &App, scope: &Scope, form: RoleForm, error: String) -> Result<RolesPage, Problem> {
    let roles: Vec<CustomRole> = app.desk().roles(&scope.access).list(None, Limit::MAX).await?.rows;
    let members = app.desk().members(&scope.access).list(None, Limit::MAX).await?.rows;
    let own = scope.access.role().unwrap_or(Role::Viewer);
    let built_in = Role::ALL.iter().filter(|role| **role <= own);
    let mut given: Vec<Given> =
        built_in.map(|role| Given { value: role.as_str().to_owned(), name: role.as_str().to_owned() }).collect();
    given.extend(roles.iter().map(|role| Given { value: role.id.to_string(), name: role.name.to_string() }));
    let holder = |(member, user): (connect_core::member::Member, connect_core::user::User)| Holder {
        id: member.user.to_string(),
        name: user.name.to_string(),
        role: member.custom.map_or_else(|| member.role.as_str().to_owned(), |role| role.to_string()),
    };
    let entry = |role: &CustomRole| Entry {
        id: role.id,
        name: role.name.to_string(),
        base: role.base.as_str(),
        words: role.permissions.words().join(" "),
        choices: choices(app, scope, |action| role.permissions.contains(action)),
    };
    Ok(RolesPage {
        shell: Shell::inside(app, "Roles", scope),
        slug: scope.access.workspace().slug.to_string(),
        holders: members.into_iter().map(holder).collect(),
        roles: roles.iter().map(entry).collect(),
        given,
        bases: Role::ALL
            .iter()
            .filter(|role| **role <= own && **role < Role::Owner)
            .map(|role| role.as_str())
            .collect(),
        choices: choices(app, scope, |action| form.ticked.contains_key(action.as_str())),
        may_manage: app.desk().may(&scope.access, Action::ManageMembers),
        form,
        error,
    })
}

/// Back to the page, or the page at once with what is wrong.
async fn answered(app: &App, scope: &Scope, done: Result<(), Problem>, form: RoleForm) -> Result<Response, Problem> {
    let path = format!("/{}/roles", scope.access.workspace().slug);
    match done {
        Ok(()) => Ok(go(app, &path)),
        Err(problem) if problem.code == "step_up_required" => Ok(step_up::lead(app, &path)),
        Err(problem) if !app.desk().may(&scope.access, Action::ManageMembers) => Err(problem),
        Err(problem) => {
            let page = page(app, scope, form, sentence(&problem)).await?;
            Ok(render_with(problem.status, &page))
        }
    }
}

/// `GET /{workspace}/roles`.
pub(super) async fn list(State(app): State<App>, Member(scope): Member) -> Result<Response, Problem> {
    let form = RoleForm { base: Role::Member.as_str().to_owned(), ..RoleForm::default() };
    Ok(render(&page(&app, &scope, form, String::new()).await?))
}

/// `POST /{workspace}/roles`: makes one.
pub(super) async fn create(
    State(app): State<App>,
    Member(scope): Member,
    Form(form): Form<RoleForm>,
) -> Result<Response, Problem> {
    let done = async {
        let mut fields = Fields::default();
        let unknown = || FieldError::new("base", "unknown", "must be one of the list");
        let name = fields.read(Name::parse("name", &form.name));
        let base = fields.read(Role::parse(&form.base).ok_or_else(unknown));
        let permissions = fields.read_all(Permissions::parse("permissions", &form.words()));
        fields.finish()?;
        let (Some(name), Some(base), Some(permissions)) = (name, base, permissions) else {
            return Err(Problem::invalid(Vec::new()));
        };
        scope.may_grant(&app, base)?;
        app.desk().roles(&scope.access).create(NewRole { name, base, permissions }).await?;
        Ok(())
    };
    let done = done.await;
    answered(&app, &scope, done, form).await
}

/// `POST /{workspace}/roles/{role}`: another name, and all permissions anew.
pub(super) async fn update(
    State(app): State<App>,
    Member(scope): Member,
    Form(form): Form<RoleForm>,
) -> Result<Response, Problem> {
    let done = async {
        let mut fields = Fields::default();
        let name = fields.read(Name::parse("name", &form.name));
        let permissions = fields.read_all(Permissions::parse("permissions", &form.words()));
        fields.finish()?;
        let (id, roles) = (scope.id("role", "role")?, app.desk().roles(&scope.access));
        scope.may_grant(&app, roles.get(id).await?.base)?;
        roles.update(id, RolePatch { name, permissions, seen: None }).await?;
        Ok(())
    };
    let done = done.await;
    answered(&app, &scope, done, RoleForm::default()).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

/// `POST /{workspace}/roles/{role}/remove`.
pub(super) async fn remove(
    State(app): State<App>,
    Member(scope): Member,
    Form(Nothing {}): Form<Nothing>,
) -> Result<Response, Problem> {
    let done = match app.desk().roles(&scope.access).remove(scope.id("role", "role")?).await {
        // Pressed twice: it is gone, as was asked for.
        Ok(()) | Err(Error::NotFound(_)) => Ok(()),
        Err(error) => Err(error.into()),
    };
    answered(&app, &scope, done, RoleForm::default()).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GiveForm {
    role: String,
}

/// `POST /{workspace}/members/{member}/role`: gives somebody a role, built-in or custom.
pub(super) async fn give(
    State(app): State<App>,
    Member(scope): Member,
    Form(form): Form<GiveForm>,
) -> Result<Response, Problem> {
    let done = async {
        let (member, members) = (scope.id("member", "member")?, app.desk().members(&scope.access));
        if let Some(role) = Role::parse(&form.role) {
            scope.may_grant(&app, role)?;
            members.change_role(member, role).await?;
            return Ok(());
        }
        let unknown = |_| FieldError::new("role", "unknown", "must be one of the list");
        let id: RoleId = form.role.parse().map_err(unknown)?;
        scope.may_grant(&app, app.desk().roles(&scope.access).get(id).await?.base)?;
        members.give_role(member, id).await?;
        Ok(())
    };
    let done = done.await;
    answered(&app, &scope, done, RoleForm::default()).await
}
