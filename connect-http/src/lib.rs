//! A Connect desk over HTTP: the REST API under `/api/v1`, the web desk, and a serving loop on hyper.
//!
//! [`router()`] gives an [`axum::Router`] that works under any path of a host's own application. Everything
//! a request's client may do is decided in `connect-core` and `connect-auth`; this crate reads requests
//! strictly and turns outcomes into responses, in one place ([`Problem`]).
//!
//! Who is signed in at the host need not sign in here: give [`App::identified_by`] an implementation of
//! [`Identify`](connect_core::Identify). Widgets show tokens that the host signs
//! ([`WidgetKey`](connect_auth::WidgetKey)).

mod api;
mod app;
mod draining;
mod endless;
mod extract;
mod health;
mod markdown;
mod metrics;
mod middleware;
mod network;
mod origin;
#[cfg(feature = "testing")]
pub mod parsers;
mod problem;
mod qr;
mod router;
#[cfg(feature = "serve")]
mod serve;
mod slots;
#[cfg(feature = "web")]
mod web;

pub use api::permissions::{Need, PERMISSIONS, Permission, permissions_markdown};
pub use app::{App, HttpSettings};
pub use draining::Draining;
pub use network::{BadNetwork, Network};
pub use origin::is_origin;
pub use problem::Problem;
pub use router::{guarded, router};
#[cfg(feature = "serve")]
pub use serve::{ServeSettings, serve};
