//! What was said on a ticket and what happened to it, for those who may see it.

use super::{TicketRef, Tickets};
use crate::event::Event;
use crate::message::Message;
use crate::store::{EventList, MessageList};
use crate::{Action, Error, Limit, MessageId, Page, Result, decode_cursor, encode_cursor};

/// One entry of a ticket's timeline.
#[derive(Debug, Clone)]
pub struct TimelineEntry {
    /// The event.
    pub event: Event,
    /// The message it tells of.
    pub message: Option<Message>,
}

impl Tickets<'_> {
    /// A page of a ticket's messages, oldest first; notes only for who may see them.
    pub async fn messages(&self, key: TicketRef, cursor: Option<&str>, limit: Limit) -> Result<Page<Message>> {
        self.desk.demand(self.access, Action::ReadTickets)?;
        let row = self.load(key).await?;
        let after = cursor.map(decode_cursor).transpose()?;
        let notes = self.desk.may(self.access, Action::ReadNotes);
        let list = MessageList { ticket: row.ticket.id, ids: None, after, notes, limit };
        let messages = self.desk.store().messages(self.access.workspace_id(), list).await?;
        Ok(Page::cut(messages, limit, |message| message.id))
    }

    /// One message of a ticket.
    pub async fn message(&self, key: TicketRef, id: MessageId) -> Result<Message> {
        self.desk.demand(self.access, Action::ReadTickets)?;
        let row = self.load(key).await?;
        let notes = self.desk.may(self.access, Action::ReadNotes);
        let list =
            MessageList { ticket: row.ticket.id, ids: Some(vec![id]), after: None, notes, limit: Limit::default() };
        let messages = self.desk.store().messages(self.access.workspace_id(), list).await?;
        messages.into_iter().next().ok_or(Error::NotFound("message"))
    }

    /// A page of what happened to a ticket, oldest first; only what is public for who sees no notes.
    pub async fn timeline(&self, key: TicketRef, cursor: Option<&str>, limit: Limit) -> Result<Page<TimelineEntry>> {
        self.desk.demand(self.access, Action::ReadTickets)?;
        let row = self.load(key).await?;
        let workspace = self.access.workspace_id();
        let after = cursor.map(decode_cursor).transpose()?.unwrap_or(0);
        let notes = self.desk.may(self.access, Action::ReadNotes);
        let list = EventList { ticket: Some(row.ticket.id), public: !notes, after, limit };
        let page = Page::cut(self.desk.store().events(workspace, list).await?, limit, |event| event.seq);
        let events: Vec<Event> = page.rows;
        let ids = events.iter().filter_map(|event| event.fact.message()).collect();
        let list = MessageList { ticket: row.ticket.id, ids: Some(ids), after: None, notes, limit: Limit::MAX };
        let messages = self.desk.store().messages(workspace, list).await?;
        let entry = |event: Event| {
            let message = event.fact.message().and_then(|id| messages.iter().find(|m| m.id == id).cloned());
            TimelineEntry { event, message }
        };
        Ok(Page { rows: events.into_iter().map(entry).collect(), next: page.next })
    }

    /// The place in the timeline after which the last `rows` entries stand, if there are more than that:
    /// a page begins at the newest end.
    pub async fn newest_page(&self, key: TicketRef, rows: Limit) -> Result<Option<String>> {
        self.desk.demand(self.access, Action::ReadTickets)?;
        let ticket = self.load(key).await?.ticket.id;
        let public = !self.desk.may(self.access, Action::ReadNotes);
        let mut list = EventList { ticket: Some(ticket), public, after: 0, limit: Limit::MAX };
        let mut places: Vec<u64> = Vec::new();
        loop {
            let events = self.desk.store().events(self.access.workspace_id(), list.clone()).await?;
            places.extend(events.iter().take(Limit::MAX.get()).map(|event| event.seq));
            if events.len() <= Limit::MAX.get() {
                break;
            }
            list.after = places.last().copied().unwrap_or(0);
        }
        let before = places.len().checked_sub(rows.get() + 1);
        Ok(before.and_then(|place| places.get(place)).map(encode_cursor))
    }
}
