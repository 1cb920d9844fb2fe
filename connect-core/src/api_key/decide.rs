//! The decisions about keys.

use std::time::Duration;

use super::{ApiKey, Network, Replaced, Scopes, SecretTrace};
use crate::change::{Moment, RecordChange};
use crate::event::Fact;
use crate::{Action, ApiKeyId, Error, FieldError, Name, Result, Timestamp, UserId, Version};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Most networks of one key.
const MAX_NETWORKS: usize = 50;

/// How long keys and replaced secrets may count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyLimits {
    /// How long a key lasts if nothing is said: 90 days.
    pub lifetime: Duration,
    /// How long one may last at most: 365 days.
    pub longest: Duration,
    /// Whether one may be made that never ends by itself: no, unless said.
    pub endless: bool,
    /// How long a replaced secret counts if nothing is said: 24 hours.
    pub overlap: Duration,
    /// How long one may count at most: 7 days.
    pub longest_overlap: Duration,
}

impl KeyLimits {
    /// The limits that are in force unless said otherwise, and that no setting may go beyond.
    pub const USUAL: Self = Self {
        lifetime: DAY.saturating_mul(90),
        longest: DAY.saturating_mul(365),
        endless: false,
        overlap: DAY,
        longest_overlap: DAY.saturating_mul(7),
    };
}

impl Default for KeyLimits {
    fn default() -> Self {
        Self::USUAL
    }
}

/// What a new key needs. Whose it is and where it counts is not among it: that follows from who asks.
#[derive(Debug, Clone)]
pub struct NewApiKey {
    /// What it is called.
    pub name: Name,
    /// What it may do.
    pub scopes: Scopes,
    /// When it ends: `None` after the usual time, `Some(None)` never.
    pub expires_at: Option<Option<Timestamp>>,
    /// The only networks it may be used from.
    pub networks: Vec<Network>,
}

/// Whose a key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyOwner {
    /// Who.
    pub user: UserId,
    /// Whether the holder of their mailbox has been seen.
    pub proven: bool,
}

impl ApiKey {
    /// Decides what a new key of this owner is, who may do what `may` says. `secret` tells what is kept of the
    /// secret that is made for the key's id.
    pub fn create(
        new: NewApiKey,
        owner: KeyOwner,
        may: impl Fn(Action) -> bool,
        limits: &KeyLimits,
        secret: impl FnOnce(ApiKeyId) -> SecretTrace,
        moment: &Moment,
    ) -> Result<(Self, RecordChange)> {
        if let Some(beyond) = new.scopes.iter().find(|scope| !may(*scope)) {
            return Err(Error::Forbidden(beyond.as_str()));
        }
        if new.networks.len() > MAX_NETWORKS {
            let detail = format!("may name at most {MAX_NETWORKS} networks");
            return Err(FieldError::new("networks", "too_many", detail).into());
        }
        let id = moment.ids().api_key();
        let key = Self {
            id,
            name: new.name,
            owner: owner.user,
            scopes: new.scopes,
            secret: secret(id),
            replaced: None,
            networks: new.networks,
            created_at: moment.now(),
            rotated_at: moment.now(),
            expires_at: end(new.expires_at, limits, moment.now())?,
            unproven: !owner.proven,
            last_used_at: None,
            version: Version::FIRST,
        };
        let change = RecordChange::insert(&key, Fact::ApiKeyCreated { key: id, scopes: key.scopes.words() });
        Ok((key, change))
    }

    /// Decides a new secret, by the owner only: whoever gets it acts for the owner. The old one counts for the
    /// overlap, and the key lasts as long again as it was meant to.
    ///
    /// While an older secret still counts, only an overlap of nothing is possible, which ends all of them: so of
    /// several who rotate at once one is heard, and nobody's new secret is ended by another's.
    pub fn rotate(
        &self,
        by: KeyOwner,
        overlap: Option<Duration>,
        limits: &KeyLimits,
        secret: SecretTrace,
        now: Timestamp,
    ) -> Result<(Self, RecordChange)> {
        if by.user != self.owner {
            return Err(Error::Forbidden("only its owner rotates a key"));
        }
        let overlap = overlap.unwrap_or(limits.overlap);
        if overlap > limits.longest_overlap {
            let detail = format!("must be at most {}", limits.longest_overlap.as_secs());
            return Err(FieldError::new("overlap_seconds", "out_of_range", detail).into());
        }
        if let Some(replaced) = self.replaced.as_ref().filter(|replaced| now < replaced.ends_at)
            && !overlap.is_zero()
        {
            let detail = format!(
                "the secret before the present one counts until {}; an overlap of 0 ends both at once",
                replaced.ends_at
            );
            return Err(Error::refused("overlap_running", detail));
        }
        let overlap_ends_at = self.expires_at.map_or(now.plus(overlap), |end| end.min(now.plus(overlap)));
        let replaced = Replaced { secret: self.secret.clone(), ends_at: overlap_ends_at };
        let next = Self {
            secret,
            replaced: (now < overlap_ends_at).then_some(replaced),
            rotated_at: now,
            expires_at: match self.expires_at {
                Some(end) => Some(now.plus(end.since(self.rotated_at).min(limits.longest))),
                None if limits.endless => None,
                None => Some(now.plus(limits.lifetime)),
            },
            unproven: !by.proven,
            version: self.version.next(),
            ..self.clone()
        };
        let fact = Fact::ApiKeyRotated { key: self.id, overlap_ends_at };
        let change = RecordChange::update(&next, self.version, fact);
        Ok((next, change))
    }

    /// Decides that it ends now.
    pub fn revoke(&self) -> RecordChange {
        RecordChange::remove(self, Fact::ApiKeyRevoked { key: self.id })
    }

    /// Decides to note its use; none if that was done lately.
    pub(crate) fn used(&self, now: Timestamp, lately: Duration) -> Option<RecordChange> {
        if self.last_used_at.is_some_and(|at| now.since(at) < lately) {
            return None;
        }
        let next = Self { last_used_at: Some(now), version: self.version.next(), ..self.clone() };
        Some(RecordChange::update(&next, self.version, Fact::ApiKeyUsed { key: self.id }))
    }
}

/// When a new key ends.
fn end(asked: Option<Option<Timestamp>>, limits: &KeyLimits, now: Timestamp) -> Result<Option<Timestamp>> {
    let bad = |code, detail: String| Err(FieldError::new("expires_at", code, detail).into());
    match asked {
        None => Ok(Some(now.plus(limits.lifetime))),
        Some(None) if limits.endless => Ok(None),
        Some(None) => bad("required", "keys without an end are not made here".to_owned()),
        Some(Some(end)) if end <= now => bad("out_of_range", "must lie ahead".to_owned()),
        Some(Some(end)) if end > now.plus(limits.longest) => {
            bad("out_of_range", format!("must be at most {} days ahead", limits.longest.as_secs() / DAY.as_secs()))
        }
        Some(Some(end)) => Ok(Some(end)),
    }
}
