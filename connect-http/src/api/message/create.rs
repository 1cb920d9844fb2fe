use axum::Json;
use axum::extract::State;
use connect_core::Body as Text;
use connect_core::message::MessageKind;
use connect_core::ticket::{ReplyOptions, StatusName};
use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use super::shape::shapes;
use crate::api::attachment::shape::ids;
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

/// `POST …/tickets/{ticket}/messages`: a public reply, or an internal note.
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
    let (_, message) = match kind {
        MessageKind::Reply => tickets.reply(ticket, body, ReplyOptions { last_seen, status }).await?,
        MessageKind::Note => tickets.note(ticket, body).await?,
    };
    let shape = shapes(&app, &access, &[message]).await?.pop().unwrap_or_default();
    Ok((StatusCode::CREATED, Json(shape)))
}
