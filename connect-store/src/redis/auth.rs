//! Challenges, sessions, budgets and flows. The rules are in the scripts; they are those of
//! [`auth_rules`], and the conformance kit holds both to the same cases.

use std::time::Duration;

use ::redis::ToRedisArgs;
use async_trait::async_trait;
use connect_core::store::{Budget, Challenge, ChallengeSeen, Flow, Resend, Revoke, Session};
use connect_core::{AuthStore, ChallengeId, SessionId, StoreError, Timestamp, UserId};

use super::link::Repeat;
use super::rows::{self, hex};
use super::{RedisStore, expiry, scripts};
use crate::auth_rules::{self, Ends};

/// How long after its end a row may stay until others of its kind push it out.
const LONG: Duration = Duration::from_secs(3600);
/// How many rows of a kind one step of sweeping removes, so that no script holds the server up.
const SWEPT: u64 = 500;
/// How many steps one sweep takes at most; the next one goes on.
const SWEEPS: u32 = 1000;

fn long_ago(now: Timestamp) -> i64 {
    now.minus(LONG).as_micros()
}

/// Whichever comes first.
fn end(session: &Session) -> Timestamp {
    session.idle_ends_at.min(session.ends_at)
}

impl RedisStore {
    /// What a table holds under a field.
    async fn read<T: ToRedisArgs>(&self, script: &::redis::Script, field: T) -> Result<Option<String>, StoreError> {
        let mut call = self.call(script);
        call.arg(field);
        rows::text(self.link.ask(&call, Repeat::Once).await?)
    }
}

#[async_trait]
impl AuthStore for RedisStore {
    async fn put_challenge(&self, challenge: Challenge, cap: u32) -> Result<bool, StoreError> {
        let (now, ends) = (challenge.created_at, challenge.expires_at);
        let mut call = self.call(&scripts::PUT_CHALLENGE);
        call.arg(challenge.id.to_string()).arg(auth_rules::account(&challenge.email)).arg(ends.as_micros());
        call.arg(now.as_micros()).arg(cap).arg(rows::challenge_row(&challenge)?);
        call.arg(expiry(now, ends)).arg(long_ago(now));
        rows::flag(&self.link.ask(&call, Repeat::Never).await?)
    }

    async fn challenge(&self, id: ChallengeId) -> Result<Option<Challenge>, StoreError> {
        self.read(&scripts::CHALLENGE, id.to_string()).await?.as_deref().map(rows::challenge).transpose()
    }

    async fn resend(&self, resend: Resend, now: Timestamp) -> Result<Option<Challenge>, StoreError> {
        let mut call = self.call(&scripts::RESEND);
        call.arg(resend.id.to_string()).arg(hex(&resend.secret_hash)).arg(now.as_micros()).arg(resend.max_sends);
        call.arg(hex(&resend.code_mac)).arg(hex(&resend.sealed_code));
        let row = rows::text(self.link.ask(&call, Repeat::Never).await?)?;
        row.as_deref().map(rows::challenge).transpose()
    }

    async fn attempt(
        &self,
        id: ChallengeId,
        secret_hash: [u8; 32],
        now: Timestamp,
    ) -> Result<ChallengeSeen, StoreError> {
        let mut call = self.call(&scripts::ATTEMPT);
        call.arg(id.to_string()).arg(hex(&secret_hash)).arg(now.as_micros());
        match rows::text(self.link.ask(&call, Repeat::Never).await?)? {
            Some(row) => Ok(ChallengeSeen::Counted(rows::challenge(&row)?)),
            None => Ok(ChallengeSeen::Refused),
        }
    }

    async fn consume(
        &self,
        id: ChallengeId,
        session: Session,
        replaces: Option<SessionId>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let end = end(&session);
        let mut call = self.call(&scripts::CONSUME);
        call.arg(id.to_string()).arg(now.as_micros()).arg(session.id.to_string()).arg(session.user.to_string());
        call.arg(hex(&session.token_hash)).arg(end.as_micros()).arg(rows::session_row(&session)?);
        call.arg(expiry(now, end)).arg(replaces.map(|old| old.to_string()).unwrap_or_default()).arg(long_ago(now));
        rows::flag(&self.link.ask(&call, Repeat::Never).await?)
    }

    async fn renew(&self, session: Session, replaces: Option<SessionId>, now: Timestamp) -> Result<bool, StoreError> {
        let end = end(&session);
        let mut call = self.call(&scripts::RENEW);
        call.arg(now.as_micros()).arg(session.id.to_string()).arg(session.user.to_string());
        call.arg(hex(&session.token_hash)).arg(end.as_micros()).arg(rows::session_row(&session)?);
        call.arg(expiry(now, end)).arg(replaces.map(|old| old.to_string()).unwrap_or_default()).arg(long_ago(now));
        rows::flag(&self.link.ask(&call, Repeat::Never).await?)
    }

    async fn spend(&self, account: String, budget: Budget, now: Timestamp) -> Result<bool, StoreError> {
        let end = now.plus(budget.window);
        let mut call = self.call(&scripts::SPEND);
        call.arg(account).arg(budget.limit).arg(now.as_micros()).arg(end.as_micros());
        call.arg(expiry(now, end)).arg(long_ago(now));
        rows::flag(&self.link.ask(&call, Repeat::Never).await?)
    }

    async fn give_back(&self, account: String, units: u32, now: Timestamp) -> Result<(), StoreError> {
        let mut call = self.call(&scripts::GIVE_BACK);
        call.arg(account).arg(now.as_micros()).arg(units);
        rows::flag(&self.link.ask(&call, Repeat::Never).await?).map(|_| ())
    }

    async fn spent(&self, account: String, now: Timestamp) -> Result<u32, StoreError> {
        let row = self.read(&scripts::SPENT, account).await?;
        let spent = row.as_deref().map(rows::budget).transpose()?;
        Ok(spent.filter(|spent| now < spent.ends_at).map_or(0, |spent| spent.units))
    }

    async fn session(&self, token_hash: [u8; 32]) -> Result<Option<Session>, StoreError> {
        self.read(&scripts::SESSION, hex(&token_hash)).await?.as_deref().map(rows::session).transpose()
    }

    async fn touch(&self, id: SessionId, now: Timestamp, idle_ends_at: Timestamp) -> Result<bool, StoreError> {
        let mut call = self.call(&scripts::TOUCH);
        call.arg(id.to_string()).arg(now.as_micros()).arg(idle_ends_at.as_micros()).arg(expiry(now, idle_ends_at));
        // Twice is the same: it writes what it is given, and never brings a session back.
        rows::flag(&self.link.ask(&call, Repeat::Once).await?)
    }

    async fn sessions(&self, user: UserId, now: Timestamp) -> Result<Vec<Session>, StoreError> {
        let mut call = self.call(&scripts::SESSIONS);
        call.arg(user.to_string());
        let rows = rows::texts(self.link.ask(&call, Repeat::Once).await?)?;
        let mut found = rows.iter().map(|row| rows::session(row)).collect::<Result<Vec<_>, _>>()?;
        found.retain(|session| session.is_live(now));
        found.sort_by_key(|session| std::cmp::Reverse((session.created_at, session.id)));
        Ok(found)
    }

    async fn revoke(&self, user: UserId, which: Revoke) -> Result<u64, StoreError> {
        let (which, id) = match which {
            Revoke::One(id) => ("one", id.to_string()),
            Revoke::AllBut(id) => ("but", id.to_string()),
            Revoke::All => ("all", String::new()),
        };
        let mut call = self.call(&scripts::REVOKE);
        call.arg(user.to_string()).arg(which).arg(id);
        rows::count(&self.link.ask(&call, Repeat::Never).await?)
    }

    async fn put_flow(&self, flow: Flow, now: Timestamp) -> Result<bool, StoreError> {
        let mut call = self.call(&scripts::PUT_FLOW);
        call.arg(hex(&flow.id_hash)).arg(now.as_micros()).arg(flow.expires_at.as_micros()).arg(rows::flow_row(&flow)?);
        call.arg(expiry(now, flow.expires_at)).arg(long_ago(now));
        rows::flag(&self.link.ask(&call, Repeat::Never).await?)
    }

    async fn take_flow(&self, id_hash: [u8; 32], now: Timestamp) -> Result<Option<Flow>, StoreError> {
        let mut call = self.call(&scripts::TAKE_FLOW);
        call.arg(hex(&id_hash));
        let row = rows::text(self.link.ask(&call, Repeat::Never).await?)?;
        Ok(row.as_deref().map(rows::flow).transpose()?.filter(|flow| !flow.has_ended(now)))
    }

    async fn sweep(&self, now: Timestamp) -> Result<u64, StoreError> {
        let mut call = self.call(&scripts::SWEEP);
        call.arg(now.as_micros()).arg(SWEPT);
        let mut removed = 0;
        for _ in 0..SWEEPS {
            let step = rows::count(&self.link.ask(&call, Repeat::Never).await?)?;
            removed += step;
            // Fewer than one kind may give: no kind has more.
            if step < SWEPT {
                break;
            }
        }
        Ok(removed)
    }
}
