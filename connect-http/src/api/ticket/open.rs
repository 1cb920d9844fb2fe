use std::collections::BTreeSet;

use axum::extract::State;
use axum::response::Response;
use connect_core::ticket::{Channel, ContactRef, NewTicket, Priority};
use connect_core::{Body as Text, EmailAddress, FieldError, LabelName, Name, Subject};
use http::StatusCode;
use serde::Deserialize;

use super::shape::response;
use crate::api::attachment::shape::ids;
use crate::api::shape::{Fields, id};
use crate::app::App;
use crate::extract::{Command, Scope};
use crate::problem::Problem;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body {
    subject: String,
    body: String,
    contact: Option<ContactBody>,
    priority: Option<String>,
    #[serde(default)]
    labels: Vec<String>,
    assignee_id: Option<String>,
    team_id: Option<String>,
    #[serde(default)]
    attachment_ids: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ContactBody {
    id: Option<String>,
    email: Option<String>,
    name: Option<String>,
}

fn contact(body: Option<ContactBody>) -> Result<ContactRef, FieldError> {
    let Some(ContactBody { id: given, email, name }) = body else { return Ok(ContactRef::Myself) };
    match (given, email) {
        (Some(text), None) => id("contact.id", &text).map(ContactRef::Id),
        (None, Some(email)) => Ok(ContactRef::Address {
            email: EmailAddress::parse("contact.email", &email)?,
            name: name.map(|name| Name::parse("contact.name", &name)).transpose()?,
        }),
        _ => Err(FieldError::new("contact", "ambiguous", "must have either an id or an email")),
    }
}

pub(crate) fn labels(field: &str, texts: &[String]) -> Result<BTreeSet<LabelName>, FieldError> {
    texts.iter().enumerate().map(|(place, text)| LabelName::parse(&format!("{field}[{place}]"), text)).collect()
}

/// `POST …/tickets`: opens one, for a contact or, by a customer, for themselves.
pub(crate) async fn handle(State(app): State<App>, scope: Scope, command: Command<Body>) -> Result<Response, Problem> {
    let value = command.value;
    let mut fields = Fields::default();
    let subject = fields.read(Subject::parse("subject", &value.subject));
    let body = fields.read(Text::parse("body", &value.body));
    let contact = fields.read(contact(value.contact));
    let priority = value.priority.map_or(Ok(Priority::None), |text| Priority::parse("priority", &text));
    let priority = fields.read(priority);
    let labels = fields.read(labels("labels", &value.labels));
    let assignee = fields.read(value.assignee_id.map(|text| id("assignee_id", &text)).transpose());
    let team = fields.read(value.team_id.map(|text| id("team_id", &text)).transpose());
    let attachments = fields.read(ids(&value.attachment_ids)).unwrap_or_default();
    fields.finish()?;
    let (Some(subject), Some(body), Some(contact), Some(priority), Some(labels), Some(assignee), Some(team)) =
        (subject, body, contact, priority, labels, assignee, team)
    else {
        return Err(Problem::invalid(Vec::new()));
    };
    let new = NewTicket { subject, body, contact, priority, labels, assignee, team, channel: Channel::Api };
    let view = app.desk().tickets(&scope.access.once(command.key)).carrying(attachments).open(new).await?;
    Ok(response(StatusCode::CREATED, &view))
}
