use axum::Json;
use axum::extract::{Request, State};
use connect_core::FieldError;
use connect_core::attachment::FileName;
use http::StatusCode;
use http::header::CONTENT_LENGTH;
use serde::Deserialize;
use serde_json::Value;

use super::shape::{Place, uploaded};
use crate::app::App;
use crate::extract::upload::{Files, from_body, is_multipart};
use crate::extract::{Params, Scope};
use crate::problem::Problem;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Query {
    name: Option<String>,
}

/// `POST …/attachments`: a file, as the one part `file` of a form or as the body itself with `?name=`. It is
/// streamed to where it is kept. An `Idempotency-Key` means nothing here: an upload that is sent again is
/// another upload, and the one that no message carries is removed after a day.
pub(crate) async fn handle(
    State(app): State<App>,
    scope: Scope,
    Params(query): Params<Query>,
    request: Request,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let _place = app.upload_slot(&scope.access)?;
    let attachments = app.desk().attachments(&scope.access);
    let attachment = if is_multipart(request.headers()) {
        Files::open(&app, request, app.desk().settings().attachment_limit).await?.only(&attachments).await?
    } else {
        let Some(name) = query.name else {
            let detail = "is required where the body is the file itself";
            return Err(FieldError::new("name", "required", detail).into());
        };
        // Told before the first byte where the client says how much there is.
        let length = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
        let limit = app.desk().settings().attachment_limit;
        if length.and_then(|length| length.parse::<u64>().ok()).is_some_and(|length| length > limit) {
            return Err(connect_core::Error::TooLarge { limit }.into());
        }
        attachments.upload(FileName::clean(&name), from_body(request.into_body())).await?
    };
    let place = Place::new(app.desk(), &scope.access);
    Ok((StatusCode::CREATED, Json(uploaded(&attachment, &place))))
}
