use axum::Json;
use axum::extract::{OriginalUri, Path, State};
use connect_core::Error;
use connect_core::member::InvitationToken;
use serde::Deserialize;
use serde_json::Value;

use crate::api::workspace;
use crate::app::App;
use crate::extract::{Command, Person, names_no_other};
use crate::problem::Problem;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body {
    token: String,
}

/// `POST …/invitations/{invitation}/accept`: the caller, who has proven the mailbox by signing in, becomes
/// a member. The one path below a workspace for somebody who is not let in yet.
pub(crate) async fn handle(
    State(app): State<App>,
    caller: Person,
    Path((workspace, invitation)): Path<(String, String)>,
    OriginalUri(uri): OriginalUri,
    command: Command<Body>,
) -> Result<Json<Value>, Problem> {
    names_no_other(uri.query(), |name| name == workspace)?;
    let absent = || Problem::from(Error::NotFound("invitation"));
    let id = invitation.parse().map_err(|_| absent())?;
    let token = InvitationToken::parse(&command.value.token).ok_or_else(absent)?;
    app.auth().accept_invitation(&caller.identity, &workspace, id, &token).await?;
    let access = app.desk().admit(&caller.identity.person(), &workspace).await?;
    Ok(Json(workspace::shape(access.workspace(), workspace::role(&access))))
}
