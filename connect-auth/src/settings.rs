//! What can be set about signing in, with its limits.

use std::collections::BTreeSet;
use std::time::Duration;

use connect_core::EmailAddress;
use connect_core::api_key::KeyLimits;
use connect_core::store::{CodeForm, Quota};

use crate::widget::WidgetKey;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: u64 = 3600;

/// Who may become a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignUp {
    /// Whoever proves an address.
    Open,
    /// Whoever is invited, is a customer somewhere, or asks at a workspace that is open to anyone; and the
    /// first user of all.
    Invited,
}

/// How much of what there may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quotas {
    /// Codes sent to one address in a short while.
    pub sends_per_address: Quota,
    /// Codes sent to one address in a day.
    pub sends_per_address_a_day: Quota,
    /// Codes sent to one address besides, for work that was done.
    pub paid_sends_per_address: Quota,
    /// Codes asked for from one client address.
    pub sends_per_ip: Quota,
    /// Codes asked for from one site on IPv6, a /48: more than from one of its networks.
    pub sends_per_site: Quota,
    /// Different addresses that codes are asked for from one client address.
    pub addresses_per_ip: Quota,
    /// Wrong codes entered from one client address.
    pub failures_per_ip: Quota,
    /// Wrong codes entered from one site on IPv6.
    pub failures_per_site: Quota,
    /// Sign-ins with a provider that are begun from one client address.
    pub oauth_starts: Quota,
    /// Sign-ins with a provider that are begun from one site on IPv6.
    pub oauth_starts_per_site: Quota,
    /// Questions for a passkey that are asked from one client address.
    pub passkey_starts: Quota,
    /// Requests to the API from one session, API key or client address.
    pub requests: Quota,
    /// Sign-in mails of the whole desk that strangers ask for; and as many again for browsers that are known and
    /// people who are signed in.
    pub mails: Quota,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            sends_per_address: Quota::per_seconds(3, HOUR / 4),
            sends_per_address_a_day: Quota::per_seconds(10, 24 * HOUR),
            paid_sends_per_address: Quota::per_seconds(10, HOUR),
            sends_per_ip: Quota::per_seconds(10, HOUR),
            sends_per_site: Quota::per_seconds(50, HOUR),
            addresses_per_ip: Quota::per_seconds(10, HOUR),
            failures_per_ip: Quota::per_seconds(10, HOUR / 6),
            failures_per_site: Quota::per_seconds(50, HOUR / 6),
            oauth_starts: Quota::per_seconds(5, HOUR / 4),
            oauth_starts_per_site: Quota::per_seconds(25, HOUR / 4),
            passkey_starts: Quota::per_seconds(20, HOUR / 4),
            requests: Quota::per_seconds(100, 60),
            mails: Quota::per_seconds(5000, HOUR),
        }
    }
}

/// How signing in works.
#[derive(Debug, Clone)]
pub struct AuthSettings {
    /// What a code looks like: 8 digits unless said, at least 6.
    pub code_form: CodeForm,
    /// What it looks like for an address whose budget of failures is spent: 10 characters of base 32.
    pub long_form: CodeForm,
    /// How long a code can be used: 5 minutes unless said, 10 at most.
    pub code_lifetime: Duration,
    /// How many guesses a code allows: 3 unless said, 5 at most.
    pub max_attempts: u32,
    /// How often a code is sent anew without the guesses starting over: 3 times in all unless said.
    pub max_sends: u32,
    /// How soon another code may be asked for.
    pub resend_after: Duration,
    /// How many live codes an address may have, over all browsers: so many that no mail carries, as many again for
    /// strangers, for those who have done work, and for browsers that are known.
    pub live_codes: u32,
    /// How many wrong short codes an address may have in 24 hours before its codes become long.
    pub failures_a_day: u32,
    /// How many leading zero bits a solved puzzle has: 20 unless said, about a second of a browser's work.
    pub puzzle_bits: u8,
    /// Addresses that nobody may sign in with, because mail to them is read by the desk. The one that the
    /// desk's mail is from is among them anyway.
    pub reserved_addresses: Vec<EmailAddress>,
    /// How long a session lasts unused: 30 minutes unless said, 1 hour at most.
    pub session_idle: Duration,
    /// How long a session lasts at most: 24 hours unless said, and no more.
    pub session_absolute: Duration,
    /// Who may become a user.
    pub sign_up: SignUp,
    /// How long API keys and their replaced secrets count.
    pub api_keys: KeyLimits,
    /// How much of what there may be.
    pub quotas: Quotas,
    /// How many bits of an IPv6 address tell clients apart: 64 unless said, 32 to 64. A longer one would give
    /// whoever has a network of their own as many quotas as they like.
    pub ipv6_prefix: u8,
    /// The keys by which hosts sign tokens for their widgets; several while one is replaced. None unless said: then no
    /// token is taken.
    pub widget_keys: Vec<WidgetKey>,
}

impl Default for AuthSettings {
    fn default() -> Self {
        Self {
            code_form: CodeForm::Digits(8),
            long_form: CodeForm::Long(10),
            code_lifetime: 5 * MINUTE,
            max_attempts: 3,
            max_sends: 3,
            resend_after: MINUTE / 2,
            live_codes: 10,
            failures_a_day: 5,
            puzzle_bits: 20,
            reserved_addresses: Vec::new(),
            session_idle: 30 * MINUTE,
            session_absolute: 24 * 60 * MINUTE,
            sign_up: SignUp::Invited,
            api_keys: KeyLimits::USUAL,
            quotas: Quotas::default(),
            ipv6_prefix: Self::IPV6_PREFIX,
            widget_keys: Vec::new(),
        }
    }
}

/// A setting outside its limits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{setting} {rule}")]
pub struct BadSetting {
    /// Which.
    pub setting: &'static str,
    /// What is allowed.
    pub rule: &'static str,
}

impl AuthSettings {
    pub(crate) const IPV6_PREFIX: u8 = 64;

    /// Refuses what would make guessing too easy or sessions too long.
    pub fn check(&self) -> Result<(), BadSetting> {
        let bad = |setting, rule| Err(BadSetting { setting, rule });
        if !matches!(self.code_form, CodeForm::Digits(6..=12) | CodeForm::Long(6..=26)) {
            return bad("code_form", "must have 6 to 12 digits or 6 to 26 characters");
        }
        if !matches!(self.long_form, CodeForm::Long(10..=26)) {
            return bad("long_form", "must have 10 to 26 characters");
        }
        if self.code_lifetime > 10 * MINUTE || self.code_lifetime < MINUTE {
            return bad("code_lifetime", "must be from 1 to 10 minutes");
        }
        if !(1..=5).contains(&self.max_attempts) {
            return bad("max_attempts", "must be from 1 to 5");
        }
        if !(1..=10).contains(&self.max_sends) || !(1..=100).contains(&self.live_codes) {
            return bad("max_sends, live_codes", "must be from 1 to 10 and from 1 to 100");
        }
        if self.failures_a_day > 99 {
            return bad("failures_a_day", "must be at most 99");
        }
        if !(16..=26).contains(&self.puzzle_bits) {
            return bad("puzzle_bits", "must be from 16 to 26");
        }
        if !(32..=64).contains(&self.ipv6_prefix) {
            return bad("ipv6_prefix", "must be from 32 to 64");
        }
        let ids: BTreeSet<&str> = self.widget_keys.iter().map(WidgetKey::id).collect();
        if ids.len() < self.widget_keys.len() {
            return bad("widget_keys", "must have different ids");
        }
        if self.session_idle > 60 * MINUTE || self.session_absolute > 24 * 60 * MINUTE {
            return bad("session_idle, session_absolute", "must be at most 1 hour and 24 hours");
        }
        let (keys, most) = (&self.api_keys, KeyLimits::USUAL);
        if keys.longest > most.longest || keys.lifetime > keys.longest || keys.lifetime.is_zero() {
            return bad("api_keys", "must last for at most 365 days, and as a rule for no longer than that");
        }
        if keys.longest_overlap > most.longest_overlap || keys.overlap > keys.longest_overlap {
            return bad("api_keys", "must have an overlap of at most 7 days, and as a rule of no more than that");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sec_69_a_prefix_that_tells_nobody_or_everybody_apart_is_refused() {
        for ipv6_prefix in [0, 31, 65, 128] {
            assert!(AuthSettings { ipv6_prefix, ..AuthSettings::default() }.check().is_err(), "{ipv6_prefix}");
        }
    }

    #[test]
    fn sec_72_the_quotas_are_those_that_are_promised() {
        let quotas = Quotas::default();
        for (quota, limit, minutes) in [
            (quotas.sends_per_address, 3, 15),
            (quotas.sends_per_address_a_day, 10, 24 * 60),
            (quotas.paid_sends_per_address, 10, 60),
            (quotas.sends_per_ip, 10, 60),
            (quotas.addresses_per_ip, 10, 60),
            (quotas.failures_per_ip, 10, 10),
            (quotas.oauth_starts, 5, 15),
            (quotas.passkey_starts, 20, 15),
            (quotas.requests, 100, 1),
            (quotas.mails, 5000, 60),
        ] {
            assert_eq!(quota, Quota::per_seconds(limit, minutes * 60));
        }
        for (site, ip) in [
            (quotas.sends_per_site, quotas.sends_per_ip),
            (quotas.failures_per_site, quotas.failures_per_ip),
            (quotas.oauth_starts_per_site, quotas.oauth_starts),
        ] {
            assert!(site.limit > ip.limit && site.window == ip.window, "a site has more than one of its networks");
        }
    }

    #[test]
    fn sec_02_a_code_that_lives_too_long_is_refused_at_the_start() {
        assert_eq!(AuthSettings::default().check(), Ok(()));
        for settings in [
            AuthSettings { code_lifetime: 11 * MINUTE, ..AuthSettings::default() },
            AuthSettings { max_attempts: 6, ..AuthSettings::default() },
            AuthSettings { code_form: CodeForm::Digits(5), ..AuthSettings::default() },
            AuthSettings { session_absolute: 25 * 60 * MINUTE, ..AuthSettings::default() },
        ] {
            assert!(settings.check().is_err(), "{settings:?}");
        }
    }

    #[test]
    fn sec_67_keys_that_last_too_long_are_refused_at_the_start() {
        let usual = KeyLimits::USUAL;
        let day = MINUTE * 60 * 24;
        for api_keys in [
            KeyLimits { longest: day * 366, ..usual },
            KeyLimits { lifetime: day * 100, longest: day * 99, ..usual },
            KeyLimits { lifetime: Duration::ZERO, ..usual },
            KeyLimits { longest_overlap: day * 8, ..usual },
            KeyLimits { overlap: day * 2, longest_overlap: day, ..usual },
        ] {
            assert!(AuthSettings { api_keys, ..AuthSettings::default() }.check().is_err(), "{api_keys:?}");
        }
        let endless = AuthSettings { api_keys: KeyLimits { endless: true, ..usual }, ..AuthSettings::default() };
        assert_eq!(endless.check(), Ok(()));
    }
}
