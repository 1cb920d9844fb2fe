//! Another address for an account: a recent proof of who asks, then a code that is sent to the new address
//! and fits this person and this address only. Until it is entered the old address stays; afterwards it is
//! told (`mail.rs`).

use connect_core::{ChallengeId, EmailAddress, Error, Result};

use crate::auth::{Auth, Client, Identity};
use crate::challenge::{Asked, email_change};
use crate::code::ChallengeSecret;
use crate::evaluate::Proven;
use crate::sign_in::{IssuedCode, SignInError, SignedIn, VerifyCode};
use crate::unbroken::unbroken;

impl Auth {
    /// Sends a code to the address that somebody who is signed in wants to have. Whether somebody else has it is
    /// not told before the mailbox was proven.
    pub async fn request_email_change(
        &self,
        identity: &Identity,
        email: EmailAddress,
        held: Option<(ChallengeId, ChallengeSecret)>,
        client: Client,
    ) -> Result<IssuedCode> {
        identity.has_session()?;
        self.require_recent(identity)?;
        if email.canonical() == identity.user.email.canonical() {
            return Err(Error::refused("same_address", "this is the address of the account already"));
        }
        let purpose = email_change(identity.user.id, identity.user.former.len());
        self.issue(Asked { email, purpose, held, workspace: None, client, person: None, paid: false }).await
    }

    /// Gives the account the address whose code was entered. All other sessions of the person end unless they
    /// are kept; the one that asks gets a new token.
    pub async fn verify_email_change(
        &self,
        identity: &Identity,
        verify: VerifyCode,
        keep_sessions: bool,
    ) -> Result<SignedIn, SignInError> {
        let purpose = email_change(identity.user.id, identity.user.former.len());
        let proven = self.guess(&verify, &purpose).await?;
        let (auth, identity) = (self.clone(), identity.clone());
        unbroken(async move {
            let outcome = auth.change_email(&identity, &proven, &verify.client, keep_sessions).await;
            auth.conclude(&verify, proven, outcome).await
        })
        .await
    }

    async fn change_email(
        &self,
        identity: &Identity,
        proven: &Proven,
        client: &Client,
        keep_sessions: bool,
    ) -> Result<SignedIn, SignInError> {
        let (users, email) = (self.inner.desk.users().because(identity.cause.clone()), &proven.challenge().email);
        if self.is_reserved(email) {
            return Err(SignInError::NotRight { remaining: None });
        }
        if users.find(email).await?.is_some_and(|holder| holder.id != identity.user.id) {
            return Err(Error::Taken { field: "email" }.into());
        }
        if !keep_sessions {
            // Before anything is changed, and again afterwards: a fault in between leaves none of them alive.
            self.end_sessions_but(identity, identity.session.id).await?;
        }
        let mut signed_in = self.renew_session(identity, proven, client).await?;
        signed_in.user = users.change_email(identity.user.id, identity.user.former.len(), email).await?;
        if let Some(device) = signed_in.session.device {
            signed_in.device = self.device_text(device, email);
        }
        if !keep_sessions {
            self.end_sessions_but(identity, signed_in.session.id).await?;
        }
        Ok(signed_in)
    }
}
