//! A socket that can be taken back from the HTTP connection which uses it.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::handover::Handover;

/// What an HTTP connection reads and writes. Nobody else does until the connection is gone.
#[derive(Debug)]
pub(super) struct Socket {
    stream: Arc<Mutex<TcpStream>>,
    handover: Arc<Handover>,
}

/// The other end of it: gives the socket back once the connection is gone.
#[derive(Debug)]
pub(super) struct Lent(Arc<Mutex<TcpStream>>);

impl Socket {
    pub(super) fn lend(stream: TcpStream, handover: Arc<Handover>) -> (Self, Lent) {
        let stream = Arc::new(Mutex::new(stream));
        (Self { stream: stream.clone(), handover }, Lent(stream))
    }

    fn with<T>(&self, act: impl FnOnce(Pin<&mut TcpStream>) -> T) -> T {
        let mut stream: MutexGuard<'_, TcpStream> = self.stream.lock().unwrap_or_else(PoisonError::into_inner);
        act(Pin::new(&mut stream))
    }
}

impl Lent {
    /// The socket, if nothing uses it any more.
    pub(super) fn take_back(self) -> Option<TcpStream> {
        Some(Arc::into_inner(self.0)?.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.with(|stream| stream.poll_read(context, buffer))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.with(|stream| stream.poll_write(context, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.with(|stream| stream.poll_write_vectored(context, bytes))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = self.with(|stream| stream.poll_flush(context));
        if let Poll::Ready(Ok(())) = flushed {
            self.handover.flushed();
        }
        flushed
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|stream| stream.poll_shutdown(context))
    }
}
