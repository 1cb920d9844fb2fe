use std::collections::{BTreeMap, BTreeSet};

use axum::Json;
use axum::extract::State;
use connect_core::notice::{Medium, NoticeSettings, Topic};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::app::App;
use crate::extract::{Command, Scope};
use crate::problem::Problem;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body {
    topics: BTreeMap<Topic, BTreeSet<Medium>>,
}

fn shape(settings: &NoticeSettings) -> Value {
    let topics = Topic::ALL.iter().map(|topic| (topic.as_str().to_owned(), json!(settings.media_of(*topic))));
    json!({"topics": topics.collect::<Map<String, Value>>(), "version": settings.version})
}

/// `GET …/notification-settings`: over what the caller is told of each topic.
pub(crate) async fn read(State(app): State<App>, scope: Scope) -> Result<Json<Value>, Problem> {
    Ok(Json(shape(&app.desk().notifications(&scope.access).settings().await?)))
}

/// `PUT …/notification-settings`: chooses it for the topics that are named.
pub(crate) async fn choose(
    State(app): State<App>,
    scope: Scope,
    command: Command<Body>,
) -> Result<Json<Value>, Problem> {
    let access = scope.access.once(command.key);
    Ok(Json(shape(&app.desk().notifications(&access).choose(command.value.topics).await?)))
}
