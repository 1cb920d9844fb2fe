//! A limiter in memory: exact for one process.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use connect_core::store::{Quota, Verdict};
use connect_core::{RateLimiter, StoreError, Timestamp};

/// Keys kept at once. When so many are active, further keys share counters of their own kind: stricter
/// for newcomers, but no active counter is ever forgotten and memory stays bounded.
const CAPACITY: usize = 200_000;
/// Counters that newcomers share when memory is full.
const SHARED: u64 = 64;

#[derive(Debug, Clone, Copy)]
struct Window {
    count: u32,
    ends_at: Timestamp,
}

/// Counts in memory, in fixed windows that begin with their first call.
#[derive(Debug, Default)]
pub struct MemoryLimiter {
    windows: Mutex<HashMap<String, Window>>,
}

impl MemoryLimiter {
    /// An empty limiter.
    pub fn new() -> Self {
        Self::default()
    }
}

#[async_trait]
impl RateLimiter for MemoryLimiter {
    async fn take(&self, key: String, quota: Quota, now: Timestamp) -> Result<Verdict, StoreError> {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        if windows.len() >= CAPACITY {
            windows.retain(|_, window| now < window.ends_at);
        }
        let key = if windows.len() >= CAPACITY && !windows.contains_key(&key) { shared(&key) } else { key };
        let fresh = Window { count: 0, ends_at: now.plus(quota.window) };
        let window = windows.entry(key).or_insert(fresh);
        if now >= window.ends_at {
            *window = fresh;
        }
        let allowed = window.count < quota.limit;
        window.count += u32::from(allowed);
        Ok(Verdict {
            allowed,
            remaining: quota.limit - window.count.min(quota.limit),
            reset: window.ends_at.since(now),
        })
    }

    async fn give_back(&self, key: String, now: Timestamp) -> Result<(), StoreError> {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let key = if windows.contains_key(&key) { key } else { shared(&key) };
        if let Some(window) = windows.get_mut(&key).filter(|window| now < window.ends_at) {
            window.count = window.count.saturating_sub(1);
        }
        Ok(())
    }
}

/// The counter a newcomer shares: by what it counts (the part before the first colon) and a hash.
fn shared(key: &str) -> String {
    let kind = key.split(':').next().unwrap_or_default();
    let hash = key.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    format!("{kind}:shared:{}", hash % SHARED)
}
