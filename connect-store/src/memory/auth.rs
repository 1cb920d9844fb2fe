//! Challenges, sessions and budgets in memory.

use std::collections::HashMap;
use std::sync::{MutexGuard, PoisonError};

use async_trait::async_trait;
use connect_core::store::{Budget, Challenge, ChallengeSeen, Resend, Revoke, Session};
use connect_core::{AuthStore, ChallengeId, SessionId, StoreError, Timestamp, UserId};

use super::MemoryStore;
use crate::auth_rules::{self, Spent};

#[derive(Debug, Default)]
pub(super) struct AuthState {
    challenges: HashMap<ChallengeId, Challenge>,
    sessions: HashMap<SessionId, Session>,
    budgets: HashMap<String, Spent>,
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
        let account = auth_rules::account(&challenge.email);
        let now = challenge.created_at;
        let live = auth
            .challenges
            .values()
            .filter(|known| auth_rules::is_live(known, now) && auth_rules::account(&known.email) == account);
        if live.count() >= usize::try_from(cap).unwrap_or(usize::MAX) {
            return Ok(false);
        }
        auth.challenges.insert(challenge.id, challenge);
        Ok(true)
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
        match auth.challenges.get_mut(&id) {
            Some(challenge) if auth_rules::is_live(challenge, now) => challenge.consumed = true,
            _ => return Ok(false),
        }
        if let Some(old) = replaces {
            auth.sessions.remove(&old);
        }
        auth.sessions.insert(session.id, session);
        Ok(true)
    }

    async fn spend(&self, account: String, budget: Budget, now: Timestamp) -> Result<bool, StoreError> {
        let mut auth = self.auth();
        let after = auth_rules::spend(auth.budgets.get(&account).copied(), budget, now);
        if let Some(spent) = after {
            auth.budgets.insert(account, spent);
        }
        Ok(after.is_some())
    }

    async fn give_back(&self, account: String, now: Timestamp) -> Result<(), StoreError> {
        if let Some(spent) = self.auth().budgets.get_mut(&account).filter(|spent| now < spent.ends_at) {
            spent.units = spent.units.saturating_sub(1);
        }
        Ok(())
    }

    async fn spent(&self, account: String, now: Timestamp) -> Result<u32, StoreError> {
        Ok(self.auth().budgets.get(&account).filter(|spent| now < spent.ends_at).map_or(0, |spent| spent.units))
    }

    async fn session(&self, token_hash: [u8; 32]) -> Result<Option<Session>, StoreError> {
        Ok(self.auth().sessions.values().find(|session| session.token_hash == token_hash).cloned())
    }

    async fn touch(&self, id: SessionId, now: Timestamp, idle_ends_at: Timestamp) -> Result<bool, StoreError> {
        match self.auth().sessions.get_mut(&id) {
            Some(session) if session.is_live(now) => {
                session.seen_at = now;
                session.idle_ends_at = idle_ends_at;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    async fn sessions(&self, user: UserId, now: Timestamp) -> Result<Vec<Session>, StoreError> {
        let auth = self.auth();
        let mut found: Vec<_> = auth.sessions.values().filter(|s| s.user == user && s.is_live(now)).cloned().collect();
        found.sort_by_key(|session| std::cmp::Reverse((session.created_at, session.id)));
        Ok(found)
    }

    async fn revoke(&self, user: UserId, which: Revoke) -> Result<u64, StoreError> {
        let mut auth = self.auth();
        let before = auth.sessions.len();
        auth.sessions.retain(|id, session| {
            session.user != user
                || match which {
                    Revoke::One(one) => *id != one,
                    Revoke::AllBut(kept) => *id == kept,
                    Revoke::All => false,
                }
        });
        Ok((before - auth.sessions.len()) as u64)
    }

    async fn sweep(&self, now: Timestamp) -> Result<u64, StoreError> {
        let mut auth = self.auth();
        let before = auth.challenges.len() + auth.sessions.len() + auth.budgets.len();
        auth.challenges.retain(|_, challenge| now < challenge.expires_at);
        auth.sessions.retain(|_, session| session.is_live(now));
        auth.budgets.retain(|_, spent| now < spent.ends_at);
        Ok((before - auth.challenges.len() - auth.sessions.len() - auth.budgets.len()) as u64)
    }
}
