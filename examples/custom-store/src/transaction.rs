//! Rows in and out of a transaction, as JSON. What the rest of the adapter knows of redb.

use connect_core::StoreError;
use redb::{ReadTransaction, ReadableTable, WriteTransaction};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::keys::{Span, Table};

/// What went wrong below, as the port says it.
pub(crate) fn failed(error: impl Into<redb::Error>) -> StoreError {
    match error.into() {
        redb::Error::Corrupted(what) => StoreError::Corrupt(what),
        error => StoreError::unavailable(error.to_string()),
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(bytes).map_err(|error| StoreError::Corrupt(error.to_string()))
}

/// A transaction that can be read. Both kinds see one state throughout.
pub(crate) trait Reads {
    /// A table. Within one writing transaction only one handle on it may be open at a time.
    fn open(&self, table: Table) -> Result<impl ReadableTable<&'static str, &'static [u8]>, StoreError>;

    /// One row.
    fn get<T: DeserializeOwned>(&self, table: Table, key: &str) -> Result<Option<T>, StoreError> {
        let table = self.open(table)?;
        let found = table.get(key).map_err(failed)?;
        found.map(|value| parse(value.value())).transpose()
    }

    /// The first rows of a span that are wanted, with their keys.
    fn list<T: DeserializeOwned>(
        &self,
        table: Table,
        span: &Span,
        most: usize,
        wanted: impl Fn(&T) -> bool,
    ) -> Result<Vec<(String, T)>, StoreError> {
        let table = self.open(table)?;
        let mut rows = table.range(span.from.as_str()..span.to.as_str()).map_err(failed)?;
        let mut found = Vec::new();
        while found.len() < most {
            let next = if span.backwards { rows.next_back() } else { rows.next() };
            let Some(row) = next else { break };
            let (key, value) = row.map_err(failed)?;
            let row = parse(value.value())?;
            if wanted(&row) {
                found.push((key.value().to_owned(), row));
            }
        }
        Ok(found)
    }

    /// The first rows that are wanted among those that a span of an index leads to.
    fn follow<T: DeserializeOwned>(
        &self,
        index: Table,
        span: &Span,
        table: Table,
        most: usize,
        wanted: impl Fn(&T) -> bool,
    ) -> Result<Vec<T>, StoreError> {
        let mut found = Vec::new();
        for (_, key) in self.list::<String>(index, span, usize::MAX, |_| true)? {
            if found.len() == most {
                break;
            }
            found.extend(self.get::<T>(table, &key)?.filter(&wanted));
        }
        Ok(found)
    }
}

impl Reads for ReadTransaction {
    fn open(&self, table: Table) -> Result<impl ReadableTable<&'static str, &'static [u8]>, StoreError> {
        self.open_table(table).map_err(failed)
    }
}

impl Reads for WriteTransaction {
    fn open(&self, table: Table) -> Result<impl ReadableTable<&'static str, &'static [u8]>, StoreError> {
        self.open_table(table).map_err(failed)
    }
}

/// A transaction that can be written.
pub(crate) trait Writes: Reads {
    /// Keeps a row in place of whatever stood there.
    fn put(&self, table: Table, key: &str, row: &impl Serialize) -> Result<(), StoreError>;

    /// Removes a row, if it is there.
    fn remove(&self, table: Table, key: &str) -> Result<(), StoreError>;
}

impl Writes for WriteTransaction {
    fn put(&self, table: Table, key: &str, row: &impl Serialize) -> Result<(), StoreError> {
        let row = serde_json::to_vec(row).map_err(StoreError::unavailable)?;
        let mut table = self.open_table(table).map_err(failed)?;
        table.insert(key, row.as_slice()).map_err(failed)?;
        Ok(())
    }

    fn remove(&self, table: Table, key: &str) -> Result<(), StoreError> {
        let mut table = self.open_table(table).map_err(failed)?;
        table.remove(key).map_err(failed)?;
        Ok(())
    }
}
