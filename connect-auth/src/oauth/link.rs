//! Linking an account to a person: by somebody who is signed in, or after a code.

use connect_core::event::Cause;
use connect_core::store::Revoke;
use connect_core::{Error, Result, UserId};

use super::flow::BrowserSecret;
use super::identity::Proven;
use super::{Failure, OAuthError};
use crate::auth::{Auth, Client, Identity};
use crate::sign_in::SignedIn;

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
        let linked = async {
            let is_theirs = proven.email.as_ref().is_some_and(|told| told.email == signed_in.user.email);
            if !is_theirs {
                return Err(Failure::Refused("another_address"));
            }
            let cause = client.cause(Some(&signed_in.session.method), self.inner.desk.random());
            self.link_account(signed_in.user.id, &proven, cause.clone()).await?;
            let users = self.inner.desk.users().because(cause.clone());
            users.follow(signed_in.user.id, &proven.profile).await?;
            self.end(signed_in.user.id, Revoke::AllBut(signed_in.session.id), None, cause).await?;
            Ok(())
        };
        match linked.await {
            Ok(()) => Ok(true),
            Err(failure) => Err(self.refuse(&proven.key.provider, client, failure).await),
        }
    }

    /// Links an account to whoever is signed in and has proved it recently.
    pub(super) async fn link_present(&self, present: &Identity, proven: &Proven) -> Result<(), Failure> {
        match self.require_recent(present) {
            Ok(()) => {}
            Err(Error::StepUpRequired) => return Err(Failure::Refused("step_up")),
            Err(error) => return Err(error.into()),
        }
        let cause = present.cause.clone();
        self.link_account(present.user.id, proven, cause.clone()).await?;
        self.inner.desk.users().because(cause.clone()).follow(present.user.id, &proven.profile).await?;
        self.end(present.user.id, Revoke::AllBut(present.session.id), None, cause).await?;
        Ok(())
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
