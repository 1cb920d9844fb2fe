//! The second factor of a user: an app that shows one-time codes, and recovery codes for when it is lost.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{StrongMethod, Users};
use crate::change::{ChangeSet, RecordChange};
use crate::desk::Tries;
use crate::event::Fact;
use crate::record::{RecordKey, RecordKind};
use crate::{Actor, Error, Result, Timestamp, UserId, Version, WorkspaceId};

/// For how long a reset that was asked for can be carried out.
const RESET_LASTS: Duration = Duration::from_secs(7 * 24 * 3600);

/// An app whose codes count.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeApp {
    /// What it shares with the desk, sealed under a key outside the store.
    pub sealed: Vec<u8>,
    /// The step of time whose code was used last. Neither that code nor an older one counts again.
    pub last_step: u64,
    /// Since when.
    pub enrolled_at: Timestamp,
}

/// An app that is being set up: its codes count when one of them was entered.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingApp {
    /// What it shares with the desk, sealed under a key outside the store.
    pub sealed: Vec<u8>,
    /// When it ends unless a code is entered.
    pub ends_at: Timestamp,
}

/// What a user can show beside a code by e-mail. It holds nothing that can be shown: sealed secrets and keyed hashes.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecondFactor {
    /// Whose.
    pub user: UserId,
    /// The app.
    #[serde(default)]
    pub app: Option<CodeApp>,
    /// The app that is being set up.
    #[serde(default)]
    pub pending: Option<PendingApp>,
    /// Keyed hashes of the recovery codes that are left.
    #[serde(default)]
    pub recovery: Vec<[u8; 32]>,
    /// From when on it can be taken away by e-mail alone, because somebody with the mailbox has asked for that.
    #[serde(default)]
    pub reset_from: Option<Timestamp>,
    /// How often it was written.
    pub version: Version,
}

impl std::fmt::Debug for SecondFactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecondFactor").field("user", &self.user).finish_non_exhaustive()
    }
}

impl RecordKind for SecondFactor {
    const KIND: &'static str = "second_factor";

    fn id(&self) -> String {
        Self::id_of(self.user)
    }

    fn version(&self) -> Version {
        self.version
    }

    fn keys(&self) -> Vec<RecordKey> {
        Vec::new()
    }
}

impl SecondFactor {
    /// That of a user; ids are unique over all kinds, and the user has one already.
    fn id_of(user: UserId) -> String {
        format!("factor_{user}")
    }

    fn none_of(user: UserId) -> Self {
        Self { user, app: None, pending: None, recovery: Vec::new(), reset_from: None, version: Version::ABSENT }
    }

    fn next(&self) -> Self {
        Self { version: self.version.next(), ..self.clone() }
    }

    fn to(&self, next: &Self, fact: Fact) -> RecordChange {
        RecordChange::update(next, self.version, fact)
    }

    /// Decides to set up an app. One that counts already goes on until the new one does.
    pub fn begin(&self, pending: PendingApp) -> RecordChange {
        let next = Self { pending: Some(pending), ..self.next() };
        self.to(&next, Fact::SecondFactorBegun { user: self.user })
    }

    /// The app that is being set up, if that has not ended.
    pub fn pending(&self, now: Timestamp) -> Option<&PendingApp> {
        self.pending.as_ref().filter(|pending| now < pending.ends_at)
    }

    /// Decides that the app that is being set up counts, because its code of this step was entered; none when there
    /// is none. Who has no recovery codes gets these.
    pub fn enrol(&self, last_step: u64, recovery: &[[u8; 32]], now: Timestamp) -> Option<RecordChange> {
        let sealed = self.pending(now)?.sealed.clone();
        let mut next = Self { pending: None, reset_from: None, ..self.next() };
        next.app = Some(CodeApp { sealed, last_step, enrolled_at: now });
        if next.recovery.is_empty() {
            next.recovery = recovery.to_vec();
        }
        Some(self.to(&next, Fact::SecondFactorEnrolled { user: self.user, method: StrongMethod::Totp }))
    }

    /// Decides to use the code of this step; none when it, or a later one, was used already.
    pub fn use_step(&self, step: u64) -> Option<RecordChange> {
        let mut next = Self { reset_from: None, ..self.next() };
        let app = next.app.as_mut().filter(|app| app.last_step < step)?;
        app.last_step = step;
        Some(self.to(&next, Fact::AuthSecondFactorShown { user: self.user, method: StrongMethod::Totp }))
    }

    /// Decides to use up the recovery code of this hash; none when there is none.
    pub fn use_recovery(&self, hash: &[u8; 32]) -> Option<RecordChange> {
        let mut next = Self { reset_from: None, ..self.next() };
        next.recovery.retain(|known| known != hash);
        let fact = Fact::AuthRecoveryCodeUsed { user: self.user, left: next.recovery.len() };
        (next.recovery.len() < self.recovery.len()).then(|| self.to(&next, fact))
    }

    /// Decides other recovery codes in the place of all there are.
    pub fn replace_recovery(&self, recovery: &[[u8; 32]]) -> RecordChange {
        let next = Self { recovery: recovery.to_vec(), ..self.next() };
        self.to(&next, Fact::RecoveryCodesMade { user: self.user })
    }

    /// Decides that the app counts no more; none when there is none. Recovery codes stay for another second factor,
    /// or go as well.
    pub fn remove(&self, keep_recovery: bool) -> Option<RecordChange> {
        let mut next = Self { app: None, pending: None, reset_from: None, ..self.next() };
        if !keep_recovery {
            next.recovery = Vec::new();
        }
        let fact = Fact::SecondFactorRemoved { user: self.user, method: StrongMethod::Totp };
        self.app.is_some().then(|| self.to(&next, fact))
    }

    /// From when on it can be taken away by e-mail alone, if that was asked for and has not ended by itself.
    pub fn reset(&self, now: Timestamp) -> Option<Timestamp> {
        self.reset_from.filter(|from| now < from.plus(RESET_LASTS))
    }

    /// Decides that it can be taken away by e-mail alone from then on; none when that was asked for already, or there
    /// is nothing to take: neither an app nor a passkey.
    pub fn ask_reset(&self, from: Timestamp, has_passkeys: bool, now: Timestamp) -> Option<RecordChange> {
        let next = Self { reset_from: Some(from), ..self.next() };
        let fact = Fact::SecondFactorResetAsked { user: self.user };
        ((self.app.is_some() || has_passkeys) && self.reset(now).is_none()).then(|| self.to(&next, fact))
    }

    /// Decides that it stays, because a passkey was shown; none when nobody had asked to take it away.
    pub fn keep(&self) -> Option<RecordChange> {
        let next = Self { reset_from: None, ..self.next() };
        let fact = Fact::AuthSecondFactorShown { user: self.user, method: StrongMethod::Passkey };
        self.reset_from.is_some().then(|| self.to(&next, fact))
    }

    /// Decides that nothing of it counts any more, also what is being set up and what stands in for passkeys; none
    /// when there is nothing.
    pub fn clear(&self) -> Option<RecordChange> {
        let next = Self { version: self.version.next(), ..Self::none_of(self.user) };
        let is_empty = Self { version: self.version, ..Self::none_of(self.user) } == *self;
        let method = if self.app.is_some() { StrongMethod::Totp } else { StrongMethod::Passkey };
        (!is_empty).then(|| self.to(&next, Fact::SecondFactorRemoved { user: self.user, method }))
    }
}

impl Users<'_> {
    /// The second factor of a user. Who has none has an empty one.
    pub async fn second_factor(&self, user: UserId) -> Result<SecondFactor> {
        let id = SecondFactor::id_of(user);
        let record = self.desk.store().record(WorkspaceId::DIRECTORY, SecondFactor::KIND, id).await?;
        Ok(record.map(|record| record.read()).transpose()?.unwrap_or_else(|| SecondFactor::none_of(user)))
    }

    /// Changes the second factor of a user as `decide` says, which is asked again when somebody else was quicker: of
    /// parallel changes that exclude each other one is made. None when it decides against it.
    pub async fn change_second_factor(
        &self,
        user: UserId,
        decide: impl Fn(&SecondFactor, Timestamp) -> Option<RecordChange>,
    ) -> Result<Option<SecondFactor>> {
        let mut tries = Tries::default();
        loop {
            tries.next().await?;
            let factor = self.second_factor(user).await?;
            let moment = self.desk.moment_of(Actor::User(user)).because(self.cause.clone());
            let Some(change) = decide(&factor, moment.now()) else { return Ok(None) };
            let changes = ChangeSet::new(&moment).record(change, &moment);
            if let Some(committed) = self.desk.commit_to(WorkspaceId::DIRECTORY, changes).await? {
                let record = committed.records.first().ok_or(Error::NotFound("second factor"))?;
                return Ok(Some(record.read()?));
            }
        }
    }
}

#[cfg(test)]
#[path = "factor_tests.rs"]
mod tests;
