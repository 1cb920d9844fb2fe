//! The port of challenges, sessions, budgets and flows. The rules are those of `connect_store::auth_rules`; here they
//! are applied to rows, each in one writing transaction, so that no two callers see the same count.

use async_trait::async_trait;
use connect_core::store::{Budget, Challenge, ChallengeSeen, Flow, MovedRow, Part, Resend, Revoke, Session};
use connect_core::{AuthStore, ChallengeId, SessionId, Timestamp, UserId};
use connect_store::auth_rules::{self, Ends};
use connect_store::scan;

use crate::table::{BUDGETS, CHALLENGES, FLOWS, HEADS, ROWS, SESSIONS, row};
use crate::{RedbStore, Result};

fn begin(to: &redb::WriteTransaction, new: Session, old: Option<SessionId>, now: Timestamp) -> Result<bool> {
    let ended = old.map_or(Ok(None), |old| SESSIONS.remove(to, old))?;
    let begins = auth_rules::may_begin(old, ended.as_ref(), now);
    Ok(SESSIONS.update(to, new.id, |_| begins.then_some(new))?.is_some())
}

#[async_trait]
impl AuthStore for RedbStore {
    async fn put_challenge(&self, challenge: Challenge, cap: u32) -> Result<bool> {
        self.write(move |to| {
            let has_room = CHALLENGES.walk(to, "", None, |rows| auth_rules::has_room(rows, &challenge, cap))?;
            Ok(CHALLENGES.update(to, challenge.id, |_| has_room.then_some(challenge))?.is_some())
        })
        .await
    }

    async fn challenge(&self, id: ChallengeId) -> Result<Option<Challenge>> {
        self.read(move |from| CHALLENGES.get(from, id)).await
    }

    async fn resend(&self, resend: Resend, now: Timestamp) -> Result<Option<Challenge>> {
        self.write(move |to| CHALLENGES.update(to, resend.id, |row| auth_rules::resent(row, &resend, now))).await
    }

    async fn attempt(&self, id: ChallengeId, secret_hash: [u8; 32], now: Timestamp) -> Result<ChallengeSeen> {
        let rule = move |row| auth_rules::counted(row, &secret_hash, now).counted();
        Ok(self.write(move |to| CHALLENGES.update(to, id, rule)).await?.into())
    }

    async fn consume(&self, id: ChallengeId, new: Session, old: Option<SessionId>, now: Timestamp) -> Result<bool> {
        self.write(move |to| {
            let used = auth_rules::consumed(CHALLENGES.get(to, id)?, now);
            let begins = used.is_some() && begin(to, new, old, now)?;
            Ok(CHALLENGES.update(to, id, |_| used.filter(|_| begins))?.is_some())
        })
        .await
    }

    async fn renew(&self, new: Session, old: Option<SessionId>, now: Timestamp) -> Result<bool> {
        self.write(move |to| begin(to, new, old, now)).await
    }

    async fn spend(&self, of: String, budget: Budget, now: Timestamp) -> Result<bool> {
        self.write(move |to| Ok(BUDGETS.update(to, of, |row| auth_rules::spend(row, budget, now))?.is_some())).await
    }

    async fn give_back(&self, account: String, units: u32, now: Timestamp) -> Result<()> {
        self.write(move |to| BUDGETS.update(to, account, |row| auth_rules::given_back(row, units, now)).map(drop)).await
    }

    async fn spent(&self, account: String, now: Timestamp) -> Result<u32> {
        self.read(move |from| Ok(auth_rules::units(BUDGETS.get(from, account)?, now))).await
    }

    async fn session(&self, token_hash: [u8; 32]) -> Result<Option<Session>> {
        let is_its = move |session: &Session| session.token_hash == token_hash;
        self.read(move |from| Ok(SESSIONS.walk(from, "", None, |rows| scan::first(rows, 1, is_its))?.pop())).await
    }

    async fn touch(&self, id: SessionId, now: Timestamp, idle_ends_at: Timestamp) -> Result<bool> {
        let rule = move |row| auth_rules::touched(row, now, idle_ends_at);
        self.write(move |to| Ok(SESSIONS.update(to, id, rule)?.is_some())).await
    }

    async fn sessions(&self, user: UserId, now: Timestamp) -> Result<Vec<Session>> {
        self.read(move |from| SESSIONS.walk(from, "", None, |rows| auth_rules::sessions(rows, user, now))).await
    }

    async fn revoke(&self, user: UserId, which: Revoke) -> Result<u64> {
        self.write(move |to| SESSIONS.sweep(to, "", |session| auth_rules::is_revoked(session, user, which))).await
    }

    async fn put_flow(&self, new: Flow, now: Timestamp) -> Result<bool> {
        let at = format!("{:?}", new.id_hash);
        self.write(move |to| Ok(FLOWS.update(to, at, |known| auth_rules::kept(known, new, now))?.is_some())).await
    }

    async fn take_flow(&self, id: [u8; 32], now: Timestamp) -> Result<Option<Flow>> {
        self.write(move |to| Ok(FLOWS.remove(to, format!("{id:?}"))?.filter(|flow| !flow.has_ended(now)))).await
    }

    async fn sweep(&self, now: Timestamp) -> Result<u64> {
        self.write(move |to| {
            // Answers that count no more go along: nobody else asks this store to tidy up.
            for (workspace, _) in HEADS.walk(to, "", None, |rows| rows.collect::<Result<Vec<_>>>())? {
                let ended = |row: &MovedRow| matches!(row, MovedRow::Answer { answer, .. } if answer.expires_at <= now);
                ROWS.sweep(to, &row(workspace, Part::Answers, ""), ended)?;
            }
            Ok(SESSIONS.sweep(to, "", |session| session.has_ended(now))?
                + FLOWS.sweep(to, "", |flow| flow.has_ended(now))?
                + CHALLENGES.sweep(to, "", |challenge| challenge.has_ended(now))?
                + BUDGETS.sweep(to, "", |spent| spent.has_ended(now))?)
        })
        .await
    }
}
