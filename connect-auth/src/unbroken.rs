//! What must not stop half-way. A client may hang up at any moment, and its handler is dropped where it waits: between
//! a change of how somebody gets in and the end of the sessions that were opened before, that must not happen.

use std::future::Future;

use connect_core::Error;
use tracing::Instrument;

/// Does something to its end on a task of its own, whether or not whoever asked still waits for it.
pub(crate) async fn unbroken<T, E>(work: impl Future<Output = Result<T, E>> + Send + 'static) -> Result<T, E>
where
    T: Send + 'static,
    E: From<Error> + Send + 'static,
{
    match tokio::spawn(work.in_current_span()).await {
        Ok(done) => done,
        Err(error) => Err(Error::Internal(error.to_string()).into()),
    }
}
