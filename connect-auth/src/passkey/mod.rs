//! Passkeys: signing in with a key that a device holds and that a finger, a face or a PIN unlocks (`WebAuthn`).
//!
//! The desk asks a question ([`Auth::start_passkey_sign_in`](crate::Auth::start_passkey_sign_in)), and the browser has
//! it signed ([`Auth::finish_passkey_sign_in`](crate::Auth::finish_passkey_sign_in)). What was asked is kept on the
//! server for five minutes and taken once, by the browser or the session that was asked and by no other. That an
//! answer is right is told by a value that only looking at it makes, and that opening a session uses up; there is no
//! yes or no that could be overlooked. Whatever does not hold ends in one and the same [`PasskeyError::Refused`];
//! what it was is told to the journal only.

mod enrol;
mod manage;
mod prove;
mod question;
mod relying_party;
mod sign_in;
mod step_up;

use connect_core::event::Fact;
use connect_core::{Error, PasskeyId, StoreError};

use crate::auth::{Auth, Client};

pub use enrol::NewPasskeyAnswer;
pub use question::{PasskeyAnswer, PasskeyQuestion};
pub(crate) use relying_party::RelyingParty;
pub use sign_in::PasskeySignIn;

/// What proves who somebody is who signs in so.
pub const PASSKEY_METHOD: &str = "passkey";

/// Why something with a passkey came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum PasskeyError {
    /// Something did not hold: which of all things is not told.
    #[error("the passkey was not accepted")]
    Refused,
    /// Something else.
    #[error(transparent)]
    Other(#[from] Error),
}

/// The same within this module, with the word for the journal.
#[derive(Debug)]
enum Failure {
    Refused { reason: &'static str, passkey: Option<PasskeyId> },
    Other(Error),
}

impl Failure {
    fn refused(reason: &'static str) -> Self {
        Self::Refused { reason, passkey: None }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Other(error.into())
    }
}

/// What the wrong answers of a client are counted under: the same as its wrong codes.
fn failures_of(client: &Client) -> String {
    format!("fail-ip:{}", client.quota_key())
}

impl Auth {
    /// Whether people may sign in with passkeys: browsers make them for a site that has a name and is reached over
    /// HTTPS, or is `localhost`.
    pub fn has_passkeys(&self) -> bool {
        self.inner.relying_party.is_some()
    }

    fn relying_party(&self) -> Result<&RelyingParty, Error> {
        self.inner.relying_party.as_ref().ok_or(Error::NotFound("passkeys"))
    }

    /// Counts a question that is asked.
    async fn count_question(&self, client: &Client) -> Result<(), Error> {
        self.relying_party()?;
        self.count(format!("passkey-ip:{}", client.quota_key()), self.inner.settings.quotas.passkey_starts).await?;
        Ok(())
    }

    /// Counts an answer as a wrong one before it is looked at: the journal must not be flooded.
    async fn count_answer(&self, client: &Client) -> Result<(), Error> {
        self.relying_party()?;
        self.count(failures_of(client), self.inner.settings.quotas.failures_per_ip).await?;
        Ok(())
    }

    /// Ends an answer: gives back what a right one cost, and notes a wrong one.
    async fn conclude_answer<T>(&self, client: &Client, outcome: Result<T, Failure>) -> Result<T, PasskeyError> {
        match outcome {
            Ok(done) => {
                if let Err(error) = self.inner.limiter.give_back(failures_of(client), self.inner.desk.now()).await {
                    // What it was for is done, and its answer is known nowhere else: one failure more is kept.
                    tracing::warn!(%error, "a passkey that was right stays counted as a wrong one");
                }
                Ok(done)
            }
            Err(Failure::Refused { reason, passkey }) => {
                self.note(client, Fact::AuthPasskeyRefused { reason: reason.to_owned(), passkey }).await?;
                Err(PasskeyError::Refused)
            }
            Err(Failure::Other(error)) => Err(error.into()),
        }
    }
}
