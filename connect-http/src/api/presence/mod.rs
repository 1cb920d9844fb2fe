//! Who is at a ticket.

pub(super) mod leave;
pub(super) mod read;
pub(super) mod tell;
