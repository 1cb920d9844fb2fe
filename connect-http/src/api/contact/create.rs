use axum::Json;
use axum::extract::State;
use connect_core::contact::{NewContact, Traits};
use connect_core::user::Locale;
use connect_core::{EmailAddress, Name};
use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use crate::api::shape::Fields;
use crate::app::App;
use crate::extract::{Command, Scope};
use crate::problem::Problem;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body {
    name: String,
    email: Option<String>,
    external_id: Option<String>,
    #[serde(default)]
    traits: Traits,
    locale: Option<String>,
}

/// `POST …/contacts`.
pub(crate) async fn handle(
    State(app): State<App>,
    scope: Scope,
    command: Command<Body>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let Body { name, email, external_id, traits, locale } = command.value;
    let mut fields = Fields::default();
    let name = fields.read(Name::parse("name", &name));
    let email = email.and_then(|email| fields.read(EmailAddress::parse("email", &email)));
    let locale = locale.and_then(|locale| fields.read(Locale::parse("locale", &locale)));
    fields.finish()?;
    let Some(name) = name else { return Err(Problem::invalid(Vec::new())) };
    let access = scope.access.once(command.key);
    let new = NewContact { name, email, external_id, traits, locale };
    let contact = app.desk().contacts(&access).create(new).await?;
    Ok((StatusCode::CREATED, Json(super::shape(contact))))
}
