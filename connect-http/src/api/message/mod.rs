//! Messages of a ticket.

pub(crate) mod create;
pub(super) mod list;
pub(super) mod read;
pub(crate) mod shape;
