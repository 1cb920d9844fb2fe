//! The web desk: pages rendered on the server. They work without scripts, by keyboard and on a phone.
//!
//! Every form posts to a path of its own and is answered with a redirect, or with the same page again,
//! what was typed kept and what is wrong said.

mod account;
mod address;
mod api_keys;
mod assets;
mod attachment;
mod audit;
#[cfg(feature = "oidc")]
mod domains;
mod factors;
mod form;
mod home;
mod join;
mod live;
mod members;
mod notices;
#[cfg(feature = "oidc")]
mod oauth;
mod outbox;
mod page;
#[cfg(feature = "passkeys")]
mod passkeys;
mod requests;
mod roles;
mod second_factor;
mod setup;
mod step_up;
mod teams;
mod ticket;
mod tickets;
mod time;
mod unsubscribe;

use axum::Router;
use axum::routing::{get, post};

use crate::app::App;

#[cfg(feature = "oidc")]
pub(crate) use account::customers_page;
#[cfg(feature = "oidc")]
pub(crate) use oauth::oauth_failed;
pub(crate) use page::problem_page;
#[cfg(feature = "oidc")]
pub(crate) use page::{go, safe_target};

/// Every page.
pub(crate) fn routes() -> Router<App> {
    let router = Router::new();
    #[cfg(feature = "oidc")]
    let router = router
        .route("/{workspace}/domains", get(domains::list).post(domains::create))
        .route("/{workspace}/domains/{domain}/verify", post(domains::verify))
        .route("/{workspace}/domains/{domain}/join", post(domains::let_join))
        .route("/{workspace}/domains/{domain}/remove", post(domains::remove))
        .route("/sign-in/accounts", get(oauth::list))
        .route("/sign-in/accounts/{provider}/link", post(oauth::link))
        .route("/sign-in/accounts/{provider}/unlink", post(oauth::unlink));
    #[cfg(feature = "passkeys")]
    let router = router
        .route("/assets/passkey.js", get(assets::passkey))
        .route("/sign-in/passkeys", get(passkeys::list))
        .route("/sign-in/passkeys/{passkey}/rename", post(passkeys::rename))
        .route("/sign-in/passkeys/{passkey}/remove", post(passkeys::remove));
    router
        .route("/", get(home::home))
        .route("/assets/desk.css", get(assets::style))
        .route("/setup", get(setup::show).post(setup::create))
        .route("/sign-in", get(account::ask).post(account::send_code))
        .route("/sign-in/code", get(account::code).post(account::enter_code))
        .route("/sign-in/address", get(address::ask).post(address::send_code))
        .route("/sign-in/address/code", get(address::code).post(address::enter_code))
        .route("/sign-in/second-factor", get(second_factor::ask).post(second_factor::show))
        .route("/sign-in/second-factor/reset", post(second_factor::reset))
        .route("/sign-in/factors", get(factors::list))
        .route("/sign-in/factors/app", post(factors::begin))
        .route("/sign-in/factors/app/confirm", post(factors::confirm))
        .route("/sign-in/factors/app/remove", post(factors::remove))
        .route("/sign-in/factors/codes", post(factors::replace_codes))
        .route("/step-up", get(step_up::ask).post(step_up::send_code))
        .route("/step-up/code", get(step_up::code).post(step_up::enter_code))
        .route("/assets/puzzle.js", get(assets::puzzle))
        .route("/assets/live.js", get(assets::live))
        .route("/assets/push.js", get(assets::push))
        .route("/push-worker.js", get(assets::push_worker))
        .route("/unsubscribe/{workspace}/{user}/{topic}/{signature}", get(unsubscribe::ask).post(unsubscribe::end))
        .route("/sign-out", post(account::sign_out))
        .route("/workspaces", get(home::workspaces).post(home::create))
        .route("/{workspace}", get(home::workspace))
        .route("/{workspace}/tickets", get(tickets::list))
        .route("/{workspace}/tickets/new", get(tickets::new).post(tickets::open))
        .route("/{workspace}/tickets/{ticket}", get(ticket::show))
        .route("/{workspace}/tickets/{ticket}/reply", post(ticket::reply))
        .route("/{workspace}/tickets/{ticket}/note", post(ticket::note))
        .route("/{workspace}/tickets/{ticket}/update", post(ticket::update))
        .route("/{workspace}/tickets/{ticket}/outbox/{held}/undo", post(outbox::undo))
        .route("/{workspace}/tickets/{ticket}/outbox/{held}/send", post(outbox::send))
        .route("/{workspace}/attachments/{attachment}", get(attachment::read))
        .route("/{workspace}/audit", get(audit::show))
        .route("/{workspace}/notices", get(notices::list))
        .route("/{workspace}/notices/read", post(notices::read_all))
        .route("/{workspace}/notices/topics", post(notices::choose_topics))
        .route("/{workspace}/notices/hours", post(notices::choose_hours))
        .route("/{workspace}/notices/devices/{device}/remove", post(notices::remove_device))
        .route("/{workspace}/members", get(members::list).post(members::invite))
        .route("/{workspace}/members/{member}/narrow", post(teams::narrow))
        .route("/{workspace}/members/{member}/role", post(roles::give))
        .route("/{workspace}/roles", get(roles::list).post(roles::create))
        .route("/{workspace}/roles/{role}", post(roles::update))
        .route("/{workspace}/roles/{role}/remove", post(roles::remove))
        .route("/{workspace}/teams", get(teams::list).post(teams::create))
        .route("/{workspace}/teams/{team}", post(teams::rename))
        .route("/{workspace}/teams/{team}/remove", post(teams::remove))
        .route("/{workspace}/teams/{team}/members", post(teams::add_member))
        .route("/{workspace}/teams/{team}/members/{member}/remove", post(teams::remove_member))
        .route("/{workspace}/members/second-factor", post(members::ask_second_factor))
        .route("/{workspace}/api-keys", get(api_keys::list).post(api_keys::create))
        .route("/{workspace}/api-keys/{key}/revoke", post(api_keys::revoke))
        .route("/{workspace}/join/{invitation}", get(join::show).post(join::accept))
        .route("/{workspace}/requests", get(requests::list))
        .route("/{workspace}/requests/new", get(requests::new).post(requests::open))
        .route("/{workspace}/requests/{ticket}", get(requests::show).post(requests::reply))
}
