//! Undo send: answers that wait for a few seconds before anybody but the team sees them.
//!
//! While an answer waits it is no message yet: it stands in the outbox of its ticket, which is a record, and becomes a
//! message with an event, and so mail, in one commit that also takes it out of there. So nothing that follows events
//! needs to know of it, and whoever takes it back before that has undone all of it. The waiting itself is a
//! delivery: it is there after a crash, and whichever node takes it up first sends the answer, once.

mod release;
mod service;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::attachment::AttachmentRef;
use crate::change::RecordChange;
use crate::event::Fact;
use crate::message::Message;
use crate::record::{RecordKey, RecordKind};
use crate::ticket::{Category, StatusName, TicketView};
use crate::{Body, Error, FieldError, HeldReplyId, Result, TicketId, Timestamp, UserId, Version};

pub use release::Due;
pub(crate) use release::Release;

/// Most answers that wait on one ticket, beside those that could not be sent.
const MAX_HELD: usize = 20;
/// Most answers in an outbox, with those.
const MAX_ALL: usize = 40;

/// For how long the answers of a workspace wait: 0 to 120 s. At 0 they do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UndoWindow(u16);

impl UndoWindow {
    /// The longest, in seconds.
    pub const MAX: u16 = 120;

    /// So many seconds.
    pub fn parse(field: &str, seconds: u64) -> Result<Self, FieldError> {
        let known = u16::try_from(seconds).ok().filter(|seconds| *seconds <= Self::MAX);
        let detail = || FieldError::new(field, "out_of_range", format!("must be 0 to {} seconds", Self::MAX));
        known.map(Self).ok_or_else(detail)
    }

    /// In seconds.
    pub const fn seconds(self) -> u16 {
        self.0
    }

    /// How long that is; none where answers do not wait.
    pub(crate) fn length(self) -> Option<Duration> {
        (self.0 > 0).then(|| Duration::from_secs(u64::from(self.0)))
    }
}

/// An answer that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldReply {
    /// Its id. The message that it becomes has one of its own, of the time at which it is sent.
    pub id: HeldReplyId,
    /// The ticket.
    pub ticket: TicketId,
    /// Who wrote it.
    pub author: UserId,
    /// Its text, in Markdown.
    pub body: Body,
    /// The files it will carry.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<AttachmentRef>,
    /// The status that is set with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<(StatusName, Category)>,
    /// When it was written.
    pub created_at: Timestamp,
    /// When it is sent.
    pub send_at: Timestamp,
    /// Why it could not be sent then, such as that another message carries its file by now. It stays until its author takes it
    /// back or sends it after all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// What became of an answer.
#[derive(Debug, Clone)]
pub enum Answer {
    /// It is a message.
    Sent(Box<TicketView>, Box<Message>),
    /// It waits.
    Held(Box<HeldReply>),
}

/// The answers that wait on one ticket, oldest first. It stays when there are none, so that its version only rises.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Outbox {
    ticket: TicketId,
    held: Vec<HeldReply>,
    /// The last one that was taken back, for its author to go on with: until another change of the outbox.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    taken_back: Option<HeldReply>,
    version: Version,
}

impl RecordKind for Outbox {
    const KIND: &'static str = "outbox";

    fn id(&self) -> String {
        Self::id_of(self.ticket)
    }

    fn version(&self) -> Version {
        self.version
    }

    fn keys(&self) -> Vec<RecordKey> {
        Vec::new()
    }
}

impl Outbox {
    fn id_of(ticket: TicketId) -> String {
        format!("outbox_{ticket}")
    }

    fn empty(ticket: TicketId) -> Self {
        Self { ticket, held: Vec::new(), taken_back: None, version: Version::ABSENT }
    }

    fn find(&self, id: HeldReplyId) -> Option<&HeldReply> {
        self.held.iter().find(|held| held.id == id)
    }

    /// The next version, with these answers.
    fn with(&self, held: Vec<HeldReply>) -> Self {
        Self { ticket: self.ticket, held, taken_back: None, version: self.version.next() }
    }

    fn without(&self, id: HeldReplyId) -> Self {
        self.with(self.held.iter().filter(|held| held.id != id).cloned().collect())
    }

    /// Decides that an answer waits.
    fn hold(&self, reply: HeldReply) -> Result<RecordChange> {
        let waiting = self.held.iter().filter(|held| held.refused.is_none()).count();
        if waiting >= MAX_HELD || self.held.len() >= MAX_ALL {
            return Err(Error::refused("too_many_held", format!("at most {MAX_HELD} answers wait on a ticket")));
        }
        let fact = Fact::TicketReplyHeld { held: reply.id, send_at: reply.send_at };
        let held = self.held.iter().cloned().chain([reply]).collect();
        Ok(RecordChange::update(&self.with(held), self.version, fact))
    }

    /// The answer of an author that waits. What has been sent or taken back does not exist here.
    fn of_author(&self, id: HeldReplyId, author: UserId) -> Result<&HeldReply> {
        let held = self.find(id).ok_or(Error::NotFound("waiting answer"))?;
        if held.author == author { Ok(held) } else { Err(Error::Forbidden("an answer of somebody else's")) }
    }

    /// Decides that an answer is taken back.
    fn withdraw(&self, held: &HeldReply) -> RecordChange {
        let fact = Fact::TicketReplyWithdrawn { held: held.id };
        let next = Self { taken_back: Some(held.clone()), ..self.without(held.id) };
        RecordChange::update(&next, self.version, fact)
    }

    /// What has to be sent before an answer that is due, or that answer itself; none if it is not there. Whoever reads the
    /// answers reads them in the order in which they were written.
    fn first_up_to(&self, id: HeldReplyId) -> Option<&HeldReply> {
        let due = self.find(id)?;
        let goes_first = |held: &&HeldReply| held.refused.is_none() && held.send_at <= due.send_at;
        self.held.iter().take_while(|held| held.id != id).find(goes_first).or(Some(due))
    }

    /// Decides that an answer cannot be sent; none where that is known.
    fn refuse(&self, id: HeldReplyId, why: &str) -> Option<RecordChange> {
        let mut held = self.held.clone();
        let one = held.iter_mut().find(|held| held.id == id && held.refused.as_deref() != Some(why))?;
        one.refused = Some(why.to_owned());
        let fact = Fact::TicketReplyRefused { held: id, author: one.author };
        Some(RecordChange::update(&self.with(held), self.version, fact))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(n: u128, author: u128) -> HeldReply {
        HeldReply {
            id: HeldReplyId::from_bits(n),
            ticket: TicketId::from_bits(7),
            author: UserId::from_bits(author),
            body: Body::parse("body", "Unplug it.").expect("a body"),
            attachments: Vec::new(),
            status: None,
            created_at: Timestamp::default(),
            send_at: Timestamp::default(),
            refused: None,
        }
    }

    #[test]
    fn windows_are_bounded() {
        assert_eq!(UndoWindow::parse("undo", 0).expect("none").length(), None);
        assert_eq!(UndoWindow::parse("undo", 120).expect("the longest").length(), Some(Duration::from_secs(120)));
        for wrong in [121, 65_536, u64::MAX] {
            assert_eq!(UndoWindow::parse("undo", wrong).expect_err("too long").code, "out_of_range");
        }
    }

    #[test]
    fn an_outbox_takes_so_many_and_knows_whose_each_is() {
        let mut outbox = Outbox::empty(TicketId::from_bits(7));
        for n in 1..=MAX_HELD as u128 {
            outbox.hold(reply(n, 1)).expect("there is room");
            outbox = outbox.with(outbox.held.iter().cloned().chain([reply(n, 1)]).collect());
        }
        assert!(outbox.hold(reply(99, 1)).is_err(), "it is full");
        let (own, other) = (UserId::from_bits(1), UserId::from_bits(2));
        let second = HeldReplyId::from_bits(2);
        assert!(outbox.of_author(second, own).is_ok());
        assert!(matches!(outbox.of_author(second, other), Err(Error::Forbidden(_))));
        assert_eq!(outbox.first_up_to(second).map(|held| held.id), Some(HeldReplyId::from_bits(1)), "in their order");
        let left = outbox.without(second);
        assert!(matches!(left.of_author(second, own), Err(Error::NotFound(_))));
        assert_eq!((left.held.len(), left.version), (MAX_HELD - 1, outbox.version.next()));
        assert!(outbox.refuse(second, "closed").is_some());
        assert!(left.refuse(second, "closed").is_none(), "it is not there");
    }
}
