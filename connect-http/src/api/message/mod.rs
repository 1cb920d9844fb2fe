//! Messages of a ticket.

pub(super) mod create;
pub(super) mod list;
pub(super) mod read;
pub(crate) mod shape;
