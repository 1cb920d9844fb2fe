use std::collections::{BTreeMap, BTreeSet};

use axum::Json;
use axum::extract::State;
use connect_core::notice::{Choice, Digest, Medium, NoticeSettings, QuietHours, Topic, ZoneName};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::api::shape::given;
use crate::app::App;
use crate::extract::{Command, Scope};
use crate::problem::Problem;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(clippy::option_option)]
pub(crate) struct Body {
    #[serde(default)]
    topics: BTreeMap<Topic, BTreeSet<Medium>>,
    time_zone: Option<String>,
    #[serde(default, deserialize_with = "given")]
    quiet_hours: Option<Option<QuietHours>>,
    #[serde(default, deserialize_with = "given")]
    digest: Option<Option<Digest>>,
}

fn shape(settings: &NoticeSettings) -> Value {
    let topics = Topic::ALL.iter().map(|topic| (topic.as_str().to_owned(), json!(settings.media_of(*topic))));
    json!({
        "topics": topics.collect::<Map<String, Value>>(), "time_zone": settings.time_zone, "quiet_hours": settings.quiet,
        "digest": settings.digest, "version": settings.version,
    })
}

/// `GET …/notification-settings`: over what, and when, the caller is told of each topic.
pub(crate) async fn read(State(app): State<App>, scope: Scope) -> Result<Json<Value>, Problem> {
    Ok(Json(shape(&app.desk().notifications(&scope.access).settings().await?)))
}

/// `PUT …/notification-settings`: chooses what is named; the rest stays.
pub(crate) async fn choose(
    State(app): State<App>,
    scope: Scope,
    command: Command<Body>,
) -> Result<Json<Value>, Problem> {
    let Body { topics, time_zone, quiet_hours, digest } = command.value;
    let time_zone = time_zone.map(|name| ZoneName::parse("time_zone", &name)).transpose()?;
    let choice = Choice { media: topics, time_zone, quiet: quiet_hours, digest };
    let access = scope.access.once(command.key);
    Ok(Json(shape(&app.desk().notifications(&access).choose(choice).await?)))
}
