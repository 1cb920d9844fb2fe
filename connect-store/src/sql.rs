//! What the SQL adapters have in common.

use std::fmt::Write;
use std::sync::Arc;

use connect_core::{Limit, StoreError};
use sqlx::AssertSqlSafe;

/// A statement whose only made-up part is the place of the tables, which is checked when the store is
/// opened.
pub(crate) fn safe(sql: &Arc<str>) -> AssertSqlSafe<Arc<str>> {
    AssertSqlSafe(sql.clone())
}

pub(crate) fn store_error(error: sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::ColumnNotFound(_) => {
            StoreError::Corrupt(error.to_string())
        }
        error => StoreError::unavailable(error),
    }
}

/// A document of a row as its noun.
pub(crate) fn read_doc<T: serde::de::DeserializeOwned>(doc: &str) -> Result<T, StoreError> {
    serde_json::from_str(doc).map_err(|error| StoreError::Corrupt(error.to_string()))
}

/// A noun as the document of a row.
pub(crate) fn write_doc<T: serde::Serialize>(noun: &T) -> Result<String, sqlx::Error> {
    serde_json::to_string(noun).map_err(|error| sqlx::Error::Encode(Box::new(error)))
}

/// A number as SQL keeps it.
pub(crate) fn int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A number as it was kept.
pub(crate) fn uint(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// How many rows to ask for: one more than the page, so that the caller sees whether there are more.
pub(crate) fn one_more(limit: Limit) -> i64 {
    int(limit.get() as u64 + 1)
}

/// Bytes as SQL takes them, two digits each.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
