//! The port of codes, sessions, guessing budgets and flows.

use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::{ChallengeId, DeviceId, EmailAddress, SessionId, StoreError, Timestamp, UserId};

/// What a code looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CodeForm {
    /// So many digits.
    Digits(u8),
    /// So many characters of base 32: what an address under attack gets instead of a lock-out.
    Long(u8),
}

/// A sign-in code that was asked for. It holds no code: a keyed hash to compare with, and the code sealed
/// for the mail that is still to be sent.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenge {
    /// Its id.
    pub id: ChallengeId,
    /// Whom a right code signs in.
    pub email: EmailAddress,
    /// What the code is for, such as `sign_in`.
    pub purpose: String,
    /// SHA-256 of the secret that the asking browser holds.
    pub secret_hash: [u8; 32],
    /// Keyed hash over id, address, purpose and code.
    pub code_mac: [u8; 32],
    /// The code, sealed under a key outside the store.
    pub sealed_code: Vec<u8>,
    /// What the code looks like.
    pub form: CodeForm,
    /// How many guesses were counted.
    pub attempts: u32,
    /// How many guesses there may be.
    pub max_attempts: u32,
    /// How many codes were made for it.
    pub sends: u32,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it ends. Neither a wrong guess nor another code moves it.
    pub expires_at: Timestamp,
    /// Whether it has signed somebody in.
    pub consumed: bool,
    /// The page of a workspace it was asked from.
    pub workspace: Option<String>,
}

impl std::fmt::Debug for Challenge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Challenge").field("id", &self.id).field("attempts", &self.attempts).finish_non_exhaustive()
    }
}

/// A challenge after a guess was counted, or why none was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChallengeSeen {
    /// The guess is counted, its result may be told.
    Counted(Challenge),
    /// No such challenge, wrong secret, ended, used up or consumed.
    Refused,
}

impl ChallengeSeen {
    /// The challenge whose guess was counted.
    pub fn counted(self) -> Option<Challenge> {
        match self {
            Self::Counted(challenge) => Some(challenge),
            Self::Refused => None,
        }
    }
}

impl From<Option<Challenge>> for ChallengeSeen {
    fn from(counted: Option<Challenge>) -> Self {
        counted.map_or(Self::Refused, Self::Counted)
    }
}

/// A new code for a challenge that goes on.
#[derive(Clone)]
pub struct Resend {
    /// Which.
    pub id: ChallengeId,
    /// SHA-256 of the secret that the asking browser holds.
    pub secret_hash: [u8; 32],
    /// Keyed hash over the new code.
    pub code_mac: [u8; 32],
    /// The new code, sealed.
    pub sealed_code: Vec<u8>,
    /// How many codes there may be in all.
    pub max_sends: u32,
}

impl std::fmt::Debug for Resend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resend").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A signed-in browser or program. It holds no token, only its hash.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// Who is signed in.
    pub user: UserId,
    /// SHA-256 of the token.
    pub token_hash: [u8; 32],
    /// How the person signed in, such as `email_code`.
    pub method: String,
    /// The address of the client at sign-in.
    pub ip: Option<String>,
    /// What the client called itself at sign-in, cut to 200 characters.
    pub agent: Option<String>,
    /// Since when.
    pub created_at: Timestamp,
    /// When the person last proved who they are. A session of before that was noted proved it long ago.
    #[serde(default)]
    pub proven_at: Timestamp,
    /// The browser it is used by, if that one is known again.
    #[serde(default)]
    pub device: Option<DeviceId>,
    /// When a second factor was last shown (one-time code of an app, passkey with user verification, or a provider that vouched for it), if ever in this session.
    #[serde(default)]
    pub strong_at: Option<Timestamp>,
    /// When it was last used, to about a minute.
    pub seen_at: Timestamp,
    /// When it ends unless it is used.
    pub idle_ends_at: Timestamp,
    /// When it ends however much it is used.
    pub ends_at: Timestamp,
}

impl Session {
    /// Whether it still holds.
    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.idle_ends_at && now < self.ends_at
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("id", &self.id).field("user", &self.user).finish_non_exhaustive()
    }
}

/// A step of something that takes several: a sign-in that is on its way through another site, a question that
/// a passkey has to answer, a puzzle that was solved. It is taken once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flow {
    /// SHA-256 of what its holder shows to take it.
    pub id_hash: [u8; 32],
    /// What it is a step of, such as `oauth`.
    pub kind: String,
    /// What is needed to go on. Sealed by whoever keeps it, where it is secret.
    pub data: Vec<u8>,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl std::fmt::Debug for Flow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Flow").field("kind", &self.kind).field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// Which sessions of a user are to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revoke {
    /// This one.
    One(SessionId),
    /// All but this one.
    AllBut(SessionId),
    /// All.
    All,
}

/// How many failures an account may have in a while before its codes become long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// How many.
    pub limit: u32,
    /// In how long a time, from the first one.
    pub window: Duration,
}

/// Where challenges, sessions, guessing budgets and flows live.
///
/// # Contract
///
/// - **Counted first.** [`attempt`](Self::attempt) has the guess counted and kept before it answers, and
///   nothing takes it back: not an error, not a caller that goes away. Of any number of parallel calls
///   exactly `max_attempts` are counted.
/// - **Once.** Of any number of parallel [`consume`](Self::consume) calls for a challenge exactly one
///   answers `true`, and only its session exists.
/// - **Taken once.** Of any number of parallel [`take_flow`](Self::take_flow) calls for a flow at most one gets
///   it, and of parallel [`put_flow`](Self::put_flow) calls with one id one answers `true`.
/// - **Update only.** [`touch`](Self::touch) never brings a session back that was revoked or has ended,
///   and neither [`renew`](Self::renew) nor [`consume`](Self::consume) puts another in its place.
/// - Every row has an end, and is as good as gone after it, swept or not.
#[async_trait]
pub trait AuthStore: std::fmt::Debug + Send + Sync {
    /// Keeps a challenge, unless the address has `cap` live ones already; then it answers `false`, and the
    /// others stay.
    async fn put_challenge(&self, challenge: Challenge, cap: u32) -> Result<bool, StoreError>;

    /// One challenge, live or not.
    async fn challenge(&self, id: ChallengeId) -> Result<Option<Challenge>, StoreError>;

    /// Replaces the code of a live challenge; guesses and end stay. None if there is no such live challenge
    /// with this secret, or all its codes were sent.
    async fn resend(&self, resend: Resend, now: Timestamp) -> Result<Option<Challenge>, StoreError>;

    /// Counts a guess at a live challenge with this secret.
    async fn attempt(
        &self,
        id: ChallengeId,
        secret_hash: [u8; 32],
        now: Timestamp,
    ) -> Result<ChallengeSeen, StoreError>;

    /// Uses a live challenge up and keeps the session, both or neither. `replaces` ends in the same step; if it is
    /// not live any more nothing changes.
    async fn consume(
        &self,
        id: ChallengeId,
        session: Session,
        replaces: Option<SessionId>,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Keeps a session and ends the one it replaces, in one step. `false`, and nothing is kept, if that one is not
    /// live any more.
    async fn renew(&self, session: Session, replaces: Option<SessionId>, now: Timestamp) -> Result<bool, StoreError>;

    /// Counts one unit of an account's budget; `false` if it is spent. The unit can be given back.
    async fn spend(&self, account: String, budget: Budget, now: Timestamp) -> Result<bool, StoreError>;

    /// Gives units of an account's budget back, and never more than are spent.
    async fn give_back(&self, account: String, units: u32, now: Timestamp) -> Result<(), StoreError>;

    /// How many units of an account's budget are spent.
    async fn spent(&self, account: String, now: Timestamp) -> Result<u32, StoreError>;

    /// The session of a token, unless it was revoked. Whether it still holds is for the caller to see.
    async fn session(&self, token_hash: [u8; 32]) -> Result<Option<Session>, StoreError>;

    /// Notes that a session was used, and moves its idle end. `false` if it is no longer there.
    async fn touch(&self, id: SessionId, now: Timestamp, idle_ends_at: Timestamp) -> Result<bool, StoreError>;

    /// The live sessions of a user, newest first.
    async fn sessions(&self, user: UserId, now: Timestamp) -> Result<Vec<Session>, StoreError>;

    /// Ends sessions of a user; answers how many. One that is taking the place of another at this moment is ended
    /// as well, or does not come to be.
    async fn revoke(&self, user: UserId, which: Revoke) -> Result<u64, StoreError>;

    /// Keeps a flow. `false`, and nothing changes, if there is one of this id that has not ended.
    async fn put_flow(&self, flow: Flow, now: Timestamp) -> Result<bool, StoreError>;

    /// Takes a flow: nobody finds it afterwards. None if there is none, or it has ended.
    async fn take_flow(&self, id_hash: [u8; 32], now: Timestamp) -> Result<Option<Flow>, StoreError>;

    /// Removes what has ended; answers how many rows.
    async fn sweep(&self, now: Timestamp) -> Result<u64, StoreError>;
}
