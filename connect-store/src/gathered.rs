//! What is sent between nodes: gathered for a moment, and read again.

use std::collections::HashMap;

use connect_core::store::{Hint, Sign};
use connect_core::{TicketId, UserId, WorkspaceId};
use tokio::sync::mpsc;

/// What may wait to be sent at most.
const QUEUE: usize = 4096;

/// One thing that a node says to the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Said {
    Hint(Hint),
    Sign(Sign),
}

impl Said {
    /// A message as it was sent. Others may use the channel: what does not read is nothing.
    pub(crate) fn read(text: &str) -> Option<Self> {
        if let Ok(sign) = text.parse() {
            return Some(Self::Sign(sign));
        }
        let (workspace, seq) = text.split_once(' ')?;
        Some(Self::Hint(Hint { workspace: workspace.parse().ok()?, seq: seq.parse().ok()? }))
    }
}

/// The way to the task that sends.
#[derive(Debug, Clone)]
pub(crate) struct Queue {
    sender: mpsc::Sender<Said>,
}

impl Queue {
    pub(crate) fn new() -> (Self, mpsc::Receiver<Said>) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        (Self { sender }, receiver)
    }

    /// Has a hint sent; answers whether there was room.
    pub(crate) fn hint(&self, hint: Hint) -> bool {
        self.sender.try_send(Said::Hint(hint)).is_ok()
    }

    /// Has a sign sent, if there is room that hints do not need.
    pub(crate) fn sign(&self, sign: Sign) {
        if self.sender.capacity() > QUEUE / 2 {
            let _ = self.sender.try_send(Said::Sign(sign));
        }
    }
}

/// The newest of everything that was said in a while.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    hints: HashMap<WorkspaceId, u64>,
    signs: HashMap<(WorkspaceId, Option<TicketId>, UserId), Sign>,
}

impl Gathered {
    /// Keeps the newest, in whatever order hints come.
    pub(crate) fn note(&mut self, said: Said) {
        match said {
            Said::Hint(hint) => {
                let known = self.hints.entry(hint.workspace).or_default();
                *known = hint.seq.max(*known);
            }
            Said::Sign(sign) => {
                let about = match sign {
                    Sign::Presence(presence) => (presence.workspace, Some(presence.ticket), presence.user),
                    Sign::Noticed { workspace, user } => (workspace, None, user),
                };
                self.signs.insert(about, sign);
            }
        }
    }

    /// All that waits in a queue now.
    pub(crate) fn note_waiting(&mut self, waiting: &mut mpsc::Receiver<Said>) {
        for said in std::iter::from_fn(|| waiting.try_recv().ok()).take(QUEUE) {
            self.note(said);
        }
    }

    /// The messages to be sent.
    pub(crate) fn texts(&self) -> Vec<String> {
        let hints = self.hints.iter().map(|(workspace, seq)| format!("{workspace} {seq}"));
        hints.chain(self.signs.values().map(ToString::to_string)).collect()
    }
}

#[cfg(test)]
mod tests {
    use connect_core::presence::{Doing, Presence};

    use super::*;

    fn hint(seq: u64) -> Said {
        Said::Hint(Hint { workspace: WorkspaceId::from_bits(7), seq })
    }

    fn sign(doing: Option<Doing>) -> Said {
        let (workspace, ticket, user) = (WorkspaceId::from_bits(7), TicketId::from_bits(8), UserId::from_bits(9));
        Said::Sign(Sign::Presence(Presence { workspace, ticket, user, doing, node: 3 }))
    }

    #[test]
    fn what_is_sent_reads_back_and_foreign_messages_are_nothing() {
        let noticed = Said::Sign(Sign::Noticed { workspace: WorkspaceId::from_bits(7), user: UserId::from_bits(9) });
        for said in [hint(12), sign(None), sign(Some(Doing::Replying)), noticed] {
            let mut gathered = Gathered::default();
            gathered.note(said);
            assert_eq!(gathered.texts().iter().map(|text| Said::read(text)).collect::<Vec<_>>(), [Some(said)]);
        }
        for foreign in ["", "ping", "wsp_1 2", "everywhere", "noticed", "noticed wsp_1"] {
            assert_eq!(Said::read(foreign), None);
        }
    }

    #[test]
    fn the_newest_of_each_is_kept() {
        let mut gathered = Gathered::default();
        for said in [hint(12), sign(Some(Doing::Viewing)), hint(11), sign(None)] {
            gathered.note(said);
        }
        let read: Vec<_> = gathered.texts().iter().filter_map(|text| Said::read(text)).collect();
        assert_eq!(read, [hint(12), sign(None)]);
    }

    #[tokio::test]
    async fn signs_take_no_room_from_hints() {
        let (queue, mut waiting) = Queue::new();
        let Said::Sign(presence) = sign(None) else { panic!("a sign") };
        (0..2 * QUEUE).for_each(|_| queue.sign(presence));
        assert!((0..QUEUE as u64 / 2).all(|_| queue.hint(Hint { workspace: WorkspaceId::from_bits(7), seq: 1 })));
        let mut gathered = Gathered::default();
        gathered.note_waiting(&mut waiting);
        assert_eq!(gathered.texts().len(), 2);
    }
}
