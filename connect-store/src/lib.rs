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

#[cfg(any(feature = "sqlite", feature = "postgres"))]
#[macro_use]
mod statements;

pub mod auth_rules;
#[cfg(feature = "blob")]
mod blob;
#[cfg(feature = "conformance")]
pub mod conformance;
#[cfg(any(feature = "redis", feature = "postgres"))]
mod gathered;
pub mod group;
mod limiter;
mod memory;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod readers;
#[cfg(feature = "redis")]
pub mod redis;
pub mod scan;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod sql;
#[cfg(feature = "sqlite")]
pub mod sqlite;

#[cfg(feature = "redis")]
pub use self::redis::{RedisError, RedisFeed, RedisSettings, RedisStore};
#[cfg(feature = "blob")]
pub use blob::{BlobOpenError, BlobSettings, GcsSettings, ObjectBlobs, S3Settings};
pub use limiter::{FallbackLimiter, MemoryLimiter};
pub use memory::MemoryStore;
#[cfg(feature = "postgres")]
pub use postgres::{PostgresError, PostgresSettings, PostgresStore};
#[cfg(feature = "sqlite")]
pub use sqlite::{SqliteError, SqliteSettings, SqliteStore};
