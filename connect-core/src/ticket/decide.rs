//! The decisions about a ticket. Pure: the ticket as it is and a command in, a change or a refusal out.

use std::collections::BTreeSet;

use crate::attachment::AttachmentRef;
use crate::event::Fact;
use crate::message::{Direction, Message, MessageKind};
use crate::ticket::{Category, Channel, Priority, StatusName, Ticket};
use crate::{
    Actor, Body, ContactId, Error, LabelName, MessageId, Moment, Result, Subject, TeamId, Timestamp, UserId, Version,
};

/// Most labels a ticket may carry.
const MAX_LABELS: usize = 20;

/// A ticket as it will be, with the messages and facts that belong to the change.
#[derive(Debug)]
#[must_use]
pub struct TicketChange {
    ticket: Ticket,
    expected: Version,
    messages: Vec<Message>,
    facts: Vec<Fact>,
}

impl TicketChange {
    /// The ticket as it will be.
    pub fn ticket(&self) -> &Ticket {
        &self.ticket
    }

    /// Whether nothing is different.
    pub fn is_empty(&self) -> bool {
        self.facts.is_empty()
    }

    /// The message it writes, if it does.
    pub(crate) fn message(&self) -> Option<&Message> {
        self.messages.first()
    }

    /// The same change, its message carrying these files.
    pub(crate) fn carrying(mut self, attachments: Vec<AttachmentRef>) -> Self {
        if let Some(message) = self.messages.first_mut() {
            message.attachments = attachments;
        }
        self
    }

    pub(crate) fn into_parts(self) -> (Ticket, Version, Vec<Message>, Vec<Fact>) {
        (self.ticket, self.expected, self.messages, self.facts)
    }
}

/// What opens a ticket.
#[derive(Debug, Clone)]
pub struct OpenTicket {
    /// What it is about.
    pub subject: Subject,
    /// The first message.
    pub body: Body,
    /// Who asks.
    pub contact: ContactId,
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

/// What may come with an answer.
#[derive(Debug, Clone, Default)]
pub struct ReplyOptions {
    /// The last message the author saw; if there are newer ones, the answer is refused and says so.
    pub last_seen: Option<MessageId>,
    /// A status to set with the answer. Ignored when a customer answers.
    pub status: Option<(StatusName, Category)>,
}

/// What may change about a ticket. The outer `None` leaves a field, the inner one clears it.
#[derive(Debug, Clone, Default)]
pub struct TicketPatch {
    /// A new subject.
    pub subject: Option<Subject>,
    /// A new status.
    pub status: Option<(StatusName, Category)>,
    /// A new priority.
    pub priority: Option<Priority>,
    /// Somebody else, or nobody, who works on it.
    pub assignee: Option<Option<UserId>>,
    /// Another team, or none, that works on it.
    pub team: Option<Option<TeamId>>,
    /// Who works on it and is not in the new team: taken off, unless somebody is named. The desk's service finds
    /// that out itself.
    pub outsider: Option<UserId>,
    /// Labels to put on.
    pub add_labels: BTreeSet<LabelName>,
    /// Labels to take off.
    pub remove_labels: BTreeSet<LabelName>,
    /// All labels anew.
    pub labels: Option<BTreeSet<LabelName>>,
    /// The version the caller saw; another one refuses the change.
    pub seen: Option<Version>,
}

impl Ticket {
    /// Opens a ticket with its first message, which is the customer's whoever typed it.
    pub fn open(new: OpenTicket, moment: &Moment) -> Result<TicketChange> {
        check_labels(&new.labels)?;
        let now = moment.now();
        let (id, message) = (moment.ids().ticket(), moment.ids().message());
        let ticket = Self {
            id,
            number: 0,
            subject: new.subject,
            status: StatusName::of(Category::New),
            category: Category::New,
            priority: new.priority,
            assignee: new.assignee,
            team: new.team,
            labels: new.labels,
            contact: new.contact,
            channel: new.channel,
            version: Version::FIRST,
            opened_by: moment.actor(),
            created_at: now,
            updated_at: now,
            last_message: message,
            last_public_message: message,
            first_reply_at: None,
            last_customer_at: Some(now),
            last_agent_at: None,
            waiting_since: Some(now),
            resolved_at: None,
            closed_at: None,
        };
        let message = Message {
            id: message,
            ticket: id,
            kind: MessageKind::Reply,
            direction: Direction::Inbound,
            author: Actor::Contact(new.contact),
            body: new.body,
            attachments: Vec::new(),
            version: Version::FIRST,
            created_at: now,
        };
        let mut facts = vec![Fact::TicketOpened { contact: new.contact, message: message.id, channel: new.channel }];
        if new.assignee.is_some() {
            facts.push(Fact::TicketAssigned { from: None, to: new.assignee });
        }
        if new.team.is_some() {
            facts.push(Fact::TicketMoved { from: None, to: new.team });
        }
        facts.extend(ticket.labels.iter().map(|label| Fact::TicketLabelled { label: label.clone() }));
        Ok(TicketChange { ticket, expected: Version::ABSENT, messages: vec![message], facts })
    }

    /// A public answer, by the team or by the customer.
    ///
    /// The team's first answer opens a new ticket and ends the customer's waiting. The customer's answer
    /// starts it, and brings a pending, snoozed or resolved ticket back to open. A closed ticket takes
    /// no answer.
    pub fn reply(&self, body: Body, options: ReplyOptions, moment: &Moment) -> Result<TicketChange> {
        if self.category == Category::Closed {
            return Err(Error::refused("ticket_closed", "the ticket is closed: open a new one"));
        }
        self.answer(body, options, moment)
    }

    /// An answer of the team's that was accepted at an earlier time, and has waited since.
    ///
    /// It is sent whatever became of the ticket meanwhile. Where the customer has written since, or the ticket was closed, its
    /// status is left alone, and the customer goes on waiting: the answer was not written to that.
    pub(crate) fn answer_of(
        &self,
        accepted: Timestamp,
        body: Body,
        options: ReplyOptions,
        moment: &Moment,
    ) -> Result<TicketChange> {
        let is_newer = self.last_customer_at.is_some_and(|wrote| wrote > accepted);
        if !is_newer && self.category != Category::Closed {
            return self.answer(body, options, moment);
        }
        let status = Some((self.status.clone(), self.category));
        let mut change = self.answer(body, ReplyOptions { status, ..options }, moment)?;
        change.ticket.waiting_since = self.waiting_since;
        Ok(change)
    }

    fn answer(&self, body: Body, options: ReplyOptions, moment: &Moment) -> Result<TicketChange> {
        let by_customer = matches!(moment.actor(), Actor::Contact(_));
        let newest = if by_customer { self.last_public_message } else { self.last_message };
        if options.last_seen.is_some_and(|seen| seen != newest) {
            return Err(Error::refused(
                "newer_messages",
                format!("there are newer messages, the last one is {newest}"),
            ));
        }
        let now = moment.now();
        let mut change = self.edit(moment);
        let direction = if by_customer { Direction::Inbound } else { Direction::Outbound };
        let message = change.add_message(body, MessageKind::Reply, direction, moment);
        change.ticket.last_public_message = message;
        change.facts.push(Fact::TicketReplied { contact: self.contact, message, by_customer });
        if by_customer {
            change.ticket.last_customer_at = Some(now);
            change.ticket.waiting_since = self.waiting_since.or(Some(now));
            if matches!(self.category, Category::Pending | Category::Snoozed | Category::Resolved) {
                change.set_status(StatusName::of(Category::Open), Category::Open, moment);
            }
        } else {
            change.ticket.last_agent_at = Some(now);
            change.ticket.first_reply_at = self.first_reply_at.or(Some(now));
            change.ticket.waiting_since = None;
            let (status, category) = options.status.unwrap_or_else(|| match self.category {
                Category::New => (StatusName::of(Category::Open), Category::Open),
                category => (self.status.clone(), category),
            });
            change.set_status(status, category, moment);
        }
        Ok(change)
    }

    /// An internal note. It changes nothing but the ticket's last message.
    pub fn note(&self, body: Body, moment: &Moment) -> Result<TicketChange> {
        if matches!(moment.actor(), Actor::Contact(_)) {
            return Err(Error::Forbidden("notes.write"));
        }
        let mut change = self.edit(moment);
        let message = change.add_message(body, MessageKind::Note, Direction::Outbound, moment);
        change.facts.push(Fact::TicketNoted { message });
        Ok(change)
    }

    /// Changes fields. A change that changes nothing is empty.
    pub fn update(&self, patch: TicketPatch, moment: &Moment) -> Result<TicketChange> {
        if let Some(seen) = patch.seen
            && seen != self.version
        {
            return Err(Error::VersionMismatch { seen, current: Box::new(self.clone()) });
        }
        let mut change = self.edit(moment);
        if let Some(subject) = patch.subject
            && subject != self.subject
        {
            change.ticket.subject = subject;
            change.facts.push(Fact::TicketSubjectChanged {});
        }
        if let Some((status, category)) = patch.status {
            change.set_status(status, category, moment);
        }
        if let Some(priority) = patch.priority
            && priority != self.priority
        {
            change.ticket.priority = priority;
            change.facts.push(Fact::TicketPriorityChanged { from: self.priority, to: priority });
        }
        let mut assignee = patch.assignee.unwrap_or(self.assignee);
        if let Some(team) = patch.team
            && team != self.team
        {
            change.ticket.team = team;
            change.facts.push(Fact::TicketMoved { from: self.team, to: team });
            if patch.assignee.is_none() {
                assignee = assignee.filter(|user| patch.outsider != Some(*user));
            }
        }
        if assignee != self.assignee {
            change.ticket.assignee = assignee;
            change.facts.push(Fact::TicketAssigned { from: self.assignee, to: assignee });
        }
        let mut labels = patch.labels.unwrap_or_else(|| self.labels.clone());
        labels.extend(patch.add_labels);
        labels.retain(|label| !patch.remove_labels.contains(label));
        check_labels(&labels)?;
        change.set_labels(labels);
        Ok(change)
    }

    fn edit(&self, moment: &Moment) -> TicketChange {
        let ticket = Self { version: self.version.next(), updated_at: moment.now(), ..self.clone() };
        TicketChange { ticket, expected: self.version, messages: Vec::new(), facts: Vec::new() }
    }
}

impl TicketChange {
    fn add_message(&mut self, body: Body, kind: MessageKind, direction: Direction, moment: &Moment) -> MessageId {
        let id = moment.ids().message();
        self.ticket.last_message = id;
        self.messages.push(Message {
            id,
            ticket: self.ticket.id,
            kind,
            direction,
            author: moment.actor(),
            body,
            attachments: Vec::new(),
            version: Version::FIRST,
            created_at: moment.now(),
        });
        id
    }

    fn set_status(&mut self, status: StatusName, category: Category, moment: &Moment) {
        if status == self.ticket.status {
            return;
        }
        let from = std::mem::replace(&mut self.ticket.status, status.clone());
        self.ticket.category = category;
        self.ticket.resolved_at = match category {
            Category::Resolved => Some(moment.now()),
            Category::Closed => self.ticket.resolved_at.or(Some(moment.now())),
            _ => None,
        };
        self.ticket.closed_at = (category == Category::Closed).then(|| moment.now());
        if matches!(category, Category::Resolved | Category::Closed) {
            self.ticket.waiting_since = None;
        }
        self.facts.push(Fact::TicketStatusChanged { from, to: status, category });
    }

    fn set_labels(&mut self, labels: BTreeSet<LabelName>) {
        let old = std::mem::replace(&mut self.ticket.labels, labels);
        let new = &self.ticket.labels;
        self.facts.extend(new.difference(&old).map(|label| Fact::TicketLabelled { label: label.clone() }));
        self.facts.extend(old.difference(new).map(|label| Fact::TicketUnlabelled { label: label.clone() }));
    }
}

fn check_labels(labels: &BTreeSet<LabelName>) -> Result<()> {
    if labels.len() > MAX_LABELS {
        return Err(Error::invalid("labels", "too_many", format!("a ticket may carry at most {MAX_LABELS} labels")));
    }
    Ok(())
}
