//! Challenges, sessions and budgets. The rules are those of `connect_store::auth_rules`; here they are
//! applied to rows, each in one writing transaction, so that no two callers see the same count.

use std::fmt::Write;

use async_trait::async_trait;
use connect_core::store::{Budget, Challenge, ChallengeSeen, Resend, Revoke, Session, StoredAnswer};
use connect_core::{AuthStore, ChallengeId, CommitError, SessionId, StoreError, Timestamp, UserId};
use connect_store::auth_rules::{self, Spent};
use redb::WriteTransaction;
use serde::de::DeserializeOwned;

use crate::keys::{self, Span, Table};
use crate::read::values;
use crate::transaction::{Reads, Writes};
use crate::{RedbStore, plain};

fn challenge(from: &impl Reads, id: ChallengeId) -> Result<Option<Challenge>, StoreError> {
    from.get(keys::CHALLENGES, &id.to_string())
}

fn put_challenge(to: &WriteTransaction, challenge: &Challenge) -> Result<(), StoreError> {
    to.put(keys::CHALLENGES, &challenge.id.to_string(), challenge)
}

fn token(hash: &[u8; 32]) -> String {
    hash.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn put_session(to: &WriteTransaction, session: &Session) -> Result<(), StoreError> {
    let id = session.id.to_string();
    to.put(keys::TOKENS, &token(&session.token_hash), &id)?;
    to.put(keys::SESSIONS, &id, session)
}

fn end_session(to: &WriteTransaction, session: &Session) -> Result<(), StoreError> {
    to.remove(keys::TOKENS, &token(&session.token_hash))?;
    to.remove(keys::SESSIONS, &session.id.to_string())
}

fn rows<T: DeserializeOwned>(
    from: &impl Reads,
    table: Table,
    wanted: impl Fn(&T) -> bool,
) -> Result<Vec<(String, T)>, StoreError> {
    from.list(table, &Span::all(), usize::MAX, wanted)
}

fn budget(from: &impl Reads, account: &str, now: Timestamp) -> Result<Option<Spent>, StoreError> {
    let kept = from.get::<(u32, Timestamp)>(keys::BUDGETS, account)?.map(|(units, ends_at)| Spent { units, ends_at });
    Ok(kept.filter(|spent| now < spent.ends_at))
}

fn put_budget(to: &WriteTransaction, account: &str, spent: Spent) -> Result<(), StoreError> {
    to.put(keys::BUDGETS, account, &(spent.units, spent.ends_at))
}

impl RedbStore {
    async fn write_auth<T, F>(&self, job: F) -> Result<T, StoreError>
    where
        F: FnOnce(&WriteTransaction) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        self.write(move |to| job(to).map_err(CommitError::Store)).await.map_err(plain)
    }
}

#[async_trait]
impl AuthStore for RedbStore {
    async fn put_challenge(&self, challenge: Challenge, cap: u32) -> Result<bool, StoreError> {
        self.write_auth(move |to| {
            let (account, now) = (auth_rules::account(&challenge.email), challenge.created_at);
            let is_live =
                |known: &Challenge| auth_rules::is_live(known, now) && auth_rules::account(&known.email) == account;
            let is_free = rows(to, keys::CHALLENGES, is_live)?.len() < usize::try_from(cap).unwrap_or(usize::MAX);
            if is_free {
                put_challenge(to, &challenge)?;
            }
            Ok(is_free)
        })
        .await
    }

    async fn challenge(&self, id: ChallengeId) -> Result<Option<Challenge>, StoreError> {
        self.read(move |from| challenge(from, id)).await
    }

    async fn resend(&self, resend: Resend, now: Timestamp) -> Result<Option<Challenge>, StoreError> {
        self.write_auth(move |to| {
            let resent = auth_rules::resent(challenge(to, resend.id)?, &resend, now);
            resent.iter().try_for_each(|challenge| put_challenge(to, challenge))?;
            Ok(resent)
        })
        .await
    }

    async fn attempt(
        &self,
        id: ChallengeId,
        secret_hash: [u8; 32],
        now: Timestamp,
    ) -> Result<ChallengeSeen, StoreError> {
        self.write_auth(move |to| {
            let seen = auth_rules::counted(challenge(to, id)?, &secret_hash, now);
            if let ChallengeSeen::Counted(challenge) = &seen {
                put_challenge(to, challenge)?;
            }
            Ok(seen)
        })
        .await
    }

    async fn consume(
        &self,
        id: ChallengeId,
        session: Session,
        replaces: Option<SessionId>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.write_auth(move |to| {
            let live = challenge(to, id)?.filter(|challenge| auth_rules::is_live(challenge, now));
            let Some(challenge) = live else { return Ok(false) };
            put_challenge(to, &Challenge { consumed: true, ..challenge })?;
            if let Some(old) = replaces
                && let Some(old) = to.get::<Session>(keys::SESSIONS, &old.to_string())?
            {
                end_session(to, &old)?;
            }
            put_session(to, &session)?;
            Ok(true)
        })
        .await
    }

    async fn spend(&self, account: String, limit: Budget, now: Timestamp) -> Result<bool, StoreError> {
        self.write_auth(move |to| {
            let after = auth_rules::spend(budget(to, &account, now)?, limit, now);
            after.iter().try_for_each(|spent| put_budget(to, &account, *spent))?;
            Ok(after.is_some())
        })
        .await
    }

    async fn give_back(&self, account: String, now: Timestamp) -> Result<(), StoreError> {
        self.write_auth(move |to| match budget(to, &account, now)? {
            Some(spent) => put_budget(to, &account, Spent { units: spent.units.saturating_sub(1), ..spent }),
            None => Ok(()),
        })
        .await
    }

    async fn spent(&self, account: String, now: Timestamp) -> Result<u32, StoreError> {
        self.read(move |from| Ok(budget(from, &account, now)?.map_or(0, |spent| spent.units))).await
    }

    async fn session(&self, token_hash: [u8; 32]) -> Result<Option<Session>, StoreError> {
        self.read(move |from| match from.get::<String>(keys::TOKENS, &token(&token_hash))? {
            Some(id) => from.get(keys::SESSIONS, &id),
            None => Ok(None),
        })
        .await
    }

    async fn touch(&self, id: SessionId, now: Timestamp, idle_ends_at: Timestamp) -> Result<bool, StoreError> {
        self.write_auth(move |to| {
            let live = to.get::<Session>(keys::SESSIONS, &id.to_string())?.filter(|session| session.is_live(now));
            let Some(session) = live else { return Ok(false) };
            put_session(to, &Session { seen_at: now, idle_ends_at, ..session })?;
            Ok(true)
        })
        .await
    }

    async fn sessions(&self, user: UserId, now: Timestamp) -> Result<Vec<Session>, StoreError> {
        let is_live = move |session: &Session| session.user == user && session.is_live(now);
        let mut found = values(self.read(move |from| rows(from, keys::SESSIONS, is_live)).await?);
        found.sort_by_key(|session| std::cmp::Reverse((session.created_at, session.id)));
        Ok(found)
    }

    async fn revoke(&self, user: UserId, which: Revoke) -> Result<u64, StoreError> {
        let ends = move |session: &Session| {
            session.user == user
                && match which {
                    Revoke::One(one) => session.id == one,
                    Revoke::AllBut(kept) => session.id != kept,
                    Revoke::All => true,
                }
        };
        self.write_auth(move |to| {
            let ended = values(rows(to, keys::SESSIONS, ends)?);
            ended.iter().try_for_each(|session| end_session(to, session))?;
            Ok(ended.len() as u64)
        })
        .await
    }

    async fn sweep(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.write_auth(move |to| {
            let sessions = values(rows(to, keys::SESSIONS, |session: &Session| !session.is_live(now))?);
            sessions.iter().try_for_each(|session| end_session(to, session))?;
            // Answers that count no more go along: nobody else asks this store to tidy up.
            let ended = [
                (keys::CHALLENGES, keys_of(rows(to, keys::CHALLENGES, |c: &Challenge| c.expires_at <= now)?)),
                (keys::BUDGETS, keys_of(rows(to, keys::BUDGETS, |(_, ends_at): &(u32, Timestamp)| *ends_at <= now)?)),
                (keys::ANSWERS, keys_of(rows(to, keys::ANSWERS, |(_, _, a): &Answer| a.expires_at <= now)?)),
            ];
            let mut count = sessions.len() as u64;
            for (table, keys) in ended {
                count += keys.len() as u64;
                keys.iter().try_for_each(|key| to.remove(table, key))?;
            }
            Ok(count)
        })
        .await
    }
}

type Answer = (String, String, StoredAnswer);

fn keys_of<T>(rows: Vec<(String, T)>) -> Vec<String> {
    rows.into_iter().map(|(key, _)| key).collect()
}
