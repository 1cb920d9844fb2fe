//! What a desk has dispatched, in numbers.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How an attempt at a delivery ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// Handed over.
    Sent,
    /// To be tried again.
    Retried,
    /// Given up.
    Failed,
    /// Not sent, and rightly so.
    Dropped,
    /// Somebody else had taken it over, or it was settled by hand meanwhile.
    Overtaken,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 5] = [Self::Sent, Self::Retried, Self::Failed, Self::Dropped, Self::Overtaken];

    /// The word used in figures.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Retried => "retried",
            Self::Failed => "failed",
            Self::Dropped => "dropped",
            Self::Overtaken => "overtaken",
        }
    }
}

/// What was counted since the desk was put together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Measured {
    /// Events that were routed.
    pub routed: u64,
    /// Deliveries that were planned, by channel.
    pub planned: BTreeMap<String, u64>,
    /// Attempts, by channel and outcome.
    pub attempts: BTreeMap<(String, Outcome), u64>,
    /// For how long attempts have taken in all, by channel.
    pub taken: BTreeMap<String, Duration>,
    /// How long deliveries had been due when they were first taken up, in all, and how many they were, by channel.
    pub waited: BTreeMap<String, (Duration, u64)>,
}

/// Counts what is dispatched by one desk in this process.
#[derive(Debug, Default)]
pub struct Meter {
    measured: Mutex<Measured>,
}

impl Meter {
    /// What was counted so far.
    pub fn read(&self) -> Measured {
        self.measured.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn routed(&self, events: u64, planned: impl Iterator<Item = String>) {
        let mut measured = self.measured.lock().unwrap_or_else(PoisonError::into_inner);
        measured.routed += events;
        for channel in planned {
            *measured.planned.entry(channel).or_default() += 1;
        }
    }

    pub(super) fn began(&self, channel: &str, waited: Duration) {
        let mut measured = self.measured.lock().unwrap_or_else(PoisonError::into_inner);
        let (sum, count) = measured.waited.entry(channel.to_owned()).or_default();
        (*sum, *count) = (sum.saturating_add(waited), *count + 1);
    }

    pub(super) fn ended(&self, channel: &str, outcome: Outcome, taken: Duration) {
        let mut measured = self.measured.lock().unwrap_or_else(PoisonError::into_inner);
        *measured.attempts.entry((channel.to_owned(), outcome)).or_default() += 1;
        let sum = measured.taken.entry(channel.to_owned()).or_default();
        *sum = sum.saturating_add(taken);
    }
}
