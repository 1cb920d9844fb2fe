//! What guesses at a second factor cost. Each draws on the account's failures of the day, like any code: they make
//! its next codes by e-mail long. Whether it is looked at is for a budget of its own to say, which nobody can spend
//! who has not the mailbox: else any stranger who types wrong codes could keep a person out.

use std::time::Duration;

use connect_core::store::Budget;
use connect_core::{Result, UserId};

use crate::auth::{Auth, Client};
use crate::guesser::{DAY, Guesser};

/// Failures in a row after which unknown browsers are not asked for codes of an app any more, until one shows a
/// recovery code, a passkey, or a known browser shows a code. They are forgotten a year after the first.
const STREAK: Budget = Budget { limit: 100, window: Duration::from_secs(365 * 24 * 3600) };

/// What a guess has cost.
#[derive(Debug)]
pub(super) struct Cost {
    guesser: Guesser,
    /// Whether it was paid from its own budget: only then it may be looked at.
    pub(super) is_paid: bool,
    shared: bool,
}

fn own(guesser: &Guesser) -> String {
    format!("second:{}", guesser.failures())
}

fn streak(user: UserId) -> String {
    format!("second-streak:{user}")
}

/// What all wrong codes of a client are counted under, whatever they are for.
pub(super) fn failures_of(client: &Client) -> String {
    format!("fail-ip:{}", client.quota_key())
}

impl Auth {
    /// Takes what a guess at the code of an app costs, before it is looked at.
    pub(super) async fn spend_factor_guess(&self, user: UserId, guesser: Guesser) -> Result<Cost> {
        let (store, now) = (&self.inner.store, self.inner.desk.now());
        let budget = Budget { limit: self.inner.settings.failures_a_day, window: DAY };
        let paid = store.spend(own(&guesser), budget, now).await?;
        let in_streak = guesser.is_known() || store.spend(streak(user), STREAK, now).await?;
        let is_paid = paid && in_streak;
        let shared = is_paid && store.spend(guesser.failures(), budget, now).await?;
        Ok(Cost { guesser, is_paid, shared })
    }

    /// Gives back what a right guess has cost, and ends the failures in a row.
    pub(super) async fn refund_factor_guess(&self, user: UserId, cost: &Cost) -> Result<()> {
        let (store, now) = (&self.inner.store, self.inner.desk.now());
        store.give_back(own(&cost.guesser), 1, now).await?;
        if cost.shared {
            store.give_back(cost.guesser.failures(), 1, now).await?;
        }
        self.end_factor_streak(user).await
    }

    /// Ends the failures in a row of somebody who was proven by a second factor of another kind.
    pub(super) async fn end_factor_streak(&self, user: UserId) -> Result<()> {
        Ok(self.inner.store.give_back(streak(user), u32::MAX, self.inner.desk.now()).await?)
    }

    /// Whether the failures of the day are used up.
    pub(super) async fn has_spent_factor(&self, guesser: &Guesser) -> Result<bool> {
        let spent = self.inner.store.spent(own(guesser), self.inner.desk.now()).await?;
        Ok(spent >= self.inner.settings.failures_a_day)
    }
}
