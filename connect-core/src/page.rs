//! Pages of a list: keyset cursors, no totals.

use std::fmt::Display;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::FieldError;

/// How many rows a page may have: 1 to 200, 50 unless said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit(u16);

impl Limit {
    /// The largest page.
    pub const MAX: Self = Self(200);
    /// One row.
    pub const ONE: Self = Self(1);

    /// Checks and keeps.
    pub fn new(rows: u64) -> Result<Self, FieldError> {
        match u16::try_from(rows) {
            Ok(rows @ 1..=200) => Ok(Self(rows)),
            _ => Err(FieldError::new("limit", "out_of_range", "must be from 1 to 200")),
        }
    }

    /// The number of rows.
    pub fn get(self) -> usize {
        usize::from(self.0)
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(50)
    }
}

/// Some rows of a list, and where the next ones begin.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// Opaque text that asks for the rows after these; none at the end.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// Cuts rows that were read with one more than the limit, and keeps the place of the last one shown.
    pub fn cut<C: Serialize>(mut rows: Vec<T>, limit: Limit, place: impl FnOnce(&T) -> C) -> Self {
        let more = rows.len() > limit.get();
        rows.truncate(limit.get());
        let next = if more { rows.last().map(|last| encode_cursor(&place(last))) } else { None };
        Self { rows, next }
    }

    /// The same page with each row turned into something else.
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        Page { rows: self.rows.into_iter().map(f).collect(), next: self.next }
    }
}

/// The opaque text of a place in a list.
pub fn encode_cursor<C: Serialize>(place: &C) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(place).unwrap_or_default())
}

/// Reads a cursor back. A cursor is not a right: whatever it says, the list is still filtered by
/// workspace and rights.
pub fn decode_cursor<C: DeserializeOwned>(text: &str) -> Result<C, FieldError> {
    let bad = || FieldError::new("cursor", "bad_cursor", "is not a cursor of this list");
    if text.len() > 400 {
        return Err(bad());
    }
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| bad())?;
    serde_json::from_slice(&bytes).map_err(|_| bad())
}

/// Reads the cursor of a list of records back: the id of the last one that was shown. Whatever else it says is not
/// for a store to look for.
pub(crate) fn decode_id<I: FromStr + Display>(text: &str) -> Result<String, FieldError> {
    let id: Result<I, _> = decode_cursor::<String>(text)?.parse();
    id.map(|id| id.to_string()).map_err(|_| FieldError::new("cursor", "bad_cursor", "is not a cursor of this list"))
}
