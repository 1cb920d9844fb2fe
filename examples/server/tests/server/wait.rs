//! Waiting for something that the server does by itself.

use std::time::Duration;

/// Longer than the waits of two failed deliveries after each other (at most 12 s, by chance) on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

/// Until `look` finds it, or a minute has gone by.
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let searching = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    };
    let Ok(found) = tokio::time::timeout(LIMIT, searching).await else { panic!("in {LIMIT:?} there was no {what}") };
    found
}
