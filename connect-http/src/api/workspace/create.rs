use axum::Json;
use axum::extract::State;
use connect_auth::SignUp;
use connect_core::workspace::NewWorkspace;
use connect_core::{Error, Name, Role, Slug};
use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use crate::api::shape::Fields;
use crate::app::App;
use crate::extract::{Command, Person};
use crate::problem::Problem;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body {
    name: String,
    slug: String,
}

/// Whether the caller may make a workspace: anybody where sign-up is open, whoever makes the first one,
/// and who owns one already.
pub(crate) async fn allowed(app: &App, caller: &Person) -> Result<bool, Problem> {
    if app.auth().settings().sign_up == SignUp::Open || !app.desk().workspaces().any().await? {
        return Ok(true);
    }
    let own = app.desk().workspaces().of(&caller.identity.person()).await?;
    Ok(own.iter().any(|(_, role)| *role == Role::Owner))
}

/// `POST /workspaces`: makes one, owned by the caller.
pub(crate) async fn handle(
    State(app): State<App>,
    caller: Person,
    command: Command<Body>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let mut fields = Fields::default();
    let name = fields.read(Name::parse("name", &command.value.name));
    let slug = fields.read(Slug::parse("slug", &command.value.slug));
    fields.finish()?;
    if !allowed(&app, &caller).await? {
        return Err(Error::Forbidden("workspaces are made by invitation").into());
    }
    let (Some(name), Some(slug)) = (name, slug) else { return Err(Problem::invalid(Vec::new())) };
    let new = NewWorkspace { name, slug };
    let workspace = app.desk().workspaces().create(&caller.identity.person(), new, command.key).await?;
    Ok((StatusCode::CREATED, Json(super::shape(&workspace, Role::Owner.as_str()))))
}
