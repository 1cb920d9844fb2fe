//! The words of the workspace's mail.

pub(super) mod list;
pub(super) mod read;
pub(super) mod remove;
pub(super) mod trial;
pub(super) mod write;

use axum::Json;
use axum::response::{IntoResponse, Response};
use connect_core::template::{Effective, MailTopic};
use connect_core::user::Locale;
use connect_core::{Action, Error, Version};
use http::header::ETAG;
use serde_json::{Value, json};

use super::shape::Time;
use crate::app::App;
use crate::extract::Scope;
use crate::problem::Problem;

fn shape(one: &Effective) -> Value {
    let Effective { topic, draft, template } = one;
    json!({
        "topic": topic, "language": template.as_ref().map_or("en", |template| template.language.as_str()),
        "built_in": template.is_none(), "subject": draft.subject, "text": draft.text, "mjml": draft.mjml,
        "version": template.as_ref().map_or(Version::ABSENT, |template| template.version),
        "updated_at": template.as_ref().map(|template| Time(template.updated_at)),
    })
}

/// What readers of a language get, with the version of that language's own template as the `ETag`: 0 if it has none.
fn response(one: &Effective, language: &Locale) -> Response {
    let own = one.template.as_ref().filter(|one| one.language.as_str().eq_ignore_ascii_case(language.as_str()));
    let version = own.map_or(Version::ABSENT, |template| template.version);
    ([(ETAG, format!("\"{version}\""))], Json(shape(one))).into_response()
}

/// Which template the path is about. A topic that is none does not exist.
fn place(app: &App, scope: &Scope) -> Result<(MailTopic, Locale), Problem> {
    if !app.desk().may(&scope.access, Action::ManageMail) {
        return Err(Error::Forbidden(Action::ManageMail.as_str()).into());
    }
    let topic = scope.segment("topic").and_then(MailTopic::parse).ok_or(Error::NotFound("template"))?;
    Ok((topic, Locale::parse("language", scope.segment("language").unwrap_or_default())?))
}
