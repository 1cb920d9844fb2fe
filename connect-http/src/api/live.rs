//! `GET …/live`: the events of the workspace as they happen, as Server-Sent Events.
//!
//! The id of an event is its number in the workspace. A client that comes back with `Last-Event-ID` goes on
//! behind it: nothing is missed and nothing repeated. `event: reset` says that the number is unknown here
//! and everything has to be read anew.
//!
//! `event: presence` tells the team who comes to a ticket and goes. After `event: open` it tells who is there already,
//! so what a client knew before counts no more. `event: notification` tells the caller that they were told something, or have
//! read it, with how many are `unread`.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event as Line, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use connect_core::event::{Event, Follower};
use connect_core::presence::Presence;
use connect_core::store::Sign;
use connect_core::{Access, Action};
use futures::stream::{self, Stream};
use http::{HeaderMap, HeaderValue};
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;

use crate::Draining;
use crate::api::shape::Time;
use crate::app::App;
use crate::endless::Endless;
use crate::extract::{Caller, Params, Scope};
use crate::middleware::csrf;
use crate::problem::Problem;
use crate::slots::Slot;

/// How often it is looked whether the client may still follow.
const LOOK_AGAIN: Duration = Duration::from_secs(3);
/// How often something is sent where nothing happens.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// From where.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct From {
    /// Like `Last-Event-ID`, for clients that cannot send a header.
    after: Option<u64>,
}

/// A client that follows.
struct Client {
    app: App,
    caller: Caller,
    workspace: String,
    access: Access,
    follower: Option<Follower>,
    ready: VecDeque<Arc<Event>>,
    signs: VecDeque<Sign>,
    checked: Instant,
    draining: Option<Draining>,
    _place: Slot,
}

pub(crate) async fn handle(
    State(app): State<App>,
    scope: Scope,
    headers: HeaderMap,
    Params(from): Params<From>,
    draining: Option<axum::Extension<Draining>>,
) -> Result<Response, Problem> {
    csrf::check_stream(&app, &headers)?;
    let last = headers.get("last-event-id").and_then(|value| value.to_str().ok());
    let after = match last {
        None => from.after,
        Some(text) => Some(text.trim().parse().map_err(|_| {
            let detail = "Last-Event-ID must be the id of an event of this stream";
            Problem::invalid(vec![connect_core::FieldError::new("last_event_id", "bad_id", detail)])
        })?),
    };
    let place = app.stream_slot(&scope.access)?;
    let follower = app.desk().follow(&scope.access, after).await?;
    let state = Client {
        workspace: scope.access.workspace_id().to_string(),
        access: scope.access,
        caller: scope.caller,
        app,
        follower,
        ready: VecDeque::new(),
        signs: VecDeque::new(),
        checked: Instant::now(),
        draining: draining.map(|axum::Extension(draining)| draining),
        _place: place,
    };
    let lines = Sse::new(lines(state)).keep_alive(KeepAlive::new().interval(HEARTBEAT).text("here"));
    let mut response = lines.into_response();
    // A proxy that gathers the answer before it passes it on would keep everything back.
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    response.extensions_mut().insert(Endless);
    Ok(response)
}

/// An event as the client sees it. Which key a program used is for the team to know.
fn line(event: &Event, is_team: bool) -> Line {
    let mut data = json!({
        "position": event.seq, "type": event.fact.name(), "ticket_id": event.ticket,
        "ticket_version": event.ticket_version, "actor": event.actor.to_string(), "at": Time(event.at),
    });
    if let Some(changes) = super::ticket::timeline::changes(&event.fact) {
        data["changes"] = changes;
    }
    if let Some(message) = event.fact.message() {
        data["message_id"] = json!(message);
    }
    if let Some(key) = event.key.filter(|_| is_team) {
        data["key_id"] = json!(key);
    }
    Line::default().id(event.seq.to_string()).event(event.fact.name()).data(data.to_string())
}

/// Somebody at a ticket. It has no id: it is no event, and nobody goes on behind it.
fn presence(sign: &Presence) -> Line {
    let data = json!({"ticket_id": sign.ticket, "user_id": sign.user, "state": sign.word()});
    Line::default().event("presence").data(data.to_string())
}

fn lines(state: Client) -> impl Stream<Item = Result<Line, Infallible>> {
    let opening = match &state.follower {
        // The place from which the client follows: it may come back to it before anything has happened.
        Some(follower) => Line::default().event("open").id(follower.after().to_string()).data("{}"),
        // Without its old place the client begins anew when it comes back.
        None => Line::default().event("reset").id("").data("{}"),
    };
    let first = stream::once(async move { Ok(opening) });
    let rest = stream::unfold(state, |mut state| async move {
        loop {
            if let Some(event) = state.ready.pop_front() {
                let is_team = state.access.contact().is_none();
                return Some((Ok(line(&event, is_team)), state));
            }
            match state.signs.pop_front() {
                Some(Sign::Presence(sign)) => return Some((Ok(presence(&sign)), state)),
                // How many are unread now, however often that was told.
                Some(noticed @ Sign::Noticed { .. }) => {
                    state.signs.retain(|sign| *sign != noticed);
                    let unread = Box::pin(unread(&state)).await?;
                    return Some((Ok(Line::default().event("notification").data(unread.to_string())), state));
                }
                None => {}
            }
            if state.checked.elapsed() >= LOOK_AGAIN {
                // Boxed, as the next one: a stream that waits need not hold the room that looking takes.
                if !Box::pin(may_follow(&state)).await {
                    return None;
                }
                state.checked = Instant::now();
            }
            let follower = state.follower.as_mut()?;
            // After an error the client comes back with the number it has seen, perhaps to another node.
            state.ready.extend(Box::pin(follower.next()).await.ok()?);
            state.signs.extend(Box::pin(follower.signs()).await.ok()?);
            if !state.ready.is_empty() || !state.signs.is_empty() {
                continue;
            }
            match &mut state.draining {
                None => follower.changed().await,
                Some(draining) => tokio::select! {
                    () = follower.changed() => {}
                    () = draining.begun() => return None,
                },
            }
        }
    });
    futures::StreamExt::chain(first, rest)
}

/// How many notices of the client's are unread, counted up to 100; none if that cannot be told now.
async fn unread(client: &Client) -> Option<serde_json::Value> {
    let unread = client.app.desk().notifications(&client.access).unread().await.ok()?;
    Some(json!({ "unread": unread }))
}

/// Whether the client is still signed in, or its key still good, and still belongs here, on the same footing.
async fn may_follow(client: &Client) -> bool {
    let access = client.caller.still_in(&client.app, &client.workspace).await.ok().flatten();
    access.is_some_and(|access| {
        access.is_on_the_footing_of(&client.access) && client.app.desk().may(&access, Action::ReadTickets)
    })
}
