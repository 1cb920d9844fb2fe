use axum::extract::State;
use axum::response::Response;
use connect_core::ticket::{Priority, StatusName, TicketPatch};
use connect_core::{Subject, Version};
use http::StatusCode;
use serde::Deserialize;

use super::open::labels;
use super::shape::response;
use crate::api::shape::{Fields, given, id};
use crate::app::App;
use crate::extract::{Command, Scope};
use crate::problem::Problem;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(clippy::option_option)]
pub(crate) struct Body {
    subject: Option<String>,
    status: Option<String>,
    #[serde(default, deserialize_with = "given")]
    priority: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    assignee_id: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    team_id: Option<Option<String>>,
    labels: Option<Vec<String>>,
    version: Option<u64>,
}

/// `PATCH …/tickets/{ticket}`: `null` clears. `If-Match`, or `version` in the body, names the version seen.
pub(crate) async fn handle(State(app): State<App>, scope: Scope, command: Command<Body>) -> Result<Response, Problem> {
    let value = command.value;
    let mut fields = Fields::default();
    let read_priority =
        |text: Option<String>| text.map_or(Ok(Priority::None), |text| Priority::parse("priority", &text));
    let patch = TicketPatch {
        subject: value.subject.and_then(|text| fields.read(Subject::parse("subject", &text))),
        status: value.status.and_then(|text| fields.read(StatusName::parse("status", &text))),
        priority: value.priority.and_then(|text| fields.read(read_priority(text))),
        assignee: value.assignee_id.and_then(|text| fields.read(text.map(|text| id("assignee_id", &text)).transpose())),
        team: value.team_id.and_then(|text| fields.read(text.map(|text| id("team_id", &text)).transpose())),
        labels: value.labels.and_then(|texts| fields.read(labels("labels", &texts))),
        seen: command.seen.or(value.version.map(Version::new)),
        ..TicketPatch::default()
    };
    fields.finish()?;
    let ticket = scope.ticket()?;
    let view = app.desk().tickets(&scope.access.once(command.key)).update(ticket, patch).await?;
    Ok(response(StatusCode::OK, &view))
}
