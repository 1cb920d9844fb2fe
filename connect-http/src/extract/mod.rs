//! How requests are read: strictly, and into the types of the desk.

mod caller;
mod command;
mod host;
mod query;
mod scope;
mod strict;
pub(crate) mod upload;

#[cfg(feature = "testing")]
pub(crate) use caller::named_cookie;
pub(crate) use caller::{Arrival, Caller, Person, cookie};
pub(crate) use command::Command;
#[cfg(feature = "web")]
pub(crate) use command::request_hash;
pub(crate) use query::Params;
pub(crate) use scope::{PersonScope, Scope, names_no_other};
#[cfg(feature = "web")]
pub(crate) use strict::form as strict_form;
