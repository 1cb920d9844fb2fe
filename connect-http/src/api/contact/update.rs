use axum::Json;
use axum::extract::State;
use connect_core::contact::{ContactPatch, Traits};
use connect_core::user::Locale;
use connect_core::{EmailAddress, Name, Version};
use serde::Deserialize;
use serde_json::Value;

use crate::api::shape::{Fields, given};
use crate::app::App;
use crate::extract::{Command, Scope};
use crate::problem::Problem;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(clippy::option_option)]
pub(crate) struct Body {
    name: Option<String>,
    #[serde(default, deserialize_with = "given")]
    email: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    external_id: Option<Option<String>>,
    traits: Option<Traits>,
    #[serde(default, deserialize_with = "given")]
    locale: Option<Option<String>>,
    version: Option<u64>,
}

/// `PATCH …/contacts/{contact}`: `null` clears.
pub(crate) async fn handle(
    State(app): State<App>,
    scope: Scope,
    command: Command<Body>,
) -> Result<Json<Value>, Problem> {
    let Body { name, email, external_id, traits, locale, version } = command.value;
    let mut fields = Fields::default();
    let name = name.and_then(|name| fields.read(Name::parse("name", &name)));
    let email = email.map(|email| email.and_then(|email| fields.read(EmailAddress::parse("email", &email))));
    let locale = locale.map(|locale| locale.and_then(|locale| fields.read(Locale::parse("locale", &locale))));
    fields.finish()?;
    let id = scope.id("contact", "contact")?;
    let seen = command.seen.or(version.map(Version::new));
    let access = scope.access.once(command.key);
    let patch = ContactPatch { name, email, external_id, traits, locale, seen };
    Ok(Json(super::shape(app.desk().contacts(&access).update(id, patch).await?)))
}
