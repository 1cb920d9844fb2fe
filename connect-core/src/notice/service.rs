//! Reading notices, and choosing what to be told of.

use std::collections::BTreeMap;

use super::{Choice, NoticeSettings, Topic};
use crate::change::ChangeSet;
use crate::delivery::{Delivery, DeliveryList, Recipient};
use crate::desk::Tries;
use crate::dispatch::IN_APP;
use crate::page::decode_id;
use crate::record::RecordKind;
use crate::store::{EventList, Sign, TicketKey};
use crate::ticket::Ticket;
use crate::{Access, Action, Actor, DeliveryId, Desk, Error, Limit, Page, Result, UserId};

/// Up to how many unread notices are counted.
const COUNTED: u64 = 100;

/// A notice as its reader sees it.
#[derive(Debug, Clone)]
pub struct Notice {
    /// The delivery that holds it.
    pub delivery: Delivery,
    /// The ticket it is about, if it is there and seen.
    pub ticket: Option<Ticket>,
    /// Who did it.
    pub actor: Option<Actor>,
}

/// The notices of one member, as they see them.
#[derive(Debug)]
pub struct Notifications<'a> {
    desk: &'a Desk,
    access: &'a Access,
}

impl Desk {
    /// The notices of whoever this access is.
    pub fn notifications<'a>(&'a self, access: &'a Access) -> Notifications<'a> {
        Notifications { desk: self, access }
    }
}

impl Notifications<'_> {
    fn reader(&self) -> Result<UserId> {
        self.desk.demand(self.access, Action::ReadNotifications)?;
        self.access.user().ok_or(Error::Forbidden(Action::ReadNotifications.as_str()))
    }

    fn list_of(&self, user: UserId) -> DeliveryList {
        DeliveryList {
            recipient: Some(Recipient::User(user)),
            channel: Some(IN_APP.to_owned()),
            ..DeliveryList::default()
        }
    }

    /// A page of them, newest first.
    pub async fn list(&self, unread: bool, cursor: Option<&str>, limit: Limit) -> Result<Page<Notice>> {
        let user = self.reader()?;
        let before = cursor.map(decode_id::<DeliveryId>).transpose()?;
        let before = before.map(|text| text.parse()).transpose().map_err(|_| Error::NotFound("notification"))?;
        let list = DeliveryList { unread, before, limit, ..self.list_of(user) };
        let rows = self.desk.store().deliveries(self.access.workspace_id(), list).await?;
        let page = Page::cut(rows, limit, |delivery| delivery.id.to_string());
        let may_read = self.desk.may(self.access, Action::ReadTickets);
        let may_read_notes = self.desk.may(self.access, Action::ReadNotes);
        let mut tickets = BTreeMap::new();
        let mut notices = Vec::with_capacity(page.rows.len());
        for delivery in page.rows {
            if let Some(id) = delivery.ticket.filter(|id| !tickets.contains_key(id)) {
                let row = self.desk.store().ticket(self.access.workspace_id(), TicketKey::Id(id)).await?;
                tickets.insert(id, row.map(|row| row.ticket).filter(|ticket| may_read && self.access.sees(ticket)));
            }
            let ticket = delivery.ticket.and_then(|id| tickets.get(&id).cloned().flatten());
            let after = delivery.event.saturating_sub(1);
            let event = EventList { after, limit: Limit::ONE, ..EventList::default() };
            let event = self.desk.store().events(self.access.workspace_id(), event).await?.into_iter().next();
            let actor = event.filter(|event| event.seq == delivery.event).map(|event| event.actor);
            // Of what the reader may not see any more there is only that it was.
            let is_seen = ticket.is_some() && (delivery.topic != Topic::Mentioned.as_str() || may_read_notes);
            let message = delivery.message.filter(|_| is_seen);
            let delivery = Delivery { message, ..delivery };
            notices.push(Notice { delivery, ticket, actor: actor.filter(|_| is_seen) });
        }
        Ok(Page { rows: notices, next: page.next })
    }

    /// How many are unread, counted up to 100.
    pub async fn unread(&self) -> Result<u64> {
        let user = self.reader()?;
        let list = DeliveryList { unread: true, limit: Limit::new(COUNTED)?, ..self.list_of(user) };
        let rows = self.desk.store().deliveries(self.access.workspace_id(), list).await?;
        Ok((rows.len() as u64).min(COUNTED))
    }

    /// Notes that one was read; answers whether it was unread. One that is not there, or somebody else's, is
    /// [`Error::NotFound`].
    pub async fn read(&self, id: DeliveryId) -> Result<bool> {
        let user = self.reader()?;
        let (workspace, now) = (self.access.workspace_id(), self.desk.now());
        if self.desk.store().mark_read(workspace, user, IN_APP, Some(vec![id]), now).await? > 0 {
            self.desk.feed().tell(Sign::Noticed { workspace, user });
            return Ok(true);
        }
        let list = DeliveryList {
            before: id.bits().checked_add(1).map(DeliveryId::from_bits),
            limit: Limit::ONE,
            ..self.list_of(user)
        };
        let found = self.desk.store().deliveries(workspace, list).await?;
        let is_theirs = found.first().is_some_and(|delivery| delivery.id == id);
        if is_theirs { Ok(false) } else { Err(Error::NotFound("notification")) }
    }

    /// Notes that all were read. Answers how many were unread.
    pub async fn read_all(&self) -> Result<u64> {
        let user = self.reader()?;
        let (workspace, now) = (self.access.workspace_id(), self.desk.now());
        let read = self.desk.store().mark_read(workspace, user, IN_APP, None, now).await?;
        if read > 0 {
            self.desk.feed().tell(Sign::Noticed { workspace, user });
        }
        Ok(read)
    }

    /// What the reader has chosen.
    pub async fn settings(&self) -> Result<NoticeSettings> {
        let user = self.reader()?;
        let id = NoticeSettings::id_of(user);
        let record = self.desk.store().record(self.access.workspace_id(), NoticeSettings::KIND, id).await?;
        let settings = record.map(|record| record.read()).transpose()?;
        Ok(settings.unwrap_or_else(|| NoticeSettings::usual(user)))
    }

    /// Chooses something anew; the rest stays as it is.
    pub async fn choose(&self, choice: Choice) -> Result<NoticeSettings> {
        // No key of theirs does: who reads what they are told must not end it.
        self.desk.demand(self.access, Action::ChooseNotifications)?;
        if self.desk.replayed(self.access).await?.is_some() {
            return self.settings().await;
        }
        let mut tries = Tries::default();
        loop {
            tries.next().await?;
            let present = self.settings().await?;
            let moment = self.desk.moment(self.access);
            let Some(change) = present.choose(choice.clone()) else { return Ok(present) };
            if self.desk.commit(self.access, ChangeSet::new(&moment).record(change, &moment)).await?.is_some() {
                return self.settings().await;
            }
        }
    }
}
