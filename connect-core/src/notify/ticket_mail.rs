//! Mail about tickets: to the customer for a public answer.

use std::collections::VecDeque;

use async_trait::async_trait;

use crate::delivery::{Delivery, Recipient};
use crate::dispatch::{Composed, Plan, Subscriber};
use crate::event::{Event, Fact};
use crate::message::MessageKind;
use crate::notice::{Topic, composed_about};
use crate::notify::{Mail, Outgoing};
use crate::store::{MessageList, TicketKey, TicketRow};
use crate::template::{MailTopic, Words, composed};
use crate::workspace::Workspace;
use crate::{Actor, Desk, Limit, MessageId, Result, TicketId, WorkspaceId};

const REPLY: &str = "ticket.reply";
const ASSIGNED: &str = "ticket.assigned";

/// Most Message-IDs in `References`: the thread's first, and the newest.
const MAX_REFERENCES: usize = 10;

/// Plans and composes the mail about tickets.
#[derive(Debug)]
pub struct TicketMail;

#[async_trait]
impl Subscriber for TicketMail {
    fn name(&self) -> &'static str {
        "ticket-mail"
    }

    async fn plan(&self, _: &Desk, _: WorkspaceId, events: &[Event]) -> Result<Vec<Plan>> {
        let plan = |event: &Event| match &event.fact {
            Fact::TicketReplied { contact, message, by_customer: false } => {
                Some(Plan::mail(event, REPLY, Recipient::Contact(*contact)).about(event.ticket, Some(*message)))
            }
            _ => None,
        };
        Ok(events.iter().filter_map(plan).collect())
    }

    async fn compose(&self, desk: &Desk, delivery: &Delivery) -> Result<Composed> {
        let store = desk.store();
        let (Some(ticket), Some(workspace)) = (delivery.ticket, desk.workspace(delivery.workspace).await?) else {
            return Ok(Composed::Drop("the workspace is gone"));
        };
        let Some(row) = store.ticket(delivery.workspace, TicketKey::Id(ticket)).await? else {
            return Ok(Composed::Drop("the ticket is gone"));
        };
        match (delivery.topic.as_str(), delivery.recipient) {
            (REPLY, Recipient::Contact(_)) => {
                let Some(message) = delivery.message else { return Ok(Composed::Drop("no message")) };
                reply(desk, &workspace, row, message).await
            }
            // Planned by an earlier version; by now it is a notice.
            (ASSIGNED, Recipient::User(_)) => composed_about(desk, delivery, Topic::Assigned).await,
            _ => Ok(Composed::Drop("unknown topic")),
        }
    }
}

async fn reply(desk: &Desk, workspace: &Workspace, row: TicketRow, message: MessageId) -> Result<Composed> {
    let Some(to) = row.contact.email.clone() else { return Ok(Composed::Drop("the contact has no address")) };
    let Some(message) = desk.store().message(workspace.id, message).await? else {
        return Ok(Composed::Drop("the message is gone"));
    };
    let author = match message.author {
        Actor::User(user) => desk.user(user).await?.map(|user| user.name.to_string()),
        _ => None,
    };
    let thread = thread(desk, workspace.id, row.ticket.id, message.id).await?;
    let from = author.as_ref().map(|author| format!("{author} ({})", workspace.name));
    let from = desk.identity(Some(from.unwrap_or_else(|| workspace.name.to_string())));
    let link = desk.link(&format!("/{}/requests/{}", workspace.slug, row.ticket.number));
    let words = Words { row: &row, message: Some((message.body.as_str(), author)), link: &link, unsubscribe: None };
    let values = words.values(workspace);
    let words = composed(desk, workspace, MailTopic::Reply, row.contact.locale.as_ref(), values).await?;
    Ok(Composed::Send(Outgoing::Mail(Box::new(Mail {
        in_reply_to: thread.last().cloned(),
        references: thread,
        ..Mail::of(words, to, from, desk.message_id(&message.id))
    }))))
}

/// The Message-IDs of the thread before a message: the ticket's own, which stands for its beginning, and
/// those of the newest answers.
async fn thread(desk: &Desk, workspace: WorkspaceId, ticket: TicketId, before: MessageId) -> Result<Vec<String>> {
    let mut list = MessageList { ticket, ids: None, after: None, notes: false, limit: Limit::MAX };
    let mut earlier: VecDeque<MessageId> = VecDeque::with_capacity(MAX_REFERENCES);
    loop {
        let page = desk.store().messages(workspace, list.clone()).await?;
        for message in page.iter().take_while(|m| m.id < before) {
            if message.kind == MessageKind::Reply && matches!(message.author, Actor::User(_)) {
                if earlier.len() == MAX_REFERENCES - 1 {
                    earlier.pop_front();
                }
                earlier.push_back(message.id);
            }
        }
        list.after = page.last().map(|m| m.id);
        if page.len() <= list.limit.get() || list.after.is_none_or(|last| last >= before) {
            break;
        }
    }
    Ok(std::iter::once(desk.message_id(&ticket)).chain(earlier.iter().map(|id| desk.message_id(id))).collect())
}
