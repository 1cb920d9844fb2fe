//! Who is told of an event, over what; and the mail.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use tracing::warn;

use super::follow::Followers;
use super::{Medium, NoticeSettings, Topic, digest, mentioned, push};
use crate::delivery::{Delivery, DeliveryList, DeliveryState, Recipient};
use crate::dispatch::{Composed, IN_APP, Plan, Subscriber};
use crate::event::{Event, Fact};
use crate::member::Member;
use crate::notify::{Mail, Outgoing};
use crate::push::Devices;
use crate::record::{Record, RecordKind};
use crate::role::Permissions;
use crate::store::{MessageList, RecordList, TicketKey, TicketRow};
use crate::template::{MailTopic, Words, composed};
use crate::user::User;
use crate::workspace::Workspace;
use crate::{Action, Actor, Desk, EmailAddress, Error, Limit, PushDeviceId, Result, TicketId, UserId, WorkspaceId};

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
        // Whoever is told something that asks for them need not be told of a colleague's words besides.
        let asked: BTreeSet<(TicketId, UserId)> = latest
            .keys()
            .filter(|(_, _, topic)| *topic != Topic::TeamReplied)
            .map(|(ticket, user, _)| (*ticket, *user))
            .collect();
        latest.retain(|(ticket, user, topic), _| *topic != Topic::TeamReplied || !asked.contains(&(*ticket, *user)));
        let mut plans = Vec::new();
        for ((ticket, user, topic), event) in latest {
            let Some(person) = known.person(user).await? else { continue };
            if !person.sees(desk, workspace, ticket, topic).await? {
                continue;
            }
            for medium in person.settings.media_of(topic) {
                let to = Recipient::User(user);
                let told = match medium {
                    Medium::InApp => vec![Plan::over(IN_APP, event, topic.as_str(), to)],
                    Medium::Mail => {
                        let at = person.settings.mailed_at(desk.now(), waits(topic));
                        vec![Plan::mail(event, topic.as_str(), to).after(at.since(desk.now()))]
                    }
                    Medium::Push => {
                        let wait = person.settings.undisturbed(desk.now()).since(desk.now());
                        let targets = push::targets(desk, workspace, user).await?.into_iter();
                        let plan = |(channel, to)| Plan::over(channel, event, topic.as_str(), to).after(wait);
                        targets.map(plan).collect()
                    }
                };
                plans.extend(told.into_iter().map(|plan| plan.about(Some(ticket), event.fact.message())));
            }
        }
        Ok(plans)
    }

    async fn compose(&self, desk: &Desk, delivery: &Delivery) -> Result<Composed> {
        let Some(topic) = Topic::parse(&delivery.topic) else { return Ok(Composed::Drop("unknown topic")) };
        composed_about(desk, delivery, topic).await
    }

    async fn given_up(&self, desk: &Desk, delivery: &Delivery, gone: bool) -> Result<()> {
        match delivery.recipient {
            Recipient::Device { user, device } if gone => {
                Devices::forget(desk, delivery.workspace, user, &[device]).await
            }
            _ => Ok(()),
        }
    }

    async fn devices_gone(&self, desk: &Desk, delivery: &Delivery, gone: &[PushDeviceId]) -> Result<()> {
        match delivery.user() {
            Some(user) => Devices::forget(desk, delivery.workspace, user, gone).await,
            None => Ok(()),
        }
    }
}

/// Whom a notice is sent to, and where.
pub(super) struct Reader<'a> {
    pub(super) desk: &'a Desk,
    pub(super) workspace: Workspace,
    pub(super) user: User,
}

/// A notice as it is sent, over whatever channel its delivery is for.
pub(crate) async fn composed_about(desk: &Desk, delivery: &Delivery, topic: Topic) -> Result<Composed> {
    let (Some(user), Some(ticket)) = (delivery.user(), delivery.ticket) else {
        return Ok(Composed::Drop("it is about no ticket, or for nobody"));
    };
    let Some(workspace) = desk.workspace(delivery.workspace).await? else {
        return Ok(Composed::Drop("the workspace is gone"));
    };
    let (Some(person), Some(user)) = (person(desk, workspace.id, user).await?, desk.user(user).await?) else {
        return Ok(Composed::Drop("the person does not see the ticket any more"));
    };
    let reader = Reader { desk, workspace, user };
    let is_mail = delivery.channel == "mail";
    let medium = if is_mail { Medium::Mail } else { Medium::Push };
    if !person.settings.media_of(topic).contains(&medium) {
        return Ok(Composed::Drop("the person does not want it any more"));
    }
    if is_mail
        && person.settings.digest.is_some()
        && let Some(composed) = digest::compose(&reader, &person, delivery).await?
    {
        return Ok(composed);
    }
    let Some(row) = desk.store().ticket(reader.workspace.id, TicketKey::Id(ticket)).await? else {
        return Ok(Composed::Drop("the ticket is gone"));
    };
    if !person.sees(desk, reader.workspace.id, ticket, topic).await? {
        return Ok(Composed::Drop("the person does not see the ticket any more"));
    }
    if topic == Topic::Assigned && row.ticket.assignee != Some(reader.user.id) {
        return Ok(Composed::Drop("the ticket is assigned to somebody else by now"));
    }
    if is_told_already(desk, delivery).await? {
        return Ok(Composed::Drop("what was sent meanwhile tells of it"));
    }
    if is_mail { reader.mail(delivery, topic, &row).await } else { push::compose(&reader, delivery, topic, &row).await }
}

impl Reader<'_> {
    async fn mail(&self, delivery: &Delivery, topic: Topic, row: &TicketRow) -> Result<Composed> {
        let Self { desk, workspace, user } = self;
        let link = desk.link(&format!("/{}/tickets/{}", workspace.slug, row.ticket.number));
        let unsubscribe = desk.unsubscribe_link(workspace.id, user.id, Some(topic));
        let words = Words { row, message: None, link: &link, unsubscribe: unsubscribe.as_deref() };
        let words = composed(desk, workspace, topic.mail(), user.locale.as_ref(), words.values(workspace)).await?;
        let (from, thread) = (desk.identity(Some(workspace.name.to_string())), desk.message_id(&row.ticket.id));
        Ok(Composed::Send(Outgoing::Mail(Box::new(Mail {
            in_reply_to: Some(thread.clone()),
            references: vec![thread],
            auto_submitted: Some("auto-generated"),
            unsubscribe,
            ..Mail::of(words, user.email.clone(), from, desk.message_id(&delivery.id))
        }))))
    }
}

impl Topic {
    /// The template of its mail.
    const fn mail(self) -> MailTopic {
        match self {
            Self::Assigned => MailTopic::Assigned,
            Self::CustomerReplied => MailTopic::CustomerReplied,
            Self::Mentioned => MailTopic::Mentioned,
            Self::TeamReplied => MailTopic::TeamReplied,
            Self::MailCameBack => MailTopic::MailCameBack,
            Self::ReplyRefused => MailTopic::ReplyRefused,
            Self::TicketOpened => MailTopic::TicketOpened,
        }
    }
}

/// How long the mail about a topic waits for more of the same.
const fn waits(topic: Topic) -> std::time::Duration {
    match topic {
        Topic::CustomerReplied | Topic::TeamReplied => GATHERED_FOR,
        Topic::Assigned | Topic::Mentioned | Topic::MailCameBack | Topic::ReplyRefused | Topic::TicketOpened => {
            std::time::Duration::ZERO
        }
    }
}

/// A member who may be told, as they are now.
#[derive(Clone)]
pub(super) struct Person {
    member: Member,
    limits: Option<Permissions>,
    pub(super) settings: NoticeSettings,
}

impl Person {
    /// Whether they see what a notice is about.
    pub(super) async fn sees(
        &self,
        desk: &Desk,
        workspace: WorkspaceId,
        ticket: TicketId,
        topic: Topic,
    ) -> Result<bool> {
        let needed = if matches!(topic, Topic::Mentioned | Topic::TeamReplied) {
            Action::ReadNotes
        } else {
            Action::ReadTickets
        };
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
            Fact::TicketReplied { by_customer: false, .. } => all(self.writers(ticket).await?, Topic::TeamReplied),
            Fact::TicketMailCameBack { .. } => all(self.writers(ticket).await?, Topic::MailCameBack),
            Fact::TicketReplyRefused { author, .. } => Told::from([(*author, Topic::ReplyRefused)]),
            Fact::TicketOpened { .. } if !matches!(event.actor, Actor::User(_)) => {
                all(self.choosers(Topic::TicketOpened).await?, Topic::TicketOpened)
            }
            Fact::TicketNoted { message } => {
                let mut told = Told::new();
                if let Some(note) = self.desk.store().message(self.workspace, *message).await? {
                    for address in mentioned(note.body.as_str(), MAX_MENTIONED) {
                        let Ok(email) = EmailAddress::parse("email", &address) else { continue };
                        let user = self.desk.users().find(&email).await?;
                        told.extend(user.map(|user| (user.id, Topic::Mentioned)));
                    }
                }
                // Whom a note names is told of that, and not of the note besides.
                let others = self.writers(ticket).await?.into_iter();
                let others = others.filter(|user| !told.contains(&(*user, Topic::Mentioned)));
                let others: Vec<_> = others.map(|user| (user, Topic::TeamReplied)).collect();
                told.extend(others);
                told
            }
            _ => Told::new(),
        })
    }

    /// Whoever is told of what is said on a ticket.
    async fn writers(&mut self, ticket: TicketId) -> Result<BTreeSet<UserId>> {
        if let Some(writers) = self.writers.get(&ticket) {
            return Ok(writers.clone());
        }
        let followers = forgiven(Followers::of(self.desk, self.workspace, ticket).await)?;
        let (mut writers, assignee) = writers(self.desk, self.workspace, ticket).await?;
        if let Some(followers) = followers {
            // Whoever works on it now is told, even if they had left it before.
            writers.retain(|user| !followers.left.contains(user) || Some(*user) == assignee);
            writers.extend(followers.following);
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

/// What a record says, if it reads. One that does not must not hold up what everybody else is told.
pub(super) fn forgiven<T>(read: Result<T>) -> Result<Option<T>> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(Error::Internal(error)) => {
            warn!(%error, "a record of notices does not read and is passed over");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Whoever works on a ticket, or has written on it; and who of them works on it.
pub(super) async fn writers(
    desk: &Desk,
    workspace: WorkspaceId,
    ticket: TicketId,
) -> Result<(BTreeSet<UserId>, Option<UserId>)> {
    let row = desk.store().ticket(workspace, TicketKey::Id(ticket)).await?;
    let assignee = row.and_then(|row| row.ticket.assignee);
    let mut writers: BTreeSet<UserId> = assignee.into_iter().collect();
    let mut list = MessageList { ticket, ids: None, after: None, notes: true, limit: Limit::MAX };
    loop {
        let messages = desk.store().messages(workspace, list.clone()).await?;
        writers.extend(messages.iter().filter_map(|message| match message.author {
            Actor::User(user) => Some(user),
            _ => None,
        }));
        list.after = messages.last().map(|message| message.id);
        if messages.len() <= Limit::MAX.get() {
            return Ok((writers, assignee));
        }
    }
}

/// Whether the person was sent something about the same over this channel after this one was planned, or is just being sent
/// it: it tells of this as well. Of several that are due at once, as after quiet hours, the last one is sent.
async fn is_told_already(desk: &Desk, delivery: &Delivery) -> Result<bool> {
    if !matches!(delivery.recipient, Recipient::User(_)) {
        return Ok(false);
    }
    let list = DeliveryList {
        recipient: Some(delivery.recipient),
        channel: Some(delivery.channel.clone()),
        limit: Limit::MAX,
        ..DeliveryList::default()
    };
    let now = desk.now();
    let tells = |one: &Delivery| {
        let is_sent = one.state.is_handed_over() && one.settled_at.is_some_and(|at| at >= delivery.created_at);
        let is_due = one.state == DeliveryState::Queued && (one.attempts > 0 || one.due_at <= now);
        is_sent || is_due && one.id > delivery.id
    };
    let sent = desk.store().deliveries(delivery.workspace, list).await?;
    Ok(sent.iter().any(|sent| {
        sent.id != delivery.id && sent.ticket == delivery.ticket && sent.topic == delivery.topic && tells(sent)
    }))
}
