//! Accepting an invitation.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use connect_core::Error;
use connect_core::member::InvitationToken;
use serde::Deserialize;

use super::form::Form;
use super::page::{Person, Shell, go, render};
use crate::app::App;
use crate::extract::Params;
use crate::problem::Problem;

#[derive(Template)]
#[template(path = "join.html")]
struct JoinPage {
    shell: Shell,
    email: String,
    token: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Token {
    #[serde(default)]
    token: String,
}

/// `GET /{workspace}/join/{invitation}`: shows the button; looking accepts nothing.
pub(super) async fn show(State(app): State<App>, Person(caller): Person, Params(query): Params<Token>) -> Response {
    let email = caller.identity.user.email.to_string();
    render(&JoinPage { shell: Shell::new(&app, "Join", Some(&caller)), email, token: query.token })
}

/// `POST /{workspace}/join/{invitation}`: accepts.
pub(super) async fn accept(
    State(app): State<App>,
    Person(caller): Person,
    Path((workspace, invitation)): Path<(String, String)>,
    Form(form): Form<Token>,
) -> Result<Response, Problem> {
    let not_yours = || {
        let detail = format!(
            "This invitation has ended, was used already, or is for another address than {}.",
            caller.identity.user.email
        );
        Problem::new(http::StatusCode::NOT_FOUND, "not_found", detail)
    };
    let id = invitation.parse().map_err(|_| not_yours())?;
    let token = InvitationToken::parse(&form.token).ok_or_else(not_yours)?;
    match app.auth().accept_invitation(&caller.identity, &workspace, id, &token).await {
        Ok(_) => Ok(go(&app, &format!("/{workspace}"))),
        Err(Error::NotFound(_)) => Err(not_yours()),
        Err(error) => Err(error.into()),
    }
}
