use axum::Json;
use axum::extract::State;
use connect_core::api_key::{Network, NewApiKey, Scopes};
use connect_core::{FieldError, Name, Timestamp};
use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use crate::api::shape::{Fields, given};
use crate::app::App;
use crate::extract::{Command, PersonScope};
use crate::problem::Problem;

/// Neither owner nor workspace: they follow from the session and the path.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body {
    name: String,
    scopes: Vec<String>,
    #[serde(default, deserialize_with = "given")]
    expires_at: Option<Option<String>>,
    #[serde(default)]
    networks: Vec<String>,
}

impl Body {
    pub(crate) fn read(self) -> Result<NewApiKey, Problem> {
        let mut fields = Fields::default();
        let name = fields.read(Name::parse("name", &self.name));
        let scopes = fields.read_all(Scopes::parse("scopes", &self.scopes));
        let time = |text: String| {
            let bad = || FieldError::new("expires_at", "bad_time", "must be a time such as 2026-01-31T12:00:00Z");
            fields.read(Timestamp::parse(&text).ok_or_else(bad))
        };
        let expires_at = self.expires_at.map(|end| end.and_then(time));
        let named = self.networks.iter().enumerate();
        let networks = named.filter_map(|(n, text)| fields.read(Network::parse(&format!("networks[{n}]"), text)));
        let networks = networks.collect();
        fields.finish()?;
        let (Some(name), Some(scopes)) = (name, scopes) else { return Err(Problem::invalid(Vec::new())) };
        Ok(NewApiKey { name, scopes, expires_at, networks })
    }
}

/// `POST …/api-keys`: makes one of the caller's own. The answer is the only one that has the key itself.
pub(crate) async fn handle(
    State(app): State<App>,
    PersonScope { scope, person }: PersonScope,
    command: Command<Body>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let new = command.value.read()?;
    let access = scope.access.once(command.key);
    let issued = app.auth().create_api_key(&person.identity, &access, new).await?;
    Ok((StatusCode::CREATED, Json(super::issued(issued))))
}
