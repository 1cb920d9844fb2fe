//! Files in requests: streamed to where they are kept, never whole in memory.

use axum::body::Body;
use axum::extract::multipart::{Field, Multipart, MultipartError};
use axum::extract::{DefaultBodyLimit, FromRequest, Request};
use bytes::Bytes;
use connect_core::attachment::{Attachment, Attachments, FileName};
use connect_core::store::{BlobError, BlobStream};
use connect_core::{Error, FieldError};
use futures::StreamExt;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use tokio::sync::{mpsc, oneshot};

use crate::problem::Problem;

/// Room for what stands around the files of a form.
const AROUND: u64 = 64 * 1024;

/// Whether a request brings a form with files.
pub(crate) fn is_multipart(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.get(..19).is_some_and(|start| start.eq_ignore_ascii_case("multipart/form-data"))
}

/// A body that is a file itself.
pub(crate) fn from_body(body: Body) -> BlobStream {
    let pieces = body.into_data_stream();
    Box::pin(pieces.map(|piece| piece.map_err(|error| BlobError::CutOff(error.to_string()))))
}

/// The parts of a form.
pub(crate) struct Files {
    parts: Multipart,
}

impl Files {
    /// Begins to read a form of at most so many bytes.
    pub(crate) async fn open<S: Send + Sync>(state: &S, mut request: Request, limit: u64) -> Result<Self, Problem> {
        let limit = usize::try_from(limit.saturating_add(AROUND)).unwrap_or(usize::MAX);
        // Beyond what files may have in all: their own limit is met first and says more.
        DefaultBodyLimit::max(limit).apply(&mut request);
        let parts = Multipart::from_request(request, state).await;
        let parts = parts.map_err(|_| broken("the form has no boundary between its parts"))?;
        Ok(Self { parts })
    }

    /// The next part.
    #[cfg_attr(not(any(feature = "web", feature = "testing")), allow(dead_code))]
    pub(crate) async fn next(&mut self) -> Result<Option<Field<'_>>, Problem> {
        self.parts.next_field().await.map_err(|error| unread(&error))
    }

    /// The attachment of a form whose one part is `file`. Only when the form has come to its end is it kept.
    pub(crate) async fn only(self, attachments: &Attachments<'_>) -> Result<Attachment, Problem> {
        let mut parts = self.parts;
        let (pieces, content) = pipe();
        let (named, name) = oneshot::channel();
        let sent = async move {
            let field = parts.next_field().await.map_err(|error| unread(&error))?;
            let field = field.ok_or_else(|| Problem::from(FieldError::new("file", "required", "is required")))?;
            if field.name() != Some("file") {
                let name = field.name().unwrap_or_default().to_owned();
                return Err(FieldError::new(name, "unknown_field", "is not known here").into());
            }
            let _ = named.send(FileName::clean(field.file_name().unwrap_or_default()));
            if !pour(field, &pieces).await? {
                return Ok::<(), Problem>(());
            }
            match parts.next_field().await {
                Ok(None) => Ok(()),
                Ok(Some(_)) => {
                    stop(&pieces, "more than one part").await;
                    Err(FieldError::new("file", "duplicate", "must be the only part").into())
                }
                Err(error) => {
                    stop(&pieces, "the form was cut off").await;
                    Err(unread(&error))
                }
            }
        };
        let kept = async {
            // A form without a file has said so itself.
            let Ok(name) = name.await else { return Err(Error::CutOff) };
            attachments.upload(name, content).await
        };
        let (sent, kept) = tokio::join!(sent, kept);
        outcome(sent, kept)
    }
}

/// Keeps one part of a form as an attachment.
#[cfg_attr(not(feature = "web"), allow(dead_code))]
pub(crate) async fn keep(field: Field<'_>, attachments: &Attachments<'_>) -> Result<Attachment, Problem> {
    let name = FileName::clean(field.file_name().unwrap_or_default());
    let (pieces, content) = pipe();
    let sent = async move { pour(field, &pieces).await.map(drop) };
    let (sent, kept) = tokio::join!(sent, attachments.upload(name, content));
    outcome(sent, kept)
}

type Pieces = mpsc::Sender<Result<Bytes, BlobError>>;

/// A part of a form lives no longer than the form, content as long as it likes: between them goes a pipe
/// that holds one piece.
fn pipe() -> (Pieces, BlobStream) {
    let (sender, mut receiver) = mpsc::channel(1);
    (sender, Box::pin(futures::stream::poll_fn(move |context| receiver.poll_recv(context))))
}

/// Sends a part into the pipe, and answers whether it was taken to its end. That it was not is no error
/// here: the other end says why.
async fn pour(mut field: Field<'_>, pieces: &Pieces) -> Result<bool, Problem> {
    loop {
        match field.chunk().await {
            Ok(Some(piece)) => {
                if pieces.send(Ok(piece)).await.is_err() {
                    return Ok(false);
                }
            }
            Ok(None) => return Ok(true),
            Err(error) => {
                stop(pieces, "the part was cut off").await;
                return Err(unread(&error));
            }
        }
    }
}

/// Ends the content with an error, so that nothing of it is kept.
async fn stop(pieces: &Pieces, why: &str) {
    let _ = pieces.send(Err(BlobError::CutOff(why.to_owned()))).await;
}

/// What the form says goes before what became of its content, which was cut off because of it.
fn outcome(sent: Result<(), Problem>, kept: Result<Attachment, Error>) -> Result<Attachment, Problem> {
    match (sent, kept) {
        (Err(problem), Ok(_) | Err(Error::CutOff)) => Err(problem),
        (_, kept) => Ok(kept?),
    }
}

fn broken(detail: &str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "bad_body", detail)
}

fn unread(error: &MultipartError) -> Problem {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "the form has more bytes than are taken");
    }
    broken("the form did not arrive whole")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_with_files_are_told_by_their_type() {
        for (kind, is) in [
            ("multipart/form-data; boundary=x", true),
            ("Multipart/Form-Data;boundary=x", true),
            ("application/x-www-form-urlencoded", false),
            ("image/png", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(CONTENT_TYPE, http::HeaderValue::from_static(kind))]);
            assert_eq!(is_multipart(&headers), is, "{kind}");
        }
    }
}
