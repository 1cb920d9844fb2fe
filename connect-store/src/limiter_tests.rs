//! What a flood of keys does to a limiter in memory: nothing to those who were counted before.

use std::time::Duration;

use connect_core::Clock;
use connect_core::testing::ManualClock;

use super::*;

const FAILURES: Quota = Quota::per_seconds(3, 600);
const CAPACITY: usize = 100;

async fn take(limiter: &MemoryLimiter, key: &str, now: Timestamp) -> bool {
    limiter.take(key.to_owned(), FAILURES, now).await.expect("answered").allowed
}

fn size(limiter: &MemoryLimiter) -> usize {
    limiter.counters.lock().expect("counters").windows.len()
}

#[tokio::test]
async fn sec_73_a_flood_of_keys_evicts_no_count_and_memory_stays_bounded() {
    let (limiter, clock) = (MemoryLimiter::with_capacity(CAPACITY), ManualClock::default());
    let now = clock.now();
    for _ in 0..3 {
        assert!(take(&limiter, "fail-ip:192.0.2.1", now).await);
    }
    let mut allowed = 0_usize;
    for n in 0..20_000 {
        allowed += usize::from(take(&limiter, &format!("fail-ip:flood-{n}"), now).await);
    }
    assert!(!take(&limiter, "fail-ip:192.0.2.1", now).await, "the failures of before are still counted");
    let most = usize::try_from(SHARED).expect("a number");
    assert!(size(&limiter) <= CAPACITY + most, "{} keys are kept", size(&limiter));
    assert!(allowed <= CAPACITY + 3 * most, "{allowed} of the flood passed: newcomers share what is left");
    assert!(take(&limiter, "request:192.0.2.1", now).await, "another kind of count has counters of its own");

    clock.advance(Duration::from_secs(599));
    assert!(!take(&limiter, "fail-ip:192.0.2.1", clock.now()).await);
    clock.advance(Duration::from_secs(1));
    assert!(take(&limiter, "fail-ip:192.0.2.1", clock.now()).await, "its window has ended");
    assert!(size(&limiter) <= 2, "what has ended is let go: {}", size(&limiter));
}

#[tokio::test]
async fn sec_73_whoever_was_counted_with_others_is_not_counted_from_zero_when_there_is_room_again() {
    let (limiter, clock) = (MemoryLimiter::with_capacity(CAPACITY), ManualClock::default());
    let short = Quota::per_seconds(1, 2);
    for n in 0..CAPACITY {
        limiter.take(format!("flood:{n}"), short, clock.now()).await.expect("answered");
    }
    for _ in 0..3 {
        assert!(take(&limiter, "fail-ip:192.0.2.1", clock.now()).await);
    }
    assert!(!take(&limiter, "fail-ip:192.0.2.1", clock.now()).await);
    clock.advance(Duration::from_secs(3));
    assert!(!take(&limiter, "fail-ip:192.0.2.1", clock.now()).await, "there is room, but the count goes on");
    limiter.give_back("fail-ip:192.0.2.1".to_owned(), clock.now()).await.expect("given back");
    assert!(take(&limiter, "fail-ip:192.0.2.1", clock.now()).await, "what is given back is given back to it");
    assert!(!take(&limiter, "fail-ip:192.0.2.1", clock.now()).await);
    clock.advance(Duration::from_secs(600));
    assert!(take(&limiter, "fail-ip:192.0.2.1", clock.now()).await, "after its window it has a count of its own");
}
