//! Tells requests that have no end of their own that the server is about to stop.

use tokio::sync::watch;

/// An extension of each request that the serving loop hands on. A host with a loop of its own may insert one
/// too; without it, live streams end with the connection.
#[derive(Debug, Clone)]
pub struct Draining(watch::Receiver<bool>);

impl Draining {
    /// Begins when the value becomes true.
    pub fn new(receiver: watch::Receiver<bool>) -> Self {
        Self(receiver)
    }

    /// Waits until the server is stopping.
    pub async fn begun(&mut self) {
        if self.0.wait_for(|draining| *draining).await.is_err() {
            // Whoever could say so is gone without having said it.
            std::future::pending::<()>().await;
        }
    }
}
