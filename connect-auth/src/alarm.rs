//! The desk-wide alarm: when far more codes are wrong than people mistype, unknown browsers get long codes
//! for a while. It is what each node sees and keeps for itself.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use connect_core::Timestamp;

const MINUTE: i64 = 60_000_000;
/// How many minutes are looked at.
const LOOKED_AT: i64 = 10;
/// How many codes must have been entered in them.
const EVENTS: u32 = 200;
/// How many of a hundred must have been wrong.
const RATIO: u32 = 30;
/// For how long it is raised.
const RAISED: i64 = 60 * MINUTE;

#[derive(Debug, Default)]
pub(crate) struct Alarm(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// By minute: how many codes were entered, and how many of them were wrong.
    minutes: VecDeque<(i64, u32, u32)>,
    /// Until when it is raised.
    until: Option<i64>,
}

impl Alarm {
    /// Notes a code that was entered.
    pub(crate) fn record(&self, was_right: bool, now: Timestamp) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let minute = now.as_micros().div_euclid(MINUTE);
        state.minutes.retain(|(at, ..)| minute - LOOKED_AT < *at && *at <= minute);
        match state.minutes.back_mut().filter(|(at, ..)| *at == minute) {
            Some((_, all, wrong)) => {
                (*all, *wrong) = (all.saturating_add(1), wrong.saturating_add(u32::from(!was_right)))
            }
            None => state.minutes.push_back((minute, 1, u32::from(!was_right))),
        }
        let (all, wrong) = state
            .minutes
            .iter()
            .fold((0_u64, 0_u64), |(all, wrong), minute| (all + u64::from(minute.1), wrong + u64::from(minute.2)));
        if all > u64::from(EVENTS) && wrong * 100 > all * u64::from(RATIO) {
            if state.until.is_none_or(|until| until <= now.as_micros()) {
                tracing::warn!(all, wrong, "far too many wrong codes: unknown browsers get long ones for an hour");
            }
            state.until = Some(now.as_micros().saturating_add(RAISED));
        }
    }

    /// Whether unknown browsers get long codes now.
    pub(crate) fn is_raised(&self, now: Timestamp) -> bool {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.until.is_some_and(|until| now.as_micros() < until)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn entered(alarm: &Alarm, right: u32, wrong: u32, now: Timestamp) {
        (0..right).for_each(|_| alarm.record(true, now));
        (0..wrong).for_each(|_| alarm.record(false, now));
    }

    #[test]
    fn sec_17_too_many_wrong_codes_raise_the_alarm_for_an_hour() {
        let start = Timestamp::from_micros(1_767_258_000_000_000);
        let at = |seconds| start.plus(Duration::from_secs(seconds));
        let quiet = Alarm::default();
        entered(&quiet, 1000, 420, start);
        assert!(!quiet.is_raised(start), "so many people mistype");
        let few = Alarm::default();
        entered(&few, 0, 200, start);
        assert!(!few.is_raised(start), "too few to tell");
        entered(&few, 0, 1, at(600));
        assert!(!few.is_raised(at(600)), "ten minutes later the others count no more");
        let alarm = Alarm::default();
        entered(&alarm, 0, 100, start);
        entered(&alarm, 0, 101, at(540));
        assert!(alarm.is_raised(at(540)) && alarm.is_raised(at(540 + 3599)));
        assert!(!alarm.is_raised(at(540 + 3600)), "it ends by itself");
    }
}
