use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::shape::Place;
use crate::api::shape::Time;
use crate::app::App;
use crate::extract::{Command, Scope};
use crate::problem::Problem;

/// `POST …/attachments/{attachment}/link`: an address that lets whoever has it read the attachment for five
/// minutes.
pub(crate) async fn handle(State(app): State<App>, scope: Scope, _: Command<()>) -> Result<Json<Value>, Problem> {
    let id = scope.id("attachment", "attachment")?;
    let link = app.auth().attachment_link(&scope.access, id).await?;
    let url = Place::new(app.desk(), &scope.access).url(id);
    Ok(Json(json!({
        "url": format!("{url}?expires={}&signature={}", link.expires, link.signature),
        "expires_at": Time(link.expires_at()),
    })))
}
