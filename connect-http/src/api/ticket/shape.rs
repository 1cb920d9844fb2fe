//! A ticket as the API shows it.

use std::collections::BTreeSet;

use axum::Json;
use axum::response::{IntoResponse, Response};
use connect_core::contact::Contact;
use connect_core::ticket::{Category, Channel, Priority, StatusName, Ticket, TicketView};
use connect_core::{Actor, ContactId, LabelName, Name, Subject, TeamId, TicketId, UserId, Version};
use http::StatusCode;
use http::header::ETAG;
use serde::Serialize;
use serde_json::Value;

use crate::api::shape::Time;

#[derive(Serialize)]
struct ContactShape<'t> {
    id: ContactId,
    name: &'t Name,
    email: Option<&'t str>,
}

/// The shape, borrowed from the ticket.
#[derive(Serialize)]
pub(crate) struct Shape<'t> {
    id: TicketId,
    number: u64,
    subject: &'t Subject,
    status: &'t StatusName,
    category: Category,
    priority: Priority,
    assignee_id: Option<UserId>,
    team_id: Option<TeamId>,
    labels: &'t BTreeSet<LabelName>,
    channel: Channel,
    opened_by: Actor,
    contact: ContactShape<'t>,
    version: Version,
    created_at: Time,
    updated_at: Time,
    first_reply_at: Option<Time>,
    last_customer_message_at: Option<Time>,
    last_agent_message_at: Option<Time>,
    waiting_since: Option<Time>,
    resolved_at: Option<Time>,
    closed_at: Option<Time>,
}

impl<'t> Shape<'t> {
    pub(crate) fn new(ticket: &'t Ticket, contact: &'t Contact) -> Self {
        Self {
            id: ticket.id,
            number: ticket.number,
            subject: &ticket.subject,
            status: &ticket.status,
            category: ticket.category,
            priority: ticket.priority,
            assignee_id: ticket.assignee,
            team_id: ticket.team,
            labels: &ticket.labels,
            channel: ticket.channel,
            opened_by: ticket.opened_by,
            contact: ContactShape {
                id: contact.id,
                name: &contact.name,
                email: contact.email.as_ref().map(connect_core::EmailAddress::as_str),
            },
            version: ticket.version,
            created_at: Time(ticket.created_at),
            updated_at: Time(ticket.updated_at),
            first_reply_at: ticket.first_reply_at.map(Time),
            last_customer_message_at: ticket.last_customer_at.map(Time),
            last_agent_message_at: ticket.last_agent_at.map(Time),
            waiting_since: ticket.waiting_since.map(Time),
            resolved_at: ticket.resolved_at.map(Time),
            closed_at: ticket.closed_at.map(Time),
        }
    }
}

/// One ticket as a response, with its version as the ETag.
pub(super) fn response(status: StatusCode, view: &TicketView) -> Response {
    let etag = format!("\"{}\"", view.ticket.version);
    (status, [(ETAG, etag)], Json(Shape::new(&view.ticket, &view.contact))).into_response()
}

/// A ticket without its contact's name and address, for a problem that tells the present state.
pub(crate) fn bare(ticket: &Ticket) -> Value {
    serde_json::json!({
        "id": ticket.id, "number": ticket.number, "subject": ticket.subject, "status": ticket.status,
        "category": ticket.category, "priority": ticket.priority, "assignee_id": ticket.assignee,
        "team_id": ticket.team, "labels": ticket.labels, "contact": {"id": ticket.contact},
        "version": ticket.version, "updated_at": Time(ticket.updated_at),
    })
}
