use axum::Json;
use axum::extract::State;
use connect_core::push::{NewDevice, Reach};
use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use super::shape;
use crate::app::App;
use crate::extract::{Command, Scope};
use crate::problem::Problem;

#[derive(Debug, Deserialize)]
#[serde(tag = "service", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Body {
    #[serde(rename = "web_push")]
    Web {
        #[serde(default)]
        name: String,
        endpoint: String,
        keys: Keys,
    },
    #[serde(rename = "onesignal")]
    OneSignal {
        #[serde(default)]
        name: String,
        subscription_id: String,
    },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Keys {
    p256dh: String,
    auth: String,
}

/// `POST …/push-devices`: adds one. A browser that comes again is the same one.
pub(crate) async fn handle(
    State(app): State<App>,
    scope: Scope,
    command: Command<Body>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let new = match command.value {
        Body::Web { name, endpoint, keys: Keys { p256dh, auth } } => {
            NewDevice { name, reach: Reach::Web { endpoint, p256dh, auth } }
        }
        Body::OneSignal { name, subscription_id } => NewDevice { name, reach: Reach::OneSignal { subscription_id } },
    };
    let access = scope.access.once(command.key);
    let device = app.desk().push_devices(&access).add(new).await?;
    Ok((StatusCode::CREATED, Json(shape(&device))))
}
