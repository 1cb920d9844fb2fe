use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::api::workspace;
use crate::app::App;
use crate::extract::Person;
use crate::problem::Problem;

/// `GET /me`: the caller and where they belong.
pub(crate) async fn handle(State(app): State<App>, caller: Person) -> Result<Json<Value>, Problem> {
    let person = caller.identity.person();
    let workspaces = app.desk().workspaces().of(&person).await?;
    let customer_of = app.desk().workspaces().as_customer(&person).await?;
    Ok(Json(json!({
        "user": super::shape(&caller.identity.user),
        "workspaces": workspaces.iter().map(|(found, role)| workspace::shape(found, role.as_str())).collect::<Vec<_>>(),
        "customer_of": customer_of.iter().map(|found| workspace::shape(found, "customer")).collect::<Vec<_>>(),
    })))
}
