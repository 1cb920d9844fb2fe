use axum::Json;
use axum::extract::State;
use connect_core::Name;
use connect_core::user::Locale;
use serde::Deserialize;
use serde_json::Value;

use crate::api::shape::Fields;
use crate::app::App;
use crate::extract::{Command, Person};
use crate::problem::Problem;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body {
    name: Option<String>,
    locale: Option<String>,
}

/// `PATCH /me`: another name, another language.
pub(crate) async fn handle(
    State(app): State<App>,
    caller: Person,
    command: Command<Body>,
) -> Result<Json<Value>, Problem> {
    let mut fields = Fields::default();
    let name = command.value.name.and_then(|name| fields.read(Name::parse("name", &name)));
    let locale = command.value.locale.and_then(|locale| fields.read(Locale::parse("locale", &locale)));
    fields.finish()?;
    let users = app.desk().users().because(caller.identity.cause.clone());
    let user = users.describe(caller.identity.user.id, name, locale).await?;
    Ok(Json(super::shape(&user)))
}
