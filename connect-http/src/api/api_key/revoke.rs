use axum::extract::State;
use http::StatusCode;

use crate::app::App;
use crate::extract::{Command, PersonScope};
use crate::problem::Problem;

/// `DELETE …/api-keys/{key}`: ends it. No fresh proof is asked for: to be quick is what matters.
pub(crate) async fn handle(
    State(app): State<App>,
    PersonScope { scope, .. }: PersonScope,
    command: Command<()>,
) -> Result<StatusCode, Problem> {
    let id = scope.id("key", "api key")?;
    app.desk().api_keys(&scope.access.once(command.key)).revoke(id).await?;
    Ok(StatusCode::NO_CONTENT)
}
