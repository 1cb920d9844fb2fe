//! The journal as evidence: seals that show whether it was altered, the view of owners and admins, and the end
//! of what is personal in it.

mod canonical;
mod head;
mod list;
mod origins;
mod seal;
mod seen;
mod verify;

pub use head::{Head, NotAHead};
pub use list::{Audit, AuditFilter, AuditList};
pub use origins::Forgotten;
pub use seal::Sealer;
pub(crate) use seen::SeenSeals;
pub use verify::{Flaw, Verified};
