//! Signing in and out.

pub(crate) mod logout;
#[cfg(feature = "oidc")]
pub(super) mod oauth;
#[cfg(feature = "passkeys")]
pub(crate) mod passkeys;
pub(crate) mod pending;
pub(crate) mod request_code;
pub(crate) mod second_factor;
pub(super) mod sessions;
pub(crate) mod verify_code;
