//! What the shapes of all nouns share.

use connect_core::{FieldError, Limit, Page, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::problem::Problem;

/// A list as the API answers it.
#[derive(Debug, Serialize)]
pub(crate) struct List<T> {
    pub(crate) data: Vec<T>,
    pub(crate) next_cursor: Option<String>,
}

impl<T> List<T> {
    pub(crate) fn of<R>(page: Page<R>, shape: impl FnMut(R) -> T) -> Self {
        let page = page.map(shape);
        Self { data: page.rows, next_cursor: page.next }
    }
}

/// Which part of a list is asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Paging {
    pub(crate) cursor: Option<String>,
    pub(crate) limit: Option<u64>,
}

impl Paging {
    pub(crate) fn limit(&self) -> Result<Limit, Problem> {
        limit(self.limit)
    }
}

pub(crate) fn limit(rows: Option<u64>) -> Result<Limit, Problem> {
    Ok(rows.map(Limit::new).transpose()?.unwrap_or_default())
}

/// A time as the API writes it: RFC 3339 in UTC.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Time(pub(crate) Timestamp);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// A field that may be left out, set, or cleared with `null`: what is there, even `null`, is `Some`.
#[allow(clippy::option_option)]
pub(crate) fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}

/// Collects the errors of several fields, so that all are told at once.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    errors: Vec<FieldError>,
}

impl Fields {
    /// The value, or none and a remembered error.
    pub(crate) fn read<T>(&mut self, value: Result<T, FieldError>) -> Option<T> {
        value.map_err(|error| self.errors.push(error)).ok()
    }

    /// The same where one field has many parts.
    pub(crate) fn read_all<T>(&mut self, value: Result<T, Vec<FieldError>>) -> Option<T> {
        value.map_err(|errors| self.errors.extend(errors)).ok()
    }

    pub(crate) fn finish(self) -> Result<(), Problem> {
        if self.errors.is_empty() { Ok(()) } else { Err(Problem::invalid(self.errors)) }
    }
}

/// An id given as text in a body.
pub(crate) fn id<T: std::str::FromStr>(field: &str, text: &str) -> Result<T, FieldError>
where
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|error| FieldError::new(field, "bad_id", format!("{error}")))
}
