use axum::Json;
use axum::extract::State;
use connect_core::template::{Draft, Rendered};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::place;
use crate::app::App;
use crate::extract::{Command, Scope};
use crate::problem::Problem;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body {
    draft: Option<Words>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Words {
    subject: String,
    text: String,
    mjml: Option<String>,
}

/// `POST …/templates/{topic}/{language}/preview`: a draft, or what readers of the language get, with made-up values.
pub(crate) async fn preview(
    State(app): State<App>,
    scope: Scope,
    command: Command<Body>,
) -> Result<Json<Value>, Problem> {
    let (topic, language) = place(&app, &scope)?;
    let draft = command.value.draft.map(|Words { subject, text, mjml }| Draft { subject, text, mjml });
    let rendered = app.desk().templates(&scope.access).preview(topic, &language, draft).await?;
    let Rendered { subject, text, html } = rendered;
    Ok(Json(json!({"subject": subject, "text": text, "html": html})))
}

/// `POST …/templates/{topic}/{language}/test`: the same as a mail to the caller.
pub(crate) async fn test(
    State(app): State<App>,
    scope: Scope,
    command: Command<()>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let (topic, language) = place(&app, &scope)?;
    let access = scope.access.once(command.key);
    app.desk().templates(&access).test(topic, &language).await?;
    Ok((StatusCode::ACCEPTED, Json(json!({}))))
}
