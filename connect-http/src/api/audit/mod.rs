//! The journal for owners and admins.

pub(crate) mod csv;
pub(crate) mod list;
pub(crate) mod query;
mod shape;
