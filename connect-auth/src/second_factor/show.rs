//! Showing a second factor: counted first, then compared, then used up.

use connect_core::event::{Cause, Fact};
use connect_core::store::Quota;
use connect_core::user::{SecondFactor, User};
use connect_core::{Error, RecordChange, Result, Timestamp, UserId};
use tracing::warn;

use super::Claimant;
use super::cost::failures_of;
use super::recovery;
use super::session::Proofs;
use super::totp::{AppSecret, DIGITS};
use crate::KeyRing;
use crate::auth::{Auth, Client};
use crate::code::Code;
use crate::guesser::DAY;
use crate::sign_in::{SignInError, SignedIn};
use crate::unbroken::unbroken;

/// The label under which the secret of an app is sealed: for this user, so that it is of no use to another one.
pub(super) fn label(user: UserId) -> String {
    format!("second factor {user}")
}

/// The secret of an app.
pub(super) fn opened(keys: &KeyRing, user: UserId, sealed: &[u8]) -> Option<AppSecret> {
    AppSecret::parse(&keys.open(&label(user), sealed)?)
}

/// What somebody typed.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Typed {
    /// The code of an app.
    App(String),
    /// A recovery code.
    Recovery(Code),
    /// Neither.
    Nothing,
}

impl Typed {
    /// Spaces and hyphens are passed over.
    pub(super) fn read(text: &str) -> Self {
        match Code::parse(text) {
            Some(code) if code.reveal().len() == DIGITS && code.reveal().bytes().all(|b| b.is_ascii_digit()) => {
                Self::App(code.reveal().to_owned())
            }
            Some(code) if recovery::is_one(&code) => Self::Recovery(code),
            _ => Self::Nothing,
        }
    }
}

impl Auth {
    /// Shows the second factor of somebody who has signed in: a code of their app, or a recovery code. They get a new
    /// session in the place of the present one, with the same end. Who has shown it before may show it again, to prove
    /// lately who they are.
    pub async fn show_second_factor(
        &self,
        claimant: &Claimant,
        code: &str,
        client: &Client,
    ) -> Result<SignedIn, SignInError> {
        let (identity, keys, typed) = (&claimant.identity, &self.inner.keys, Typed::read(code));
        let user = identity.user.id;
        identity.has_session()?;
        let decide = |factor: &SecondFactor, now| match &typed {
            Typed::App(code) => {
                let app = factor.app.as_ref()?;
                let step = opened(keys, user, &app.sealed)?.step_of(code, Some(app.last_step), now)?;
                factor.use_step(step)
            }
            Typed::Recovery(code) => factor.use_recovery(&recovery::matching(keys, user, code, &factor.recovery)?),
            Typed::Nothing => None,
        };
        self.guess_factor(&identity.user, &typed, client, identity.cause.clone(), decide).await?;
        let now = self.inner.desk.now();
        Ok(self.replace_session(identity, client, Proofs { proven_at: now, strong_at: Some(now) }).await?)
    }

    /// Looks at what somebody typed: the one place where it is done, whatever it is for. `decide` says what becomes of
    /// the second factor if it is right, and nothing if not. Of parallel submissions of one code one is right.
    pub(super) async fn guess_factor(
        &self,
        user: &User,
        typed: &Typed,
        client: &Client,
        cause: Cause,
        decide: impl Fn(&SecondFactor, Timestamp) -> Option<RecordChange>,
    ) -> Result<SecondFactor, SignInError> {
        self.count(failures_of(client), self.inner.settings.quotas.failures_per_ip).await?;
        let guesser = self.guesser(client, &user.email);
        // A recovery code cannot be guessed: it is looked at however many wrong ones there were.
        let cost = match typed {
            Typed::App(_) => Some(self.spend_factor_guess(user.id, guesser.clone()).await?),
            Typed::Recovery(_) | Typed::Nothing => None,
        };
        if cost.as_ref().is_some_and(|cost| !cost.is_paid) {
            self.note(client, Fact::AuthSecondFactorRefused { user: user.id }).await?;
            let detail = "too many wrong codes were entered: use a recovery code, or wait for a day";
            return Err(Error::refused("second_factor_spent", detail).into());
        }
        let users = self.inner.desk.users().because(cause);
        let Some(factor) = users.change_second_factor(user.id, decide).await? else {
            self.note(client, Fact::AuthSecondFactorRefused { user: user.id }).await?;
            if cost.is_some() && self.has_spent_factor(&guesser).await? {
                self.tell_factor_failures(user.id, client).await?;
            }
            return Err(SignInError::NotRight { remaining: None });
        };
        let refunded = async {
            match &cost {
                Some(cost) => self.refund_factor_guess(user.id, cost).await?,
                None => self.end_factor_streak(user.id).await?,
            }
            Ok::<_, Error>(self.inner.limiter.give_back(failures_of(client), self.inner.desk.now()).await?)
        };
        if let Err(error) = refunded.await {
            // The code is used up: one failure more is kept.
            warn!(%error, "a right code stays counted as a wrong one");
        }
        Ok(factor)
    }

    /// Has the person told that wrong codes of their app were entered until no more are looked at: once a day.
    async fn tell_factor_failures(&self, user: UserId, client: &Client) -> Result<()> {
        if self.take(format!("told-second:{user}"), Quota { limit: 1, window: DAY }).await?.allowed {
            self.note(client, Fact::AuthSecondFactorFailuresRepeated { user }).await?;
        }
        Ok(())
    }

    /// Notes that a passkey was shown: wrong codes in a row are forgotten, and nobody takes anything away by e-mail.
    #[cfg(feature = "passkeys")]
    pub(crate) async fn passkey_shown(&self, user: UserId, cause: Cause) -> Result<()> {
        self.end_factor_streak(user).await?;
        self.inner.desk.users().because(cause).change_second_factor(user, |factor, _| factor.keep()).await?;
        Ok(())
    }

    /// Takes all second factors from a person, passkeys too, and ends their sessions; for hosts and commands, when
    /// everything they could show is lost. Answers whether there were any. Workspaces that ask for one let them in
    /// when they have another one.
    pub async fn take_second_factor(&self, user: UserId) -> Result<bool> {
        let auth = self.clone();
        unbroken(async move {
            let had = auth.take_factors(user, Cause::default()).await?;
            if had {
                auth.end_all_sessions(user).await?;
            }
            Ok(had)
        })
        .await
    }

    /// The same without the sessions.
    pub(crate) async fn take_factors(&self, user: UserId, cause: Cause) -> Result<bool> {
        let users = self.inner.desk.users().because(cause);
        let had_passkeys = !users.passkeys(user).await?.is_empty();
        users.remove_all_passkeys(user).await?;
        let had_more = users.change_second_factor(user, |factor, _| factor.clear()).await?.is_some();
        Ok(had_passkeys || had_more)
    }
}
