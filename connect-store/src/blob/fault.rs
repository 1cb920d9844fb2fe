//! What went wrong, in words that show no secret.

use std::error::Error;
use std::io;

use connect_core::StoreError;
use connect_core::store::BlobError;

/// The longest text of one cause.
const LONGEST: usize = 300;

/// An error that a later attempt may not have.
pub(super) fn unavailable(text: impl Into<String>) -> BlobError {
    BlobError::Store(StoreError::unavailable(text.into()))
}

/// Whether the object is missing, and not the whole bucket.
pub(super) fn is_missing(error: &object_store::Error) -> bool {
    if matches!(error, object_store::Error::NotFound { .. }) {
        return code(error).as_deref() != Some("NoSuchBucket");
    }
    // A key that goes on behind a file: there is nothing, but a file system has its own word for that.
    let causes = std::iter::successors(error.source(), |cause: &&(dyn std::error::Error + 'static)| (**cause).source());
    causes
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == io::ErrorKind::NotADirectory)
}

/// The error as the port tells it.
pub(super) fn failed(error: &object_store::Error, secrets: &[String]) -> BlobError {
    use object_store::Error::{NotFound, PermissionDenied, Unauthenticated};
    let code = code(error).map(|code| format!(" ({code})")).unwrap_or_default();
    let causes = causes(error);
    // Some requests, such as that for a list, come without the fitting variant.
    let is_refused = ["status code: 401", "status code: 403"].iter().any(|status| causes.contains(status));
    let text = match error {
        PermissionDenied { .. } | Unauthenticated { .. } => format!("the store refused the credentials{code}"),
        _ if is_refused => format!("the store refused the credentials{code}"),
        NotFound { .. } => format!("the store has no such place{code}"),
        _ => format!("{causes}{code}"),
    };
    let hidden = secrets.iter().filter(|secret| !secret.is_empty());
    unavailable(hidden.fold(text, |text, secret| text.replace(secret.as_str(), "***")))
}

/// The causes from the outside in, each once, without what the server wrote: it may repeat a request's
/// session token.
fn causes(error: &object_store::Error) -> String {
    let mut text = bounded(&error.to_string());
    let mut next = error.source();
    while let Some(cause) = next {
        let told = bounded(&cause.to_string());
        if !text.contains(&told) {
            text = format!("{text}: {told}");
        }
        next = cause.source();
    }
    text
}

fn bounded(text: &str) -> String {
    // A status comes before the server's own words; those may be a page of anything.
    let marks = ["non-2xx status code: ", "Server returned error response"];
    let end = marks.iter().find_map(|mark| {
        let from = text.find(mark)? + mark.len();
        text[from..].find(':').map(|more| from + more)
    });
    let text = &text[..end.unwrap_or(text.len())];
    let text = text.split(['<', '{']).next().unwrap_or_default();
    text.chars().take(LONGEST).collect::<String>().trim().to_owned()
}

/// The error code in an XML answer, such as `SlowDown`.
fn code(error: &object_store::Error) -> Option<String> {
    let text = error.to_string();
    let (_, rest) = text.split_once("<Code>")?;
    let (code, _) = rest.split_once("</Code>")?;
    let is_code = !code.is_empty() && code.len() <= 60 && code.bytes().all(|b| b.is_ascii_alphanumeric());
    is_code.then(|| code.to_owned())
}
