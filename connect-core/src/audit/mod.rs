//! The journal as evidence: seals that show whether it was altered, the view of owners and admins, and the end
//! of what is personal in it.

mod canonical;
mod list;
mod origins;
mod seal;
mod verify;

pub use list::{Audit, AuditFilter, AuditList};
pub use seal::Sealer;
pub use verify::{Flaw, Verified};
