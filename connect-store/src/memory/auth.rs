//! Challenges, sessions, budgets and flows in memory.

use std::collections::HashMap;
use std::sync::{MutexGuard, PoisonError};

use async_trait::async_trait;
use connect_core::store::{Budget, Challenge, ChallengeSeen, Flow, Resend, Revoke, Session};
use connect_core::{AuthStore, ChallengeId, SessionId, StoreError, Timestamp, UserId};

use super::MemoryStore;
use crate::auth_rules::{self, Ends, Spent};

#[derive(Debug, Default)]
pub(super) struct AuthState {
    challenges: HashMap<ChallengeId, Challenge>,
    sessions: HashMap<SessionId, Session>,
    budgets: HashMap<String, Spent>,
    flows: HashMap<[u8; 32], Flow>,
}

impl AuthState {
    /// Begins a session in the place of a live one, or of none.
    fn begin(&mut self, session: Session, replaces: Option<SessionId>, now: Timestamp) -> bool {
        let ended = replaces.and_then(|old| self.sessions.remove(&old));
        let may_begin = auth_rules::may_begin(replaces, ended.as_ref(), now);
        if may_begin {
            self.sessions.insert(session.id, session);
        }
        may_begin
    }

    /// How many rows there are.
    fn len(&self) -> usize {
        self.challenges.len() + self.sessions.len() + self.budgets.len() + self.flows.len()
    }
}

impl MemoryStore {
    fn auth(&self) -> MutexGuard<'_, AuthState> {
        self.auth.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl AuthStore for MemoryStore {
    async fn put_challenge(&self, challenge: Challenge, cap: u32) -> Result<bool, StoreError> {
        let mut auth = self.auth();
        let is_free = auth_rules::has_room(auth.challenges.values().map(Ok), &challenge, cap)?;
        if is_free {
            auth.challenges.insert(challenge.id, challenge);
        }
        Ok(is_free)
    }

    async fn challenge(&self, id: ChallengeId) -> Result<Option<Challenge>, StoreError> {
        Ok(self.auth().challenges.get(&id).cloned())
    }

    async fn resend(&self, resend: Resend, now: Timestamp) -> Result<Option<Challenge>, StoreError> {
        let mut auth = self.auth();
        let resent = auth_rules::resent(auth.challenges.get(&resend.id).cloned(), &resend, now);
        if let Some(challenge) = &resent {
            auth.challenges.insert(challenge.id, challenge.clone());
        }
        Ok(resent)
    }

    async fn attempt(
        &self,
        id: ChallengeId,
        secret_hash: [u8; 32],
        now: Timestamp,
    ) -> Result<ChallengeSeen, StoreError> {
        let mut auth = self.auth();
        let seen = auth_rules::counted(auth.challenges.get(&id).cloned(), &secret_hash, now);
        if let ChallengeSeen::Counted(challenge) = &seen {
            auth.challenges.insert(id, challenge.clone());
        }
        Ok(seen)
    }

    async fn consume(
        &self,
        id: ChallengeId,
        session: Session,
        replaces: Option<SessionId>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut auth = self.auth();
        let Some(consumed) = auth_rules::consumed(auth.challenges.get(&id).cloned(), now) else { return Ok(false) };
        let begins = auth.begin(session, replaces, now);
        if begins {
            auth.challenges.insert(id, consumed);
        }
        Ok(begins)
    }

    async fn renew(&self, session: Session, replaces: Option<SessionId>, now: Timestamp) -> Result<bool, StoreError> {
        Ok(self.auth().begin(session, replaces, now))
    }

    async fn spend(&self, account: String, budget: Budget, now: Timestamp) -> Result<bool, StoreError> {
        let mut auth = self.auth();
        let after = auth_rules::spend(auth.budgets.get(&account).copied(), budget, now);
        if let Some(spent) = after {
            auth.budgets.insert(account, spent);
        }
        Ok(after.is_some())
    }

    async fn give_back(&self, account: String, units: u32, now: Timestamp) -> Result<(), StoreError> {
        let mut auth = self.auth();
        let after = auth_rules::given_back(auth.budgets.get(&account).copied(), units, now);
        auth.budgets.extend(after.map(|spent| (account, spent)));
        Ok(())
    }

    async fn spent(&self, account: String, now: Timestamp) -> Result<u32, StoreError> {
        Ok(auth_rules::units(self.auth().budgets.get(&account).copied(), now))
    }

    async fn session(&self, token_hash: [u8; 32]) -> Result<Option<Session>, StoreError> {
        Ok(self.auth().sessions.values().find(|session| session.token_hash == token_hash).cloned())
    }

    async fn touch(&self, id: SessionId, now: Timestamp, idle_ends_at: Timestamp) -> Result<bool, StoreError> {
        let mut auth = self.auth();
        let touched = auth_rules::touched(auth.sessions.get(&id).cloned(), now, idle_ends_at);
        let is_live = touched.is_some();
        auth.sessions.extend(touched.map(|session| (id, session)));
        Ok(is_live)
    }

    async fn sessions(&self, user: UserId, now: Timestamp) -> Result<Vec<Session>, StoreError> {
        let auth = self.auth();
        Ok(auth_rules::sessions(auth.sessions.values().map(Ok), user, now)?.into_iter().cloned().collect())
    }

    async fn revoke(&self, user: UserId, which: Revoke) -> Result<u64, StoreError> {
        let mut auth = self.auth();
        let before = auth.sessions.len();
        auth.sessions.retain(|_, session| !auth_rules::is_revoked(session, user, which));
        Ok((before - auth.sessions.len()) as u64)
    }

    async fn put_flow(&self, flow: Flow, now: Timestamp) -> Result<bool, StoreError> {
        let mut auth = self.auth();
        let kept = auth_rules::kept(auth.flows.get(&flow.id_hash).cloned(), flow, now);
        let is_new = kept.is_some();
        auth.flows.extend(kept.map(|flow| (flow.id_hash, flow)));
        Ok(is_new)
    }

    async fn take_flow(&self, id_hash: [u8; 32], now: Timestamp) -> Result<Option<Flow>, StoreError> {
        Ok(self.auth().flows.remove(&id_hash).filter(|flow| !flow.has_ended(now)))
    }

    async fn sweep(&self, now: Timestamp) -> Result<u64, StoreError> {
        let mut auth = self.auth();
        let before = auth.len();
        auth.challenges.retain(|_, challenge| !challenge.has_ended(now));
        auth.sessions.retain(|_, session| !session.has_ended(now));
        auth.budgets.retain(|_, spent| !spent.has_ended(now));
        auth.flows.retain(|_, flow| !flow.has_ended(now));
        Ok((before - auth.len()) as u64)
    }
}
