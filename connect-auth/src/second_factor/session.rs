//! Another session in the place of the present one, when what is known of a person has changed.

use connect_core::event::Fact;
use connect_core::store::Session;
use connect_core::{Actor, ChangeSet, Error, Result, Timestamp};

use crate::auth::{Auth, Client, Identity};
use crate::session::SessionToken;
use crate::sign_in::SignedIn;

/// When a person proved what.
#[derive(Debug, Clone, Copy)]
pub(super) struct Proofs {
    pub(super) proven_at: Timestamp,
    pub(super) strong_at: Option<Timestamp>,
}

impl Auth {
    /// Puts another session in the place of the person's present one, with the same end. [`Error::Forbidden`] if that
    /// one has ended meanwhile.
    pub(super) async fn replace_session(
        &self,
        identity: &Identity,
        client: &Client,
        proofs: Proofs,
    ) -> Result<SignedIn> {
        let (desk, present, user) = (&self.inner.desk, &identity.session, identity.user.as_ref().clone());
        let (now, token) = (desk.now(), SessionToken::draw(desk.random()));
        let known = self.known_device(client, &user.email);
        let device = known.or(present.device).unwrap_or_else(|| desk.ids().device());
        let session = Session {
            id: desk.ids().session(),
            token_hash: token.hash(),
            proven_at: proofs.proven_at,
            strong_at: proofs.strong_at,
            device: Some(device),
            seen_at: now,
            idle_ends_at: now.plus(self.inner.settings.session_idle).min(present.ends_at),
            ..Session::clone(present)
        };
        if !self.inner.store.renew(session.clone(), Some(present.id), now).await? {
            return Err(Error::Forbidden("the session has ended"));
        }
        self.forget_known();
        let moment = desk.moment_of(Actor::User(user.id)).because(client.cause(Some(&session.method), desk.random()));
        let mut changes = ChangeSet::new(&moment);
        if proofs.proven_at == now {
            changes = changes.fact(Fact::AuthSteppedUp { user: user.id, session: session.id }, &moment);
        }
        let changes = changes.fact(Fact::AuthSessionReplaced { session: present.id, by: session.id }, &moment);
        desk.commit_to_directory(changes).await?;
        let device = self.device_text(device, &user.email);
        Ok(SignedIn { user, session, token, device })
    }
}
