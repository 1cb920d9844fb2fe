use axum::extract::State;
use axum::response::Response;
use http::StatusCode;

use crate::app::App;
use crate::extract::{Command, PersonScope};
use crate::problem::Problem;

/// `POST …/domains/{domain}/verify`: looks whether the word stands at its place.
pub(crate) async fn handle(
    State(app): State<App>,
    caller: PersonScope,
    command: Command<()>,
) -> Result<Response, Problem> {
    let id = caller.scope.id("domain", "domain")?;
    let access = caller.changes_sign_in(&app)?.once(command.key);
    let domain = app.auth().prove_domain(&caller.person.identity, &access, id).await?;
    Ok(super::response(StatusCode::OK, domain))
}
