//! The caller's passkeys.

use axum::Json;
use axum::extract::{Path, State};
use connect_auth::passkey::{NewPasskeyAnswer, PasskeyAnswer};
use connect_core::user::Passkey;
use connect_core::{Error, Name, PasskeyId};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::auth::passkeys::shape as question;
use crate::api::shape::{List, Time};
use crate::app::App;
use crate::extract::{Command, Params, Person};
use crate::problem::Problem;

/// What a passkey is called whose holder has no name for it.
const NAMELESS: &str = "Passkey";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct New {
    question: String,
    /// What `navigator.credentials.create` gave.
    credential: Value,
    name: Option<String>,
    /// Whether the person's other sessions go on.
    #[serde(default)]
    keep_sessions: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rename {
    name: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Kept {
    #[serde(default)]
    keep_sessions: bool,
}

fn shape(passkey: &Passkey) -> Value {
    json!({
        "id": passkey.id, "name": passkey.name, "added_at": Time(passkey.added_at),
        "last_used_at": passkey.used_at.map(Time),
    })
}

/// The id in a path; what is none is a passkey that is not there.
fn id(text: &str) -> Result<PasskeyId, Error> {
    text.parse().map_err(|_| Error::NotFound("passkey"))
}

/// `GET /me/passkeys`: the passkeys that sign the caller in.
pub(crate) async fn list(State(app): State<App>, caller: Person) -> Result<Json<List<Value>>, Problem> {
    let passkeys = app.auth().passkeys(&caller.identity).await?;
    Ok(Json(List { data: passkeys.iter().map(shape).collect(), next_cursor: None }))
}

/// `POST /me/passkeys/start`: asks a device to make one.
pub(crate) async fn start(State(app): State<App>, caller: Person, _: Command<Nothing>) -> Result<Json<Value>, Problem> {
    Ok(question(&app, app.auth().start_passkey(&caller.identity, &caller.client).await?))
}

/// `POST /me/passkeys/finish`: keeps the one that was made.
pub(crate) async fn finish(
    State(app): State<App>,
    caller: Person,
    command: Command<New>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let New { question, credential, name, keep_sessions } = command.value;
    let name = Name::parse("name", name.as_deref().unwrap_or(NAMELESS))?;
    let new = NewPasskeyAnswer { answer: PasskeyAnswer { question, credential }, name, keep_sessions };
    let passkey = app.auth().finish_passkey(&caller.identity, new, &caller.client).await?;
    Ok((StatusCode::CREATED, Json(shape(&passkey))))
}

/// `PATCH /me/passkeys/{passkey}`: another name.
pub(crate) async fn rename(
    State(app): State<App>,
    caller: Person,
    Path(passkey): Path<String>,
    command: Command<Rename>,
) -> Result<StatusCode, Problem> {
    let name = Name::parse("name", &command.value.name)?;
    app.auth().rename_passkey(&caller.identity, id(&passkey)?, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /me/passkeys/{passkey}`: it signs the caller in no more.
pub(crate) async fn remove(
    State(app): State<App>,
    caller: Person,
    Path(passkey): Path<String>,
    Params(Kept { keep_sessions }): Params<Kept>,
    _: Command<()>,
) -> Result<StatusCode, Problem> {
    app.auth().remove_passkey(&caller.identity, id(&passkey)?, keep_sessions).await?;
    Ok(StatusCode::NO_CONTENT)
}
