//! Linking an account to a person: by somebody who is signed in, or after a code.

use connect_core::event::Cause;
use connect_core::store::Revoke;
use connect_core::{Error, Result, UserId};

use super::flow::BrowserSecret;
use super::identity::Proven;
use super::{Failure, OAuthError};
use crate::auth::{Auth, Client, Identity};
use crate::sign_in::SignedIn;
use crate::unbroken::unbroken;

/// The kind of a flow that waits for a code.
const FLOW: &str = "oauth-account";

impl Auth {
    /// Keeps an account until its holder has proved the address that the provider tells.
    pub(super) async fn keep_proven(&self, proven: &Proven) -> Result<BrowserSecret> {
        let browser = BrowserSecret::draw(self.inner.desk.random());
        self.keep_flow(FLOW, &browser, "", proven).await?;
        Ok(browser)
    }

    /// Links the account that waits in this browser to somebody who has just signed in with a code, if the code
    /// was sent to the address that the provider tells. Answers whether it was.
    pub async fn link_proven(
        &self,
        signed_in: &SignedIn,
        browser: &BrowserSecret,
        client: &Client,
    ) -> Result<bool, OAuthError> {
        let Some(proven) = self.take_flow::<Proven>(FLOW, browser, "").await? else { return Ok(false) };
        let (auth, signed_in, client) = (self.clone(), signed_in.clone(), client.clone());
        unbroken(async move {
            let (user, session) = (signed_in.user.id, &signed_in.session);
            let is_theirs = proven.email.as_ref().is_some_and(|told| told.email == signed_in.user.email);
            let linked = if is_theirs && !auth.may_get_stronger(session).await? {
                // A mailbox alone adds no way in that a workspace would take for a second factor.
                Err(Failure::Refused("step_up"))
            } else if is_theirs {
                let cause = client.cause(Some(&session.method), auth.inner.desk.random());
                auth.link_and_follow(user, &proven, Revoke::AllBut(session.id), &cause).await
            } else {
                Err(Failure::Refused("another_address"))
            };
            match linked {
                Ok(()) => Ok(true),
                Err(failure) => Err(auth.refuse(&proven.key.provider, &client, failure).await),
            }
        })
        .await
    }

    /// Links an account to whoever is signed in and has proved it recently.
    pub(super) async fn link_present(&self, present: &Identity, proven: &Proven) -> Result<(), Failure> {
        match self.require_recent_strong(present).await {
            Ok(()) => {}
            Err(Error::StepUpRequired | Error::SecondFactorRequired) => return Err(Failure::Refused("step_up")),
            Err(error) => return Err(error.into()),
        }
        let others = Revoke::AllBut(present.session.id);
        self.link_and_follow(present.user.id, proven, others, &present.cause).await
    }

    /// Links an account to a user, takes over what the provider tells of them, and ends these of their sessions.
    async fn link_and_follow(
        &self,
        user: UserId,
        proven: &Proven,
        which: Revoke,
        cause: &Cause,
    ) -> Result<(), Failure> {
        let linked = async {
            self.link_account(user, proven, cause.clone()).await?;
            self.inner.desk.users().because(cause.clone()).follow(user, &proven.profile).await?;
            Ok::<_, Failure>(())
        };
        self.ending_sessions(user, which, cause.clone(), linked).await
    }

    /// Changes how somebody gets in, and ends their sessions: before it, so that a fault in between leaves none of
    /// them alive, and after it, as one may have been opened meanwhile. Repeated, it ends them even where there is
    /// nothing left to change.
    pub(super) async fn ending_sessions<T, E: From<Error>>(
        &self,
        user: UserId,
        which: Revoke,
        cause: Cause,
        change: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        self.end(user, which, None, cause.clone()).await?;
        let changed = change.await?;
        self.end(user, which, None, cause).await?;
        Ok(changed)
    }

    /// Links an account to a user, from whom whoever calls knows that they are its holder.
    pub(super) async fn link_account(&self, user: UserId, proven: &Proven, cause: Cause) -> Result<(), Failure> {
        match self.inner.desk.users().because(cause).link(user, &proven.key).await {
            Ok(_) => Ok(()),
            Err(Error::Refused { code, .. }) => Err(Failure::Refused(code)),
            Err(error) => Err(error.into()),
        }
    }
}
