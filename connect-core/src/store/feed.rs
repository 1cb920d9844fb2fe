//! The port of wake-ups between nodes.

use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;
use tokio::sync::broadcast;

use crate::presence::Presence;
use crate::{StoreError, UserId, WorkspaceId};

/// Signals kept for a subscriber that is slow; behind that it is told to look everywhere.
const KEPT: usize = 1024;

/// A workspace has new events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hint {
    /// Which workspace.
    pub workspace: WorkspaceId,
    /// The number of its newest event, as far as the sender knows.
    pub seq: u64,
}

/// What a subscriber is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Look at this workspace.
    Look(Hint),
    /// Hints may have been missed: look at everything that matters to you.
    LookEverywhere,
}

/// Something that whoever looks at a page now likes to know at once, and that is nowhere but here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sign {
    /// Somebody is at a ticket, or has gone.
    Presence(Presence),
    /// Somebody has been told something in the desk, or has read it.
    Noticed {
        /// The workspace.
        workspace: WorkspaceId,
        /// Who.
        user: UserId,
    },
}

const NOTICED: &str = "noticed";

/// As it is sent from node to node.
impl fmt::Display for Sign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Presence(presence) => presence.fmt(f),
            Self::Noticed { workspace, user } => write!(f, "{NOTICED} {workspace} {user}"),
        }
    }
}

/// This text is no sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no sign")]
pub struct NotASign;

impl FromStr for Sign {
    type Err = NotASign;

    fn from_str(text: &str) -> Result<Self, NotASign> {
        let Some(ids) = text.strip_prefix(NOTICED) else {
            return text.parse().map(Self::Presence).map_err(|_| NotASign);
        };
        let (workspace, user) = ids.trim_start().split_once(' ').ok_or(NotASign)?;
        let workspace = workspace.parse().map_err(|_| NotASign)?;
        Ok(Self::Noticed { workspace, user: user.parse().map_err(|_| NotASign)? })
    }
}

/// "Look again", and signs of the moment, between the nodes of a desk.
///
/// # Contract
///
/// - A hint may come late, twice, in another order or not at all: nothing but latency may depend on it,
///   and whoever waits for one polls as well. The truth stays in the events.
/// - After a while in which hints may have been lost (a broken connection, a subscriber that was slow)
///   every subscriber is told [`Signal::LookEverywhere`].
/// - [`publish`](Self::publish) never waits and never fails; it may gather hints for up to 50 ms and send
///   only the newest of a workspace. The publishing node's own subscribers hear it too.
/// - A sign may come late, twice or not at all, too; one of presence is told again every few seconds for as long as it
///   holds. [`tell`](Self::tell) never waits and never fails. The telling node's own listeners hear it, too. Signs take no
///   room from hints: a flood of them delays or loses signs.
#[async_trait]
pub trait LiveFeed: std::fmt::Debug + Send + Sync {
    /// Tells all nodes that a workspace has new events. May be called outside of any async task.
    fn publish(&self, hint: Hint);

    /// What is published from now on.
    fn subscribe(&self) -> Signals;

    /// Tells all nodes. May be called outside of any async task.
    fn tell(&self, sign: Sign);

    /// What is told from now on.
    fn listen(&self) -> Signs;

    /// Whether hints reach other nodes now.
    async fn ready(&self) -> Result<(), StoreError>;
}

/// A subscription.
#[derive(Debug)]
pub struct Signals {
    receiver: broadcast::Receiver<Signal>,
}

impl Signals {
    /// The next signal; none when the feed is gone. May be dropped while it waits.
    pub async fn next(&mut self) -> Option<Signal> {
        match self.receiver.recv().await {
            Ok(signal) => Some(signal),
            Err(broadcast::error::RecvError::Lagged(_)) => Some(Signal::LookEverywhere),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

/// Signs as they come.
#[derive(Debug)]
pub struct Signs {
    receiver: broadcast::Receiver<Sign>,
}

impl Signs {
    /// The next sign; none when the feed is gone. Those that a slow listener missed are passed over. May be dropped
    /// while it waits.
    pub async fn next(&mut self) -> Option<Sign> {
        loop {
            match self.receiver.recv().await {
                Ok(sign) => return Some(sign),
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }
}

/// Hands signals and signs to all subscribers of this process; what adapters are built on.
#[derive(Debug, Clone)]
pub struct Fanout {
    sender: broadcast::Sender<Signal>,
    signs: broadcast::Sender<Sign>,
}

impl Default for Fanout {
    fn default() -> Self {
        Self { sender: broadcast::channel(KEPT).0, signs: broadcast::channel(KEPT).0 }
    }
}

impl Fanout {
    /// Tells all subscribers; nobody may be there.
    pub fn send(&self, signal: Signal) {
        let _ = self.sender.send(signal);
    }

    /// One more subscriber.
    pub fn subscribe(&self) -> Signals {
        Signals { receiver: self.sender.subscribe() }
    }

    /// Tells all listeners; nobody may be there.
    pub fn tell(&self, sign: Sign) {
        let _ = self.signs.send(sign);
    }

    /// One more listener.
    pub fn listen(&self) -> Signs {
        Signs { receiver: self.signs.subscribe() }
    }
}

/// The feed of a desk that is one process.
#[derive(Debug, Clone, Default)]
pub struct LocalFeed {
    fanout: Fanout,
}

impl LocalFeed {
    /// A feed of its own.
    pub fn new() -> Self {
        Self::default()
    }
}

#[async_trait]
impl LiveFeed for LocalFeed {
    fn publish(&self, hint: Hint) {
        self.fanout.send(Signal::Look(hint));
    }

    fn subscribe(&self) -> Signals {
        self.fanout.subscribe()
    }

    fn tell(&self, sign: Sign) {
        self.fanout.tell(sign);
    }

    fn listen(&self) -> Signs {
        self.fanout.listen()
    }

    async fn ready(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
