use axum::Json;
use axum::extract::State;
use connect_core::outbox::UndoWindow;
use connect_core::user::Locale;
use connect_core::workspace::{Customers, WorkspacePatch};
use connect_core::{Name, Slug, Version};
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
    slug: Option<String>,
    customers: Option<Customers>,
    require_second_factor: Option<bool>,
    #[serde(default, deserialize_with = "given")]
    locale: Option<Option<String>>,
    undo_send_seconds: Option<u64>,
    version: Option<u64>,
}

/// `PATCH /workspaces/{workspace}`.
pub(crate) async fn handle(
    State(app): State<App>,
    scope: Scope,
    command: Command<Body>,
) -> Result<Json<Value>, Problem> {
    let Body { name, slug, customers, require_second_factor, locale, undo_send_seconds, version } = command.value;
    if require_second_factor.is_some_and(|asked| asked != scope.access.workspace().require_second_factor) {
        scope.may_ask_second_factor(&app).await?;
    }
    let mut fields = Fields::default();
    let name = name.and_then(|name| fields.read(Name::parse("name", &name)));
    let slug = slug.and_then(|slug| fields.read(Slug::parse("slug", &slug)));
    let locale = locale.map(|locale| locale.and_then(|locale| fields.read(Locale::parse("locale", &locale))));
    let undo_send = undo_send_seconds.and_then(|seconds| fields.read(UndoWindow::parse("undo_send_seconds", seconds)));
    fields.finish()?;
    let seen = command.seen.or(version.map(Version::new));
    let patch = WorkspacePatch { name, slug, customers, require_second_factor, locale, undo_send, seen };
    let role = super::role(&scope.access);
    let workspace = app.desk().workspaces().update(&scope.access.once(command.key), patch).await?;
    Ok(Json(super::shape(&workspace, role)))
}
