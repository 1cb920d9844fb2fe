//! Rows as the statements take them: column by column, or as JSON with the names of the columns.

use std::collections::BTreeSet;

use connect_core::delivery::{Delivery, DeliveryState};
use connect_core::event::{Event, Fact};
use connect_core::message::MessageKind;
use connect_core::{Committed, DeliveryId, LabelName, MessageId, TicketId, Version, WorkspaceId, search};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::group::{Head, MessageRow, Rows, TicketRow};
use crate::sql::{int, write_doc};

/// The index takes words of at most 2,046 bytes. Longer ones are found by their first 200.
const LONGEST_WORD: usize = 200;

/// One argument of `write_group`: a column of what every commit writes, or rows as JSON of what few do.
#[derive(Clone)]
pub(super) enum Argument {
    Texts(Vec<String>),
    MaybeTexts(Vec<Option<String>>),
    Ints(Vec<i64>),
    Json(Option<String>),
}

/// The arguments of `write_group`, in their order.
#[derive(Clone)]
pub(super) struct Arguments(pub(super) Vec<Argument>);

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
    answered: u32,
    read_at: Option<i64>,
    requeued_at: Option<i64>,
    requeued_attempts: Option<u32>,
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

/// The words of a text as the index keeps them, with spaces in between.
fn marked(workspace: WorkspaceId, kind: MessageKind, text: &str) -> String {
    let mark = mark(workspace, kind);
    let words: BTreeSet<String> = text.split_whitespace().map(|word| format!("{mark}{}", cut(word))).collect();
    words.into_iter().collect::<Vec<_>>().join(" ")
}

fn json<T: Serialize>(rows: impl IntoIterator<Item = T>) -> Result<Argument, sqlx::Error> {
    let rows: Vec<T> = rows.into_iter().collect();
    Ok(Argument::Json(if rows.is_empty() { None } else { Some(write_doc(&rows)?) }))
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
        let message_words = messages.iter().map(|MessageRow { workspace, message }| WordRow {
            workspace: *workspace,
            ticket: message.ticket,
            message: message.id.to_string(),
            words: marked(*workspace, message.kind, &search::indexed(message.body.as_str())),
        });
        let own_words = tickets.iter().filter(|row| import || row.is_new() || renamed(row)).map(|row| WordRow {
            workspace: row.workspace,
            ticket: row.ticket.id,
            message: String::new(),
            words: marked(row.workspace, MessageKind::Reply, &row.words()),
        });
        let words: Vec<WordRow> = message_words.chain(own_words).collect();
        let forgotten: Vec<_> =
            tickets.iter().filter(renamed).map(|row| (row.workspace, row.ticket.id.to_string())).collect();
        Ok(Self(vec![
            texts(heads, |(workspace, _)| workspace.to_string()),
            ints(heads, |(workspace, _)| int(seen(*workspace).last_seq)),
            ints(heads, |(_, head)| int(head.last_seq)),
            ints(heads, |(_, head)| int(head.last_number)),
            places(released)?,
            places(removed)?,
            json(records.iter().map(record).collect::<Result<Vec<_>, _>>()?)?,
            keys_where(false)?,
            keys_where(true)?,
            texts(tickets, |row| row.workspace.to_string()),
            texts(tickets, |row| row.ticket.id.to_string()),
            ints(tickets, |row| int(row.ticket.number)),
            texts(tickets, |row| row.ticket.contact.to_string()),
            ints(tickets, |row| int(row.ticket.version.get())),
            texts(tickets, |row| row.ticket.category.as_str().to_owned()),
            maybe_texts(tickets, |row| row.ticket.assignee.map(|user| user.to_string())),
            ints(tickets, |row| row.ticket.priority.rank()),
            ints(tickets, |row| row.ticket.created_at.as_micros()),
            ints(tickets, |row| row.ticket.updated_at.as_micros()),
            texts(tickets, labels),
            docs(tickets, |row| write_doc(&row.ticket))?,
            texts(messages, |row| row.workspace.to_string()),
            texts(messages, |row| row.message.id.to_string()),
            texts(messages, |row| row.message.ticket.to_string()),
            texts(messages, |row| row.message.kind.as_str().to_owned()),
            docs(messages, |row| write_doc(&row.message))?,
            places(&forgotten)?,
            texts(&words, |row| row.workspace.to_string()),
            texts(&words, |row| row.ticket.to_string()),
            texts(&words, |row| row.message.clone()),
            texts(&words, |row| row.words.clone()),
            texts(events, |event| event.workspace.to_string()),
            ints(events, |event| int(event.seq)),
            maybe_texts(events, |event| event.ticket.map(|ticket| ticket.to_string())),
            texts(events, |event| event.fact.name()),
            docs(events, |event| write_doc(&event.lasting()))?,
            origins(events)?,
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

/// The words of a message, or of a ticket's own fields.
struct WordRow {
    workspace: WorkspaceId,
    ticket: TicketId,
    message: String,
    words: String,
}

fn texts<R>(rows: &[R], column: impl Fn(&R) -> String) -> Argument {
    Argument::Texts(rows.iter().map(column).collect())
}

fn maybe_texts<R>(rows: &[R], column: impl Fn(&R) -> Option<String>) -> Argument {
    Argument::MaybeTexts(rows.iter().map(column).collect())
}

fn ints<R>(rows: &[R], column: impl Fn(&R) -> i64) -> Argument {
    Argument::Ints(rows.iter().map(column).collect())
}

fn docs<R>(rows: &[R], column: impl Fn(&R) -> Result<String, sqlx::Error>) -> Result<Argument, sqlx::Error> {
    Ok(Argument::Texts(rows.iter().map(column).collect::<Result<_, _>>()?))
}

/// Where events came from, as JSON; absent where that is not known.
fn origins(events: &[Event]) -> Result<Argument, sqlx::Error> {
    let origins = events.iter().map(|event| event.origin.as_ref().map(write_doc).transpose());
    Ok(Argument::MaybeTexts(origins.collect::<Result<_, _>>()?))
}

/// The labels of a ticket as the index keeps them, a line each; none for none.
fn labels(row: &TicketRow) -> String {
    let labels: Vec<String> = row.ticket.labels.iter().map(|label| marked_label(row.workspace, label)).collect();
    labels.join("\n")
}

fn record(row: &crate::group::RecordRow) -> Result<RecordColumns<'_>, sqlx::Error> {
    let record = &row.record;
    let doc = serde_json::from_str(&record.doc).map_err(|error| sqlx::Error::Encode(Box::new(error)))?;
    Ok(RecordColumns { workspace_id: row.workspace, id: &record.id, kind: &record.kind, version: record.version, doc })
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
            answered: delivery.answered,
            read_at: delivery.read_at.map(connect_core::Timestamp::as_micros),
            requeued_at: delivery.requeued.map(|requeued| requeued.at.as_micros()),
            requeued_attempts: delivery.requeued.map(|requeued| requeued.attempts),
            doc: delivery,
        })
        .collect();
    write_doc(&rows)
}
