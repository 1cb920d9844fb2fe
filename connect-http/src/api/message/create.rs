use axum::Json;
use axum::extract::State;
use connect_core::message::MessageKind;
use connect_core::outbox::Answer;
use connect_core::ticket::{ReplyOptions, StatusName};
use connect_core::{Access, Body as Text};
use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use super::shape::shapes;
use crate::api::attachment::shape::ids;
use crate::api::outbox;
use crate::api::shape::{Fields, id};
use crate::app::App;
use crate::extract::{Command, Scope};
use crate::problem::Problem;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body {
    kind: MessageKind,
    body: String,
    last_seen_message_id: Option<String>,
    status: Option<String>,
    #[serde(default)]
    attachment_ids: Vec<String>,
}

/// `POST …/tickets/{ticket}/messages`: a public reply, or an internal note. Where the workspace lets answers wait, a
/// reply of a person of the team stands in the outbox of the ticket first.
pub(crate) async fn handle(
    State(app): State<App>,
    scope: Scope,
    command: Command<Body>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let Body { kind, body, last_seen_message_id, status, attachment_ids } = command.value;
    let mut fields = Fields::default();
    let body = fields.read(Text::parse("body", &body));
    let last_seen = last_seen_message_id.and_then(|text| fields.read(id("last_seen_message_id", &text)));
    let status = status.and_then(|text| fields.read(StatusName::parse("status", &text)));
    let attachments = fields.read(ids(&attachment_ids)).unwrap_or_default();
    fields.finish()?;
    let Some(body) = body else { return Err(Problem::invalid(Vec::new())) };
    let ticket = scope.ticket()?;
    let access = scope.access.once(command.key);
    let tickets = app.desk().tickets(&access).carrying(attachments);
    let answer = match kind {
        MessageKind::Reply => tickets.answer(ticket, body, ReplyOptions { last_seen, status }).await?,
        MessageKind::Note => {
            let (view, message) = tickets.note(ticket, body).await?;
            Answer::Sent(Box::new(view), Box::new(message))
        }
    };
    Ok((StatusCode::CREATED, Json(answered(&app, &access, answer).await?)))
}

/// The message, or the answer that waits to become one.
pub(crate) async fn answered(app: &App, access: &Access, answer: Answer) -> Result<Value, Problem> {
    let mut shapes = match answer {
        Answer::Sent(_, message) => shapes(app, access, &[*message]).await?,
        Answer::Held(held) => outbox::shapes(app, access, &[*held]).await?,
    };
    Ok(shapes.pop().unwrap_or_default())
}
