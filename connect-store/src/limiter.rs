//! A limiter in memory, exact for one process; and one that falls back to it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use connect_core::store::{Quota, Verdict};
use connect_core::{RateLimiter, StoreError, Timestamp};

/// Keys kept at once. When so many are active, further keys share counters of their own kind: stricter
/// for newcomers, but no active counter is ever forgotten and memory stays bounded.
const CAPACITY: usize = 200_000;
/// How often it is looked which counters have ended while memory is full. Whoever floods it must not make
/// every call walk through all of them.
const CLEAR_EVERY: Duration = Duration::from_secs(1);
/// Counters that newcomers share when memory is full.
const SHARED: u64 = 64;

#[derive(Debug, Clone, Copy)]
struct Window {
    count: u32,
    ends_at: Timestamp,
}

/// Counts in memory, in fixed windows that begin with their first call.
#[derive(Debug)]
pub struct MemoryLimiter {
    capacity: usize,
    counters: Mutex<Counters>,
}

#[derive(Debug, Default)]
struct Counters {
    windows: HashMap<String, Window>,
    /// When it is looked again which of them have ended.
    clear_at: Timestamp,
    /// Until when a newcomer's counter may be one that is shared.
    shared_until: Timestamp,
}

impl Counters {
    /// The key this one is counted under, and whether others share it: they do while memory is full. Whoever
    /// has begun to share goes on until the shared window ends, so that nobody is counted from zero twice.
    fn place(&mut self, key: String, capacity: usize, now: Timestamp) -> (String, bool) {
        if self.windows.len() >= capacity && now >= self.clear_at {
            self.windows.retain(|_, window| now < window.ends_at);
            self.clear_at = now.plus(CLEAR_EVERY);
        }
        let is_full = self.windows.len() >= capacity;
        if self.windows.contains_key(&key) || (!is_full && now >= self.shared_until) {
            return (key, false);
        }
        let shared = shared(&key);
        let is_live = self.windows.get(&shared).is_some_and(|window| now < window.ends_at);
        if is_full || is_live { (shared, true) } else { (key, false) }
    }
}

impl Default for MemoryLimiter {
    fn default() -> Self {
        Self::with_capacity(CAPACITY)
    }
}

impl MemoryLimiter {
    /// An empty limiter.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty limiter that keeps about so many keys at once; 200,000 unless said.
    pub fn with_capacity(keys: usize) -> Self {
        Self { capacity: keys, counters: Mutex::default() }
    }
}

#[async_trait]
impl RateLimiter for MemoryLimiter {
    async fn take(&self, key: String, quota: Quota, now: Timestamp) -> Result<Verdict, StoreError> {
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        let (key, is_shared) = counters.place(key, self.capacity, now);
        let fresh = Window { count: 0, ends_at: now.plus(quota.window) };
        if is_shared {
            counters.shared_until = counters.shared_until.max(fresh.ends_at);
        }
        let windows = &mut counters.windows;
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
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        let (key, _) = counters.place(key, self.capacity, now);
        if let Some(window) = counters.windows.get_mut(&key).filter(|window| now < window.ends_at) {
            window.count = window.count.saturating_sub(1);
        }
        Ok(())
    }
}

/// For how long the first limiter is left alone after it did not answer.
const LEFT_ALONE: Duration = Duration::from_secs(2);
/// How long it may take. Requests wait for it.
const PATIENCE: Duration = Duration::from_millis(100);

/// Counts with a limiter that all nodes share, and while that does not answer with one of this node's own.
///
/// For quotas that must go on being limits but must not stop the desk, such as that of requests. Not for
/// those that have to be exact, such as guesses.
#[derive(Debug)]
pub struct FallbackLimiter {
    shared: Arc<dyn RateLimiter>,
    own: Arc<dyn RateLimiter>,
    /// Until when the shared one is left alone, in microseconds since 1970.
    until: AtomicI64,
}

impl FallbackLimiter {
    /// Counts with `shared`, or with `own` where that does not answer.
    pub fn new(shared: Arc<dyn RateLimiter>, own: Arc<dyn RateLimiter>) -> Self {
        Self { shared, own, until: AtomicI64::new(i64::MIN) }
    }

    fn is_left_alone(&self, now: Timestamp) -> bool {
        now.as_micros() < self.until.load(Ordering::Relaxed)
    }

    fn leave_alone(&self, now: Timestamp, why: &str) {
        tracing::warn!(why, "this node counts requests on its own for a while");
        self.until.store(now.plus(LEFT_ALONE).as_micros(), Ordering::Relaxed);
    }
}

#[async_trait]
impl RateLimiter for FallbackLimiter {
    async fn take(&self, key: String, quota: Quota, now: Timestamp) -> Result<Verdict, StoreError> {
        if !self.is_left_alone(now) {
            match tokio::time::timeout(PATIENCE, self.shared.take(key.clone(), quota, now)).await {
                Ok(Ok(verdict)) => return Ok(verdict),
                Ok(Err(error)) => self.leave_alone(now, &error.to_string()),
                Err(_) => self.leave_alone(now, "no answer in time"),
            }
        }
        self.own.take(key, quota, now).await
    }

    async fn give_back(&self, key: String, now: Timestamp) -> Result<(), StoreError> {
        if !self.is_left_alone(now) && self.shared.give_back(key.clone(), now).await.is_ok() {
            return Ok(());
        }
        self.own.give_back(key, now).await
    }
}

/// The counter a newcomer shares: by what it counts (the part before the first colon) and a hash.
fn shared(key: &str) -> String {
    let kind = key.split(':').next().unwrap_or_default();
    let hash = key.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    format!("{kind}:shared:{}", hash % SHARED)
}

#[cfg(test)]
#[path = "limiter_tests.rs"]
mod tests;
