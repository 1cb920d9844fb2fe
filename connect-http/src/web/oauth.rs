//! Accounts at providers: how a failed sign-in looks, and the page on which accounts are linked and unlinked.

use askama::Template;
use axum::Extension;
use axum::extract::{Path, State};
use axum::response::{AppendHeaders, IntoResponse, Response};
use connect_auth::Client;
use connect_auth::oauth::{OAuthError, StartOAuth};
use connect_core::Error;
use http::StatusCode;
use http::header::SET_COOKIE;
use serde::Deserialize;

use super::form::Form;
use super::page::{Person, Shell, go, render, render_with};
use super::step_up::lead;
use crate::app::{App, Cookie};
use crate::problem::Problem;

const PAGE: &str = "/sign-in/accounts";

#[derive(Template)]
#[template(path = "oauth_failed.html")]
struct FailedPage {
    shell: Shell,
    detail: &'static str,
}

#[derive(Template)]
#[template(path = "oauth_go.html")]
struct GoPage {
    shell: Shell,
    name: String,
    url: String,
}

struct Account {
    id: String,
    name: String,
    since: Option<String>,
}

#[derive(Template)]
#[template(path = "accounts.html")]
struct AccountsPage {
    shell: Shell,
    accounts: Vec<Account>,
}

/// Forms without fields.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

/// A sign-in with a provider that came to nothing: one page for every cause, which tells nothing of the provider.
pub(crate) fn oauth_failed(app: &App, error: OAuthError) -> Result<Response, Problem> {
    let detail = match error {
        OAuthError::Refused => {
            "It was not finished in time, or something about it did not fit. Start again, or sign in with a code."
        }
        OAuthError::NoAddress => {
            "The provider tells no address of yours that a code could be sent to. Sign in with a code, then link the account."
        }
        OAuthError::Other(error) => return Err(error.into()),
    };
    let shell = Shell::new(app, "Signing in did not work", None);
    Ok(render_with(StatusCode::UNAUTHORIZED, &FailedPage { shell, detail }))
}

/// `GET /sign-in/accounts`: the accounts that sign the caller in, and those that could.
pub(super) async fn list(State(app): State<App>, Person(caller): Person) -> Result<Response, Problem> {
    let linked = app.auth().accounts(&caller.identity).await?;
    let since = |id: &str| linked.iter().find(|account| account.key.provider == id).map(|account| account.linked_at);
    let mut accounts: Vec<Account> = app
        .auth()
        .providers()
        .map(|provider| Account {
            id: provider.id.clone(),
            name: provider.name.clone(),
            since: since(&provider.id).map(|at| at.to_string().chars().take(10).collect()),
        })
        .collect();
    // A provider that is configured no more can still be unlinked.
    let gone = linked.iter().filter(|one| app.auth().providers().all(|provider| provider.id != one.key.provider));
    accounts.extend(gone.map(|one| Account {
        id: one.key.provider.clone(),
        name: one.key.provider.clone(),
        since: Some(one.linked_at.to_string().chars().take(10).collect()),
    }));
    Ok(render(&AccountsPage { shell: Shell::new(&app, "Ways to sign in", Some(&caller)), accounts }))
}

/// `POST /sign-in/accounts/{provider}/link`: leads to the provider, by a page of its own: a form may not be answered
/// with a way to another site.
pub(super) async fn link(
    State(app): State<App>,
    Person(caller): Person,
    Extension(client): Extension<Client>,
    Path(provider): Path<String>,
    _: Form<Nothing>,
) -> Result<Response, Problem> {
    let start = StartOAuth {
        provider: provider.clone(),
        to: PAGE.to_owned(),
        workspace: None,
        link: Some(caller.identity.clone()),
        client,
    };
    match app.auth().start_oauth(start).await {
        Ok(started) => {
            let cookie = app.set_cookie(Cookie::OAuth, Some(&started.browser.text()), started.lifetime);
            let known = app.auth().providers().find(|known| known.id == provider);
            let name = known.map(|known| known.name.clone()).unwrap_or_default();
            let shell = Shell::new(&app, "To the provider", Some(&caller));
            Ok((AppendHeaders([(SET_COOKIE, cookie)]), render(&GoPage { shell, name, url: started.url }))
                .into_response())
        }
        Err(OAuthError::Other(Error::StepUpRequired)) => Ok(lead(&app, PAGE)),
        Err(error) => oauth_failed(&app, error),
    }
}

/// `POST /sign-in/accounts/{provider}/unlink`.
pub(super) async fn unlink(
    State(app): State<App>,
    Person(caller): Person,
    Path(provider): Path<String>,
    _: Form<Nothing>,
) -> Result<Response, Problem> {
    match app.auth().unlink_account(&caller.identity, &provider).await {
        Ok(()) => Ok(go(&app, PAGE)),
        Err(Error::StepUpRequired) => Ok(lead(&app, PAGE)),
        Err(error) => Err(error.into()),
    }
}
