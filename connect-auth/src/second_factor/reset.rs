//! The way back for somebody who has lost all they could show: e-mail alone, which takes three days in which whoever
//! still has the second factor learns of it and ends it by showing that.

use std::time::Duration;

use connect_core::store::Revoke;
use connect_core::user::SecondFactor;
use connect_core::{Error, Result, Timestamp};

use super::Claimant;
use super::session::Proofs;
use crate::auth::{Auth, Client};
use crate::sign_in::{METHOD, SignedIn};
use crate::unbroken::unbroken;

/// How long it takes.
const WAIT: Duration = Duration::from_secs(3 * 24 * 3600);

/// What became of it.
#[derive(Debug, Clone)]
pub enum Reset {
    /// It is possible from then on, with another code by e-mail. The person has been told.
    Asked {
        /// From when on.
        from: Timestamp,
    },
    /// The second factor is gone, and this is the session in the place of the one that asked.
    Done(Box<SignedIn>),
}

impl Auth {
    /// Asks to take the second factor away by e-mail alone; or, when that was asked for three days ago, takes it. For
    /// somebody who has signed in with a code by e-mail within the last ten minutes.
    ///
    /// A workspace that asks for a second factor lets them in when they have set another one up.
    pub async fn reset_second_factor(&self, claimant: &Claimant, client: &Client) -> Result<Reset> {
        let (auth, claimant, client) = (self.clone(), claimant.clone(), client.clone());
        unbroken(async move { auth.reset(&claimant, &client).await }).await
    }

    async fn reset(&self, claimant: &Claimant, client: &Client) -> Result<Reset> {
        let identity = &claimant.identity;
        identity.has_session()?;
        if identity.session.method != METHOD {
            return Err(Error::refused("code_by_mail_needed", "sign in with a code by e-mail for this"));
        }
        self.require_recent(identity)?;
        let (users, user) = (self.inner.desk.users().because(identity.cause.clone()), identity.user.id);
        let now = self.inner.desk.now();
        match users.second_factor(user).await?.reset(now) {
            Some(from) if from <= now => {
                let decide = |factor: &SecondFactor, now| {
                    // Shown meanwhile, it stays.
                    factor.reset(now).filter(|from| *from <= now).and_then(|_| factor.clear())
                };
                users.change_second_factor(user, decide).await?.ok_or(Error::Contended)?;
                users.remove_all_passkeys(user).await?;
                let proofs = Proofs { proven_at: identity.session.proven_at, strong_at: None };
                let signed_in = self.replace_session(identity, client, proofs).await?;
                self.end(user, Revoke::AllBut(signed_in.session.id), None, identity.cause.clone()).await?;
                Ok(Reset::Done(Box::new(signed_in)))
            }
            Some(from) => Ok(Reset::Asked { from }),
            None => {
                let has_passkeys = !users.passkeys(user).await?.is_empty();
                let ask = |factor: &SecondFactor, now: Timestamp| factor.ask_reset(now.plus(WAIT), has_passkeys, now);
                let asked = users.change_second_factor(user, ask).await?;
                let from = asked.and_then(|factor| factor.reset_from);
                from.map(|from| Reset::Asked { from }).ok_or(Error::NotFound("second factor"))
            }
        }
    }
}
