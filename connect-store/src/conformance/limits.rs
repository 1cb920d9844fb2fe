//! Quotas: exact under parallel calls.

use std::sync::Arc;
use std::time::Duration;

use connect_core::store::Quota;
use connect_core::testing::ManualClock;
use connect_core::{Clock, RateLimiter};

type Limiter = Arc<dyn RateLimiter>;

fn block_on(case: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime for the case").block_on(case);
}

const QUOTA: Quota = Quota::per_seconds(10, 60);

/// Of 200 parallel calls exactly the limit is allowed.
pub fn exactly_the_limit_passes(limiter: Limiter) {
    block_on(async {
        let now = ManualClock::default().now();
        let tasks: Vec<_> = (0..200)
            .map(|_| {
                let limiter = Arc::clone(&limiter);
                tokio::spawn(async move { limiter.take("k".into(), QUOTA, now).await.expect("answered").allowed })
            })
            .collect();
        let mut allowed = 0;
        for task in tasks {
            allowed += u32::from(task.await.expect("no task panics"));
        }
        assert_eq!(allowed, 10);
    });
}

/// After its window a key may be used again; a refused call does not prolong it.
pub fn a_window_ends(limiter: Limiter) {
    block_on(async {
        let clock = ManualClock::default();
        let take = async || limiter.take("k".into(), QUOTA, clock.now()).await.expect("answered").allowed;
        for _ in 0..10 {
            assert!(take().await);
        }
        clock.advance(Duration::from_secs(59));
        assert!(!take().await);
        clock.advance(Duration::from_secs(1));
        assert!(take().await, "the window has ended, whatever was refused in it");
    });
}

/// Keys have counters of their own.
pub fn keys_count_apart(limiter: Limiter) {
    block_on(async {
        let now = ManualClock::default().now();
        for _ in 0..10 {
            assert!(limiter.take("a".into(), QUOTA, now).await.expect("answered").allowed);
        }
        assert!(!limiter.take("a".into(), QUOTA, now).await.expect("answered").allowed);
        assert!(limiter.take("b".into(), QUOTA, now).await.expect("answered").allowed);
    });
}

/// What is left, and until when.
pub fn the_verdict_tells_what_is_left(limiter: Limiter) {
    block_on(async {
        let clock = ManualClock::default();
        let take = async || limiter.take("k".into(), QUOTA, clock.now()).await.expect("answered");
        assert_eq!(take().await.remaining, 9);
        clock.advance(Duration::from_secs(20));
        let verdict = take().await;
        assert_eq!((verdict.remaining, verdict.reset), (8, Duration::from_secs(40)));
    });
}

/// One that is given back may be taken again, and no more than were taken.
pub fn what_is_given_back_may_be_taken_again(limiter: Limiter) {
    block_on(async {
        let now = ManualClock::default().now();
        let one = Quota::per_seconds(1, 60);
        let take = async || limiter.take("k".into(), one, now).await.expect("answered").allowed;
        assert!(take().await && !take().await);
        for _ in 0..3 {
            limiter.give_back("k".into(), now).await.expect("given back");
        }
        assert!(take().await && !take().await);
    });
}
