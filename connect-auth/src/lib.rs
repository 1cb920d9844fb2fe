//! Who somebody is and what they may do on a Connect desk: sign-in by a code sent by e-mail, sessions,
//! API keys, the matrix of roles, and the quotas that keep guessing and mail bombing out; and people for whom the
//! host vouches, in its own process or by a token that it signs with a [`WidgetKey`].
//!
//! The rules are those of `docs/security.md`; tests name the requirement they hold.

mod addresses;
mod alarm;
mod api_key;
mod attachment_link;
mod auth;
mod bound;
mod challenge;
mod code;
mod device;
mod email_change;
mod evaluate;
mod failures;
pub use connect_core::fetch;
mod first_proof;
mod guesser;
mod host;
mod invitation;
mod key_ring;
mod mail;
#[cfg(feature = "oidc")]
pub mod oauth;
#[cfg(feature = "passkeys")]
pub mod passkey;
mod passkey_mail;
mod puzzle;
mod rank;
mod refusals;
mod roles;
mod sealer;
mod second_factor;
mod session;
mod settings;
mod sign_in;
mod sign_up;
mod signer;
mod step_up;
mod unbroken;
mod way_in;
mod webhook;
mod widget;

pub use api_key::{ApiKeyToken, IssuedKey, KEY_METHOD, KeyIdentity};
pub use attachment_link::AttachmentLink;
pub use auth::{Auth, AuthBuilder, Client, Identity};
pub use bound::Bound;
pub use code::{ChallengeSecret, Code};
pub use device::KNOWN_FOR as DEVICE_KNOWN_FOR;
pub use host::{CustomerIdentity, HOST_METHOD};
pub use key_ring::{BadKey, KeyRing};
pub use refusals::Refused;
pub use roles::RoleMatrix;
pub use second_factor::{AppSecret, BegunApp, Claimant, EnrolledApp, FactorStatus, Reset, step_at};
pub use session::{SessionToken, SessionView};
pub use settings::{AuthSettings, BadSetting, Quotas, SignUp};
pub use sign_in::{CodeRequest, IssuedCode, SignInError, SignedIn, VerifyCode};
pub use widget::{BadWidgetKey, WIDGET_METHOD, WidgetKey};
