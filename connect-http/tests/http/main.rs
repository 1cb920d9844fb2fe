//! The desk over HTTP, through the real router, on the memory store and on SQLite.

#![allow(clippy::expect_used, unreachable_pub)]

mod app;
mod auth;
mod bad_input;
mod faults;
mod members;
mod pages;
mod sessions;
mod tenancy;
mod tickets;
