use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use connect_core::Error;
use connect_core::mail_event::{BadMailEvent, MailCall};
use http::{HeaderMap, StatusCode, header};

use crate::app::App;
use crate::problem::Problem;

/// The password of Basic authentication.
fn password(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    let decoded = STANDARD.decode(encoded.trim()).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    String::from_utf8(decoded).ok()?.split_once(':').map(|(_, password)| password.to_owned())
}

/// `POST /mail-events/{source}`: in the source's own shape, by its own proof. A mail that is just being handed over, or a
/// proof that cannot be checked now, is answered with 503: whoever calls calls again.
pub(crate) async fn handle(
    State(app): State<App>,
    Path(source): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<StatusCode, Problem> {
    let body = body.map_err(|rejection| {
        let detail = format!("the body did not arrive whole, or has more than {} bytes", app.settings().max_body);
        Problem::new(rejection.status(), "bad_body", detail)
    })?;
    let password = password(&headers);
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let timestamp = text("x-twilio-email-event-webhook-timestamp");
    let call = MailCall {
        body: &body,
        password: password.as_deref(),
        signature: timestamp.zip(text("x-twilio-email-event-webhook-signature")),
    };
    let heard = app.settings().mail_events.hear(&source, call, app.desk().now()).await;
    let later = |detail: String| {
        let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "later", detail);
        Problem { retry_after: Some(30), ..problem }
    };
    let events = heard.ok_or(Error::NotFound("source"))?.map_err(|error| match error {
        BadMailEvent::Forged => Problem::new(StatusCode::FORBIDDEN, "not_genuine", error.to_string()),
        BadMailEvent::Malformed(_) => Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "malformed", error.to_string()),
        BadMailEvent::Later(_) => later(error.to_string()),
    })?;
    let mut early = false;
    for event in events {
        match app.desk().mail_event(event).await {
            // The others need not wait for it; told again, they change nothing.
            Err(Error::Contended) => early = true,
            heard => heard?,
        }
    }
    if early { Err(later("a mail is just being handed over".to_owned())) } else { Ok(StatusCode::NO_CONTENT) }
}
