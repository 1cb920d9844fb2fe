//! Whose failures count together. A browser that is known for an account has a budget of its own, so that
//! strangers cannot spend it; all others share that of the account.

use std::time::Duration;

use connect_core::store::{Budget, CodeForm};
use connect_core::{DeviceId, EmailAddress, Result};

use crate::auth::{Auth, Client};

/// How long a failure counts.
pub(crate) const DAY: Duration = Duration::from_secs(24 * 3600);
/// Failures in a row after which unknown browsers get no short code until another proof succeeds
/// (NIST SP 800-63B-4, 3.2.2). They are forgotten a year after the first of them.
const STREAK: Budget = Budget { limit: 100, window: Duration::from_secs(365 * 24 * 3600) };

/// Who enters codes for an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Guesser {
    account: String,
    device: Option<DeviceId>,
}

impl Guesser {
    /// What their failures of a day are counted under.
    pub(crate) fn failures(&self) -> String {
        self.device.map_or_else(|| self.account.clone(), |device| format!("device:{device}"))
    }

    /// What the codes that are sent for them are counted under.
    pub(crate) fn sends(&self) -> String {
        self.failures()
    }

    /// Whether it is a browser that is known for the account.
    pub(crate) fn is_known(&self) -> bool {
        self.device.is_some()
    }

    fn streak(&self) -> String {
        format!("streak:{}", self.account)
    }
}

impl Auth {
    pub(crate) fn guesser(&self, client: &Client, email: &EmailAddress) -> Guesser {
        Guesser { account: email.canonical(), device: self.known_device(client, email) }
    }

    /// What their next code looks like: whoever is attacked gets long codes, not a locked door.
    pub(crate) async fn form_for(&self, guesser: &Guesser) -> Result<CodeForm> {
        let (settings, store, now) = (&self.inner.settings, &self.inner.store, self.inner.desk.now());
        let failures = store.spent(guesser.failures(), now).await?;
        let streak = store.spent(guesser.streak(), now).await?;
        let is_known = guesser.device.is_some();
        let may_be_short = failures < settings.failures_a_day
            && (is_known || streak < STREAK.limit && !self.inner.alarm.is_raised(now));
        Ok(if may_be_short { settings.code_form } else { settings.long_form })
    }

    /// Whether their failures of a day are used up.
    pub(crate) async fn has_spent(&self, guesser: &Guesser) -> Result<bool> {
        let spent = self.inner.store.spent(guesser.failures(), self.inner.desk.now()).await?;
        Ok(spent >= self.inner.settings.failures_a_day)
    }

    /// Takes what a guess costs, before it is looked at; `false` if a short code may not be looked at. A long
    /// one always may be.
    pub(crate) async fn spend_guess(&self, guesser: &Guesser, is_short: bool) -> Result<bool> {
        let (store, now) = (&self.inner.store, self.inner.desk.now());
        let budget = Budget { limit: self.inner.settings.failures_a_day, window: DAY };
        let may_go_on = !is_short || store.spend(guesser.failures(), budget, now).await?;
        let in_streak = guesser.device.is_some() || store.spend(guesser.streak(), STREAK, now).await?;
        Ok(may_go_on && (in_streak || !is_short))
    }

    /// Gives back what a right guess cost, and ends the failures in a row.
    pub(crate) async fn refund_guess(&self, guesser: &Guesser, was_short: bool) -> Result<()> {
        let now = self.inner.desk.now();
        if was_short {
            self.inner.store.give_back(guesser.failures(), 1, now).await?;
        }
        Ok(self.inner.store.give_back(guesser.streak(), u32::MAX, now).await?)
    }

    /// Ends the failures in a row of an account whose holder was proven by other means.
    pub(crate) async fn end_streak(&self, email: &EmailAddress) -> Result<()> {
        let guesser = Guesser { account: email.canonical(), device: None };
        Ok(self.inner.store.give_back(guesser.streak(), u32::MAX, self.inner.desk.now()).await?)
    }
}
