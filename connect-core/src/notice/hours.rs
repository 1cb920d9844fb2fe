//! When somebody wants to be told: not in quiet hours, and all in one where they like that better.

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{Timestamp as Instant, ToSpan, Zoned};
use serde::{Deserialize, Serialize};

use crate::{FieldError, Timestamp};

/// A time of the day, to the minute, written as `22:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClockTime {
    hour: i8,
    minute: i8,
}

impl ClockTime {
    /// The time of this text.
    pub fn parse(field: &str, text: &str) -> Result<Self, FieldError> {
        let wrong = || FieldError::new(field, "bad_time", "must be a time such as 22:00");
        let (hour, minute) = text.split_once(':').filter(|_| text.len() == 5).ok_or_else(wrong)?;
        let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse().ok()).flatten();
        match (digits(hour), digits(minute)) {
            (Some(hour @ 0..24), Some(minute @ 0..60)) => Ok(Self { hour, minute }),
            _ => Err(wrong()),
        }
    }

    fn civil(self) -> Time {
        // In range by `parse`; midnight is as good as any other time if it ever were not.
        Time::new(self.hour, self.minute, 0, 0).unwrap_or(Time::midnight())
    }
}

impl std::fmt::Display for ClockTime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:02}:{:02}", self.hour, self.minute)
    }
}

impl Serialize for ClockTime {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ClockTime {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::parse("time", &text).map_err(|error| serde::de::Error::custom(error.detail))
    }
}

/// A time zone by its name in the IANA database, such as `Europe/Vienna`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ZoneName(String);

impl Default for ZoneName {
    fn default() -> Self {
        Self("UTC".to_owned())
    }
}

impl ZoneName {
    /// Checks and keeps.
    pub fn parse(field: &str, text: &str) -> Result<Self, FieldError> {
        match TimeZone::get(text) {
            Ok(_) => Ok(Self(text.to_owned())),
            Err(_) => Err(FieldError::new(field, "unknown", "must be a time zone such as Europe/Vienna")),
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn zone(&self) -> TimeZone {
        // One that a later edition of the database has dropped counts as UTC: rather told at an odd hour than not at all.
        TimeZone::get(&self.0).unwrap_or(TimeZone::UTC)
    }
}

/// Hours in which nothing is mailed or pushed. What comes up waits for their end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuietHours {
    /// Their beginning.
    pub from: ClockTime,
    /// Their end; that of the next day where it is before the beginning. The same time means the whole day.
    pub until: ClockTime,
}

/// That all mail of a while comes as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "every", rename_all = "snake_case", deny_unknown_fields)]
pub enum Digest {
    /// At every full hour.
    Hour,
    /// Once a day.
    Day {
        /// When.
        at: ClockTime,
    },
}

fn local(at: Timestamp, zone: &ZoneName) -> Option<Zoned> {
    Some(Instant::from_microsecond(at.as_micros()).ok()?.to_zoned(zone.zone()))
}

fn stamp(zoned: &Zoned) -> Timestamp {
    Timestamp::from_micros(zoned.timestamp().as_microsecond())
}

/// The first moment behind `now` at which clocks show this time. Where they are put forward over it, it is as much later
/// as they are.
fn next(now: &Zoned, time: ClockTime) -> Option<Zoned> {
    let today = now.date().to_datetime(time.civil()).to_zoned(now.time_zone().clone()).ok()?;
    if today > *now {
        return Some(today);
    }
    now.date().tomorrow().ok()?.to_datetime(time.civil()).to_zoned(now.time_zone().clone()).ok()
}

impl QuietHours {
    /// When something may be sent that comes up at this moment.
    pub(super) fn after(self, at: Timestamp, zone: &ZoneName) -> Timestamp {
        let Some(now) = local(at, zone) else { return at };
        let (time, from, until) = (now.time(), self.from.civil(), self.until.civil());
        let is_quiet = if from < until { from <= time && time < until } else { time >= from || time < until };
        if !is_quiet {
            return at;
        }
        next(&now, self.until).map_or(at, |end| stamp(&end))
    }
}

impl Digest {
    /// When something is told of that comes up at this moment: the same for all that goes into one mail.
    pub(super) fn after(self, at: Timestamp, zone: &ZoneName) -> Timestamp {
        let Some(now) = local(at, zone) else { return at };
        let then = match self {
            Self::Hour => {
                let begun = now
                    .timestamp()
                    .round(jiff::TimestampRound::new().smallest(jiff::Unit::Hour).mode(jiff::RoundMode::Trunc));
                return begun
                    .and_then(|begun| begun.checked_add(1.hour()))
                    .map_or(at, |then| Timestamp::from_micros(then.as_microsecond()));
            }
            Self::Day { at } => next(&now, at),
        };
        then.map_or(at, |then| stamp(&then))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::from_micros(text.parse::<Instant>().expect("an instant").as_microsecond())
    }

    fn time(text: &str) -> ClockTime {
        ClockTime::parse("time", text).expect("a time")
    }

    fn zone(name: &str) -> ZoneName {
        ZoneName::parse("time_zone", name).expect("a zone")
    }

    #[test]
    fn times_and_zones_are_checked() {
        assert_eq!(time("07:05").to_string(), "07:05");
        for bad in ["7:05", "24:00", "12:60", "", "12", "12:5a", "-1:00", "12:000", "+1:00"] {
            assert!(ClockTime::parse("time", bad).is_err(), "{bad}");
        }
        for bad in ["", "Europe/Atlantis", "../../etc/passwd", "Local"] {
            assert!(ZoneName::parse("time_zone", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn quiet_hours_are_of_the_reader_s_own_zone() {
        let quiet = QuietHours { from: time("22:00"), until: time("07:00") };
        let vienna = zone("Europe/Vienna");
        // 21:30 UTC is 22:30 in winter, 23:30 in summer.
        assert_eq!(quiet.after(at("2026-01-10T21:30:00Z"), &vienna), at("2026-01-11T06:00:00Z"));
        assert_eq!(quiet.after(at("2026-07-10T21:30:00Z"), &vienna), at("2026-07-11T05:00:00Z"));
        assert_eq!(quiet.after(at("2026-01-10T20:59:59Z"), &vienna), at("2026-01-10T20:59:59Z"), "not yet");
        assert_eq!(quiet.after(at("2026-01-11T06:00:00Z"), &vienna), at("2026-01-11T06:00:00Z"), "over");
        let noon = QuietHours { from: time("12:00"), until: time("13:00") };
        assert_eq!(noon.after(at("2026-01-10T12:30:00Z"), &zone("UTC")), at("2026-01-10T13:00:00Z"));
        // The night in which clocks are put forward over the end.
        let gap = QuietHours { from: time("22:00"), until: time("02:30") };
        assert_eq!(gap.after(at("2026-03-29T00:30:00Z"), &vienna), at("2026-03-29T01:30:00Z"), "03:30 there");
    }

    #[test]
    fn a_digest_has_a_moment() {
        let daily = Digest::Day { at: time("08:00") };
        assert_eq!(daily.after(at("2026-01-10T06:59:59Z"), &zone("Europe/Vienna")), at("2026-01-10T07:00:00Z"));
        assert_eq!(daily.after(at("2026-01-10T07:00:00Z"), &zone("Europe/Vienna")), at("2026-01-11T07:00:00Z"));
        assert_eq!(Digest::Hour.after(at("2026-01-10T06:00:00Z"), &zone("UTC")), at("2026-01-10T07:00:00Z"));
        assert_eq!(Digest::Hour.after(at("2026-01-10T06:59:59Z"), &zone("UTC")), at("2026-01-10T07:00:00Z"));
    }

    proptest! {
        #[test]
        fn nobody_waits_for_more_than_a_day(
            seconds in 0_i64..4_000_000_000, from in 0_i8..24, until in 0_i8..24, minute in 0_i8..60,
            zone in prop::sample::select(vec!["UTC", "Europe/Vienna", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca"]),
        ) {
            let (now, zone) = (Timestamp::from_micros(seconds * 1_000_000), ZoneName(zone.to_owned()));
            let quiet = QuietHours { from: ClockTime { hour: from, minute }, until: ClockTime { hour: until, minute } };
            // Samoa has left out a whole day.
            let most = now.plus(std::time::Duration::from_secs(50 * 3600));
            let end = quiet.after(now, &zone);
            prop_assert!(now <= end && end < most);
            if quiet.from != quiet.until {
                prop_assert_eq!(quiet.after(end, &zone), end, "the end is not quiet");
            }
            for digest in [Digest::Hour, Digest::Day { at: quiet.until }] {
                let then = digest.after(now, &zone);
                prop_assert!(now < then && then < most);
            }
        }
    }
}
