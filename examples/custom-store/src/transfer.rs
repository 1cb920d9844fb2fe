//! Rows on their way to and from another store.

use connect_core::delivery::Delivery;
use connect_core::event::Event;
use connect_core::store::{Counters, ExportList, Import, MovedRow, Part, StoredAnswer};
use connect_core::{CommitError, StoreError, WorkspaceId};
use connect_store::group::{AnswerRef, KeyRef};
use redb::WriteTransaction;
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::commit::{Holder, Kept, put_answer, put_event, put_message, put_record, put_ticket};
use crate::keys::{self, Span, Table, place};
use crate::transaction::{Reads, Writes};
use crate::{dispatch, read};

const fn table(part: Part) -> Table {
    match part {
        Part::Records => keys::RECORDS,
        Part::Tickets => keys::TICKETS,
        Part::Messages => keys::MESSAGES,
        Part::Events => keys::EVENTS,
        Part::Answers => keys::ANSWERS,
        Part::Deliveries => keys::DELIVERIES,
    }
}

pub(crate) fn export(from: &impl Reads, workspace: WorkspaceId, list: ExportList) -> Result<Vec<MovedRow>, StoreError> {
    match list.part {
        Part::Records => rows(from, workspace, list, |Kept { record, keys }| MovedRow::Record { record, keys }),
        Part::Tickets => rows(from, workspace, list, MovedRow::Ticket),
        Part::Messages => rows(from, workspace, list, MovedRow::Message),
        Part::Events => rows(from, workspace, list, MovedRow::Event),
        Part::Answers => rows(from, workspace, list, |(actor, key, answer): (String, String, StoredAnswer)| {
            MovedRow::Answer { actor, key, answer }
        }),
        Part::Deliveries => rows(from, workspace, list, MovedRow::Delivery),
    }
}

fn rows<T: DeserializeOwned>(
    from: &impl Reads,
    workspace: WorkspaceId,
    list: ExportList,
    moved: impl Fn(T) -> MovedRow,
) -> Result<Vec<MovedRow>, StoreError> {
    // The rest of a row's key is its place, as the port defines it.
    let span = Span::below(workspace).after(list.after.map(|after| place(workspace, after)));
    let found = from.list::<T>(table(list.part), &span, list.limit.get() + 1, |_| true)?;
    Ok(read::values(found).into_iter().map(moved).collect())
}

/// Writes rows with the keys and numbers they have. On an error the transaction must be given up.
pub(crate) fn import(to: &WriteTransaction, workspace: WorkspaceId, import: Import) -> Result<(), CommitError> {
    let Import { rows, counters } = import;
    let head = workspace.to_string();
    if to.get::<Counters>(keys::HEADS, &head)?.is_some() {
        return Err(CommitError::Conflict { what: head });
    }
    let exists = |table, at: &str| Ok::<_, StoreError>(to.get::<IgnoredAny>(table, at)?.is_some());
    let needed = |table, what: String| match exists(table, &place(workspace, &what)) {
        Ok(true) => Ok(()),
        Ok(false) => Err(CommitError::Missing { what }),
        Err(error) => Err(CommitError::Store(error)),
    };
    for row in rows {
        if exists(table(row.part()), &place(workspace, row.place()))? {
            continue;
        }
        match row {
            MovedRow::Record { record, keys: held } => {
                for key in &held {
                    let at = keys::key(&KeyRef::new(workspace, key.scope, &record.kind, &key.key));
                    if to.get::<Holder>(keys::KEYS, &at)?.is_some() {
                        return Err(CommitError::Taken { kind: record.kind, key: key.key.clone() });
                    }
                }
                put_record(to, workspace, &Kept { record, keys: held })?;
            }
            MovedRow::Ticket(ticket) => {
                needed(keys::RECORDS, ticket.contact.to_string())?;
                put_ticket(to, workspace, &ticket)?;
            }
            MovedRow::Message(message) => {
                needed(keys::TICKETS, message.ticket.to_string())?;
                put_message(to, workspace, &message)?;
            }
            MovedRow::Event(event) => put_event(to, &Event { workspace, ..event })?,
            MovedRow::Answer { actor, key, answer } => {
                put_answer(to, &AnswerRef { workspace, actor, key }, &answer)?;
            }
            MovedRow::Delivery(delivery) => {
                dispatch::put(to, workspace, &Delivery { workspace, ..delivery }, None)?;
            }
        }
    }
    if let Some(counters) = counters {
        to.put(keys::HEADS, &head, &counters)?;
    }
    Ok(())
}
