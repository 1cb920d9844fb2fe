//! Signing in and out.

pub(crate) mod logout;
pub(crate) mod request_code;
pub(super) mod sessions;
pub(crate) mod verify_code;
