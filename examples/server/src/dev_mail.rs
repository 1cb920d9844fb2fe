//! The development mailbox: mail that was captured instead of sent. It exists only while no SMTP server is
//! set, which the settings allow on a loopback address alone.

use std::fmt::Write;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Html;
use axum::routing::get;
use axum::{Json, Router};
use connect_core::notify::Recorder;
use serde_json::{Value, json};

/// `/dev/mail` and `/dev/mail.json`.
pub(crate) fn routes(recorder: Arc<Recorder>) -> Router {
    Router::new().route("/dev/mail", get(page)).route("/dev/mail.json", get(list)).with_state(recorder)
}

/// Newest first.
async fn list(State(recorder): State<Arc<Recorder>>) -> Json<Value> {
    let mails = recorder.mails().into_iter().map(|kept| {
        let mail = kept.mail;
        json!({
            "to": mail.to.as_str(), "from": mail.from.address.as_str(), "subject": mail.subject, "text": mail.text, "html": mail.html,
            "unsubscribe": mail.unsubscribe,
            "message_id": mail.message_id, "in_reply_to": mail.in_reply_to, "references": mail.references,
            "at": kept.at.to_string(),
        })
    });
    Json(mails.collect())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

async fn page(State(recorder): State<Arc<Recorder>>) -> Html<String> {
    let mut html = String::from(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>Captured mail</title>\
         <link rel=\"stylesheet\" href=\"/assets/desk.css\"></head><body><main class=\"narrow wide\">\
         <h1>Captured mail</h1><p class=\"quiet\">Mail goes nowhere else while CONNECT_SMTP_URL is not set. Newest first.</p>",
    );
    let mails = recorder.mails();
    if mails.is_empty() {
        html.push_str("<section class=\"card empty\"><p>Nothing yet.</p></section>");
    }
    for kept in mails {
        let _ = write!(
            html,
            "<section class=\"card\"><h2>{}</h2><p class=\"meta\">to {} <time>{}</time></p><pre class=\"text\">{}</pre></section>",
            escaped(&kept.mail.subject),
            escaped(kept.mail.to.as_str()),
            kept.at,
            escaped(&kept.mail.text),
        );
    }
    html.push_str("</main></body></html>");
    Html(html)
}
