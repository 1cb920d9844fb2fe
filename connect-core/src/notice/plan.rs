//! Who is told of an event, over what; and the mail.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use tracing::warn;

use super::{Medium, NoticeSettings, Topic, mentioned};
use crate::delivery::{Delivery, DeliveryList, DeliveryState, Recipient};
use crate::dispatch::{Composed, IN_APP, Plan, Subscriber};
use crate::event::{Event, Fact};
use crate::member::Member;
use crate::notify::{Mail, MailIdentity, Outgoing, ticket_mail};
use crate::record::{Record, RecordKind};
use crate::role::Permissions;
use crate::store::{MessageList, RecordList, TicketKey, TicketRow};
use crate::{Action, Actor, Desk, EmailAddress, Limit, Result, TicketId, UserId, WorkspaceId};

/// Most people that one note names.
const MAX_MENTIONED: usize = 20;
/// How long a mail waits for more of the same, so that a burst is told of once.
const GATHERED_FOR: std::time::Duration = std::time::Duration::from_secs(30);

/// Plans and composes notices.
#[derive(Debug)]
pub struct Notices;

/// Somebody who may be told, and what of.
type Told = BTreeSet<(UserId, Topic)>;

#[async_trait]
impl Subscriber for Notices {
    fn name(&self) -> &'static str {
        "notices"
    }

    async fn plan(&self, desk: &Desk, workspace: WorkspaceId, events: &[Event]) -> Result<Vec<Plan>> {
        if workspace == WorkspaceId::DIRECTORY {
            return Ok(Vec::new());
        }
        let mut known = Known { desk, workspace, people: BTreeMap::new(), choosers: None, writers: BTreeMap::new() };
        // Of what happens to one ticket in one go, the last event stands for all.
        let mut latest: BTreeMap<(TicketId, UserId, Topic), &Event> = BTreeMap::new();
        for event in events {
            let Some(ticket) = event.ticket else { continue };
            for (user, topic) in known.concerned(ticket, event).await? {
                if event.actor != Actor::User(user) {
                    latest.insert((ticket, user, topic), event);
                }
            }
        }
        let mut plans = Vec::new();
        for ((ticket, user, topic), event) in latest {
            let Some(person) = known.person(user).await? else { continue };
            if !person.sees(desk, workspace, ticket, topic).await? {
                continue;
            }
            for medium in person.settings.media_of(topic) {
                let to = Recipient::User(user);
                let plan = match medium {
                    Medium::InApp => Plan::over(IN_APP, event, topic.as_str(), to),
                    Medium::Mail => Plan::mail(event, topic.as_str(), to).after(waits(topic)),
                };
                plans.push(plan.about(Some(ticket), event.fact.message()));
            }
        }
        Ok(plans)
    }

    async fn compose(&self, desk: &Desk, delivery: &Delivery) -> Result<Composed> {
        let (Some(topic), Some(user)) = (Topic::parse(&delivery.topic), delivery.user()) else {
            return Ok(Composed::Drop("unknown topic"));
        };
        let (Some(ticket), Some(workspace)) = (delivery.ticket, desk.workspace(delivery.workspace).await?) else {
            return Ok(Composed::Drop("the workspace is gone"));
        };
        let Some(row) = desk.store().ticket(workspace.id, TicketKey::Id(ticket)).await? else {
            return Ok(Composed::Drop("the ticket is gone"));
        };
        let person = person(desk, workspace.id, user).await?;
        let sees = match &person {
            Some(person) => person.sees(desk, workspace.id, ticket, topic).await?,
            None => false,
        };
        if !sees {
            return Ok(Composed::Drop("the person does not see the ticket any more"));
        }
        if topic == Topic::Assigned {
            return ticket_mail::assigned(desk, &workspace, row, user, delivery).await;
        }
        if is_told_already(desk, delivery, user).await? {
            return Ok(Composed::Drop("a mail that was sent meanwhile tells of it"));
        }
        let Some(person) = desk.user(user).await? else { return Ok(Composed::Drop("the member is gone")) };
        let TicketRow { ticket, contact } = row;
        let (what, text) = match topic {
            Topic::CustomerReplied => {
                ("answered", format!("{} has answered on ticket #{}", contact.name, ticket.number))
            }
            Topic::Mentioned => ("you are named", format!("You are named in a note on ticket #{}", ticket.number)),
            Topic::Assigned | Topic::TicketOpened => {
                ("new", format!("{} has opened ticket #{}", contact.name, ticket.number))
            }
        };
        let link = desk.link(&format!("/{}/tickets/{}", workspace.slug, ticket.number));
        let (text, html) = Mail::parts(&format!("{text}:\n\n{}", ticket.subject), Some(("Open the ticket", &link)));
        Ok(Composed::Send(Outgoing::Mail(Box::new(Mail {
            to: person.email,
            from: MailIdentity { name: Some(workspace.name.to_string()), ..desk.identity(None) },
            subject: format!("[#{}] {what}: {}", ticket.number, ticket.subject),
            text,
            html,
            message_id: desk.message_id(&delivery.id),
            in_reply_to: Some(desk.message_id(&ticket.id)),
            references: vec![desk.message_id(&ticket.id)],
            auto_submitted: Some("auto-generated"),
        }))))
    }
}

/// How long the mail about a topic waits for more of the same.
const fn waits(topic: Topic) -> std::time::Duration {
    match topic {
        Topic::CustomerReplied => GATHERED_FOR,
        Topic::Assigned | Topic::Mentioned | Topic::TicketOpened => std::time::Duration::ZERO,
    }
}

/// A member who may be told, as they are now.
#[derive(Clone)]
struct Person {
    member: Member,
    limits: Option<Permissions>,
    settings: NoticeSettings,
}

impl Person {
    /// Whether they see what a notice is about.
    async fn sees(&self, desk: &Desk, workspace: WorkspaceId, ticket: TicketId, topic: Topic) -> Result<bool> {
        let needed = if topic == Topic::Mentioned { Action::ReadNotes } else { Action::ReadTickets };
        if !desk.role_may(self.member.role, self.limits.as_ref(), needed) {
            return Ok(false);
        }
        let Some(within) = self.member.within() else { return Ok(true) };
        let row = desk.store().ticket(workspace, TicketKey::Id(ticket)).await?;
        Ok(row.is_some_and(|row| within.holds(&row.ticket)))
    }
}

/// A member with what they have chosen; none if they are no member, or disabled.
async fn person(desk: &Desk, workspace: WorkspaceId, user: UserId) -> Result<Option<Person>> {
    let record = desk.store().record(workspace, Member::KIND, user.to_string()).await?;
    let Some(member) = record.map(|record| record.read::<Member>()).transpose()? else { return Ok(None) };
    if desk.user(user).await?.is_none_or(|user| user.disabled) {
        return Ok(None);
    }
    let chosen = desk.store().record(workspace, NoticeSettings::KIND, NoticeSettings::id_of(user)).await?;
    let settings = chosen.as_ref().and_then(read).unwrap_or_else(|| NoticeSettings::usual(user));
    let limits = desk.limits_of(workspace, &member).await?;
    Ok(Some(Person { member, limits, settings }))
}

/// What a record says somebody has chosen. One that does not read must not hold up what everybody else is told.
fn read(record: &Record) -> Option<NoticeSettings> {
    record.read().inspect_err(|error| warn!(settings = record.id, %error, "settings of notices do not read")).ok()
}

/// What was read while a batch of events is planned for, each thing once.
struct Known<'a> {
    desk: &'a Desk,
    workspace: WorkspaceId,
    people: BTreeMap<UserId, Option<Person>>,
    choosers: Option<BTreeSet<UserId>>,
    writers: BTreeMap<TicketId, BTreeSet<UserId>>,
}

impl Known<'_> {
    async fn person(&mut self, user: UserId) -> Result<Option<Person>> {
        if let Some(person) = self.people.get(&user) {
            return Ok(person.clone());
        }
        let person = person(self.desk, self.workspace, user).await?;
        self.people.insert(user, person.clone());
        Ok(person)
    }

    /// Whom an event concerns.
    async fn concerned(&mut self, ticket: TicketId, event: &Event) -> Result<Told> {
        let all = |users: BTreeSet<UserId>, topic| users.into_iter().map(move |user| (user, topic)).collect();
        Ok(match &event.fact {
            Fact::TicketAssigned { to: Some(user), .. } => Told::from([(*user, Topic::Assigned)]),
            Fact::TicketReplied { by_customer: true, .. } => all(self.writers(ticket).await?, Topic::CustomerReplied),
            Fact::TicketOpened { .. } if !matches!(event.actor, Actor::User(_)) => {
                all(self.choosers(Topic::TicketOpened).await?, Topic::TicketOpened)
            }
            Fact::TicketNoted { message } => {
                let Some(note) = self.desk.store().message(self.workspace, *message).await? else {
                    return Ok(Told::new());
                };
                let mut told = Told::new();
                for address in mentioned(note.body.as_str(), MAX_MENTIONED) {
                    let Ok(email) = EmailAddress::parse("email", &address) else { continue };
                    let user = self.desk.users().find(&email).await?;
                    told.extend(user.map(|user| (user.id, Topic::Mentioned)));
                }
                told
            }
            _ => Told::new(),
        })
    }

    /// Whoever works on a ticket, or has written on it.
    async fn writers(&mut self, ticket: TicketId) -> Result<BTreeSet<UserId>> {
        if let Some(writers) = self.writers.get(&ticket) {
            return Ok(writers.clone());
        }
        let store = self.desk.store();
        let row = store.ticket(self.workspace, TicketKey::Id(ticket)).await?;
        let mut writers: BTreeSet<UserId> = row.and_then(|row| row.ticket.assignee).into_iter().collect();
        let mut list = MessageList { ticket, ids: None, after: None, notes: true, limit: Limit::MAX };
        loop {
            let messages = store.messages(self.workspace, list.clone()).await?;
            writers.extend(messages.iter().filter_map(|message| match message.author {
                Actor::User(user) => Some(user),
                _ => None,
            }));
            list.after = messages.last().map(|message| message.id);
            if messages.len() <= Limit::MAX.get() {
                break;
            }
        }
        self.writers.insert(ticket, writers.clone());
        Ok(writers)
    }

    /// Whoever has chosen to be told of something that usually nobody is told of.
    async fn choosers(&mut self, topic: Topic) -> Result<BTreeSet<UserId>> {
        if let Some(choosers) = &self.choosers {
            return Ok(choosers.clone());
        }
        let mut list = RecordList { limit: Limit::MAX, ..RecordList::default() };
        let mut choosers = BTreeSet::new();
        loop {
            let records = self.desk.store().records(self.workspace, NoticeSettings::KIND, list.clone()).await?;
            let chosen = records.iter().filter_map(read).filter(|settings| !settings.media_of(topic).is_empty());
            choosers.extend(chosen.map(|settings| settings.user));
            list.after = records.last().map(|record| record.id.clone());
            if records.len() <= Limit::MAX.get() {
                break;
            }
        }
        self.choosers = Some(choosers.clone());
        Ok(choosers)
    }
}

/// Whether a mail about the same was sent to the person after this one was planned: it told of this as well.
async fn is_told_already(desk: &Desk, delivery: &Delivery, user: UserId) -> Result<bool> {
    let list = DeliveryList {
        recipient: Some(Recipient::User(user)),
        channel: Some(delivery.channel.clone()),
        state: Some(DeliveryState::Sent),
        limit: Limit::default(),
        ..DeliveryList::default()
    };
    let sent = desk.store().deliveries(delivery.workspace, list).await?;
    Ok(sent.iter().any(|sent| {
        sent.id != delivery.id
            && sent.ticket == delivery.ticket
            && sent.topic == delivery.topic
            && sent.settled_at.is_some_and(|at| at >= delivery.created_at)
    }))
}
