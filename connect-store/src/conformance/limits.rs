//! Quotas: exact under parallel calls, on several nodes.

use std::time::Duration;

use connect_core::Clock;
use connect_core::store::Quota;
use connect_core::testing::ManualClock;

use super::FreshLimiter;

const QUOTA: Quota = Quota::per_seconds(10, 60);

/// Of 200 parallel calls on two nodes exactly the limit is allowed.
pub async fn exactly_the_limit_passes(fresh: FreshLimiter) {
    let now = ManualClock::default().now();
    let tasks: Vec<_> = (0..200)
        .map(|n| {
            let limiter = fresh.nodes[n % 2].clone();
            tokio::spawn(async move { limiter.take("k".into(), QUOTA, now).await.expect("answered").allowed })
        })
        .collect();
    let mut allowed = 0;
    for task in tasks {
        allowed += u32::from(task.await.expect("no task panics"));
    }
    assert_eq!(allowed, 10);
}

/// After its window a key may be used again; a refused call does not prolong it.
pub async fn a_window_ends(fresh: FreshLimiter) {
    let limiter = fresh.nodes[0].clone();
    let clock = ManualClock::default();
    let take = async || limiter.take("k".into(), QUOTA, clock.now()).await.expect("answered").allowed;
    for _ in 0..10 {
        assert!(take().await);
    }
    clock.advance(Duration::from_secs(59));
    assert!(!take().await);
    clock.advance(Duration::from_secs(1));
    assert!(take().await, "the window has ended, whatever was refused in it");
}

/// Keys have counters of their own.
pub async fn keys_count_apart(fresh: FreshLimiter) {
    let limiter = fresh.nodes[0].clone();
    let now = ManualClock::default().now();
    for _ in 0..10 {
        assert!(limiter.take("a".into(), QUOTA, now).await.expect("answered").allowed);
    }
    assert!(!limiter.take("a".into(), QUOTA, now).await.expect("answered").allowed);
    assert!(limiter.take("b".into(), QUOTA, now).await.expect("answered").allowed);
}

/// What is left, and until when.
pub async fn the_verdict_tells_what_is_left(fresh: FreshLimiter) {
    let limiter = fresh.nodes[0].clone();
    let clock = ManualClock::default();
    let take = async || limiter.take("k".into(), QUOTA, clock.now()).await.expect("answered");
    assert_eq!(take().await.remaining, 9);
    clock.advance(Duration::from_secs(20));
    let verdict = take().await;
    assert_eq!((verdict.remaining, verdict.reset), (8, Duration::from_secs(40)));
}

/// One that is given back may be taken again, and no more than were taken.
pub async fn what_is_given_back_may_be_taken_again(fresh: FreshLimiter) {
    let limiter = fresh.nodes[0].clone();
    let now = ManualClock::default().now();
    let one = Quota::per_seconds(1, 60);
    let take = async || limiter.take("k".into(), one, now).await.expect("answered").allowed;
    assert!(take().await && !take().await);
    for _ in 0..3 {
        limiter.give_back("k".into(), now).await.expect("given back");
    }
    assert!(take().await && !take().await);
}

/// What is given back on one node may be taken on another, and a key that nobody took is no trouble.
pub async fn giving_back_makes_no_room_that_was_not_taken(fresh: FreshLimiter) {
    let now = ManualClock::default().now();
    let one = Quota::per_seconds(1, 60);
    let take = async |node: usize| fresh.nodes[node].take("k".into(), one, now).await.expect("answered").allowed;
    fresh.nodes[1].give_back("k".into(), now).await.expect("answered");
    assert!(take(0).await, "the first is allowed");
    assert!(!take(1).await, "what was given back before it was taken makes no room");
    fresh.nodes[0].give_back("k".into(), now).await.expect("given back");
    assert!(take(1).await, "what was given back is room on every node");
}

/// A quota of nothing allows nothing.
pub async fn a_quota_of_nothing_allows_nothing(fresh: FreshLimiter) {
    let now = ManualClock::default().now();
    for _ in 0..3 {
        let verdict = fresh.nodes[0].take("k".into(), Quota::per_seconds(0, 60), now).await.expect("answered");
        assert!(!verdict.allowed && verdict.remaining == 0, "was {verdict:?}");
    }
}

/// A call with a window of no length tells whether the key is at its limit, and leaves nothing behind.
pub async fn a_window_of_no_length_only_looks(fresh: FreshLimiter) {
    let now = ManualClock::default().now();
    let (one, look) = (Quota::per_seconds(1, 60), Quota::per_seconds(1, 0));
    let take = async |node: usize, quota: Quota| {
        let verdict = fresh.nodes[node].take("k".into(), quota, now).await.expect("answered");
        verdict.allowed
    };
    for n in 0..4 {
        assert!(take(n % 2, look).await, "nobody has taken it, however often it was looked at");
    }
    assert!(take(0, one).await, "what was only looked at can be taken");
    assert!(!take(1, look).await && !take(1, one).await, "what was taken is seen to be taken, on every node");
}
