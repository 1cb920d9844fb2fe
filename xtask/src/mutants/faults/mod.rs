//! The faults, a file for each place where they are planted.
//!
//! The text that a fault replaces should be just enough to stand there once. A SQL condition is replaced
//! by one that is always true and uses the same arguments, as drivers refuse arguments that are not used.

mod limiter;
mod memory;
mod memory_auth;
mod postgres;
mod scan;
mod shared;
mod sqlite;
mod sqlite_statements;
mod turns;

use super::{Adapter, Fault};

/// All of them.
pub(super) fn all() -> impl Iterator<Item = &'static Fault> {
    let lists: [&[Fault]; 9] = [
        shared::FAULTS,
        scan::FAULTS,
        memory::FAULTS,
        memory_auth::FAULTS,
        sqlite_statements::FAULTS,
        sqlite::FAULTS,
        limiter::FAULTS,
        postgres::FAULTS,
        turns::FAULTS,
    ];
    lists.into_iter().flatten()
}
