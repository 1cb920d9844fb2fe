//! Answers that wait, and can be taken back until they are sent.

pub(super) mod list;
pub(super) mod send;
pub(super) mod withdraw;

use connect_core::message::{Direction, MessageKind};
use connect_core::outbox::HeldReply;
use connect_core::{Access, Actor};
use serde_json::{Value, json};

use super::attachment::shape::{Place, carried};
use super::message::shape::People;
use super::shape::Time;
use crate::app::App;
use crate::markdown;
use crate::problem::Problem;

/// Answers that wait, as a message is shown, with when they are sent.
pub(super) async fn shapes(app: &App, access: &Access, held: &[HeldReply]) -> Result<Vec<Value>, Problem> {
    let people = People::look_up(app, access, held.iter().map(|held| Actor::User(held.author))).await?;
    let place = Place::new(app.desk(), access);
    let shape = |held: &HeldReply| {
        json!({
            "id": held.id, "ticket_id": held.ticket, "kind": MessageKind::Reply.as_str(),
            "direction": Direction::Outbound.as_str(), "author": people.shape(Actor::User(held.author)),
            "body": held.body, "html": markdown::html(held.body.as_str()),
            "attachments": carried(&held.attachments, &place), "created_at": Time(held.created_at), "deliveries": [],
            "send_at": Time(held.send_at), "status": held.status.as_ref().map(|(status, _)| status),
            "refused": held.refused,
        })
    };
    Ok(held.iter().map(shape).collect())
}
