//! Ending mail by its own link. Whoever holds it need not sign in; looking ends nothing.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use connect_core::Error;
use connect_core::notice::{Topic, UnsubscribeLink};

use super::page::{Shell, render};
use crate::app::App;
use crate::problem::Problem;

#[derive(Template)]
#[template(path = "unsubscribe.html")]
struct UnsubscribePage {
    shell: Shell,
    workspace: String,
    about: &'static str,
    done: bool,
}

/// What mail about a topic is called.
const fn about(topic: Option<Topic>) -> &'static str {
    match topic {
        None => "notifications of any kind",
        Some(Topic::Assigned) => "tickets that are given to you",
        Some(Topic::CustomerReplied) => "answers of customers",
        Some(Topic::Mentioned) => "notes that name you",
        Some(Topic::TeamReplied) => "what colleagues write",
        Some(Topic::MailCameBack) => "mail that came back",
        Some(Topic::ReplyRefused) => "answers of yours that could not be sent",
        Some(Topic::TicketOpened) => "new tickets",
    }
}

type Parts = Path<(String, String, String, String)>;

fn link(Path((workspace, user, topic, signature)): Parts) -> UnsubscribeLink {
    UnsubscribeLink { workspace, user, topic, signature }
}

fn no_such_link(error: Error) -> Problem {
    match error {
        Error::NotFound(_) => {
            Problem::new(http::StatusCode::NOT_FOUND, "not_found", "This link is not whole, or not ours.")
        }
        error => error.into(),
    }
}

async fn page(app: &App, link: &UnsubscribeLink, done: bool) -> Result<Response, Problem> {
    let (workspace, topic) = app.desk().unsubscribing(link).await.map_err(no_such_link)?;
    let shell = Shell::new(app, "Mail of the desk", None);
    Ok(render(&UnsubscribePage { shell, workspace: workspace.name.to_string(), about: about(topic), done }))
}

/// `GET /unsubscribe/{workspace}/{user}/{topic}/{signature}`: shows the button.
pub(super) async fn ask(State(app): State<App>, parts: Parts) -> Result<Response, Problem> {
    page(&app, &link(parts), false).await
}

/// `POST` to the same: ends it. Mail programs post here by themselves (RFC 8058), whatever body they send.
pub(super) async fn end(
    State(app): State<App>,
    client: axum::Extension<connect_auth::Client>,
    parts: Parts,
) -> Result<Response, Problem> {
    let link = link(parts);
    let cause = client.cause(None, app.desk().random());
    app.desk().unsubscribe(&link, cause).await.map_err(no_such_link)?;
    page(&app, &link, true).await
}
