//! Streams that go on for hours, without the buffers of an HTTP connection.
//!
//! hyper keeps 8 KiB for reading and 8 KiB for writing for as long as a connection lives. An idle live stream needs neither. So once
//! the head of such an answer has left over HTTP/1.1, the connection is given up, and its socket is written to here: the
//! body as chunks (RFC 9112, section 7.1), as the head has promised.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Method, Version, header};
use http_body::Frame;
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tracing::debug;

use crate::endless::Endless;

/// How long a client may take nothing of what is sent to it.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// How much of what a client sends all the same is read, so that it does not stand in the way of the last chunk.
const MAX_UNASKED: usize = 64 * 1024;

/// Nothing is to be handed over.
const NO: u8 = 0;
/// The head is queued: behind it the connection has asked for the body.
const HEAD_QUEUED: u8 = 1;
/// Everything before the body has been written to the socket.
const READY: u8 = 2;

/// Whether a connection has come to the body of an endless answer, and that body.
#[derive(Debug, Default)]
pub(super) struct Handover {
    state: AtomicU8,
    body: Mutex<Option<Body>>,
}

/// What the connection gets in the place of the body: it never comes.
struct Never(std::sync::Arc<Handover>);

impl http_body::Body for Never {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        // A connection writes the head before it asks for the body.
        let _ = self.0.state.compare_exchange(NO, HEAD_QUEUED, Ordering::AcqRel, Ordering::Acquire);
        Poll::Pending
    }
}

impl Handover {
    /// Keeps the body of an endless answer to this kind of request back.
    pub(super) fn keep(self: &std::sync::Arc<Self>, method: &Method, version: Version, response: Response) -> Response {
        let is_endless = response.extensions().get::<Endless>().is_some();
        if !is_endless || *method != Method::GET || version != Version::HTTP_11 {
            return response;
        }
        let (mut parts, body) = response.into_parts();
        // Nothing else is answered on the connection, and a proxy is not to keep it for another request.
        parts.headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        *self.body.lock().unwrap_or_else(PoisonError::into_inner) = Some(body);
        Response::from_parts(parts, Body::new(Never(self.clone())))
    }

    /// Everything that was queued has been written.
    pub(super) fn flushed(&self) {
        let _ = self.state.compare_exchange(HEAD_QUEUED, READY, Ordering::AcqRel, Ordering::Acquire);
    }

    /// Ready once the body is to be taken over. Only polling the connection makes it so: whoever polls that first, in one
    /// task, need not be woken.
    pub(super) fn poll_ready(&self) -> Poll<()> {
        if self.state.load(Ordering::Acquire) == READY { Poll::Ready(()) } else { Poll::Pending }
    }

    pub(super) fn body(&self) -> Option<Body> {
        self.body.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Writes the body to the end, or until the client has gone or takes nothing any more.
pub(super) async fn go_on(mut stream: TcpStream, mut body: Body) {
    let mut unasked = 0;
    let mut bytes = [0_u8; 64];
    loop {
        let frame = tokio::select! {
            frame = body.frame() => frame,
            // A client has nothing to say now but that it goes.
            read = stream.read(&mut bytes), if unasked < MAX_UNASKED => match read {
                Ok(0) | Err(_) => return,
                Ok(more) => {
                    unasked += more;
                    continue;
                }
            },
        };
        let (bytes, is_last) = match frame {
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) if data.is_empty() => continue,
                Ok(data) => (chunk(&data), false),
                // Trailers: none were announced.
                Err(_) => continue,
            },
            // Without the last chunk the client knows that something is missing.
            Some(Err(error)) => {
                debug!(%error, "a stream ended badly");
                return;
            }
            None => (Bytes::from_static(b"0\r\n\r\n"), true),
        };
        match tokio::time::timeout(WRITE_TIMEOUT, stream.write_all(&bytes)).await {
            Ok(Ok(())) if is_last => {
                let _ = stream.shutdown().await;
                return;
            }
            Ok(Ok(())) => {}
            Ok(Err(_)) => return,
            Err(_) => {
                debug!("a client that takes nothing of its stream is let go");
                return;
            }
        }
    }
}

fn chunk(data: &[u8]) -> Bytes {
    let size = format!("{:x}\r\n", data.len());
    let mut bytes = BytesMut::with_capacity(size.len() + data.len() + 2);
    bytes.extend_from_slice(size.as_bytes());
    bytes.extend_from_slice(data);
    bytes.extend_from_slice(b"\r\n");
    bytes.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_have_their_size_in_hexadecimal() {
        assert_eq!(chunk(b"data: {}\n\n")[..], b"a\r\ndata: {}\n\n\r\n"[..]);
        assert_eq!(chunk(&[b'x'; 300])[..5], b"12c\r\n"[..]);
    }
}
