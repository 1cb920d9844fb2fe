use axum::Json;
use axum::extract::State;
use serde_json::Value;

use crate::app::App;
use crate::extract::{Command, PersonScope};
use crate::problem::Problem;

/// `POST …/members/{member}/transfer-ownership`: the member becomes the owner, the caller an admin.
pub(crate) async fn handle(
    State(app): State<App>,
    PersonScope { scope, person }: PersonScope,
    command: Command<()>,
) -> Result<Json<Value>, Problem> {
    let member = scope.id("member", "member")?;
    let access = scope.access.once(command.key);
    // Whoever may not do it at all is not asked for a proof first.
    if app.desk().may(&access, connect_core::Action::TransferOwnership) {
        app.auth().require_recent(&person.identity)?;
    }
    let changed = app.desk().members(&access).transfer_ownership(member).await?;
    Ok(Json(super::shape(changed)))
}
