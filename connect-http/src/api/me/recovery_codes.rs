//! The caller's recovery codes.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde_json::{Value, json};

use crate::app::App;
use crate::extract::{Command, Person};
use crate::problem::Problem;

/// `GET /me/recovery-codes`: how many are left. What they are is not known any more.
pub(crate) async fn read(State(app): State<App>, caller: Person) -> Result<Json<Value>, Problem> {
    let status = app.auth().second_factor(&caller.identity).await?;
    Ok(Json(json!({"left": status.recovery_codes})))
}

/// `POST /me/recovery-codes`: makes others in the place of all there are.
pub(crate) async fn replace(
    State(app): State<App>,
    caller: Person,
    _: Command<()>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let codes = app.auth().replace_recovery_codes(&caller.identity).await?;
    let codes: Vec<String> = codes.iter().map(connect_auth::Code::grouped).collect();
    Ok((StatusCode::CREATED, Json(json!({"recovery_codes": codes}))))
}
