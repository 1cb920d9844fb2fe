//! Rows as the statements take them: JSON with the names of the columns.

use std::collections::BTreeSet;

use connect_core::delivery::{Delivery, DeliveryState};
use connect_core::event::{Event, Fact};
use connect_core::message::{Message, MessageKind};
use connect_core::ticket::{Category, Ticket};
use connect_core::{
    Committed, ContactId, DeliveryId, LabelName, MessageId, TicketId, UserId, Version, WorkspaceId, search,
};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::group::{Head, Rows, TicketRow};
use crate::sql::{int, write_doc};

/// The index takes words of at most 2,046 bytes. Longer ones are found by their first 200.
const LONGEST_WORD: usize = 200;

/// The arguments of `write_group`, in their order; absent where there is nothing to write.
pub(super) struct Arguments(pub(super) [Option<String>; 12]);

#[derive(Serialize)]
struct HeadColumns {
    workspace_id: WorkspaceId,
    seen: i64,
    last_seq: i64,
    last_number: i64,
}

#[derive(Serialize)]
struct PlaceColumns<'r> {
    workspace_id: WorkspaceId,
    id: &'r str,
}

#[derive(Serialize)]
struct RecordColumns<'r> {
    workspace_id: WorkspaceId,
    id: &'r str,
    kind: &'r str,
    version: Version,
    doc: &'r RawValue,
}

#[derive(Serialize)]
struct KeyColumns<'r> {
    workspace_id: WorkspaceId,
    kind: &'r str,
    key: &'r str,
    record_id: &'r str,
}

#[derive(Serialize)]
struct TicketColumns<'r> {
    workspace_id: WorkspaceId,
    id: TicketId,
    number: u64,
    contact_id: ContactId,
    version: Version,
    category: Category,
    assignee_id: Option<UserId>,
    priority: i64,
    created_at: i64,
    updated_at: i64,
    labels: Vec<String>,
    doc: &'r Ticket,
}

#[derive(Serialize)]
struct MessageColumns<'r> {
    workspace_id: WorkspaceId,
    id: MessageId,
    ticket_id: TicketId,
    kind: MessageKind,
    doc: &'r Message,
}

#[derive(Serialize)]
struct WordColumns {
    workspace_id: WorkspaceId,
    ticket_id: TicketId,
    message_id: String,
    words: BTreeSet<String>,
}

#[derive(Serialize)]
struct EventColumns<'r> {
    workspace_id: WorkspaceId,
    seq: u64,
    ticket_id: Option<TicketId>,
    r#type: String,
    doc: &'r Event,
}

#[derive(Serialize)]
struct AnswerColumns<'r> {
    workspace_id: WorkspaceId,
    actor: &'r str,
    key: &'r str,
    request_hash: &'r str,
    committed: &'r Committed,
    expires_at: i64,
}

#[derive(Serialize)]
struct DeliveryColumns<'r> {
    id: DeliveryId,
    unique_key: String,
    message_id: Option<MessageId>,
    state: DeliveryState,
    attempts: u32,
    due_at: i64,
    detail: &'r Option<String>,
    settled_at: Option<i64>,
    doc: &'r Delivery,
}

/// What a word is bound to: the workspace, by the random end of its id, and who may find it.
pub(super) fn mark(workspace: WorkspaceId, kind: MessageKind) -> String {
    let id = workspace.to_string();
    let end = id.get(id.len().saturating_sub(10)..).unwrap_or_default();
    format!("{end}{}", if kind == MessageKind::Reply { 'r' } else { 'n' })
}

/// A label as the index keeps it: bound to its workspace, so that a rare label of one tenant is not looked
/// for among those of all.
pub(super) fn marked_label(workspace: WorkspaceId, label: &LabelName) -> String {
    format!("{}{}", mark(workspace, MessageKind::Reply), label.as_str())
}

/// A word as the index keeps it.
pub(super) fn cut(word: &str) -> &str {
    let ends = word.char_indices().map(|(at, c)| at + c.len_utf8());
    ends.take_while(|end| *end <= LONGEST_WORD).last().map_or("", |end| &word[..end])
}

fn marked(workspace: WorkspaceId, kind: MessageKind, text: &str) -> BTreeSet<String> {
    let mark = mark(workspace, kind);
    text.split_whitespace().map(|word| format!("{mark}{}", cut(word))).collect()
}

fn json<T: Serialize>(rows: impl IntoIterator<Item = T>) -> Result<Option<String>, sqlx::Error> {
    let rows: Vec<T> = rows.into_iter().collect();
    if rows.is_empty() { Ok(None) } else { write_doc(&rows).map(Some) }
}

impl Arguments {
    /// The rows of a group; `seen` says where each head stood when the group was judged. Of an import all
    /// tickets are new to the index.
    pub(super) fn of(rows: &Rows, seen: impl Fn(WorkspaceId) -> Head, import: bool) -> Result<Self, sqlx::Error> {
        let Rows { heads, released, removed, records, keys, tickets, messages, events, answers } = rows;
        let renamed = |row: &&TicketRow| {
            let is_told = |event: &Event| {
                event.workspace == row.workspace
                    && event.ticket == Some(row.ticket.id)
                    && event.fact == Fact::TicketSubjectChanged {}
            };
            !import && !row.is_new() && events.iter().any(is_told)
        };
        let place = |(workspace_id, id): &'_ (WorkspaceId, String)| (*workspace_id, id.clone());
        let places = |list: &[(WorkspaceId, String)]| {
            let places: Vec<_> = list.iter().map(place).collect();
            json(places.iter().map(|(workspace_id, id)| PlaceColumns { workspace_id: *workspace_id, id }))
        };
        let keys_where = |everywhere: bool| {
            json(keys.iter().filter(|row| row.key.scope.is_empty() == everywhere).map(|row| KeyColumns {
                workspace_id: row.workspace,
                kind: &row.key.kind,
                key: &row.key.key,
                record_id: &row.record,
            }))
        };
        let message_words = messages.iter().map(|row| WordColumns {
            workspace_id: row.workspace,
            ticket_id: row.message.ticket,
            message_id: row.message.id.to_string(),
            words: marked(row.workspace, row.message.kind, &search::indexed(row.message.body.as_str())),
        });
        let own_words = tickets.iter().filter(|row| import || row.is_new() || renamed(row)).map(|row| WordColumns {
            workspace_id: row.workspace,
            ticket_id: row.ticket.id,
            message_id: String::new(),
            words: marked(row.workspace, MessageKind::Reply, &row.words()),
        });
        let forgotten: Vec<_> =
            tickets.iter().filter(renamed).map(|row| (row.workspace, row.ticket.id.to_string())).collect();
        Ok(Self([
            json(heads.iter().map(|(workspace_id, head)| HeadColumns {
                workspace_id: *workspace_id,
                seen: int(seen(*workspace_id).last_seq),
                last_seq: int(head.last_seq),
                last_number: int(head.last_number),
            }))?,
            places(released)?,
            places(removed)?,
            json(records.iter().map(record).collect::<Result<Vec<_>, _>>()?)?,
            keys_where(false)?,
            keys_where(true)?,
            json(tickets.iter().map(ticket))?,
            json(messages.iter().map(|row| MessageColumns {
                workspace_id: row.workspace,
                id: row.message.id,
                ticket_id: row.message.ticket,
                kind: row.message.kind,
                doc: &row.message,
            }))?,
            places(&forgotten)?,
            json(message_words.chain(own_words))?,
            json(events.iter().map(|event| EventColumns {
                workspace_id: event.workspace,
                seq: event.seq,
                ticket_id: event.ticket,
                r#type: event.fact.name(),
                doc: event,
            }))?,
            json(answers.iter().map(|row| AnswerColumns {
                workspace_id: row.key.workspace,
                actor: &row.key.actor,
                key: &row.key.key,
                request_hash: &row.answer.request_hash,
                committed: &row.answer.committed,
                expires_at: row.answer.expires_at.as_micros(),
            }))?,
        ]))
    }
}

fn record(row: &crate::group::RecordRow) -> Result<RecordColumns<'_>, sqlx::Error> {
    let record = &row.record;
    let doc = serde_json::from_str(&record.doc).map_err(|error| sqlx::Error::Encode(Box::new(error)))?;
    Ok(RecordColumns { workspace_id: row.workspace, id: &record.id, kind: &record.kind, version: record.version, doc })
}

fn ticket(row: &TicketRow) -> TicketColumns<'_> {
    let ticket = &row.ticket;
    TicketColumns {
        workspace_id: row.workspace,
        id: ticket.id,
        number: ticket.number,
        contact_id: ticket.contact,
        version: ticket.version,
        category: ticket.category,
        assignee_id: ticket.assignee,
        priority: ticket.priority.rank(),
        created_at: ticket.created_at.as_micros(),
        updated_at: ticket.updated_at.as_micros(),
        labels: ticket.labels.iter().map(|label| marked_label(row.workspace, label)).collect(),
        doc: ticket,
    }
}

/// Deliveries as `route` and `import_deliveries` take them.
pub(super) fn deliveries(list: &[Delivery]) -> Result<String, sqlx::Error> {
    let rows: Vec<_> = list
        .iter()
        .map(|delivery| DeliveryColumns {
            id: delivery.id,
            unique_key: delivery.unique_key(),
            message_id: delivery.message,
            state: delivery.state,
            attempts: delivery.attempts,
            due_at: delivery.due_at.as_micros(),
            detail: &delivery.detail,
            settled_at: delivery.settled_at.map(connect_core::Timestamp::as_micros),
            doc: delivery,
        })
        .collect();
    write_doc(&rows)
}
