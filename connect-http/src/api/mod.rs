//! The REST API: one file an action, `<noun>/<verb>.rs`, and all of them on this page.

pub(crate) mod api_key;
pub(crate) mod attachment;
pub(crate) mod audit;
pub(crate) mod auth;
mod contact;
#[cfg(feature = "oidc")]
mod domain;
mod invitation;
mod label;
mod live;
#[cfg(feature = "mail-events")]
mod mail_event;
mod me;
mod member;
pub(crate) mod message;
mod notification;
mod outbox;
pub(crate) mod permissions;
mod presence;
mod push_device;
mod role;
pub(crate) mod shape;
mod suppression;
mod team;
mod template;
pub(crate) mod ticket;
mod webhook;
pub(crate) mod workspace;

use axum::Router;
#[cfg(feature = "passkeys")]
use axum::routing::patch;
use axum::routing::{delete, get, post, put};

use crate::app::App;

/// Every path of the API, below `/api/v1`.
pub(crate) fn routes() -> Router<App> {
    let router = Router::new();
    #[cfg(feature = "oidc")]
    let router = router
        .route("/auth/oauth/{provider}/start", get(auth::oauth::start::handle).head(auth::oauth::no_head))
        .route("/auth/oauth/{provider}/callback", get(auth::oauth::callback::handle).head(auth::oauth::no_head))
        .route("/me/accounts", get(me::accounts::list))
        .route("/me/accounts/{provider}", delete(me::accounts::unlink));
    #[cfg(feature = "passkeys")]
    let router = router
        .route("/auth/passkeys/start", post(auth::passkeys::start))
        .route("/auth/passkeys/finish", post(auth::passkeys::finish))
        .route("/me/passkeys", get(me::passkeys::list))
        .route("/me/passkeys/start", post(me::passkeys::start))
        .route("/me/passkeys/finish", post(me::passkeys::finish))
        .route("/me/passkeys/{passkey}", patch(me::passkeys::rename).delete(me::passkeys::remove));
    #[cfg(feature = "mail-events")]
    let router = router.route("/mail-events/{source}", post(mail_event::hear::handle));
    router
        .route("/auth/otp/request", post(auth::request_code::handle))
        .route("/auth/otp/verify", post(auth::verify_code::handle))
        .route("/auth/second-factor", get(auth::second_factor::read).post(auth::second_factor::show))
        .route("/auth/second-factor/reset", post(auth::second_factor::reset))
        .route("/auth/logout", post(auth::logout::handle))
        .route("/auth/sessions", get(auth::sessions::list).delete(auth::sessions::end_others))
        .route("/auth/sessions/{session}", delete(auth::sessions::end))
        .route("/me", get(me::read::handle).patch(me::update::handle))
        .route("/me/email", post(me::change_email::handle))
        .route(
            "/me/second-factor",
            get(me::second_factor::read).post(me::second_factor::begin).delete(me::second_factor::remove),
        )
        .route("/me/second-factor/confirm", post(me::second_factor::confirm))
        .route("/me/recovery-codes", get(me::recovery_codes::read).post(me::recovery_codes::replace))
        .route("/workspaces", get(workspace::list::handle).post(workspace::create::handle))
        .route("/workspaces/{workspace}", get(workspace::read::handle).patch(workspace::update::handle))
        .nest("/workspaces/{workspace}", in_workspace())
}

/// The paths below a workspace. Each handler takes the `Scope` that let the caller in.
fn in_workspace() -> Router<App> {
    let router = Router::new();
    #[cfg(feature = "oidc")]
    let router = router
        .route("/domains", get(domain::list::handle).post(domain::create::handle))
        .route(
            "/domains/{domain}",
            get(domain::read::handle).patch(domain::update::handle).delete(domain::remove::handle),
        )
        .route("/domains/{domain}/verify", post(domain::verify::handle));
    router
        .route("/members", get(member::list::handle))
        .route(
            "/members/{member}",
            get(member::read::handle).patch(member::update::handle).delete(member::remove::handle),
        )
        .route("/members/{member}/transfer-ownership", post(member::transfer::handle))
        .route("/roles", get(role::list::handle).post(role::create::handle))
        .route("/roles/{role}", get(role::read::handle).patch(role::update::handle).delete(role::remove::handle))
        .route("/teams", get(team::list::handle).post(team::create::handle))
        .route("/teams/{team}", get(team::read::handle).patch(team::update::handle).delete(team::remove::handle))
        .route("/teams/{team}/members", get(team::members::list))
        .route("/teams/{team}/members/{member}", put(team::members::add).delete(team::members::remove))
        .route("/invitations", get(invitation::list::handle).post(invitation::create::handle))
        .route("/invitations/{invitation}", delete(invitation::revoke::handle))
        .route("/invitations/{invitation}/accept", post(invitation::accept::handle))
        .route("/api-keys", get(api_key::list::handle).post(api_key::create::handle))
        .route("/api-keys/{key}", get(api_key::read::handle).delete(api_key::revoke::handle))
        .route("/api-keys/{key}/rotate", post(api_key::rotate::handle))
        .route("/contacts", get(contact::list::handle).post(contact::create::handle))
        .route("/contacts/{contact}", get(contact::read::handle).patch(contact::update::handle))
        .route("/attachments", post(attachment::upload::handle))
        .route("/attachments/{attachment}", get(attachment::read::handle))
        .route("/attachments/{attachment}/link", post(attachment::link::handle))
        .route("/labels", get(label::list::handle).post(label::create::handle))
        .route("/webhooks", get(webhook::list::handle).post(webhook::create::handle))
        .route(
            "/webhooks/{webhook}",
            get(webhook::read::handle).patch(webhook::update::handle).delete(webhook::remove::handle),
        )
        .route("/webhooks/{webhook}/deliveries", get(webhook::deliveries::handle))
        .route("/webhooks/{webhook}/replay", post(webhook::replay::handle))
        .route("/webhooks/{webhook}/rotate-secret", post(webhook::rotate::handle))
        .route("/notifications", get(notification::list::handle))
        .route("/notifications/read", post(notification::read::all))
        .route("/notifications/{notification}/read", post(notification::read::one))
        .route("/notification-settings", get(notification::settings::read).put(notification::settings::choose))
        .route("/push-key", get(push_device::key::handle))
        .route("/push-devices", get(push_device::list::handle).post(push_device::add::handle))
        .route("/push-devices/{device}", delete(push_device::remove::handle))
        .route("/templates", get(template::list::handle))
        .route(
            "/templates/{topic}/{language}",
            get(template::read::handle).put(template::write::handle).delete(template::remove::handle),
        )
        .route("/templates/{topic}/{language}/preview", post(template::trial::preview))
        .route("/templates/{topic}/{language}/test", post(template::trial::test))
        .route("/suppressions", get(suppression::list::handle).post(suppression::add::handle))
        .route("/suppressions/{suppression}", delete(suppression::remove::handle))
        .route("/audit", get(audit::list::handle))
        .route("/live", get(live::handle))
        .route("/tickets", get(ticket::list::handle).post(ticket::open::handle))
        .route("/tickets/{ticket}", get(ticket::read::handle).patch(ticket::update::handle))
        .route("/tickets/{ticket}/timeline", get(ticket::timeline::handle))
        .route("/tickets/{ticket}/labels/{label}", put(ticket::label::put_on).delete(ticket::label::take_off))
        .route(
            "/tickets/{ticket}/follow",
            get(ticket::follow::read).put(ticket::follow::begin).delete(ticket::follow::end),
        )
        .route(
            "/tickets/{ticket}/presence",
            get(presence::read::handle).put(presence::tell::handle).delete(presence::leave::handle),
        )
        .route("/tickets/{ticket}/messages", get(message::list::handle).post(message::create::handle))
        .route("/tickets/{ticket}/messages/{message}", get(message::read::handle))
        .route("/tickets/{ticket}/outbox", get(outbox::list::handle))
        .route("/tickets/{ticket}/outbox/{held}", delete(outbox::withdraw::handle))
        .route("/tickets/{ticket}/outbox/{held}/send", post(outbox::send::handle))
}
