//! A small shop with users and orders of its own that has a support desk under `/support`, in the same process and
//! in the same database file.
//!
//! - [`shop`] is the shop: an order that went wrong is marked and its ticket opened in one transaction.
//! - [`login`] is the shop's own login, which knows nothing of the desk.
//! - [`support`] is the glue, some 30 lines, and the implementation of [`Identify`](connect_core::Identify) by which
//!   whoever is signed in at the shop is signed in at the desk: its staff as agents, everybody else as customers.
//! - [`widget`] is a page of the shop's with a widget on it, which talks to the desk's API with a token that the shop
//!   signs.

pub mod login;
pub mod shop;
pub mod support;
pub mod widget;

use std::sync::Arc;

use axum::Router;
use axum::response::Redirect;
use axum::routing::get;
use connect_auth::WidgetKey;

/// The shop, with the pages and the API of its desk below `/support`.
pub fn routes(login: login::Login, support: Arc<support::Support>, key: WidgetKey, desk: Router) -> Router {
    shop::routes(shop::Shop { login: login.clone(), support })
        .merge(login::routes(login.clone()))
        .merge(widget::routes(login, key))
        .nest("/support", desk)
        // A nested router has no part in its own address with a slash at the end.
        .route("/support/", get(|| async { Redirect::to("/support") }))
}
