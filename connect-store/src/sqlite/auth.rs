//! Challenges, sessions, budgets and flows. Every change is a write of its own on the one writing task, so what
//! is read in it cannot change before it is written.

use async_trait::async_trait;
use connect_core::store::{Budget, Challenge, ChallengeSeen, Flow, Resend, Revoke, Session};
use connect_core::{AuthStore, ChallengeId, SessionId, StoreError, Timestamp, UserId};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::sql::Sql;
use super::{SqliteStore, row_doc};
use crate::auth_rules::{self, Ends, Spent};
use crate::sql::{safe, store_error, uint};

fn doc<T: Serialize>(value: &T) -> Result<String, sqlx::Error> {
    serde_json::to_string(value).map_err(|error| sqlx::Error::Encode(Box::new(error)))
}

fn read<T: DeserializeOwned>(row: &SqliteRow) -> Result<T, sqlx::Error> {
    row_doc(row).map_err(|error| sqlx::Error::Decode(Box::new(error)))
}

async fn challenge(
    connection: &mut SqliteConnection,
    sql: &Sql,
    id: ChallengeId,
) -> Result<Option<Challenge>, sqlx::Error> {
    let row = sqlx::query(safe(&sql.challenge)).bind(id.to_string()).fetch_optional(connection).await?;
    row.as_ref().map(read).transpose()
}

async fn update(connection: &mut SqliteConnection, sql: &Sql, challenge: &Challenge) -> Result<(), sqlx::Error> {
    let query = sqlx::query(safe(&sql.update_challenge)).bind(challenge.id.to_string()).bind(doc(challenge)?);
    query.execute(connection).await.map(|_| ())
}

/// Begins a session in the place of a live one, or of none. One that has ended goes in any case.
async fn begin(
    connection: &mut SqliteConnection,
    sql: &Sql,
    session: &Session,
    replaces: Option<SessionId>,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    let mut ended: Option<Session> = None;
    if let Some(old) = replaces {
        let query = sqlx::query(safe(&sql.end_session)).bind(old.to_string());
        ended = query.fetch_optional(&mut *connection).await?.as_ref().map(read).transpose()?;
    }
    if !auth_rules::may_begin(replaces, ended.as_ref(), now) {
        return Ok(false);
    }
    let query = sqlx::query(safe(&sql.put_session)).bind(session.id.to_string()).bind(session.user.to_string());
    let query = query.bind(session.token_hash.to_vec()).bind(session.idle_ends_at.as_micros()).bind(doc(session)?);
    query.execute(connection).await.map(|_| true)
}

async fn spent(connection: &mut SqliteConnection, sql: &Sql, account: &str) -> Result<Option<Spent>, sqlx::Error> {
    let row = sqlx::query(safe(&sql.budget)).bind(account.to_owned()).fetch_optional(connection).await?;
    row.as_ref().map(budget).transpose()
}

fn budget(row: &SqliteRow) -> Result<Spent, sqlx::Error> {
    let units = u32::try_from(row.try_get::<i64, _>(0)?).unwrap_or(u32::MAX);
    Ok(Spent { units, ends_at: Timestamp::from_micros(row.try_get(1)?) })
}

async fn put_budget(
    connection: &mut SqliteConnection,
    sql: &Sql,
    account: &str,
    spent: Spent,
) -> Result<(), sqlx::Error> {
    let query = sqlx::query(safe(&sql.put_budget)).bind(account.to_owned()).bind(i64::from(spent.units));
    query.bind(spent.ends_at.as_micros()).execute(connection).await.map(|_| ())
}

#[async_trait]
impl AuthStore for SqliteStore {
    async fn put_challenge(&self, challenge: Challenge, cap: u32) -> Result<bool, StoreError> {
        let sql = self.sql.clone();
        self.writer
            .write(move |connection| {
                let (sql, challenge) = (sql.clone(), challenge.clone());
                Box::pin(async move {
                    let account = auth_rules::account(&challenge.email);
                    let query = sqlx::query(safe(&sql.live_challenges)).bind(account.clone());
                    let rows = query.bind(challenge.created_at.as_micros()).fetch_all(&mut *connection).await?;
                    let mut live: u32 = 0;
                    for row in &rows {
                        live += u32::from(auth_rules::is_live(&read::<Challenge>(row)?, challenge.created_at));
                    }
                    if live >= cap {
                        return Ok(false);
                    }
                    let query = sqlx::query(safe(&sql.put_challenge)).bind(challenge.id.to_string()).bind(account);
                    let query = query.bind(challenge.expires_at.as_micros()).bind(doc(&challenge)?);
                    query.execute(connection).await?;
                    Ok(true)
                })
            })
            .await
    }

    async fn challenge(&self, id: ChallengeId) -> Result<Option<Challenge>, StoreError> {
        let query = sqlx::query(safe(&self.sql.challenge)).bind(id.to_string());
        self.optional(query).await?.as_ref().map(row_doc).transpose()
    }

    async fn resend(&self, resend: Resend, now: Timestamp) -> Result<Option<Challenge>, StoreError> {
        let sql = self.sql.clone();
        self.writer
            .write(move |connection| {
                let (sql, resend) = (sql.clone(), resend.clone());
                Box::pin(async move {
                    let known = challenge(&mut *connection, &sql, resend.id).await?;
                    let resent = auth_rules::resent(known, &resend, now);
                    if let Some(resent) = &resent {
                        update(connection, &sql, resent).await?;
                    }
                    Ok(resent)
                })
            })
            .await
    }

    async fn attempt(
        &self,
        id: ChallengeId,
        secret_hash: [u8; 32],
        now: Timestamp,
    ) -> Result<ChallengeSeen, StoreError> {
        let sql = self.sql.clone();
        self.writer
            .write(move |connection| {
                let sql = sql.clone();
                Box::pin(async move {
                    let known = challenge(&mut *connection, &sql, id).await?;
                    let seen = auth_rules::counted(known, &secret_hash, now);
                    if let ChallengeSeen::Counted(counted) = &seen {
                        update(connection, &sql, counted).await?;
                    }
                    Ok(seen)
                })
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
        let sql = self.sql.clone();
        self.writer
            .write(move |connection| {
                let (sql, session) = (sql.clone(), session.clone());
                Box::pin(async move {
                    let known = challenge(&mut *connection, &sql, id).await?;
                    let Some(mut known) = known.filter(|known| auth_rules::is_live(known, now)) else {
                        return Ok(false);
                    };
                    let begins = begin(&mut *connection, &sql, &session, replaces, now).await?;
                    if begins {
                        known.consumed = true;
                        update(connection, &sql, &known).await?;
                    }
                    Ok(begins)
                })
            })
            .await
    }

    async fn renew(&self, session: Session, replaces: Option<SessionId>, now: Timestamp) -> Result<bool, StoreError> {
        let sql = self.sql.clone();
        self.writer
            .write(move |connection| {
                let (sql, session) = (sql.clone(), session.clone());
                Box::pin(async move { begin(connection, &sql, &session, replaces, now).await })
            })
            .await
    }

    async fn spend(&self, account: String, budget: Budget, now: Timestamp) -> Result<bool, StoreError> {
        let sql = self.sql.clone();
        self.writer
            .write(move |connection| {
                let (sql, account) = (sql.clone(), account.clone());
                Box::pin(async move {
                    let after = auth_rules::spend(spent(&mut *connection, &sql, &account).await?, budget, now);
                    if let Some(after) = after {
                        put_budget(connection, &sql, &account, after).await?;
                    }
                    Ok(after.is_some())
                })
            })
            .await
    }

    async fn give_back(&self, account: String, units: u32, now: Timestamp) -> Result<(), StoreError> {
        let sql = self.sql.clone();
        self.writer
            .write(move |connection| {
                let (sql, account) = (sql.clone(), account.clone());
                Box::pin(async move {
                    if let Some(mut known) =
                        spent(&mut *connection, &sql, &account).await?.filter(|spent| now < spent.ends_at)
                    {
                        known.units = known.units.saturating_sub(units);
                        put_budget(connection, &sql, &account, known).await?;
                    }
                    Ok(())
                })
            })
            .await
    }

    async fn spent(&self, account: String, now: Timestamp) -> Result<u32, StoreError> {
        let query = sqlx::query(safe(&self.sql.budget)).bind(account);
        let row = self.optional(query).await?;
        let spent = row.as_ref().map(budget).transpose().map_err(store_error)?;
        Ok(spent.filter(|spent| now < spent.ends_at).map_or(0, |spent| spent.units))
    }

    async fn session(&self, token_hash: [u8; 32]) -> Result<Option<Session>, StoreError> {
        let query = sqlx::query(safe(&self.sql.session_by_token)).bind(token_hash.to_vec());
        self.optional(query).await?.as_ref().map(row_doc).transpose()
    }

    async fn touch(&self, id: SessionId, now: Timestamp, idle_ends_at: Timestamp) -> Result<bool, StoreError> {
        let sql = self.sql.clone();
        self.writer
            .write(move |connection| {
                let sql = sql.clone();
                Box::pin(async move {
                    let query = sqlx::query(safe(&sql.session)).bind(id.to_string());
                    let Some(row) = query.fetch_optional(&mut *connection).await? else { return Ok(false) };
                    let mut session: Session = read(&row)?;
                    if !session.is_live(now) {
                        return Ok(false);
                    }
                    (session.seen_at, session.idle_ends_at) = (now, idle_ends_at);
                    let query = sqlx::query(safe(&sql.update_session)).bind(id.to_string());
                    query.bind(idle_ends_at.as_micros()).bind(doc(&session)?).execute(connection).await?;
                    Ok(true)
                })
            })
            .await
    }

    async fn sessions(&self, user: UserId, now: Timestamp) -> Result<Vec<Session>, StoreError> {
        let query = sqlx::query(safe(&self.sql.sessions)).bind(user.to_string());
        let rows = self.all(query).await?;
        let mut found = rows.iter().map(row_doc).collect::<Result<Vec<Session>, _>>()?;
        found.retain(|session| session.is_live(now));
        found.sort_by_key(|session| std::cmp::Reverse((session.created_at, session.id)));
        Ok(found)
    }

    async fn revoke(&self, user: UserId, which: Revoke) -> Result<u64, StoreError> {
        let sql = self.sql.clone();
        self.writer
            .write(move |connection| {
                let sql = sql.clone();
                Box::pin(async move {
                    let user = user.to_string();
                    let query = match which {
                        Revoke::One(id) => sqlx::query(safe(&sql.drop_session)).bind(user).bind(id.to_string()),
                        Revoke::AllBut(id) => {
                            sqlx::query(safe(&sql.drop_other_sessions)).bind(user).bind(id.to_string())
                        }
                        Revoke::All => sqlx::query(safe(&sql.drop_sessions)).bind(user),
                    };
                    Ok(query.execute(connection).await?.rows_affected())
                })
            })
            .await
    }

    async fn put_flow(&self, flow: Flow, now: Timestamp) -> Result<bool, StoreError> {
        let sql = self.sql.clone();
        self.writer
            .write(move |connection| {
                let (sql, flow) = (sql.clone(), flow.clone());
                Box::pin(async move {
                    let query = sqlx::query(safe(&sql.put_flow)).bind(flow.id_hash.to_vec());
                    let query = query.bind(flow.expires_at.as_micros()).bind(doc(&flow)?).bind(now.as_micros());
                    Ok(query.execute(connection).await?.rows_affected() > 0)
                })
            })
            .await
    }

    async fn take_flow(&self, id_hash: [u8; 32], now: Timestamp) -> Result<Option<Flow>, StoreError> {
        let sql = self.sql.clone();
        self.writer
            .write(move |connection| {
                let sql = sql.clone();
                Box::pin(async move {
                    let query = sqlx::query(safe(&sql.take_flow)).bind(id_hash.to_vec());
                    let taken: Option<Flow> = query.fetch_optional(connection).await?.as_ref().map(read).transpose()?;
                    Ok(taken.filter(|flow| !flow.has_ended(now)))
                })
            })
            .await
    }

    async fn sweep(&self, now: Timestamp) -> Result<u64, StoreError> {
        let sql = self.sql.clone();
        self.writer
            .write(move |connection| {
                let sql = sql.clone();
                Box::pin(async move {
                    let mut removed = 0;
                    for statement in [&sql.sweep_challenges, &sql.sweep_sessions, &sql.sweep_budgets, &sql.sweep_flows]
                    {
                        let query = sqlx::query(safe(statement)).bind(now.as_micros());
                        removed += query.execute(&mut *connection).await?.rows_affected();
                    }
                    Ok(uint(i64::try_from(removed).unwrap_or(i64::MAX)))
                })
            })
            .await
    }
}
