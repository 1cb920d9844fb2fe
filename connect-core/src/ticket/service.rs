//! Opening, reading, answering and changing tickets.

use std::collections::BTreeSet;

use super::{
    Category, Channel, OpenTicket, Priority, ReplyOptions, Ticket, TicketChange, TicketCursor, TicketList, TicketPatch,
};
use crate::change::{ChangeSet, Committed};
use crate::contact::{Contact, NewContact, Traits};
use crate::desk::Tries;
use crate::message::Message;
use crate::record::RecordKind;
use crate::store::{TicketKey, TicketRow};
use crate::{
    Access, Action, AttachmentId, Body, ContactId, Desk, EmailAddress, Error, LabelName, Moment, Name, Page, Result,
    Standing, Subject, TeamId, UserId, Version, decode_cursor,
};

/// A ticket by id or number.
pub type TicketRef = TicketKey;

/// A ticket with its contact.
pub type TicketView = TicketRow;

/// For whom a ticket is opened.
#[derive(Debug, Clone)]
pub enum ContactRef {
    /// For the customer who opens it.
    Myself,
    /// For a contact that exists.
    Id(ContactId),
    /// For the contact of an address, made when there is none yet.
    Address {
        /// The address.
        email: EmailAddress,
        /// The name of a contact that is made; else it follows from the address.
        name: Option<Name>,
    },
}

/// What opens a ticket.
#[derive(Debug, Clone)]
pub struct NewTicket {
    /// What it is about.
    pub subject: Subject,
    /// The first message.
    pub body: Body,
    /// Who asks.
    pub contact: ContactRef,
    /// How much it presses.
    pub priority: Priority,
    /// Its tags.
    pub labels: BTreeSet<LabelName>,
    /// Who works on it.
    pub assignee: Option<UserId>,
    /// Which team works on it.
    pub team: Option<TeamId>,
    /// How it came.
    pub channel: Channel,
}

/// The tickets of a workspace, as one access sees them: a customer sees their own.
#[derive(Debug)]
pub struct Tickets<'a> {
    pub(crate) desk: &'a Desk,
    pub(crate) access: &'a Access,
    pub(crate) attachments: Vec<AttachmentId>,
}

impl Desk {
    /// The tickets of the access's workspace.
    pub fn tickets<'a>(&'a self, access: &'a Access) -> Tickets<'a> {
        Tickets { desk: self, access, attachments: Vec::new() }
    }
}

impl Tickets<'_> {
    /// The same tickets, where the message that is written next carries these files. Each must have been
    /// uploaded by whoever writes, and no other message may carry it.
    #[must_use]
    pub fn carrying(mut self, attachments: Vec<AttachmentId>) -> Self {
        self.attachments = attachments;
        self
    }

    /// Opens a ticket with its first message.
    pub async fn open(&self, new: NewTicket) -> Result<TicketView> {
        self.desk.demand(self.access, Action::OpenTickets)?;
        if let Some(earlier) = self.desk.replayed(self.access).await? {
            return self.opened(earlier, None).await;
        }
        let assignee = self.may_open(&new).await?;
        let mut tries = Tries::default();
        loop {
            tries.next().await?;
            let (contact, changes) = self.opening(&new, assignee).await?;
            match self.desk.commit(self.access, changes).await {
                Ok(Some(committed)) => return self.opened(committed, Some(contact)).await,
                // Somebody else made the same contact or label meanwhile.
                Ok(None) | Err(Error::Taken { .. }) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The change set that opens a ticket, for a host that writes it in a transaction of its own: with the store's
    /// `commit_in`, and [`Desk::committed`] once the transaction is. It holds for the state of this moment: where the
    /// store refuses it as overtaken, the host rolls back and asks for another one.
    pub async fn prepare(&self, new: NewTicket) -> Result<ChangeSet> {
        self.desk.demand(self.access, Action::OpenTickets)?;
        let assignee = self.may_open(&new).await?;
        Ok(self.opening(&new, assignee).await?.1)
    }

    /// Refuses what the caller may not decide about a new ticket; answers who is to work on it.
    async fn may_open(&self, new: &NewTicket) -> Result<Option<UserId>> {
        if self.access.standing() == Standing::Contact
            && (!new.labels.is_empty()
                || new.assignee.is_some()
                || new.team.is_some()
                || new.priority != Priority::None)
        {
            return Err(Error::Forbidden(Action::UpdateTickets.as_str()));
        }
        self.place_of_new(new.team, new.assignee).await
    }

    /// The contact of a new ticket, and all that opens it.
    async fn opening(&self, new: &NewTicket, assignee: Option<UserId>) -> Result<(Contact, ChangeSet)> {
        let moment = self.desk.moment(self.access);
        let (contact, mut changes) = self.contact_for(&new.contact, &moment).await?;
        let open = OpenTicket {
            subject: new.subject.clone(),
            body: new.body.clone(),
            contact: contact.id,
            priority: new.priority,
            labels: new.labels.clone(),
            assignee,
            team: new.team,
            channel: new.channel,
        };
        changes = self.desk.labels(self.access).ensure(changes, &new.labels, &moment).await?;
        let opened = Ticket::open(open, &moment)?;
        Ok((contact, self.carry(changes, opened, &moment).await?))
    }

    async fn opened(&self, committed: Committed, contact: Option<Contact>) -> Result<TicketView> {
        let ticket = committed.tickets.into_iter().next().ok_or(Error::NotFound("ticket"))?;
        match contact {
            Some(contact) if !committed.replayed => Ok(TicketRow { ticket, contact }),
            _ => {
                let row = self.found(TicketKey::Id(ticket.id)).await?;
                Ok(TicketRow { ticket, contact: row.contact })
            }
        }
    }

    /// The contact a ticket is for; one that is new comes with the change that makes it.
    async fn contact_for(&self, contact: &ContactRef, moment: &Moment<'_>) -> Result<(Contact, ChangeSet)> {
        let changes = ChangeSet::new(moment);
        let workspace = self.access.workspace_id();
        let id = match (self.access.contact(), contact) {
            (Some(own), ContactRef::Myself) => own,
            (Some(own), ContactRef::Id(id)) if own == *id => own,
            (Some(_), _) => return Err(Error::Forbidden("opening a ticket for somebody else")),
            (None, ContactRef::Myself) => {
                return Err(Error::invalid("contact", "required", "say for whom: {\"email\": …} or {\"id\": …}"));
            }
            (None, ContactRef::Id(id)) => *id,
            (None, ContactRef::Address { email, name }) => {
                let found = self.desk.store().find(workspace, Contact::KIND, Contact::email_key(email)).await?;
                if let Some(record) = found {
                    return Ok((record.read()?, changes));
                }
                self.desk.demand(self.access, Action::WriteContacts)?;
                let name = name.clone().unwrap_or_else(|| Name::from_address(email));
                let new = NewContact {
                    name,
                    email: Some(email.clone()),
                    external_id: None,
                    traits: Traits::new(),
                    locale: None,
                };
                let (contact, change) = Contact::create(new, moment)?;
                return Ok((contact, changes.record(change, moment)));
            }
        };
        let record = self.desk.store().record(workspace, Contact::KIND, id.to_string()).await?;
        let record = record.ok_or_else(|| Error::invalid("contact.id", "missing", "there is no such contact"))?;
        Ok((record.read()?, changes))
    }

    /// A page of tickets.
    pub async fn list(&self, mut list: TicketList, cursor: Option<&str>) -> Result<Page<TicketView>> {
        self.desk.demand(self.access, Action::ReadTickets)?;
        if let Some(cursor) = cursor {
            let after: TicketCursor = decode_cursor(cursor)?;
            if after.sort != list.sort {
                return Err(Error::invalid("cursor", "bad_cursor", "belongs to another order"));
            }
            list.after = Some(after);
        }
        if !self.access.hold(&mut list.filter) {
            return Ok(Page { rows: Vec::new(), next: None });
        }
        list.filter.search_notes = self.desk.may(self.access, Action::ReadNotes);
        let (sort, limit) = (list.sort, list.limit);
        let rows = self.desk.store().tickets(self.access.workspace_id(), list).await?;
        Ok(Page::cut(rows, limit, |row| TicketCursor { sort, value: sort.value(&row.ticket), id: row.ticket.id }))
    }

    /// One ticket.
    pub async fn get(&self, key: TicketRef) -> Result<TicketView> {
        self.desk.demand(self.access, Action::ReadTickets)?;
        self.load(key).await
    }

    /// Answers in public.
    pub async fn reply(&self, key: TicketRef, body: Body, options: ReplyOptions) -> Result<(TicketView, Message)> {
        self.desk.demand(self.access, Action::ReplyToTickets)?;
        self.write(key, |ticket, moment| ticket.reply(body.clone(), options.clone(), moment)).await
    }

    /// Writes an internal note.
    pub async fn note(&self, key: TicketRef, body: Body) -> Result<(TicketView, Message)> {
        self.desk.demand(self.access, Action::WriteNotes)?;
        self.write(key, |ticket, moment| ticket.note(body.clone(), moment)).await
    }

    async fn write(
        &self,
        key: TicketRef,
        decide: impl Fn(&Ticket, &Moment) -> Result<TicketChange>,
    ) -> Result<(TicketView, Message)> {
        let (row, committed) = self.change(key, decide, &BTreeSet::new()).await?;
        let message = committed.and_then(|c| c.messages.into_iter().next()).ok_or(Error::KeyReused)?;
        Ok((row, message))
    }

    /// Changes fields.
    pub async fn update(&self, key: TicketRef, patch: TicketPatch) -> Result<TicketView> {
        self.desk.demand(self.access, Action::UpdateTickets)?;
        let new_labels = patch.labels.iter().flatten().chain(&patch.add_labels).cloned().collect();
        let moves = patch.assignee.is_some() || patch.team.is_some();
        if !moves || self.desk.replayed(self.access).await?.is_some() {
            return Ok(self.change(key, |ticket, moment| ticket.update(patch.clone(), moment), &new_labels).await?.0);
        }
        let mut tries = Tries::default();
        loop {
            tries.next().await?;
            let placed = self.placed(&self.load(key).await?.ticket, patch.clone()).await?;
            match self.change(key, |ticket, moment| ticket.update(placed.clone(), moment), &new_labels).await {
                // Somebody else changed it since it was looked at.
                Err(Error::VersionMismatch { .. }) if patch.seen.is_none() => {}
                done => return Ok(done?.0),
            }
        }
    }

    /// Puts a label on, or takes it off.
    pub async fn set_label(
        &self,
        key: TicketRef,
        label: LabelName,
        on: bool,
        seen: Option<Version>,
    ) -> Result<TicketView> {
        let mut patch = TicketPatch { seen, ..TicketPatch::default() };
        let set = if on { &mut patch.add_labels } else { &mut patch.remove_labels };
        set.insert(label);
        self.update(key, patch).await
    }

    async fn change(
        &self,
        key: TicketRef,
        decide: impl Fn(&Ticket, &Moment) -> Result<TicketChange>,
        labels: &BTreeSet<LabelName>,
    ) -> Result<(TicketView, Option<Committed>)> {
        if let Some(earlier) = self.desk.replayed(self.access).await? {
            // What was answered then is answered again, even if that change took the ticket out of sight.
            return self.changed(self.found(key).await?, earlier);
        }
        let mut tries = Tries::default();
        loop {
            tries.next().await?;
            let row = self.load(key).await?;
            let moment = self.desk.moment(self.access);
            let change = decide(&row.ticket, &moment)?;
            if change.is_empty() {
                return Ok((row, None));
            }
            let changes = self.desk.labels(self.access).ensure(ChangeSet::new(&moment), labels, &moment).await?;
            match self.desk.commit(self.access, self.carry(changes, change, &moment).await?).await {
                Ok(Some(committed)) => return self.changed(row, committed),
                Ok(None) | Err(Error::Taken { .. }) => {}
                Err(error) => return Err(error),
            }
        }
    }

    async fn carry(&self, changes: ChangeSet, change: TicketChange, moment: &Moment<'_>) -> Result<ChangeSet> {
        self.desk.attachments(self.access).carry(changes, change, &self.attachments, moment).await
    }

    fn changed(&self, row: TicketRow, committed: Committed) -> Result<(TicketView, Option<Committed>)> {
        let ticket = committed.tickets.first().filter(|t| t.id == row.ticket.id).cloned().ok_or(Error::KeyReused)?;
        Ok((TicketRow { ticket, contact: row.contact }, Some(committed)))
    }

    /// A ticket that the access may see.
    pub(crate) async fn load(&self, key: TicketRef) -> Result<TicketRow> {
        let row = self.found(key).await?;
        if self.access.sees(&row.ticket) { Ok(row) } else { Err(Error::NotFound("ticket")) }
    }

    pub(crate) async fn found(&self, key: TicketRef) -> Result<TicketRow> {
        self.desk.store().ticket(self.access.workspace_id(), key).await?.ok_or(Error::NotFound("ticket"))
    }
}

impl Category {
    /// Whether work on the ticket is over.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Resolved | Self::Closed)
    }
}
