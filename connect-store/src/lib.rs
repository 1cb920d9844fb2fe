//! Where a Connect desk keeps its state.
//!
//! | adapter | feature | for |
//! |---|---|---|
//! | [`MemoryStore`] | – | tests, demonstrations |
//! | [`SqliteStore`] | `sqlite` (default) | one node, one file, no second service |
//!
//! An adapter of your own implements the ports of `connect-core` (`Store`,
//! `AuthStore`). [`group`] does the part that is the same for all of them: it
//! judges waiting change sets and says which rows to write. The conformance kit (feature `conformance`)
//! then tells whether the adapter keeps its promises.

mod auth_rules;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod group;
mod limiter;
mod memory;
#[cfg(feature = "sqlite")]
pub mod sqlite;

pub use limiter::MemoryLimiter;
pub use memory::MemoryStore;
#[cfg(feature = "sqlite")]
pub use sqlite::{SqliteError, SqliteSettings, SqliteStore};
