//! Proving once more who one is, before something that a stolen session must not do.

use std::time::Duration;

use connect_core::event::Fact;
use connect_core::store::Session;
use connect_core::{Actor, ChallengeId, ChangeSet, Error, Result};

use crate::auth::{Auth, Client, Identity};
use crate::challenge::{Asked, step_up};
use crate::code::ChallengeSecret;
use crate::evaluate::Proven;
use crate::session::SessionToken;
use crate::sign_in::{IssuedCode, SignInError, SignedIn, VerifyCode};

/// How long a proof counts as recent.
const RECENT: Duration = Duration::from_secs(10 * 60);

impl Auth {
    /// Refuses with [`Error::StepUpRequired`] unless the person proved who they are in the last ten minutes.
    pub fn require_recent(&self, identity: &Identity) -> Result<()> {
        let now = self.inner.desk.now();
        let proven = identity.session.proven_at;
        // A proof of the future is none: a clock was wrong.
        if proven <= now && now.since(proven) <= RECENT { Ok(()) } else { Err(Error::StepUpRequired) }
    }

    /// Sends somebody who is signed in a code to the address of their account.
    pub async fn request_step_up(
        &self,
        identity: &Identity,
        held: Option<(ChallengeId, ChallengeSecret)>,
        client: Client,
    ) -> Result<IssuedCode> {
        identity.has_session()?;
        let (email, purpose) = (identity.user.email.clone(), step_up(identity.user.id));
        let person = Some(identity.user.id);
        self.issue(Asked { email, purpose, held, workspace: None, client, person, paid: false }).await
    }

    /// Proves with a code who somebody is who is signed in. They get a new session in the place of the present
    /// one, with the same end; [`VerifyCode::replaces`] is not looked at.
    pub async fn verify_step_up(&self, identity: &Identity, verify: VerifyCode) -> Result<SignedIn, SignInError> {
        let proven = self.guess(&verify, &step_up(identity.user.id)).await?;
        let outcome = if proven.challenge().email == identity.user.email {
            self.renew_session(identity, &proven, &verify.client).await
        } else {
            // The address of the account was changed since.
            Err(SignInError::NotRight { remaining: None })
        };
        self.conclude(&verify, proven, outcome).await
    }

    /// Uses the code up and puts a new session in the place of the present one.
    pub(crate) async fn renew_session(
        &self,
        identity: &Identity,
        proven: &Proven,
        client: &Client,
    ) -> Result<SignedIn, SignInError> {
        let (desk, present) = (&self.inner.desk, &identity.session);
        let (now, token) = (desk.now(), SessionToken::draw(desk.random()));
        let known = self.known_device(client, &identity.user.email);
        let device = known.or(present.device).unwrap_or_else(|| desk.ids().device());
        let session = Session {
            id: desk.ids().session(),
            token_hash: token.hash(),
            proven_at: now,
            device: Some(device),
            seen_at: now,
            idle_ends_at: now.plus(self.inner.settings.session_idle).min(present.ends_at),
            ..Session::clone(present)
        };
        if !self.inner.store.consume(proven.challenge().id, session.clone(), Some(present.id), now).await? {
            return Err(SignInError::NotRight { remaining: None });
        }
        self.forget_known();
        let user = identity.user.as_ref().clone();
        let moment = desk.moment_of(Actor::User(user.id)).because(client.cause(Some(&session.method), desk.random()));
        let changes = ChangeSet::new(&moment)
            .fact(Fact::AuthSteppedUp { user: user.id, session: session.id }, &moment)
            .fact(Fact::AuthSessionReplaced { session: present.id, by: session.id }, &moment);
        desk.commit_to_directory(changes).await?;
        let device = self.device_text(device, &user.email);
        Ok(SignedIn { user, session, token, device })
    }
}
