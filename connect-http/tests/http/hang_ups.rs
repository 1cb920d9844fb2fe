//! Clients that hang up, and stores that fail, in the middle of a change of how somebody gets in: the sessions that it
//! must end have ended, or nothing was changed.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;
use connect_core::store::{Budget, Challenge, ChallengeSeen, Flow, Resend, Revoke, Session};
#[cfg(feature = "oidc")]
use connect_core::user::AccountKey;
use connect_core::{AuthStore, ChallengeId, EmailAddress, SessionId, StoreError, Timestamp, UserId};
use connect_store::{MemoryStore, SqliteSettings, SqliteStore};
use serde_json::{Value, json};

use crate::app::{TestApp, User, settings};
use crate::enrolled::first_code;

/// Lets a future go on so many times, and drops it at once where it waits then. Whether it was done before.
async fn hang_up(future: impl Future, turns: usize) -> bool {
    let mut future = Box::pin(future);
    let mut left = turns;
    std::future::poll_fn(move |context| {
        left -= 1;
        match future.as_mut().poll(context) {
            Poll::Ready(_) => Poll::Ready(true),
            Poll::Pending if left == 0 => Poll::Ready(false),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// After how many turns the next client hangs up. How many there are up to the change is never twice the same, so who
/// went on to the end comes back a little earlier, until one hung up and was changed all the same.
#[derive(Debug)]
struct HangUps {
    turns: usize,
    whole: usize,
    changed: usize,
}

impl HangUps {
    fn new() -> Self {
        Self { turns: 1, whole: 0, changed: 0 }
    }

    fn seen(&mut self, whole: bool, changed: bool) {
        self.whole += usize::from(whole);
        self.changed += usize::from(changed && !whole);
        self.turns = if whole { self.turns.saturating_sub(3).max(1) } else { self.turns + 1 };
    }

    fn enough(&self) -> bool {
        self.whole > 0 && self.changed > 0
    }
}

/// A store that makes its callers wait, as every one does but the one in memory.
async fn sqlite(folder: &Path) -> Arc<SqliteStore> {
    Arc::new(SqliteStore::open(&folder.join("connect.db"), SqliteSettings::default()).await.expect("a store"))
}

async fn user(app: &TestApp, email: &str) -> Option<UserId> {
    let email = EmailAddress::parse("email", email).expect("an address");
    app.desk.users().find(&email).await.expect("read").map(|user| user.id)
}

/// The owner of an account, a thief with a session of theirs, and a code for another address that waits.
async fn changing(app: &TestApp, n: usize) -> (User, User, Value, String) {
    let (old, new) = (format!("ada-{n}@example.org"), format!("new-{n}@example.org"));
    let (ada, thief) = (app.sign_in(&old).await, app.sign_in(&old).await);
    let issued = ada.post("/me/email", &json!({"email": new, "token": true})).await.expect(202);
    app.deliver().await;
    let body = json!({
        "challenge_id": issued["challenge_id"], "challenge_secret": issued["challenge_secret"],
        "code": app.code(&new), "purpose": "email_change",
    });
    (ada, thief, body, new)
}

/// Waits until what goes on without its client is done.
async fn settled(app: &TestApp, thief: &User, new: &str) -> (bool, u16) {
    let mut seen = (false, 0);
    for _ in 0..20 {
        let changed = user(app, new).await.is_some();
        seen = (changed, thief.get("/me").await.status.as_u16());
        if seen == (true, 401) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    seen
}

#[tokio::test]
async fn sec_33_a_client_that_hangs_up_leaves_no_session_alive_after_its_address_was_changed() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = sqlite(folder.path()).await;
    let app = TestApp::over(store.clone(), store, settings());
    let mut hang_ups = HangUps::new();
    for n in 1..200 {
        let turns = hang_ups.turns;
        let (ada, thief, body, new) = changing(&app, n).await;
        let whole = hang_up(ada.post("/auth/otp/verify", &body), turns).await;
        let (changed, status) = settled(&app, &thief, &new).await;
        assert!(!changed || status == 401, "hung up at turn {turns}: the address is another one, and the thief stays");
        hang_ups.seen(whole, changed);
        if hang_ups.enough() {
            break;
        }
    }
    assert!(hang_ups.enough(), "nobody hung up in the middle of a change, or nobody stayed: {hang_ups:?}");
    app.finish().await;
}

#[tokio::test]
async fn sec_33_a_client_that_hangs_up_leaves_no_session_alive_after_its_second_factor_was_changed() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = sqlite(folder.path()).await;
    let app = TestApp::over(store.clone(), store, settings());
    let mut hang_ups = HangUps::new();
    for n in 1..300 {
        let turns = hang_ups.turns;
        let email = format!("ada-{n}@example.org");
        let (ada, thief) = (app.sign_in(&email).await, app.sign_in(&email).await);
        let code = json!({"code": first_code(&app, &ada).await});
        let whole = hang_up(ada.post("/me/second-factor/confirm", &code), turns).await;
        let id = user(&app, &email).await.expect("a user");
        let mut seen = (false, 0);
        for _ in 0..100 {
            let enrolled = app.desk.users().second_factor(id).await.expect("read").app.is_some();
            seen = (enrolled, thief.get("/me").await.status.as_u16());
            if seen == (true, 401) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(4)).await;
        }
        assert!(!seen.0 || seen.1 == 401, "hung up at turn {turns}: there is a second factor, and the thief stays");
        hang_ups.seen(whole, seen.0);
        if hang_ups.enough() {
            break;
        }
    }
    assert!(hang_ups.enough(), "nobody hung up in the middle of a change, or nobody stayed: {hang_ups:?}");
    app.finish().await;
}

/// A store that now and then ends no session.
#[derive(Debug, Default)]
struct Stubborn {
    store: MemoryStore,
    fails: AtomicBool,
}

type Answer<T> = Result<T, StoreError>;

#[async_trait]
impl AuthStore for Stubborn {
    async fn revoke(&self, user: UserId, which: Revoke) -> Answer<u64> {
        if self.fails.load(Ordering::SeqCst) {
            return Err(StoreError::unavailable("gone"));
        }
        self.store.revoke(user, which).await
    }
    async fn put_challenge(&self, challenge: Challenge, cap: u32) -> Answer<bool> {
        self.store.put_challenge(challenge, cap).await
    }
    async fn challenge(&self, id: ChallengeId) -> Answer<Option<Challenge>> {
        self.store.challenge(id).await
    }
    async fn resend(&self, resend: Resend, now: Timestamp) -> Answer<Option<Challenge>> {
        self.store.resend(resend, now).await
    }
    async fn attempt(&self, id: ChallengeId, secret_hash: [u8; 32], now: Timestamp) -> Answer<ChallengeSeen> {
        self.store.attempt(id, secret_hash, now).await
    }
    async fn consume(
        &self,
        id: ChallengeId,
        session: Session,
        replaces: Option<SessionId>,
        now: Timestamp,
    ) -> Answer<bool> {
        self.store.consume(id, session, replaces, now).await
    }
    async fn renew(&self, session: Session, replaces: Option<SessionId>, now: Timestamp) -> Answer<bool> {
        self.store.renew(session, replaces, now).await
    }
    async fn spend(&self, account: String, budget: Budget, now: Timestamp) -> Answer<bool> {
        self.store.spend(account, budget, now).await
    }
    async fn give_back(&self, account: String, units: u32, now: Timestamp) -> Answer<()> {
        AuthStore::give_back(&self.store, account, units, now).await
    }
    async fn spent(&self, account: String, now: Timestamp) -> Answer<u32> {
        self.store.spent(account, now).await
    }
    async fn session(&self, token_hash: [u8; 32]) -> Answer<Option<Session>> {
        self.store.session(token_hash).await
    }
    async fn touch(&self, id: SessionId, now: Timestamp, idle_ends_at: Timestamp) -> Answer<bool> {
        self.store.touch(id, now, idle_ends_at).await
    }
    async fn sessions(&self, user: UserId, now: Timestamp) -> Answer<Vec<Session>> {
        self.store.sessions(user, now).await
    }
    async fn put_flow(&self, flow: Flow, now: Timestamp) -> Answer<bool> {
        self.store.put_flow(flow, now).await
    }
    async fn take_flow(&self, id_hash: [u8; 32], now: Timestamp) -> Answer<Option<Flow>> {
        self.store.take_flow(id_hash, now).await
    }
    async fn sweep(&self, now: Timestamp) -> Answer<u64> {
        self.store.sweep(now).await
    }
}

#[tokio::test]
async fn sec_33_where_sessions_cannot_be_ended_nothing_is_changed() {
    let store = Arc::new(Stubborn::default());
    let app = TestApp::over(Arc::new(MemoryStore::new()), store.clone(), settings());
    let (ada, thief, body, new) = changing(&app, 1).await;
    store.fails.store(true, Ordering::SeqCst);
    assert_eq!(ada.post("/auth/otp/verify", &body).await.problem(503), "unavailable");
    assert_eq!(user(&app, &new).await, None, "the address is as it was");
    ada.get("/me").await.expect(200);
    store.fails.store(false, Ordering::SeqCst);
    ada.post("/auth/otp/verify", &body).await.expect(200);
    assert_eq!(thief.get("/me").await.problem(401), "unauthorized");
    app.finish().await;
}

#[cfg(feature = "oidc")]
#[tokio::test]
async fn sec_33_an_account_is_unlinked_only_where_sessions_end() {
    let store = Arc::new(Stubborn::default());
    let app = TestApp::over(Arc::new(MemoryStore::new()), store.clone(), settings());
    let (ada, thief) = (app.sign_in("ada@example.org").await, app.sign_in("ada@example.org").await);
    let id = user(&app, "ada@example.org").await.expect("a user");
    let key = AccountKey { provider: "acme".into(), issuer: "https://id.example".into(), subject: "eve-1".into() };
    assert!(app.desk.users().link(id, &key).await.expect("linked"));
    store.fails.store(true, Ordering::SeqCst);
    assert_eq!(ada.delete("/me/accounts/acme").await.problem(503), "unavailable");
    assert_eq!(app.desk.users().accounts(id).await.expect("read").len(), 1, "so trying again does all of it");
    store.fails.store(false, Ordering::SeqCst);
    ada.delete("/me/accounts/acme").await.expect(204);
    assert_eq!(thief.get("/me").await.problem(401), "unauthorized");
    assert!(app.desk.users().accounts(id).await.expect("read").is_empty());
    app.finish().await;
}
