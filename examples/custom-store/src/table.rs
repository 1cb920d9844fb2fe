//! Tables of documents, and the texts that their keys are made of. What the adapter knows of redb.
//!
//! Every key of a tenant's row begins with the text of its workspace's id, so no read leaves its workspace by
//! mistake. Parts are joined by a line break; only the last part may hold one itself. Bytewise order is then
//! the order of ids and numbers.

use std::fmt::Display;
use std::marker::PhantomData;

use connect_core::store::{Challenge, Counters, Flow, MovedRow, Part, Session};
use connect_core::{StoreError, TicketId, Timestamp, WorkspaceId};
use connect_store::auth_rules::Spent;
use connect_store::group::Document;
use redb::{ReadTransaction, ReadableTable, TableDefinition, WriteTransaction};
use serde::{Serialize, de::DeserializeOwned};

use crate::Result;

type Definition = TableDefinition<'static, &'static str, &'static [u8]>;

/// A table of documents of one type, kept as JSON.
pub(crate) struct Table<T>(Definition, PhantomData<fn() -> T>);

macro_rules! tables {
    ($($name:ident: $row:ty;)+) => {
        $(pub(crate) const $name: Table<$row> = Table(Definition::new(stringify!($name)), PhantomData);)+

        /// All of them: made when a file is opened, so that a reader finds each.
        pub(crate) const ALL: &[Definition] = &[$($name.0),+];
    };
}

tables! {
    HEADS: (WorkspaceId, Counters);   // workspace
    ROWS: MovedRow;                   // workspace, part, place: what is stored of workspaces, as it would move
    CHALLENGES: Challenge;            // id
    SESSIONS: Session;                // id
    BUDGETS: Spent;                   // account
    FLOWS: Flow;                      // hash of the id
    INDEX: String;                    // workspace, part, another name of a row → where the row stands
    // Indexes over all tenants.
    KEYS: (WorkspaceId, String);      // kind, key as JSON, scope → the record that holds the key
    DUE: (Timestamp, String);         // when, workspace, id → when, and the delivery that is queued
}

/// What went wrong below, as the port says it.
pub(crate) fn failed(error: impl Into<redb::Error>) -> StoreError {
    match error.into() {
        redb::Error::Corrupted(what) => StoreError::Corrupt(what),
        error => StoreError::unavailable(error.to_string()),
    }
}

fn parse<T: DeserializeOwned>(row: &[u8]) -> Result<T> {
    serde_json::from_slice(row).map_err(|error| StoreError::Corrupt(error.to_string()))
}

/// A transaction. Both kinds see one state throughout; in one that writes, a table may be open only once.
pub(crate) trait Reads {
    fn open(&self, table: Definition) -> Result<impl ReadableTable<&'static str, &'static [u8]>>;
}

impl Reads for ReadTransaction {
    fn open(&self, table: Definition) -> Result<impl ReadableTable<&'static str, &'static [u8]>> {
        self.open_table(table).map_err(failed)
    }
}

impl Reads for WriteTransaction {
    fn open(&self, table: Definition) -> Result<impl ReadableTable<&'static str, &'static [u8]>> {
        self.open_table(table).map_err(failed)
    }
}

impl<T: Serialize + DeserializeOwned> Table<T> {
    pub(crate) fn get(&self, from: &impl Reads, key: impl Display) -> Result<Option<T>> {
        let table = from.open(self.0)?;
        let found = table.get(key.to_string().as_str()).map_err(failed)?;
        found.map(|row| parse(row.value())).transpose()
    }

    /// Hands over the rows below a prefix and after the rest of a key, in their order, each read when it is
    /// asked for.
    pub(crate) fn walk<R>(
        &self,
        from: &impl Reads,
        prefix: &str,
        after: Option<String>,
        pick: impl FnOnce(&mut dyn DoubleEndedIterator<Item = Result<T>>) -> Result<R>,
    ) -> Result<R> {
        let start = after.map_or(prefix.to_owned(), |after| format!("{prefix}{after}\0"));
        let end = format!("{prefix}{}", char::MAX);
        let table = from.open(self.0)?;
        let rows = table.range(start.as_str()..end.as_str()).map_err(failed)?;
        pick(&mut rows.map(|row| parse(row.map_err(failed)?.1.value())))
    }

    pub(crate) fn put(&self, to: &WriteTransaction, key: impl Display, row: &T) -> Result<()> {
        let row = serde_json::to_vec(row).map_err(StoreError::unavailable)?;
        to.open_table(self.0).map_err(failed)?.insert(key.to_string().as_str(), row.as_slice()).map_err(failed)?;
        Ok(())
    }

    /// Removes a row and answers it. One that does not read is an error, and stays.
    pub(crate) fn remove(&self, to: &WriteTransaction, key: impl Display) -> Result<Option<T>> {
        let mut table = to.open_table(self.0).map_err(failed)?;
        let removed = table.remove(key.to_string().as_str()).map_err(failed)?;
        removed.map(|row| parse(row.value())).transpose()
    }

    /// Applies a rule to a row: what it makes of the row is kept and answered.
    pub(crate) fn update(
        &self,
        to: &WriteTransaction,
        key: impl Display,
        rule: impl FnOnce(Option<T>) -> Option<T>,
    ) -> Result<Option<T>> {
        let row = rule(self.get(to, &key)?);
        row.iter().try_for_each(|row| self.put(to, &key, row))?;
        Ok(row)
    }

    /// Removes the rows below a prefix that have ended; answers how many. One that does not read stays.
    pub(crate) fn sweep(&self, to: &WriteTransaction, prefix: &str, has_ended: impl Fn(&T) -> bool) -> Result<u64> {
        let end = format!("{prefix}{}", char::MAX);
        let has_ended = |_: &str, row: &[u8]| parse(row).is_ok_and(|row| has_ended(&row));
        let mut table = to.open_table(self.0).map_err(failed)?;
        let ended = table.extract_from_if(prefix..end.as_str(), has_ended).map_err(failed)?;
        ended.map(|row| row.map(|_| 1).map_err(failed)).sum()
    }
}

/// The document of a row.
pub(crate) fn document<T: Document>(from: &impl Reads, at: impl Display) -> Result<Option<T>> {
    Ok(ROWS.get(from, at)?.and_then(T::out_of))
}

/// Hands over the documents of a part of a workspace.
pub(crate) fn part<T: Document, R>(
    from: &impl Reads,
    workspace: WorkspaceId,
    after: Option<String>,
    pick: impl FnOnce(&mut dyn DoubleEndedIterator<Item = Result<T>>) -> Result<R>,
) -> Result<R> {
    let prefix = row(workspace, T::PART, "");
    ROWS.walk(from, &prefix, after, |rows| pick(&mut rows.filter_map(|row| row.map(T::out_of).transpose())))
}

/// Hands over the messages or events of a ticket.
pub(crate) fn thread<T: Document, R>(
    from: &impl Reads,
    (workspace, ticket): (WorkspaceId, TicketId),
    after: Option<String>,
    pick: impl FnOnce(&mut dyn Iterator<Item = Result<T>>) -> Result<R>,
) -> Result<R> {
    INDEX.walk(from, &row(workspace, T::PART, format_args!("{ticket}\n")), after, |places| {
        pick(&mut places.filter_map(|at| at.and_then(|at| document(from, at)).transpose()))
    })
}

/// Where a row stands, or another name of it. What follows the part of a row is its place, as the port has it.
pub(crate) fn row(workspace: WorkspaceId, part: Part, at: impl Display) -> String {
    format!("{workspace}\n{part:?}\n{at}")
}

/// Where a unique key stands. The scope comes last, so that its holders in all workspaces stand together. A key
/// may hold a line break; as JSON it holds none.
pub(crate) fn unique(kind: &str, key: &str, scope: &str) -> String {
    format!("{kind}\n{}\n{scope}", serde_json::Value::from(key))
}

/// Where a delivery stands among those that are due, also one before 1970.
pub(crate) fn due(at: Timestamp, place: &str) -> String {
    format!("{:020}\n{place}", i128::from(at.as_micros()) - i128::from(i64::MIN))
}
