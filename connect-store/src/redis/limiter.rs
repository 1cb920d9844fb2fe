//! Quotas: one counter, one key, in fixed windows that begin with their first call.

use ::redis::Value;
use async_trait::async_trait;
use connect_core::store::{Quota, Verdict};
use connect_core::{RateLimiter, StoreError, Timestamp};

use super::link::Repeat;
use super::rows::{corrupt, flag};
use super::{RedisStore, expiry, scripts};

#[async_trait]
impl RateLimiter for RedisStore {
    async fn take(&self, key: String, quota: Quota, now: Timestamp) -> Result<Verdict, StoreError> {
        let end = now.plus(quota.window);
        let mut call = scripts::TAKE.prepare_invoke();
        call.key(self.keys.counter(&key)).arg(quota.limit).arg(now.as_micros()).arg(end.as_micros());
        call.arg(expiry(now, end));
        // Never again after a break: a call that may have counted is an error, and nothing is allowed by it.
        verdict(&self.link.ask(&call, Repeat::Never).await?, quota, now).ok_or_else(|| corrupt("an answer"))
    }

    async fn give_back(&self, key: String, now: Timestamp) -> Result<(), StoreError> {
        let mut call = scripts::UNTAKE.prepare_invoke();
        call.key(self.keys.counter(&key)).arg(now.as_micros());
        flag(&self.link.ask(&call, Repeat::Never).await?).map(|_| ())
    }
}

fn verdict(answer: &Value, quota: Quota, now: Timestamp) -> Option<Verdict> {
    let Value::Array(parts) = answer else { return None };
    let [Value::Int(allowed @ (0 | 1)), Value::Int(count), Value::BulkString(end)] = parts.as_slice() else {
        return None;
    };
    let count = u32::try_from(*count).ok()?;
    let end = Timestamp::from_micros(std::str::from_utf8(end).ok()?.parse().ok()?);
    Some(Verdict { allowed: *allowed == 1, remaining: quota.limit.saturating_sub(count), reset: end.since(now) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_expected_answer_is_a_verdict() {
        let (quota, now) = (Quota::per_seconds(3, 60), Timestamp::from_micros(1_000_000));
        let answer = |allowed, end: &str| {
            Value::Array(vec![Value::Int(allowed), Value::Int(2), Value::BulkString(end.as_bytes().to_vec())])
        };
        let seen = verdict(&answer(1, "3000000"), quota, now).expect("a verdict");
        assert_eq!((seen.allowed, seen.remaining, seen.reset.as_secs()), (true, 1, 2));
        for odd in [answer(2, "3000000"), answer(1, "soon"), Value::Int(1), Value::Okay, Value::Nil] {
            assert!(verdict(&odd, quota, now).is_none(), "{odd:?}");
        }
    }
}
