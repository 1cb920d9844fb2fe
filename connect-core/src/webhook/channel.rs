//! The transport: one request, and what its answer means.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::dispatch::Backoff;
use crate::fetch::{Fetch, FetchError, FetchRequest};
use crate::notify::{Channel, ChannelLimits, Handed, Outgoing, SendFailure};

/// The name of the channel.
pub const WEBHOOK: &str = "webhook";

/// The longest that a receiver may ask to be left alone for.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3600);

/// Calls webhooks. What it calls with decides which addresses may be reached at all.
#[derive(Debug)]
pub struct WebhookChannel {
    fetch: Arc<dyn Fetch>,
}

impl WebhookChannel {
    /// A channel that calls with this. Its answers may be cut: only their status counts.
    pub fn new(fetch: Arc<dyn Fetch>) -> Self {
        Self { fetch }
    }
}

/// What a status means: 2xx alone is success, a redirect is followed nowhere, and 410 wants to hear nothing more.
fn outcome(status: u16, retry_after: Option<u64>) -> Result<(), SendFailure> {
    let said = format!("the receiver answered {status}");
    match status {
        200..=299 => Ok(()),
        300..=399 => Err(SendFailure::Retry(format!("{said}: redirects are not followed"))),
        410 => Err(SendFailure::Gone(said)),
        429 | 502 | 503 | 504 => match retry_after.map(Duration::from_secs) {
            Some(wait) => Err(SendFailure::RetryAfter(said, wait.min(LONGEST_WAIT))),
            None => Err(SendFailure::Retry(said)),
        },
        _ => Err(SendFailure::Retry(said)),
    }
}

#[async_trait]
impl Channel for WebhookChannel {
    fn name(&self) -> &'static str {
        WEBHOOK
    }

    fn limits(&self) -> ChannelLimits {
        ChannelLimits { concurrency: 16, per_second: None, backoff: Backoff::webhooks() }
    }

    async fn send(&self, outgoing: &Outgoing) -> Result<Handed, SendFailure> {
        let Outgoing::Call(call) = outgoing else {
            return Err(SendFailure::Permanent("webhooks are not called with this".to_owned()));
        };
        let body = Some(call.body.clone().into_bytes());
        let request = FetchRequest { url: call.url.clone(), headers: call.headers.clone(), body };
        match self.fetch.fetch(request).await {
            Ok(answer) => outcome(answer.status, answer.retry_after).map(|()| Handed::default()),
            Err(error @ (FetchError::Refused(_) | FetchError::TooLarge | FetchError::TimedOut)) => {
                Err(SendFailure::Retry(error.to_string()))
            }
            Err(FetchError::Failed(error)) => {
                Err(SendFailure::Retry(format!("the receiver cannot be reached: {error}")))
            }
        }
    }

    async fn probe(&self) -> Result<(), SendFailure> {
        // There is no other side but those of the workspaces.
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_2xx_is_success_and_waits_are_bounded() {
        for status in [200, 201, 204, 299] {
            assert!(outcome(status, None).is_ok(), "{status}");
        }
        for status in [100, 301, 302, 307, 308, 400, 401, 404, 422, 500, 501, 503] {
            assert!(matches!(outcome(status, None), Err(SendFailure::Retry(_))), "{status}");
        }
        assert!(matches!(outcome(410, None), Err(SendFailure::Gone(_))));
        for (asked, waited) in [(5, 5), (86_400, 86_400), (1_000_000_000, 86_400)] {
            let Err(SendFailure::RetryAfter(_, wait)) = outcome(429, Some(asked)) else { panic!("{asked}") };
            assert_eq!(wait.as_secs(), waited);
        }
        assert!(matches!(outcome(500, Some(5)), Err(SendFailure::Retry(_))), "it says nothing of when");
    }
}
