use axum::Json;
use axum::extract::State;
use connect_core::{Action, Error};
use serde_json::{Value, json};

use crate::app::App;
use crate::extract::Scope;
use crate::problem::Problem;

/// `GET …/push-key`: the key that browsers subscribe for; `null` where nothing is sent to them.
pub(crate) async fn handle(State(app): State<App>, scope: Scope) -> Result<Json<Value>, Problem> {
    if !app.desk().may(&scope.access, Action::ChooseNotifications) {
        return Err(Error::Forbidden(Action::ChooseNotifications.as_str()).into());
    }
    Ok(Json(json!({"public_key": app.settings().push_key})))
}
