//! Who works here, and inviting more.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use connect_core::member::Offer;
use connect_core::workspace::WorkspacePatch;
use connect_core::{Action, EmailAddress, Limit, Role, RoleId};
use serde::Deserialize;

use super::factors::lead;
use super::form::Form;
use super::page::{Member, Shell, go, render, render_with, sentence};
use super::step_up;
use crate::app::App;
use crate::extract::Scope;
use crate::problem::Problem;

struct Entry {
    name: String,
    email: String,
    role: String,
}

/// A role to be chosen: what the form says for it, and what it is called.
struct Choice {
    value: String,
    name: String,
}

#[derive(Template)]
#[template(path = "members.html")]
struct MembersPage {
    shell: Shell,
    slug: String,
    members: Vec<Entry>,
    invited: Vec<Entry>,
    may_invite: bool,
    may_ask: bool,
    /// Whether people can join by a domain: where providers sign them in.
    has_domains: bool,
    asks_second_factor: bool,
    roles: Vec<Choice>,
    form: InviteForm,
    error: String,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct InviteForm {
    email: String,
    role: String,
}

async fn page(app: &App, scope: &Scope, form: InviteForm, error: String) -> Result<MembersPage, Problem> {
    let members = app.desk().members(&scope.access);
    let may_invite = app.desk().may(&scope.access, Action::ManageMembers);
    let invited = if may_invite { members.invitations(None, Limit::MAX).await?.rows } else { Vec::new() };
    let customs = app.desk().roles(&scope.access).list(None, Limit::MAX).await?.rows;
    let called = |role: Role, custom: Option<RoleId>| {
        let custom = customs.iter().find(|known| Some(known.id) == custom);
        custom.map_or_else(|| role.as_str().to_owned(), |custom| custom.name.to_string())
    };
    let listed = members.list(None, Limit::MAX).await?.rows.into_iter().map(|(member, user)| Entry {
        name: user.name.to_string(),
        email: user.email.to_string(),
        role: called(member.role, member.custom),
    });
    let own = scope.access.role().unwrap_or(Role::Viewer);
    let built_in = Role::ALL.iter().filter(|role| **role <= own);
    let built_in = built_in.map(|role| Choice { value: role.as_str().to_owned(), name: role.as_str().to_owned() });
    let custom = customs.iter().filter(|role| role.base <= own);
    let custom = custom.map(|role| Choice { value: role.id.to_string(), name: role.name.to_string() });
    Ok(MembersPage {
        shell: Shell::inside(app, "Members", scope),
        slug: scope.access.workspace().slug.to_string(),
        members: listed.collect(),
        invited: invited
            .into_iter()
            .map(|i| Entry { name: String::new(), email: i.email.to_string(), role: called(i.role, i.custom) })
            .collect(),
        may_invite,
        may_ask: app.desk().may(&scope.access, Action::UpdateWorkspace),
        has_domains: !super::page::sign_in_providers(app).is_empty()
            && app.desk().may(&scope.access, Action::UpdateWorkspace),
        asks_second_factor: scope.access.workspace().require_second_factor,
        roles: built_in.chain(custom).collect(),
        form,
        error,
    })
}

/// `GET /{workspace}/members`.
pub(super) async fn list(State(app): State<App>, Member(scope): Member) -> Result<Response, Problem> {
    let form = InviteForm { role: Role::Member.as_str().to_owned(), ..InviteForm::default() };
    Ok(render(&page(&app, &scope, form, String::new()).await?))
}

/// `POST /{workspace}/members`: invites somebody by mail.
pub(super) async fn invite(
    State(app): State<App>,
    Member(scope): Member,
    Form(form): Form<InviteForm>,
) -> Result<Response, Problem> {
    let done = async {
        let email = EmailAddress::parse("email", &form.email)?;
        let unknown = || connect_core::FieldError::new("role", "unknown", "must be one of the list");
        let custom = || form.role.parse().ok().map(Offer::Custom);
        let offer = Role::parse(&form.role).map(Offer::Role).or_else(custom).ok_or_else(unknown)?;
        scope.may_offer(&app, offer).await?;
        Ok::<_, Problem>(app.auth().invite(&scope.access, email, offer).await?)
    };
    match done.await {
        Ok(_) => Ok(go(&app, &format!("/{}/members", scope.access.workspace().slug))),
        Err(problem) if problem.code == "step_up_required" => {
            Ok(step_up::lead(&app, &format!("/{}/members", scope.access.workspace().slug)))
        }
        Err(problem) => {
            let page = page(&app, &scope, form, sentence(&problem)).await?;
            Ok(render_with(problem.status, &page))
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PolicyForm {
    ask: String,
}

/// `POST /{workspace}/members/second-factor`: asks the team for a second factor, or no more.
pub(super) async fn ask_second_factor(
    State(app): State<App>,
    Member(scope): Member,
    Form(form): Form<PolicyForm>,
) -> Result<Response, Problem> {
    let here = format!("/{}/members", scope.access.workspace().slug);
    let done = async {
        scope.may_ask_second_factor(&app).await?;
        let patch = WorkspacePatch { require_second_factor: Some(form.ask == "yes"), ..WorkspacePatch::default() };
        Ok::<_, Problem>(app.desk().workspaces().update(&scope.access, patch).await?)
    };
    match done.await {
        Ok(_) => Ok(go(&app, &here)),
        Err(problem) => lead(&app, &here, problem),
    }
}
