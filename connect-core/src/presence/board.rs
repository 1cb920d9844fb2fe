//! What this process knows of who is where.

use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::broadcast;

use super::{Doing, LASTS, Presence};
use crate::store::Sign;
use crate::{TicketId, Timestamp, UserId, WorkspaceId};

/// Most signs that are kept of a workspace; what comes on top is passed over until some have gone.
const MAX_SIGNS: usize = 1000;
/// Signs kept for a follower that is slow; behind that it is told who is there anew.
const KEPT: usize = 256;
/// How often at most what has not changed is told to other nodes again.
const TOLD_AGAIN: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, Copy)]
struct Seen {
    doing: Doing,
    until: Timestamp,
    told: Timestamp,
}

/// Who is at the tickets of a workspace.
#[derive(Debug)]
struct Board {
    seen: HashMap<(TicketId, UserId), Seen>,
    changes: broadcast::Sender<Sign>,
}

impl Default for Board {
    fn default() -> Self {
        Self { seen: HashMap::new(), changes: broadcast::channel(KEPT).0 }
    }
}

impl Board {
    fn sweep(&mut self, workspace: WorkspaceId, now: Timestamp) {
        let changes = &self.changes;
        self.seen.retain(|(ticket, user), seen| {
            // One that would last longer than it ever does was told before the clock was set back.
            let is_there = now < seen.until && seen.until <= now.plus(LASTS * 2);
            if !is_there {
                let gone = Presence { workspace, ticket: *ticket, user: *user, doing: None, node: 0 };
                let _ = changes.send(Sign::Presence(gone));
            }
            is_there
        });
    }

    /// Takes note of a sign; whoever follows is told if it changes something.
    fn note(&mut self, sign: Presence, now: Timestamp) {
        let key = (sign.ticket, sign.user);
        let before = self.seen.get(&key).map(|seen| seen.doing);
        match sign.doing {
            Some(doing) => {
                if before.is_none() && self.seen.len() >= MAX_SIGNS {
                    self.sweep(sign.workspace, now);
                    if self.seen.len() >= MAX_SIGNS {
                        return;
                    }
                }
                let told = self.seen.get(&key).map_or(Timestamp::default(), |seen| seen.told);
                self.seen.insert(key, Seen { doing, until: now.plus(LASTS), told });
            }
            None => {
                self.seen.remove(&key);
            }
        }
        if before != sign.doing {
            let _ = self.changes.send(Sign::Presence(sign));
        }
    }
}

/// The boards of all workspaces of which this process knows anything.
#[derive(Debug)]
pub(crate) struct Boards {
    boards: Mutex<HashMap<WorkspaceId, Board>>,
    /// Begun once something asks for presence.
    pub(super) is_listening: AtomicBool,
    pub(super) node: u64,
}

impl Boards {
    /// No boards yet, on a node of this number.
    pub(crate) fn new(node: u64) -> Self {
        Self { boards: Mutex::default(), is_listening: AtomicBool::new(false), node }
    }

    fn with<T>(&self, act: impl FnOnce(&mut HashMap<WorkspaceId, Board>) -> T) -> T {
        act(&mut self.boards.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes note of a sign of another node.
    pub(super) fn note(&self, sign: Presence, now: Timestamp) {
        self.with(|boards| boards.entry(sign.workspace).or_default().note(sign, now));
    }

    /// The same for one that somebody has just given here; answers whether other nodes need to be told.
    pub(super) fn note_own(&self, sign: Presence, now: Timestamp) -> bool {
        self.with(|boards| {
            let board = boards.entry(sign.workspace).or_default();
            let key = (sign.ticket, sign.user);
            let before = board.seen.get(&key).copied();
            board.note(sign, now);
            let is_due = before.is_none_or(|seen| now.since(seen.told) >= TOLD_AGAIN || now < seen.told);
            let is_news = before.map(|seen| seen.doing) != sign.doing;
            if let Some(seen) = board.seen.get_mut(&key).filter(|_| is_due || is_news) {
                seen.told = now;
            }
            is_news || is_due
        })
    }

    /// Who is there: of a workspace, or of one ticket.
    pub(super) fn present(&self, workspace: WorkspaceId, ticket: Option<TicketId>, now: Timestamp) -> Vec<Presence> {
        self.with(|boards| {
            let Some(board) = boards.get_mut(&workspace) else { return Vec::new() };
            board.sweep(workspace, now);
            let here = board.seen.iter().filter(|((of, _), _)| ticket.is_none_or(|ticket| ticket == *of));
            let sign = |((ticket, user), seen): (&(TicketId, UserId), &Seen)| Presence {
                workspace,
                ticket: *ticket,
                user: *user,
                doing: Some(seen.doing),
                node: 0,
            };
            let mut signs: Vec<Presence> = here.map(sign).collect();
            signs.sort_by_key(|sign| (sign.ticket, sign.user));
            signs
        })
    }

    /// Has whoever follows the workspace hear that somebody was told something.
    pub(super) fn noticed(&self, workspace: WorkspaceId, user: UserId) {
        self.with(|boards| {
            if let Some(board) = boards.get(&workspace) {
                let _ = board.changes.send(Sign::Noticed { workspace, user });
            }
        });
    }

    /// What changes in a workspace from now on.
    pub(super) fn follow(&self, workspace: WorkspaceId) -> broadcast::Receiver<Sign> {
        self.with(|boards| boards.entry(workspace).or_default().changes.subscribe())
    }

    /// Lets go whose time is over, and boards that nobody looks at.
    pub(super) fn sweep(&self, now: Timestamp) {
        self.with(|boards| {
            boards.retain(|workspace, board| {
                board.sweep(*workspace, now);
                !board.seen.is_empty() || board.changes.receiver_count() > 0
            });
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sign(n: u128, doing: Option<Doing>) -> Presence {
        let (workspace, ticket) = (WorkspaceId::from_bits(1), TicketId::from_bits(2));
        Presence { workspace, ticket, user: UserId::from_bits(n), doing, node: 0 }
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::default().plus(Duration::from_secs(1000 + seconds))
    }

    #[test]
    fn changes_are_told_once_and_silence_ends_it() {
        let boards = Boards::new(1);
        let mut changes = boards.follow(WorkspaceId::from_bits(1));
        let viewing = sign(1, Some(Doing::Viewing));
        assert!(boards.note_own(viewing, at(0)), "other nodes are to know");
        boards.note(viewing, at(0));
        assert!(!boards.note_own(viewing, at(9)), "they know");
        assert!(boards.note_own(viewing, at(10)), "lest they forget");
        assert_eq!(changes.try_recv(), Ok(Sign::Presence(viewing)));
        assert!(changes.try_recv().is_err(), "what did not change is not told again");
        let replying = sign(1, Some(Doing::Replying));
        assert!(boards.note_own(replying, at(11)));
        assert_eq!(changes.try_recv(), Ok(Sign::Presence(replying)));
        boards.sweep(at(40));
        assert_eq!(boards.present(WorkspaceId::from_bits(1), None, at(40)), [replying]);
        boards.sweep(at(41));
        assert_eq!(changes.try_recv(), Ok(Sign::Presence(sign(1, None))));
        assert!(boards.present(WorkspaceId::from_bits(1), None, at(41)).is_empty());
        drop(changes);
        boards.sweep(at(42));
        assert!(boards.with(|boards| boards.is_empty()), "nothing is kept of a quiet workspace");
    }

    #[test]
    fn a_flood_of_signs_is_bounded_in_its_workspace() {
        let boards = Boards::new(1);
        for n in 0..5000 {
            boards.note_own(sign(n, Some(Doing::Viewing)), at(0));
        }
        assert_eq!(boards.present(WorkspaceId::from_bits(1), None, at(0)).len(), MAX_SIGNS);
        boards.note_own(sign(9999, Some(Doing::Viewing)), at(31));
        assert_eq!(boards.present(WorkspaceId::from_bits(1), None, at(31)).len(), 1, "there is room again");
        assert!(boards.note_own(sign(9999, None), at(32)), "and who goes is told");
    }
}
