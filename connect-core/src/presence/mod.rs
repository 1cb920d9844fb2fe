//! Presence: who looks at a ticket now, and who is writing an answer.
//!
//! It is told from node to node by the [`LiveFeed`](crate::LiveFeed) and kept in memory for [`LASTS`] after it was last told; it is no part of
//! the journal. A sign that is lost is made good by the next one, and whoever goes away without a word is gone
//! when their time is over.

mod board;
mod service;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{TicketId, UserId, WorkspaceId};

pub(crate) use board::Boards;

/// How long somebody counts as present after they last said so. Clients say it again every 15 s.
pub const LASTS: Duration = Duration::from_secs(30);

/// What somebody does at a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Doing {
    /// Has it open.
    Viewing,
    /// Is writing an answer or a note.
    Replying,
}

impl Doing {
    /// The word used in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewing => "viewing",
            Self::Replying => "replying",
        }
    }
}

/// A sign of somebody at a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Presence {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The ticket.
    pub ticket: TicketId,
    /// Who.
    pub user: UserId,
    /// What they do; none: they have gone.
    pub doing: Option<Doing>,
    /// The desk that tells it: each passes over its own, which may come back to it late.
    pub node: u64,
}

impl Presence {
    /// The word used in the API.
    pub const fn word(&self) -> &'static str {
        match self.doing {
            Some(doing) => doing.as_str(),
            None => GONE,
        }
    }
}

const GONE: &str = "gone";

/// As it is sent from node to node: five words.
impl fmt::Display for Presence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} {} {}", self.workspace, self.ticket, self.user, self.word(), self.node)
    }
}

/// This text is no sign of presence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no sign of presence")]
pub struct NotAPresence;

impl FromStr for Presence {
    type Err = NotAPresence;

    fn from_str(text: &str) -> Result<Self, NotAPresence> {
        let mut words = text.split(' ');
        let mut word = || words.next().ok_or(NotAPresence);
        let (workspace, ticket, user, doing, node) = (word()?, word()?, word()?, word()?, word()?);
        let doing = match doing {
            "viewing" => Some(Doing::Viewing),
            "replying" => Some(Doing::Replying),
            GONE => None,
            _ => return Err(NotAPresence),
        };
        let id = |_| NotAPresence;
        let presence = Self {
            workspace: workspace.parse().map_err(id)?,
            ticket: ticket.parse().map_err(id)?,
            user: user.parse().map_err(id)?,
            doing,
            node: node.parse().map_err(|_| NotAPresence)?,
        };
        if words.next().is_none() { Ok(presence) } else { Err(NotAPresence) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_reads_back_and_nothing_else_reads() {
        for doing in [None, Some(Doing::Viewing), Some(Doing::Replying)] {
            let sign = Presence {
                workspace: WorkspaceId::from_bits(1),
                ticket: TicketId::from_bits(2),
                user: UserId::from_bits(3),
                doing,
                node: u64::MAX,
            };
            assert_eq!(sign.to_string().parse(), Ok(sign));
            assert!(format!("{sign} more").parse::<Presence>().is_err());
        }
        let hint = format!("{} 12", WorkspaceId::from_bits(1));
        for foreign in ["", "everywhere", hint.as_str(), "a b c viewing 1"] {
            assert!(foreign.parse::<Presence>().is_err(), "{foreign}");
        }
    }
}
