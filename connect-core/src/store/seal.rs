//! Seals on the journal, and the part of it that may be removed.

use serde::{Deserialize, Serialize};

use crate::{Actor, Limit};

/// A seal on the events after `after` up to `last`: a keyed hash over them and over the seal before it.
///
/// It is kept together with the routing of these events, so where a journal is sealed at all, what is routed
/// is sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seal {
    /// Where the seal before it ends; 0 for the first one.
    pub after: u64,
    /// The last event it is over.
    pub last: u64,
    /// The hash, in hexadecimal.
    pub mac: String,
}

impl Seal {
    /// Where it stands among the seals of its workspace: a text that sorts bytewise as they do.
    pub fn place(&self) -> String {
        format!("{:020}", self.after)
    }
}

/// Seals to be read.
#[derive(Debug, Clone, Copy, Default)]
pub struct SealList {
    /// Those that begin behind this event or a later one: whose `after` is not below it.
    pub from: u64,
    /// The newest first, else the oldest.
    pub newest_first: bool,
    /// How many at most.
    pub limit: Limit,
}

/// Origins of events to be removed, the oldest first.
#[derive(Debug, Clone, Copy)]
pub struct OriginList {
    /// Of events up to this number.
    pub through: u64,
    /// Of events that this actor caused only.
    pub actor: Option<Actor>,
    /// How many at most.
    pub limit: Limit,
}
