use axum::Json;
use axum::extract::{Path, State};
use connect_auth::SessionView;
use connect_core::Error;
use http::StatusCode;
use serde_json::{Value, json};

use crate::api::shape::{List, Time};
use crate::app::App;
use crate::extract::{Command, Person};
use crate::problem::Problem;

fn shape(view: SessionView) -> Value {
    let SessionView { session, current } = view;
    json!({
        "id": session.id, "current": current, "method": session.method, "ip": session.ip, "agent": session.agent,
        "created_at": Time(session.created_at), "last_seen_at": Time(session.seen_at),
        "idle_expires_at": Time(session.idle_ends_at), "expires_at": Time(session.ends_at),
    })
}

/// `GET /auth/sessions`: the caller's live sessions.
pub(crate) async fn list(State(app): State<App>, caller: Person) -> Result<Json<List<Value>>, Problem> {
    let sessions = app.auth().sessions(&caller.identity).await?;
    Ok(Json(List { data: sessions.into_iter().map(shape).collect(), next_cursor: None }))
}

/// `DELETE /auth/sessions/{session}`: ends one of them.
pub(crate) async fn end(
    State(app): State<App>,
    caller: Person,
    Path(id): Path<String>,
    _: Command<()>,
) -> Result<StatusCode, Problem> {
    let id = id.parse().map_err(|_| Error::NotFound("session"))?;
    app.auth().end_session(&caller.identity, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /auth/sessions`: ends all but the one that asks.
pub(crate) async fn end_others(State(app): State<App>, caller: Person, _: Command<()>) -> Result<StatusCode, Problem> {
    app.auth().end_other_sessions(&caller.identity).await?;
    Ok(StatusCode::NO_CONTENT)
}
