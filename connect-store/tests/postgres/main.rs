//! What is PostgreSQL's own: the host's transaction, several nodes, callers and connections that go away,
//! servers that are killed, frozen, full or read-only, addresses that do not work, and the plans of lists.

#![cfg(feature = "postgres")]
#![allow(clippy::expect_used)]

#[path = "../database/mod.rs"]
mod database;
mod faults;
mod feed;
mod full;
mod host;
mod ledger;
mod lookups;
mod moving;
mod nodes;
mod open;
mod plans;
mod refused;
#[path = "../sealer/mod.rs"]
mod sealer;
mod upgrade;
mod world;
