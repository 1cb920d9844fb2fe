//! How likely guessing is, computed from the settings in force.
//!
//! What bounds it is the number of guesses that are looked at in a day, not how they are split over codes:
//! F guesses at short codes, all others at long ones, so at most F / N1 + (G - F) / N2 for an account. Each
//! known browser has a budget of F of its own, which only somebody with its cookie can use.

use std::fmt;
use std::time::Duration;

use connect_core::store::CodeForm;

use crate::AuthSettings;
use crate::rank::RANKS;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Whether codes of this form can be guessed without a budget that says how often.
pub(crate) fn is_short(form: CodeForm) -> bool {
    match form {
        CodeForm::Digits(_) => true,
        CodeForm::Long(characters) => characters < 10,
    }
}

/// How many codes of a form there are.
fn space(form: CodeForm) -> f64 {
    match form {
        CodeForm::Digits(digits) => 10_f64.powi(i32::from(digits)),
        CodeForm::Long(characters) => 32_f64.powi(i32::from(characters)),
    }
}

/// How likely it is that somebody guesses a code, at most.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bound {
    /// Guesses at short codes that are looked at for an account in a day, from unknown browsers.
    pub short_guesses: f64,
    /// How many short codes there are.
    pub short_codes: f64,
    /// Guesses at long codes that could be looked at in a day.
    pub long_guesses: f64,
    /// How many long codes there are.
    pub long_codes: f64,
}

impl Bound {
    /// For an account and a day.
    pub fn per_day(&self) -> f64 {
        self.with_stolen(0)
    }

    /// For an account and a day, where the cookies of so many of its browsers were stolen.
    pub fn with_stolen(&self, devices: u32) -> f64 {
        let short = self.short_guesses * (1.0 + f64::from(devices)) / self.short_codes;
        (short + self.long_guesses / self.long_codes).min(1.0)
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { short_guesses, short_codes, long_guesses, long_codes } = self;
        write!(
            f,
            "{short_guesses} guesses a day at {short_codes:e} short codes, {long_guesses} at {long_codes:.1e} long ones: \
             at most {:.1e} per account and day, {:.1e} more for each stolen browser cookie",
            self.per_day(),
            self.with_stolen(1) - self.per_day(),
        )
    }
}

impl AuthSettings {
    /// The bound on guessing that these settings give.
    pub fn bound(&self) -> Bound {
        // A challenge takes its place among the live ones until its end, used up or not.
        let rounds = DAY.as_secs_f64() / self.code_lifetime.as_secs_f64() + 1.0;
        let live = f64::from(self.live_codes) * f64::from(RANKS);
        let all = (rounds * live * f64::from(self.max_attempts)).ceil();
        let short_guesses = if is_short(self.code_form) { f64::from(self.failures_a_day).min(all) } else { 0.0 };
        Bound {
            short_guesses,
            short_codes: space(self.code_form),
            long_guesses: all - short_guesses,
            long_codes: if is_short(self.code_form) {
                space(self.long_form)
            } else {
                space(self.code_form).min(space(self.long_form))
            },
        }
    }
}

#[cfg(test)]
#[path = "bound_tests.rs"]
mod tests;
