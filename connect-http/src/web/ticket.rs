//! One ticket, as the team sees it.

use askama::Template;
use axum::extract::{Request, State};
use axum::response::Response;
use connect_core::event::Fact;
use connect_core::message::MessageKind;
use connect_core::ticket::{Category, Priority, ReplyOptions, StatusName, TicketPatch, TicketView, TimelineEntry};
use connect_core::{Action, Actor, Body, Error, LabelName, Limit, Page, Subject};
use serde::Deserialize;

use super::attachment::{FileLink, Kept, Posted, posted};
use super::form::{Form, filled, new_key, once};
use super::live::Live;
use super::outbox::{Waiting, back, waiting};
use super::page::{Member, Shell, go, is_team, render, render_with, sentence};
use super::time::When;
use crate::api::message::shape::People;
use crate::api::shape::{Fields, id};
use crate::app::App;
use crate::extract::{Params, Scope};
use crate::markdown;
use crate::problem::Problem;

/// Entries of a page of the timeline.
const ENTRIES: u64 = 50;

/// One entry as it is shown: a message with text, or a line that says what happened.
pub(super) struct Entry {
    pub(super) class: &'static str,
    pub(super) author: String,
    pub(super) when: When,
    pub(super) html: Option<String>,
    pub(super) line: String,
    pub(super) files: Vec<FileLink>,
}

/// A person who can be assigned, or a team a ticket can be moved to.
struct Choice {
    id: String,
    name: String,
}

/// What was typed and could not be taken.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) reply: String,
    pub(super) reply_files: Kept,
    pub(super) status: String,
    pub(super) error: String,
    pub(super) note: String,
    pub(super) note_files: Kept,
}

#[derive(Template)]
#[template(path = "ticket.html")]
pub(super) struct TicketPage {
    shell: Shell,
    slug: String,
    view: TicketView,
    live: Live,
    entries: Vec<Entry>,
    waiting: Vec<Waiting>,
    next: Option<String>,
    earlier: bool,
    members: Vec<Choice>,
    assignee: String,
    teams: Vec<Choice>,
    team: String,
    labels: String,
    categories: &'static [Category],
    priorities: &'static [Priority],
    may_reply: bool,
    may_update: bool,
    may_note: bool,
    draft: Draft,
    once: String,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    cursor: Option<String>,
}

/// What a fact says in a line.
fn line(fact: &Fact, people: &People) -> String {
    let name = |user: Option<connect_core::UserId>| {
        user.and_then(|user| people.name(Actor::User(user))).unwrap_or("nobody").to_owned()
    };
    match fact {
        Fact::TicketAssigned { to, .. } => format!("assigned it to {}", name(*to)),
        Fact::TicketMoved { to, .. } => {
            format!("moved it to {}", if to.is_some() { "another team" } else { "no team" })
        }
        Fact::TicketStatusChanged { from, to, .. } => format!("changed the status from {from} to {to}"),
        Fact::TicketPriorityChanged { from, to } => format!("changed the priority from {from} to {to}"),
        Fact::TicketSubjectChanged {} => "changed the subject".to_owned(),
        Fact::TicketLabelled { label } => format!("put on the label {label}"),
        Fact::TicketUnlabelled { label } => format!("took off the label {label}"),
        Fact::TicketOpened { .. } => "opened the ticket".to_owned(),
        Fact::TicketReplyHeld { .. } => "wrote an answer, to be sent a little later".to_owned(),
        Fact::TicketReplyWithdrawn { .. } => "took an answer back".to_owned(),
        Fact::TicketReplyRefused { author, .. } => format!("could not send an answer of {}", name(Some(*author))),
        _ => "changed the ticket".to_owned(),
    }
}

/// A page of a timeline as it is shown.
pub(super) async fn entries(app: &App, scope: &Scope, page: &Page<TimelineEntry>) -> Result<Vec<Entry>, Problem> {
    let mut actors = Vec::with_capacity(page.rows.len());
    for entry in &page.rows {
        actors.push(entry.event.actor);
        actors.extend(entry.message.as_ref().map(|message| message.author));
        if let Fact::TicketAssigned { to: Some(user), .. } | Fact::TicketReplyRefused { author: user, .. } =
            entry.event.fact
        {
            actors.push(Actor::User(user));
        }
    }
    let people = People::look_up(app, &scope.access, actors.into_iter()).await?;
    let now = app.desk().now();
    let shown = page.rows.iter().map(|entry| {
        let when = When::new(entry.event.at, now);
        let actor = people.name(entry.event.actor).unwrap_or("The desk").to_owned();
        match &entry.message {
            Some(message) => Entry {
                class: match (message.kind, message.author) {
                    (MessageKind::Note, _) => "note",
                    (MessageKind::Reply, Actor::Contact(_)) => "customer",
                    (MessageKind::Reply, _) => "team",
                },
                author: people.name(message.author).map_or(actor, str::to_owned),
                when,
                html: Some(markdown::html(message.body.as_str())),
                line: String::new(),
                files: message.attachments.iter().map(|file| FileLink::new(app, &scope.access, file)).collect(),
            },
            None => Entry {
                class: "event",
                author: actor,
                when,
                html: None,
                line: line(&entry.event.fact, &people),
                files: Vec::new(),
            },
        }
    });
    Ok(shown.collect())
}

/// The page of the ticket of the path.
pub(super) async fn page(
    app: &App,
    scope: &Scope,
    cursor: Option<String>,
    draft: Draft,
) -> Result<TicketPage, Problem> {
    let tickets = app.desk().tickets(&scope.access);
    let key = scope.ticket()?;
    let live = Live::of(app, scope, "tickets").await?;
    let view = tickets.get(key).await?;
    let limit = Limit::new(ENTRIES)?;
    // The newest entries first, unless a place was asked for.
    let start = match &cursor {
        Some(cursor) => Some(cursor.clone()),
        None => tickets.newest_page(key, limit).await?,
    };
    let timeline = tickets.timeline(key, start.as_deref(), limit).await?;
    let may = |action| app.desk().may(&scope.access, action);
    let (members, teams) = if may(Action::ReadMembers) {
        let teams = app.desk().teams(&scope.access).list(None, Limit::MAX).await?.rows;
        (app.desk().members(&scope.access).list(None, Limit::MAX).await?.rows, teams)
    } else {
        (Vec::new(), Vec::new())
    };
    let members = members.into_iter().filter(|(member, _)| member.role >= connect_core::Role::Member);
    let mut members: Vec<Choice> =
        members.map(|(m, user)| Choice { id: m.user.to_string(), name: user.name.to_string() }).collect();
    if let Some(assignee) = view.ticket.assignee
        && members.iter().all(|member| member.id != assignee.to_string())
    {
        // Whoever has the ticket is always a choice, or saving something else would take it away unseen.
        let name = app.desk().user(assignee).await?.map_or_else(|| assignee.to_string(), |user| user.name.to_string());
        members.push(Choice { id: assignee.to_string(), name });
    }
    let mut teams: Vec<Choice> =
        teams.into_iter().map(|team| Choice { id: team.id.to_string(), name: team.name.to_string() }).collect();
    let team = view.ticket.team.map(|id| id.to_string()).unwrap_or_default();
    if !team.is_empty() && teams.iter().all(|known| known.id != team) {
        teams.push(Choice { id: team.clone(), name: "a team that is no more".to_owned() });
    }
    Ok(TicketPage {
        shell: Shell::inside(app, format!("#{} {}", view.ticket.number, view.ticket.subject), scope),
        slug: scope.access.workspace().slug.to_string(),
        live,
        entries: entries(app, scope, &timeline).await?,
        waiting: waiting(app, scope).await?,
        next: timeline.next,
        earlier: start.is_some(),
        members,
        assignee: view.ticket.assignee.map(|id| id.to_string()).unwrap_or_default(),
        teams,
        team,
        labels: view.ticket.labels.iter().map(LabelName::as_str).collect::<Vec<_>>().join(", "),
        categories: Category::ALL,
        priorities: Priority::ALL,
        may_reply: may(Action::ReplyToTickets) && view.ticket.category != Category::Closed,
        may_update: may(Action::UpdateTickets),
        may_note: may(Action::WriteNotes),
        draft,
        once: new_key(app),
        view,
    })
}

/// `GET /{workspace}/tickets/{ticket}`.
pub(super) async fn show(
    State(app): State<App>,
    Member(scope): Member,
    Params(query): Params<Query>,
) -> Result<Response, Problem> {
    if !is_team(&scope.access) {
        let (slug, ticket) = (&scope.access.workspace().slug, scope.segment("ticket").unwrap_or_default());
        return Ok(go(&app, &format!("/{slug}/requests/{ticket}")));
    }
    Ok(render(&page(&app, &scope, query.cursor, Draft::default()).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TextForm {
    body: String,
    #[serde(default)]
    seen: String,
    #[serde(default)]
    once: String,
    #[serde(default)]
    status: String,
}

/// Back to the ticket, or the page again with what was typed and what is wrong.
async fn answered(app: &App, scope: &Scope, done: Result<(), Problem>, draft: Draft) -> Result<Response, Problem> {
    match done {
        Ok(()) => Ok(back(app, scope)),
        Err(problem) => {
            let draft = Draft { error: sentence(&problem), ..draft };
            Ok(render_with(problem.status, &page(app, scope, None, draft).await?))
        }
    }
}

/// `POST …/reply`: answers the customer.
pub(super) async fn reply(
    State(app): State<App>,
    Member(scope): Member,
    request: Request,
) -> Result<Response, Problem> {
    let posted: Posted<TextForm> = posted(&app, &scope.access, request).await?;
    let form = &posted.value;
    let done = async {
        posted.check()?;
        let mut fields = Fields::default();
        let body = fields.read(Body::parse("answer", &form.body));
        let last_seen = fields.read(filled(&form.seen).map(|text| id("seen", text)).transpose()).flatten();
        let status = fields.read(filled(&form.status).map(|text| StatusName::parse("status", text)).transpose());
        fields.finish()?;
        let Some(body) = body else { return Err(Problem::invalid(Vec::new())) };
        let access = scope.access.clone().once(once(&form.once, &["reply", &form.body, &form.status, &posted.said()]));
        let options = ReplyOptions { last_seen, status: status.flatten() };
        app.desk().tickets(&access).carrying(posted.ids()).answer(scope.ticket()?, body, options).await?;
        Ok(())
    };
    let done = done.await;
    answered(
        &app,
        &scope,
        done,
        Draft { reply: form.body.clone(), reply_files: posted.kept(), status: form.status.clone(), ..Draft::default() },
    )
    .await
}

/// `POST …/note`: writes for the team only.
pub(super) async fn note(State(app): State<App>, Member(scope): Member, request: Request) -> Result<Response, Problem> {
    let posted: Posted<TextForm> = posted(&app, &scope.access, request).await?;
    let form = &posted.value;
    let done = async {
        posted.check()?;
        let body = Body::parse("note", &form.body)?;
        let access = scope.access.clone().once(once(&form.once, &["note", &form.body, &posted.said()]));
        app.desk().tickets(&access).carrying(posted.ids()).note(scope.ticket()?, body).await?;
        Ok(())
    };
    let done = done.await;
    answered(&app, &scope, done, Draft { note: form.body.clone(), note_files: posted.kept(), ..Draft::default() }).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UpdateForm {
    subject: String,
    status: String,
    priority: String,
    assignee: String,
    team: Option<String>,
    labels: String,
    version: u64,
}

/// `POST …/update`: changes fields.
pub(super) async fn update(
    State(app): State<App>,
    Member(scope): Member,
    Form(form): Form<UpdateForm>,
) -> Result<Response, Problem> {
    let done = async {
        let mut fields = Fields::default();
        let texts = form.labels.split(',').filter_map(filled);
        let labels: Result<_, _> = texts.map(|text| LabelName::parse("labels", text)).collect();
        let assignee = filled(&form.assignee).map(|text| id("assignee", text)).transpose();
        let patch = TicketPatch {
            subject: fields.read(Subject::parse("subject", &form.subject)),
            status: fields.read(StatusName::parse("status", &form.status)),
            priority: fields.read(Priority::parse("priority", &form.priority)),
            assignee: fields.read(assignee),
            team: form
                .team
                .as_deref()
                .and_then(|text| fields.read(filled(text).map(|text| id("team", text)).transpose())),
            labels: fields.read(labels),
            seen: Some(connect_core::Version::new(form.version)),
            ..TicketPatch::default()
        };
        fields.finish()?;
        // Who has the ticket and keeps it is not judged anew.
        let present = app.desk().tickets(&scope.access).get(scope.ticket()?).await?.ticket;
        let patch = TicketPatch {
            assignee: patch.assignee.filter(|assignee| *assignee != present.assignee),
            team: patch.team.filter(|team| *team != present.team),
            ..patch
        };
        app.desk().tickets(&scope.access).update(scope.ticket()?, patch).await.map_err(|error| match error {
            connect_core::Error::VersionMismatch { .. } => Problem::new(
                http::StatusCode::PRECONDITION_FAILED,
                "version_mismatch",
                "somebody else has changed this ticket meanwhile; here it is as it is now",
            ),
            error => error.into(),
        })?;
        Ok(())
    };
    let done = done.await;
    if done.is_ok() && matches!(app.desk().tickets(&scope.access).get(scope.ticket()?).await, Err(Error::NotFound(_))) {
        // It was moved to where this member sees nothing.
        return Ok(go(&app, &format!("/{}/tickets", scope.access.workspace().slug)));
    }
    answered(&app, &scope, done, Draft::default()).await
}
