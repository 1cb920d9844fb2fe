//! The rules of challenges, sessions and budgets that every adapter of `AuthStore` applies to its rows.

use std::borrow::Borrow;

use connect_core::store::{Budget, Challenge, ChallengeSeen, Flow, Resend, Revoke, Session};
use connect_core::{EmailAddress, SessionId, StoreError, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::scan;

/// Whether a challenge can still sign somebody in.
pub fn is_live(challenge: &Challenge, now: Timestamp) -> bool {
    !challenge.consumed && now < challenge.expires_at
}

/// What the cap on live challenges counts by.
pub fn account(email: &EmailAddress) -> String {
    email.canonical()
}

/// Whether there may be one more challenge, beside those that are there, of this and other addresses.
pub fn has_room<T: Borrow<Challenge>>(
    rows: impl Iterator<Item = Result<T, StoreError>>,
    new: &Challenge,
    cap: u32,
) -> Result<bool, StoreError> {
    let cap = usize::try_from(cap).unwrap_or(usize::MAX);
    let address = account(&new.email);
    let counts = |known: &Challenge| is_live(known, new.created_at) && account(&known.email) == address;
    Ok(scan::first(rows, cap, |row| counts(row.borrow()))?.len() < cap)
}

/// The challenge after one more guess, or a refusal that changes nothing.
pub fn counted(challenge: Option<Challenge>, secret_hash: &[u8; 32], now: Timestamp) -> ChallengeSeen {
    match challenge {
        // The secret's hash is compared, not the secret: timing tells nothing that helps to find it.
        Some(mut challenge)
            if is_live(&challenge, now)
                && challenge.secret_hash == *secret_hash
                && challenge.attempts < challenge.max_attempts =>
        {
            challenge.attempts += 1;
            ChallengeSeen::Counted(challenge)
        }
        _ => ChallengeSeen::Refused,
    }
}

/// The challenge with another code; guesses and end stay.
pub fn resent(challenge: Option<Challenge>, resend: &Resend, now: Timestamp) -> Option<Challenge> {
    let mut challenge = challenge?;
    let fits = is_live(&challenge, now)
        && challenge.secret_hash == resend.secret_hash
        && challenge.sends < resend.max_sends
        && challenge.attempts < challenge.max_attempts;
    if !fits {
        return None;
    }
    challenge.code_mac = resend.code_mac;
    challenge.sealed_code.clone_from(&resend.sealed_code);
    challenge.sends += 1;
    Some(challenge)
}

/// The challenge after it has signed somebody in; none if it cannot.
pub fn consumed(challenge: Option<Challenge>, now: Timestamp) -> Option<Challenge> {
    let live = challenge.filter(|challenge| is_live(challenge, now));
    live.map(|challenge| Challenge { consumed: true, ..challenge })
}

/// The session after it was used; none if it is over.
pub fn touched(session: Option<Session>, now: Timestamp, idle_ends_at: Timestamp) -> Option<Session> {
    let live = session.filter(|session| session.is_live(now));
    live.map(|session| Session { seen_at: now, idle_ends_at, ..session })
}

/// Whether a session may begin: it replaces none, or one that was live and has just been ended.
pub fn may_begin(replaces: Option<SessionId>, ended: Option<&Session>, now: Timestamp) -> bool {
    replaces.is_none() || ended.is_some_and(|ended| Some(ended.id) == replaces && ended.is_live(now))
}

/// The flow that is kept; none if its id is taken.
pub fn kept(known: Option<Flow>, new: Flow, now: Timestamp) -> Option<Flow> {
    known.is_none_or(|known| known.has_ended(now)).then_some(new)
}

/// The live sessions of a user out of all, newest first.
pub fn sessions<T: Borrow<Session>>(
    rows: impl Iterator<Item = Result<T, StoreError>>,
    user: UserId,
    now: Timestamp,
) -> Result<Vec<T>, StoreError> {
    let is_own = |session: &Session| session.user == user && session.is_live(now);
    let mut found = scan::first(rows, usize::MAX, |row| is_own(row.borrow()))?;
    found.sort_by_key(|row| std::cmp::Reverse((row.borrow().created_at, row.borrow().id)));
    Ok(found)
}

/// Whether a session is among those of a user that are to end.
pub fn is_revoked(session: &Session, user: UserId, which: Revoke) -> bool {
    session.user == user
        && match which {
            Revoke::One(one) => session.id == one,
            Revoke::AllBut(kept) => session.id != kept,
            Revoke::All => true,
        }
}

/// How much of a budget is spent, and when that is forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spent {
    /// How many.
    pub units: u32,
    /// When they are forgotten.
    pub ends_at: Timestamp,
}

/// The budget after one more unit; none if it is spent. A window begins with its first unit.
pub fn spend(spent: Option<Spent>, budget: Budget, now: Timestamp) -> Option<Spent> {
    match spent.filter(|spent| now < spent.ends_at) {
        None if budget.limit == 0 => None,
        None => Some(Spent { units: 1, ends_at: now.plus(budget.window) }),
        Some(spent) if spent.units >= budget.limit => None,
        Some(spent) => Some(Spent { units: spent.units + 1, ..spent }),
    }
}

/// The budget after units were given back; none if there is nothing to give back to.
pub fn given_back(spent: Option<Spent>, units: u32, now: Timestamp) -> Option<Spent> {
    let present = spent.filter(|spent| now < spent.ends_at);
    present.map(|spent| Spent { units: spent.units.saturating_sub(units), ..spent })
}

/// How many units of a budget are spent.
pub fn units(spent: Option<Spent>, now: Timestamp) -> u32 {
    spent.filter(|spent| now < spent.ends_at).map_or(0, |spent| spent.units)
}

/// What has an end, and may be swept after it.
pub trait Ends {
    /// Whether it is over.
    fn has_ended(&self, now: Timestamp) -> bool;
}

impl Ends for Challenge {
    /// A challenge that was used stays until its end, so that it cannot be used again.
    fn has_ended(&self, now: Timestamp) -> bool {
        self.expires_at <= now
    }
}

impl Ends for Session {
    fn has_ended(&self, now: Timestamp) -> bool {
        !self.is_live(now)
    }
}

impl Ends for Flow {
    fn has_ended(&self, now: Timestamp) -> bool {
        now >= self.expires_at
    }
}

impl Ends for Spent {
    fn has_ended(&self, now: Timestamp) -> bool {
        self.ends_at <= now
    }
}
