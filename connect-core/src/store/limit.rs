//! The port of quotas.

use std::time::Duration;

use async_trait::async_trait;

use crate::{StoreError, Timestamp};

/// So many in a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// How many.
    pub limit: u32,
    /// In how long a time.
    pub window: Duration,
}

impl Quota {
    /// So many in so many seconds.
    pub const fn per_seconds(limit: u32, seconds: u64) -> Self {
        Self { limit, window: Duration::from_secs(seconds) }
    }
}

/// What a limiter says to one more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it is within the quota, and counted.
    pub allowed: bool,
    /// How many more there may be now.
    pub remaining: u32,
    /// When the window ends, or when one more will be allowed.
    pub reset: Duration,
}

/// Counts what happens under a key.
///
/// # Contract
///
/// Of any number of parallel calls with one key exactly `limit` are allowed within a window. A window
/// starts with its first call; one of no length has ended at once, so a call with it only looks. No counter
/// outlives its window, and memory is bounded without ever forgetting a counter that is at its limit.
#[async_trait]
pub trait RateLimiter: std::fmt::Debug + Send + Sync {
    /// Counts one more under the key, if the quota allows.
    async fn take(&self, key: String, quota: Quota, now: Timestamp) -> Result<Verdict, StoreError>;

    /// Takes one back that turned out not to count: a guess that was right, where failures are counted.
    async fn give_back(&self, key: String, now: Timestamp) -> Result<(), StoreError>;
}
