//! When to try again.

use std::time::Duration;

use crate::Random;

/// Attempts that are made in any case.
const MIN_ATTEMPTS: u32 = 5;

/// How waits are spread, so that what failed together is not tried together again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Jitter {
    /// Anything up to the whole of the step.
    Full,
    /// Up to a fifth less or more than the step.
    Fifth,
}

/// Waiting times between attempts, and when to give up.
///
/// The first steps are short for a server that restarts or greylists; then they grow to hours.
#[derive(Debug, Clone)]
pub struct Backoff {
    steps: Vec<Duration>,
    give_up_after: Duration,
    jitter: Jitter,
}

impl Backoff {
    /// These steps, the last one repeated, until so long after the delivery was planned. Without any step
    /// nothing is tried twice.
    pub fn new(steps: Vec<Duration>, give_up_after: Duration) -> Self {
        Self { steps, give_up_after, jitter: Jitter::Full }
    }

    /// For calls to other systems: 5 s, 1, 5 and 30 min, 2, 5 and 8 h, then every 8 h, for 24 h in all, spread by a fifth.
    pub fn webhooks() -> Self {
        let steps = [5, 60, 300, 1800, 7200, 18_000, 28_800];
        let steps = steps.into_iter().map(Duration::from_secs).collect();
        Self { steps, give_up_after: Duration::from_secs(24 * 3600), jitter: Jitter::Fifth }
    }

    /// How long to wait after so many attempts (from 1), `age` after the delivery was planned; none when
    /// it is time to give up.
    pub fn wait(&self, attempts: u32, age: Duration, random: &dyn Random) -> Option<Duration> {
        // Time alone does not end it: a desk that was down for days must not give up at the first failure.
        if age >= self.give_up_after && attempts >= MIN_ATTEMPTS {
            return None;
        }
        let place =
            usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX).min(self.steps.len().saturating_sub(1));
        let step = self.steps.get(place)?;
        let drawn = f64::from(u32::from_le_bytes(random.bytes())) / f64::from(u32::MAX);
        let wait = match self.jitter {
            Jitter::Full => step.mul_f64(drawn),
            Jitter::Fifth => step.mul_f64(0.8 + 0.4 * drawn),
        };
        Some(wait.max(Duration::from_millis(100)))
    }
}

impl Default for Backoff {
    /// For mail: 2 s, 10 s, 1, 5, 15, 30 min, 1, 2, 4 h, then every 6 h, for 72 h in all.
    fn default() -> Self {
        let steps = [2, 10, 60, 300, 900, 1800, 3600, 7200, 14_400, 21_600];
        Self::new(steps.into_iter().map(Duration::from_secs).collect(), Duration::from_secs(72 * 3600))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::SeededRandom;

    #[test]
    fn waits_grow_within_their_steps_and_end() {
        let (backoff, random) = (Backoff::default(), SeededRandom::new(9));
        for (attempts, step) in [(1, 2), (2, 10), (6, 1800), (40, 21_600)] {
            let waits: Vec<Duration> =
                (0..200).map(|_| backoff.wait(attempts, Duration::ZERO, &random).expect("another try")).collect();
            let (least, most) = (waits.iter().min().expect("waits"), waits.iter().max().expect("waits"));
            let step = Duration::from_secs(step);
            assert!(*least < step / 10 && *most > step * 9 / 10 && *most <= step, "{attempts}: {least:?} to {most:?}");
            let wait = Backoff::webhooks().wait(1, Duration::ZERO, &random).expect("another try");
            assert!(wait >= Duration::from_secs(4) && wait <= Duration::from_secs(6), "{wait:?}");
        }
        assert_eq!(backoff.wait(5, Duration::from_secs(72 * 3600), &random), None);
        assert!(backoff.wait(1, Duration::from_secs(200 * 3600), &random).is_some(), "a first failure is not the end");
        assert_eq!(Backoff::new(Vec::new(), Duration::MAX).wait(1, Duration::ZERO, &random), None);
    }
}
