//! Answers that wait, on the page of their ticket.

use axum::extract::State;
use axum::response::Response;
use connect_core::outbox::HeldReply;
use connect_core::{Action, Actor, Error, HeldReplyId};
use http::StatusCode;
use serde::Deserialize;

use super::attachment::Kept;
use super::form::Form;
use super::page::{Member, go, render, render_with, sentence};
use super::ticket::{Draft, page};
use crate::api::message::shape::People;
use crate::app::App;
use crate::extract::Scope;
use crate::markdown;
use crate::problem::Problem;

/// How long an answer may be on its way before it is shown as late.
const LATE: std::time::Duration = std::time::Duration::from_secs(60);

/// An answer that waits, as it is shown.
pub(super) struct Waiting {
    pub(super) id: String,
    pub(super) author: String,
    pub(super) html: String,
    pub(super) files: Vec<String>,
    pub(super) when: String,
    pub(super) is_own: bool,
    pub(super) may_stop: bool,
}

/// What waits on the ticket of the path, for whoever may see that.
pub(super) async fn waiting(app: &App, scope: &Scope) -> Result<Vec<Waiting>, Problem> {
    let held = match app.desk().tickets(&scope.access).held(scope.ticket()?).await {
        Ok(held) => held,
        Err(Error::Forbidden(_)) => Vec::new(),
        // The rest of the ticket can be read all the same.
        Err(Error::Internal(cause)) => {
            tracing::error!(%cause, "what waits on a ticket does not read");
            Vec::new()
        }
        Err(error) => return Err(error.into()),
    };
    let may_manage = app.desk().may(&scope.access, Action::ManageMembers);
    let people = People::look_up(app, &scope.access, held.iter().map(|one| Actor::User(one.author))).await?;
    let now = app.desk().now();
    let shown = held.iter().map(|one| Waiting {
        id: one.id.to_string(),
        author: people.name(Actor::User(one.author)).unwrap_or("Somebody").to_owned(),
        html: markdown::html(one.body.as_str()),
        files: one.attachments.iter().map(|file| file.name.to_string()).collect(),
        when: match (&one.refused, one.send_at.since(now).as_secs()) {
            (Some(why), _) => format!("could not be sent: {why}"),
            (None, 0) if now.since(one.send_at) > LATE => "was to be sent, and has not been".to_owned(),
            (None, 0) => "is being sent".to_owned(),
            (None, seconds) => format!("will be sent in {seconds} s"),
        },
        is_own: scope.access.user() == Some(one.author),
        may_stop: may_manage || scope.access.user() == Some(one.author),
    });
    Ok(shown.collect())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

/// What is told where an answer does not wait any more.
fn too_late(error: Error) -> Problem {
    match error {
        Error::NotFound("waiting answer") => {
            Problem::new(StatusCode::CONFLICT, "already_sent", "it does not wait any more: it was sent, or taken back")
        }
        error => error.into(),
    }
}

/// `POST …/outbox/{held}/undo`: takes it back; its text is in the form again.
pub(super) async fn undo(
    State(app): State<App>,
    Member(scope): Member,
    Form(Nothing {}): Form<Nothing>,
) -> Result<Response, Problem> {
    let (ticket, id) = (scope.ticket()?, scope.id::<HeldReplyId>("held", "waiting answer")?);
    let tickets = app.desk().tickets(&scope.access);
    let done = tickets.withdraw(ticket, id).await;
    if matches!(done, Ok(()) | Err(Error::NotFound(_))) {
        // Pressed twice, it has been taken back already, and its text is to be in the form again.
        match tickets.taken_back(ticket, id).await {
            Ok(held) => return Ok(render(&page(&app, &scope, None, draft(held)).await?)),
            Err(Error::NotFound(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    match done.map_err(too_late) {
        Ok(()) => Ok(back(&app, &scope)),
        Err(problem) => again(&app, &scope, problem).await,
    }
}

/// `POST …/outbox/{held}/send`: sends it at once.
pub(super) async fn send(
    State(app): State<App>,
    Member(scope): Member,
    Form(Nothing {}): Form<Nothing>,
) -> Result<Response, Problem> {
    let (ticket, id) = (scope.ticket()?, scope.id::<HeldReplyId>("held", "waiting answer")?);
    match app.desk().tickets(&scope.access).send_now(ticket, id).await.map_err(too_late) {
        Ok(_) => Ok(back(&app, &scope)),
        Err(problem) => again(&app, &scope, problem).await,
    }
}

fn draft(held: HeldReply) -> Draft {
    let ids: Vec<String> = held.attachments.iter().map(|file| file.id.to_string()).collect();
    let names = held.attachments.iter().map(|file| file.name.to_string()).collect();
    Draft {
        reply: held.body.as_str().to_owned(),
        reply_files: Kept { ids: ids.join(" "), names },
        status: held.status.map(|(status, _)| status.to_string()).unwrap_or_default(),
        ..Draft::default()
    }
}

/// To the ticket of the path, at its end.
pub(super) fn back(app: &App, scope: &Scope) -> Response {
    let (slug, ticket) = (&scope.access.workspace().slug, scope.segment("ticket").unwrap_or_default());
    go(app, &format!("/{slug}/tickets/{ticket}#end"))
}

async fn again(app: &App, scope: &Scope, problem: Problem) -> Result<Response, Problem> {
    let draft = Draft { error: sentence(&problem), ..Draft::default() };
    Ok(render_with(problem.status, &page(app, scope, None, draft).await?))
}
