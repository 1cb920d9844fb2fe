//! Tickets.

pub(super) mod follow;
pub(super) mod label;
pub(super) mod list;
pub(super) mod open;
pub(super) mod read;
pub(crate) mod shape;
pub(super) mod timeline;
pub(super) mod update;
