//! What of the journal is asked for.

use connect_core::audit::{AuditFilter, AuditList};
use connect_core::store::TicketKey;
use connect_core::{Actor, FieldError, Limit, Timestamp};
use serde::Deserialize;

use crate::api::shape::{Fields, limit};
use crate::app::App;
use crate::extract::Scope;
use crate::problem::Problem;

/// The query of the list, and of the page.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Query {
    pub(crate) actor: Option<String>,
    pub(crate) r#type: Option<String>,
    pub(crate) ticket: Option<String>,
    pub(crate) after: Option<String>,
    pub(crate) before: Option<String>,
    pub(crate) order: Option<String>,
    pub(crate) cursor: Option<String>,
    pub(crate) limit: Option<u64>,
    pub(crate) format: Option<String>,
}

fn bad(field: &str, detail: &str) -> FieldError {
    FieldError::new(field, "bad_value", detail)
}

/// A field that is empty counts as left out: forms send all they have.
fn said(value: Option<&String>) -> Option<&str> {
    value.map(|text| text.trim()).filter(|text| !text.is_empty())
}

fn time(field: &str, value: Option<&String>) -> Result<Option<Timestamp>, FieldError> {
    let unread = || bad(field, "must be a time such as 2026-01-31T12:00:00Z, or a day");
    said(value).map(|text| Timestamp::parse(text).ok_or_else(unread)).transpose()
}

impl Query {
    /// The list that is asked for. Every field that is wrong is told.
    pub(crate) async fn list(&self, app: &App, scope: &Scope) -> Result<AuditList, Problem> {
        let mut fields = Fields::default();
        let actor = said(self.actor.as_ref()).map(|text| match text {
            "me" => Ok(scope.access.actor()),
            text => text
                .parse::<Actor>()
                .map_err(|_| bad("actor", "must be me, host, system, or the id of a user or contact")),
        });
        let actor = fields.read(actor.transpose()).flatten();
        let is_type = |text: &str| {
            text.len() <= 64
                && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'.')
        };
        let kind = said(self.r#type.as_ref()).map(|text| {
            let unread = || bad("type", "must be a type such as member.added, or its beginning with the dot: member.");
            is_type(text).then(|| text.to_owned()).ok_or_else(unread)
        });
        let kind = fields.read(kind.transpose()).flatten();
        let after = fields.read(time("after", self.after.as_ref())).flatten();
        let before = fields.read(time("before", self.before.as_ref())).flatten();
        let order = match said(self.order.as_ref()) {
            None | Some("newest") => Ok(true),
            Some("oldest") => Ok(false),
            Some(_) => Err(bad("order", "must be newest or oldest")),
        };
        let newest_first = fields.read(order).unwrap_or(true);
        fields.finish()?;
        let ticket = match said(self.ticket.as_ref()) {
            Some(text) => Some(app.desk().audit(&scope.access).ticket(key(text)?).await?),
            None => None,
        };
        let limit = limit(self.limit)?;
        Ok(AuditList { filter: AuditFilter { actor, kind, ticket, after, before }, newest_first, limit })
    }

    /// The same list in pages as long as they may be.
    pub(crate) fn in_long_pages(list: AuditList) -> AuditList {
        AuditList { limit: Limit::MAX, ..list }
    }
}

/// A ticket by id or by number.
fn key(text: &str) -> Result<TicketKey, Problem> {
    let number = text.trim_start_matches('#');
    let by_number =
        || number.parse().ok().filter(|_| number.bytes().all(|b| b.is_ascii_digit())).map(TicketKey::Number);
    let key = text.parse().ok().map(TicketKey::Id).or_else(by_number);
    key.ok_or_else(|| connect_core::Error::NotFound("ticket").into())
}
