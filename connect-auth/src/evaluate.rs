//! Looking at a code: the one place where it is done, whatever the code is for.

use connect_core::Result;
use connect_core::event::Fact;
use connect_core::store::{Challenge, ChallengeSeen, Quota};
use tracing::warn;

use crate::auth::{Auth, Client};
use crate::bound::is_short;
use crate::challenge::{CODE_LABEL, bound, parts};
use crate::code::Code;
use crate::guesser::{DAY, Guesser};
use crate::refusals::Refused;
use crate::sign_in::{SignInError, VerifyCode};

/// A code that was right. It is used up by whoever goes on with it.
#[must_use]
pub(crate) struct Proven {
    challenge: Challenge,
    guesser: Guesser,
}

impl Proven {
    /// The challenge. Whose mailbox was proven stands in it, never in the request that entered the code.
    pub(crate) fn challenge(&self) -> &Challenge {
        &self.challenge
    }
}

impl Auth {
    /// Looks at a code. A guess is taken from the client's share before it is looked at, so that parallel
    /// guesses cannot slip past; [`conclude`](Self::conclude) gives it back.
    pub(crate) async fn guess(&self, verify: &VerifyCode, purpose: &str) -> Result<Proven, SignInError> {
        self.count_failure(&verify.client).await?;
        let outcome = self.prove(verify, purpose).await;
        self.note_refused(verify, &outcome).await;
        outcome
    }

    /// Ends a guess that was right: what it cost is given back when what it was for was done.
    pub(crate) async fn conclude<T>(
        &self,
        verify: &VerifyCode,
        proven: Proven,
        outcome: Result<T, SignInError>,
    ) -> Result<T, SignInError> {
        if outcome.is_ok() {
            self.inner.alarm.record(true, self.inner.desk.now());
            if let Err(error) = self.refund_guess(&proven.guesser, is_short(proven.challenge.form)).await {
                // What the code was for is done, and its answer is known nowhere else: one failure more is kept.
                warn!(%error, "a right code stays counted as a wrong one");
            }
            self.forgive_failure(&verify.client).await;
        }
        self.note_refused(verify, &outcome).await;
        outcome
    }

    async fn note_refused<T>(&self, verify: &VerifyCode, outcome: &Result<T, SignInError>) {
        if matches!(outcome, Err(SignInError::NotRight { .. })) {
            let fact = Fact::AuthCodeRefused { challenge: verify.id };
            self.refused(&verify.client, Refused::default(), None, fact).await;
        }
    }

    /// Counted first, then compared.
    async fn prove(&self, verify: &VerifyCode, purpose: &str) -> Result<Proven, SignInError> {
        let (desk, store) = (&self.inner.desk, &self.inner.store);
        let Some(secret) = &verify.secret else { return Err(SignInError::NotRight { remaining: None }) };
        let ChallengeSeen::Counted(challenge) = store.attempt(verify.id, secret.hash(), desk.now()).await? else {
            return Err(SignInError::NotRight { remaining: None });
        };
        let remaining = Some(challenge.max_attempts - challenge.attempts);
        let guesser = self.guesser(&verify.client, &challenge.email);
        if !self.spend_guess(&guesser, is_short(challenge.form)).await? {
            let fact = Fact::AuthBudgetSpent { challenge: challenge.id };
            self.refused(&verify.client, Refused::default(), None, fact).await;
            return Err(SignInError::NotRight { remaining: Some(0) });
        }
        let fits = Code::parse(&verify.code).is_some_and(|code| {
            let workspace = challenge.workspace.as_deref();
            let bound = bound(challenge.id, &challenge.email, &challenge.purpose, workspace, &code);
            self.inner.keys.verify(CODE_LABEL, &parts(&bound), &challenge.code_mac)
        });
        if !fits || challenge.purpose != purpose {
            self.inner.alarm.record(false, desk.now());
            if is_short(challenge.form) && self.has_spent(&guesser).await? {
                self.tell_repeated(&challenge, &verify.client).await?;
            }
            return Err(SignInError::NotRight { remaining });
        }
        Ok(Proven { challenge, guesser })
    }

    /// Has the person told that their address has had its failures for the day: once a day, and whether or not
    /// there is such a person, so that nobody learns it from here.
    async fn tell_repeated(&self, challenge: &Challenge, client: &Client) -> Result<(), SignInError> {
        let once = Quota { limit: 1, window: DAY };
        if self.take(format!("told:{}", challenge.email.canonical()), once).await?.allowed {
            self.note(client, Fact::AuthFailuresRepeated { challenge: challenge.id }).await?;
        }
        Ok(())
    }
}
