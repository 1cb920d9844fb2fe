//! Sessions: opaque tokens, known again for as long as they hold.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use connect_core::event::{Cause, Fact};
use connect_core::store::{Revoke, Session};
use connect_core::user::User;
use connect_core::{Actor, ChangeSet, Error, Random, Result, SessionId, Timestamp, UserId};
use sha2::{Digest, Sha256};

use crate::auth::{Auth, Client, Identity, Known};
use crate::second_factor::Claimant;
use crate::sign_in::SignedIn;

/// What the text of a token begins with.
const PREFIX: &str = "cns_";
/// How long a session is taken as known without asking the store. Revocations by this process are seen at
/// once; this is the delay for those by another one.
const KNOWN_FOR: Duration = Duration::from_secs(1);
/// Most sessions known at once.
const CAPACITY: usize = 10_000;
/// For how long an account is so new that no other browser can have been used for it.
pub(crate) const NEW_ACCOUNT: Duration = Duration::from_secs(60);
/// How much of use must pass before it is written down.
const TOUCH_AFTER: Duration = Duration::from_secs(60);

/// The secret of a session: 256 random bits. Only its hash is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionToken([u8; 32]);

impl std::fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SessionToken(…)")
    }
}

impl SessionToken {
    pub(crate) fn draw(random: &dyn Random) -> Self {
        Self(random.bytes())
    }

    /// The text that a cookie or a program holds.
    pub fn text(&self) -> String {
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(self.0))
    }

    /// Reads that text.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(PREFIX).filter(|digits| digits.len() <= 64)?;
        URL_SAFE_NO_PAD.decode(digits).ok()?.try_into().ok().map(Self)
    }

    pub(crate) fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0).into()
    }
}

/// A session as its owner may see it.
#[derive(Debug, Clone)]
pub struct SessionView {
    /// The session, without anything that could stand in for its token.
    pub session: Session,
    /// Whether it is the one that asks.
    pub current: bool,
}

impl Auth {
    /// Who holds this token; none if nobody does, or not any more. [`Error::SecondFactorRequired`] if they have still
    /// to show their second factor.
    pub async fn authenticate(&self, token: &SessionToken) -> Result<Option<Identity>> {
        self.recognise(token).await?.map(Claimant::into_identity).transpose()
    }

    /// Who holds this token, whether or not they have still to show their second factor; none if nobody does, or not
    /// any more.
    ///
    /// A known token costs no read of the store for a second; its idle end is moved at most once a minute.
    pub async fn recognise(&self, token: &SessionToken) -> Result<Option<Claimant>> {
        let (hash, now, epoch) = (token.hash(), self.inner.desk.now(), self.inner.desk.admission_epoch());
        {
            let known = self.inner.known.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(known) = known.get(&hash)
                && known.epoch == epoch
                && now >= known.at
                && now.since(known.at) < KNOWN_FOR
                && known.claimant.identity.session.is_live(now)
            {
                return Ok(Some(known.claimant.clone()));
            }
        }
        let generation = self.generation();
        let Some(mut session) = self.inner.store.session(hash).await? else { return Ok(None) };
        if !session.is_live(now) {
            return Ok(None);
        }
        let user = self.inner.desk.user(session.user).await?;
        let Some(user) = user.filter(|user| !user.disabled) else { return Ok(None) };
        if now.since(session.seen_at) >= TOUCH_AFTER {
            // Activity moves the idle end, never the absolute one, and never revives what was revoked.
            let idle_ends_at = now.plus(self.inner.settings.session_idle).min(session.ends_at);
            if !self.inner.store.touch(session.id, now, idle_ends_at).await? {
                return Ok(None);
            }
            (session.seen_at, session.idle_ends_at) = (now, idle_ends_at);
        }
        let awaited = self.awaits_second_factor(&session).await?;
        let identity = Identity { user: Arc::new(user), session: Arc::new(session), cause: Cause::default() };
        let claimant = Claimant { identity, awaited };
        let mut known = self.inner.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= CAPACITY {
            known.clear();
        }
        // What was read before a revocation must not be remembered after it.
        if self.generation() == generation {
            known.insert(hash, Known { claimant: claimant.clone(), at: now, epoch });
        }
        Ok(Some(claimant))
    }

    /// A session that begins now, and its token.
    pub(crate) fn fresh_session(&self, user: &User, method: &str, client: &Client) -> (Session, SessionToken) {
        let (desk, settings) = (&self.inner.desk, &self.inner.settings);
        let (now, token) = (desk.now(), SessionToken::draw(desk.random()));
        let session = Session {
            id: desk.ids().session(),
            user: user.id,
            token_hash: token.hash(),
            method: method.to_owned(),
            ip: client.ip.map(|ip| ip.to_canonical().to_string()),
            agent: client.agent.as_deref().map(|agent| agent.chars().filter(|c| !c.is_control()).take(200).collect()),
            created_at: now,
            proven_at: now,
            device: Some(self.known_device(client, &user.email).unwrap_or_else(|| desk.ids().device())),
            strong_at: None,
            seen_at: now,
            idle_ends_at: now.plus(settings.session_idle),
            ends_at: now.plus(settings.session_absolute),
        };
        (session, token)
    }

    /// Opens a session for somebody who has just proved who they are, by whichever method. The session that it
    /// replaces ends in the same step; if that one was revoked meanwhile, none is opened and the answer is
    /// [`Error::Forbidden`].
    pub async fn open_session(
        &self,
        user: User,
        method: &str,
        client: &Client,
        replaces: Option<SessionId>,
    ) -> Result<SignedIn> {
        self.open_session_with(user, method, client, replaces, None).await
    }

    /// The same for somebody who has besides shown a second factor, at that time.
    pub(crate) async fn open_session_with(
        &self,
        user: User,
        method: &str,
        client: &Client,
        replaces: Option<SessionId>,
        strong_at: Option<Timestamp>,
    ) -> Result<SignedIn> {
        if user.disabled {
            return Err(Error::Forbidden("the user is disabled"));
        }
        let (session, token) = self.fresh_session(&user, method, client);
        let session = Session { strong_at, ..session };
        if !self.inner.store.renew(session.clone(), replaces, self.inner.desk.now()).await? {
            return Err(Error::Forbidden("the session has ended"));
        }
        self.end_streak(&user.email).await?;
        self.signed_in(user, (session, token), replaces, client).await
    }

    /// Notes a session that was opened.
    pub(crate) async fn signed_in(
        &self,
        user: User,
        (session, token): (Session, SessionToken),
        replaced: Option<SessionId>,
        client: &Client,
    ) -> Result<SignedIn> {
        self.forget_known();
        let desk = &self.inner.desk;
        let cause = client.cause(Some(&session.method), desk.random());
        let moment = desk.moment_of(Actor::User(user.id)).because(cause);
        let fact = Fact::AuthSignedIn { user: user.id, session: session.id };
        let mut changes = ChangeSet::new(&moment).fact(fact, &moment);
        if let Some(old) = replaced {
            changes = changes.fact(Fact::AuthSessionReplaced { session: old, by: session.id }, &moment);
        }
        // Nobody is told of the browser that they have just made their account with.
        let is_new_account = desk.now().since(user.created_at) < NEW_ACCOUNT;
        if !is_new_account && self.known_device(client, &user.email).is_none() {
            changes = changes.fact(Fact::AuthNewBrowser { user: user.id, session: session.id }, &moment);
        }
        desk.commit_to_directory(changes).await?;
        // Whoever has still to show a second factor might be anybody with the mailbox: a browser that was not known
        // is so when that is done, and not before.
        let is_known = self.known_device(client, &user.email).is_some();
        let is_trusted = is_known || !self.awaits_second_factor(&session).await?;
        let device = session.device.filter(|_| is_trusted).map(|device| self.device_text(device, &user.email));
        Ok(SignedIn { user, session, token, device: device.unwrap_or_default() })
    }

    /// Whether somebody who was known a while ago still is: for requests that last.
    pub async fn is_live(&self, identity: &Identity) -> Result<bool> {
        let session = self.inner.store.session(identity.session.token_hash).await?;
        let Some(session) = session.filter(|session| session.is_live(self.inner.desk.now())) else {
            return Ok(false);
        };
        if self.awaits_second_factor(&session).await? {
            return Ok(false);
        }
        let user = self.inner.desk.user(identity.user.id).await?;
        Ok(user.is_some_and(|user| !user.disabled))
    }

    /// The live sessions of a person.
    pub async fn sessions(&self, identity: &Identity) -> Result<Vec<SessionView>> {
        let sessions = self.inner.store.sessions(identity.user.id, self.inner.desk.now()).await?;
        let view = |session: Session| SessionView { current: session.id == identity.session.id, session };
        Ok(sessions.into_iter().map(view).collect())
    }

    /// Ends the session of somebody who may still have to show a second factor.
    pub async fn sign_out(&self, claimant: &Claimant) -> Result<()> {
        let Claimant { identity, .. } = claimant;
        self.end_session(identity, identity.session.id).await
    }

    /// Ends one session of the person's own; another's is as good as absent.
    pub async fn end_session(&self, identity: &Identity, id: SessionId) -> Result<()> {
        if id == identity.session.id {
            identity.has_session()?;
        }
        match self.end(identity.user.id, Revoke::One(id), Some(id), identity.cause.clone()).await? {
            0 => Err(Error::NotFound("session")),
            _ => Ok(()),
        }
    }

    /// Ends all sessions of the person but the one that asks.
    pub async fn end_other_sessions(&self, identity: &Identity) -> Result<u64> {
        self.end(identity.user.id, Revoke::AllBut(identity.session.id), None, identity.cause.clone()).await
    }

    pub(crate) async fn end_sessions_but(&self, identity: &Identity, kept: SessionId) -> Result<u64> {
        self.end(identity.user.id, Revoke::AllBut(kept), None, identity.cause.clone()).await
    }

    /// Ends all sessions of a user; for hosts and commands.
    pub async fn end_all_sessions(&self, user: UserId) -> Result<u64> {
        self.end(user, Revoke::All, None, Cause::default()).await
    }

    pub(crate) async fn end(
        &self,
        user: UserId,
        which: Revoke,
        session: Option<SessionId>,
        cause: Cause,
    ) -> Result<u64> {
        let ended = self.inner.store.revoke(user, which).await?;
        self.forget_known();
        if ended > 0 {
            let moment = self.inner.desk.moment_of(Actor::User(user)).because(cause);
            let changes = ChangeSet::new(&moment).fact(Fact::AuthSessionsEnded { user, session }, &moment);
            self.inner.desk.commit_to_directory(changes).await?;
        }
        Ok(ended)
    }

    fn generation(&self) -> u64 {
        self.inner.generation.load(std::sync::atomic::Ordering::Acquire)
    }

    pub(crate) fn forget_known(&self) {
        self.inner.generation.fetch_add(1, std::sync::atomic::Ordering::AcqRel);
        self.inner.known.write().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
