use axum::extract::State;
use axum::response::Response;
use connect_core::EmailAddress;
use http::HeaderMap;
use serde::Deserialize;

use crate::api::auth::request_code::{answer, held};
use crate::app::App;
use crate::extract::{Command, Person};
use crate::problem::Problem;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body {
    email: String,
    #[serde(default)]
    token: bool,
}

/// `POST /me/email`: sends a code to the address that the caller wants to have. It is theirs when the code is
/// entered at `/auth/otp/verify` with the purpose `email_change`.
pub(crate) async fn handle(
    State(app): State<App>,
    caller: Person,
    headers: HeaderMap,
    command: Command<Body>,
) -> Result<Response, Problem> {
    let Body { email, token } = command.value;
    let email = EmailAddress::parse("email", &email)?;
    let Person { identity, client, .. } = caller;
    let issued = app.auth().request_email_change(&identity, email, held(&app, &headers), client).await?;
    Ok(answer(&app, issued, token))
}
