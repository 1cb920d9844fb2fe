//! The rules of challenges and budgets that every adapter of `AuthStore` applies to its rows.

use connect_core::store::{Budget, Challenge, ChallengeSeen, Resend};
use connect_core::{EmailAddress, Timestamp};

/// Whether a challenge can still sign somebody in.
pub fn is_live(challenge: &Challenge, now: Timestamp) -> bool {
    !challenge.consumed && now < challenge.expires_at
}

/// What the cap on live challenges counts by.
pub fn account(email: &EmailAddress) -> String {
    email.canonical()
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

/// How much of a budget is spent, and when that is forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
