//! Who is told of an event, over what; and the mail.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;

use super::{Medium, NoticeSettings, Topic, mentioned};
use crate::delivery::{Delivery, DeliveryList, DeliveryState, Recipient};
use crate::dispatch::{Composed, IN_APP, Plan, Subscriber};
use crate::event::{Event, Fact};
use crate::member::Member;
use crate::message::Message;
use crate::notify::{Mail, MailIdentity, Outgoing, ticket_mail};
use crate::record::{Record, RecordKind};
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
        // Of what happens to one ticket in one go, the last event stands for all.
        let mut latest: BTreeMap<(TicketId, UserId, Topic), &Event> = BTreeMap::new();
        for event in events {
            let Some(ticket) = event.ticket else { continue };
            for (user, topic) in concerned(desk, workspace, ticket, event).await? {
                if event.actor != Actor::User(user) {
                    latest.insert((ticket, user, topic), event);
                }
            }
        }
        let mut plans = Vec::new();
        let mut known: BTreeMap<UserId, Option<NoticeSettings>> = BTreeMap::new();
        for ((ticket, user, topic), event) in latest {
            let chosen = match known.get(&user) {
                Some(chosen) => chosen.clone(),
                None => settings(desk, workspace, user).await?,
            };
            known.insert(user, chosen.clone());
            let Some(settings) = chosen else { continue };
            if !sees(desk, workspace, user, ticket, topic).await? {
                continue;
            }
            for medium in settings.media_of(topic) {
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
        if !sees(desk, workspace.id, user, ticket, topic).await? {
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

/// Whom an event concerns.
async fn concerned(desk: &Desk, workspace: WorkspaceId, ticket: TicketId, event: &Event) -> Result<Told> {
    let mut told = Told::new();
    match &event.fact {
        Fact::TicketAssigned { to: Some(user), .. } => {
            told.insert((*user, Topic::Assigned));
        }
        Fact::TicketReplied { by_customer: true, .. } => {
            for user in writers(desk, workspace, ticket).await? {
                told.insert((user, Topic::CustomerReplied));
            }
        }
        Fact::TicketOpened { .. } if !matches!(event.actor, Actor::User(_)) => {
            for user in choosers(desk, workspace, Topic::TicketOpened).await? {
                told.insert((user, Topic::TicketOpened));
            }
        }
        Fact::TicketNoted { message } => {
            let Some(note) = desk.store().message(workspace, *message).await? else { return Ok(told) };
            for address in mentioned(note.body.as_str(), MAX_MENTIONED) {
                let Ok(email) = EmailAddress::parse("email", &address) else { continue };
                if let Some(user) = desk.users().find(&email).await? {
                    told.insert((user.id, Topic::Mentioned));
                }
            }
        }
        _ => {}
    }
    Ok(told)
}

/// Whoever works on a ticket, or has written on it lately.
async fn writers(desk: &Desk, workspace: WorkspaceId, ticket: TicketId) -> Result<BTreeSet<UserId>> {
    let Some(row) = desk.store().ticket(workspace, TicketKey::Id(ticket)).await? else { return Ok(BTreeSet::new()) };
    let list = MessageList { ticket, ids: None, after: None, notes: true, limit: Limit::MAX };
    let messages = desk.store().messages(workspace, list).await?;
    let author = |message: &Message| match message.author {
        Actor::User(user) => Some(user),
        _ => None,
    };
    Ok(messages.iter().filter_map(author).chain(row.ticket.assignee).collect())
}

/// Whoever has chosen to be told of something that usually nobody is told of.
async fn choosers(desk: &Desk, workspace: WorkspaceId, topic: Topic) -> Result<Vec<UserId>> {
    let mut list = RecordList { limit: Limit::MAX, ..RecordList::default() };
    let mut found = Vec::new();
    loop {
        let records = desk.store().records(workspace, NoticeSettings::KIND, list.clone()).await?;
        for record in records.iter().take(Limit::MAX.get()) {
            let settings: NoticeSettings = record.read()?;
            found.extend(Some(settings.user).filter(|_| !settings.media_of(topic).is_empty()));
        }
        if records.len() <= Limit::MAX.get() {
            return Ok(found);
        }
        list.after = records.get(Limit::MAX.get() - 1).map(|record| record.id.clone());
    }
}

/// What a member has chosen; none if they are no member, or disabled.
async fn settings(desk: &Desk, workspace: WorkspaceId, user: UserId) -> Result<Option<NoticeSettings>> {
    let ids = vec![user.to_string(), NoticeSettings::id_of(user)];
    let member = desk.store().record(workspace, Member::KIND, ids[0].clone()).await?;
    if member.is_none() || desk.user(user).await?.is_none_or(|user| user.disabled) {
        return Ok(None);
    }
    let list = RecordList { ids: Some(ids), ..RecordList::default() };
    let chosen = desk.store().records(workspace, NoticeSettings::KIND, list).await?;
    let chosen = chosen.first().map(Record::read).transpose()?;
    Ok(Some(chosen.unwrap_or_else(|| NoticeSettings::usual(user))))
}

/// Whether a member sees what a notice is about, as they are now.
async fn sees(desk: &Desk, workspace: WorkspaceId, user: UserId, ticket: TicketId, topic: Topic) -> Result<bool> {
    let record = desk.store().record(workspace, Member::KIND, user.to_string()).await?;
    let Some(member) = record.map(|record| record.read::<Member>()).transpose()? else { return Ok(false) };
    let limits = desk.limits_of(workspace, &member).await?;
    let needed = if topic == Topic::Mentioned { Action::ReadNotes } else { Action::ReadTickets };
    if !desk.role_may(member.role, limits.as_ref(), needed) {
        return Ok(false);
    }
    let Some(within) = member.within() else { return Ok(true) };
    let row = desk.store().ticket(workspace, TicketKey::Id(ticket)).await?;
    Ok(row.is_some_and(|row| within.holds(&row.ticket)))
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
