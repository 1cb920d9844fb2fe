//! Change sets judged as a group, the same way for every adapter.
//!
//! An adapter that has change sets waiting
//!
//! 1. asks them what they depend on ([`Wanted`]),
//! 2. reads that in as few statements as it likes ([`Known`]),
//! 3. has each set judged on its own ([`judge()`]): kept, answered from an earlier commit, or refused,
//! 4. writes the resulting [`Rows`] of all that were kept, one statement a table, and commits once.
//!
//! So the number of statements and of synced writes does not grow with the number of commits that wait,
//! and the rules of versions, keys, numbering and idempotency stand in one place.
//!
//! An adapter that keeps every row as a document under its place gets all of it, for one set at a time, from
//! [`Documents`].

mod document;
mod incoming;
mod judge;
mod known;
mod rows;

pub use document::{Document, Documents, Lookup, other_name};
pub use incoming::Incoming;
pub use judge::judge;
pub use known::{AnswerRef, Head, KeyRef, Known, Wanted};
pub use rows::{AnswerRow, KeyRow, MessageRow, RecordRow, Rows, TicketRow};
