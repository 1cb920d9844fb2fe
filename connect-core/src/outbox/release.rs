//! Sending what has waited long enough.

use std::time::Duration;

use async_trait::async_trait;
use tracing::info;

use super::{Outbox, service};
use crate::change::ChangeSet;
use crate::delivery::{Delivery, Recipient};
use crate::desk::Tries;
use crate::dispatch::{Backoff, Composed, Plan, Subscriber};
use crate::event::{Event, Fact};
use crate::member::Member;
use crate::notify::{Channel, ChannelLimits, Handed, Outgoing, SendFailure};
use crate::record::RecordKind;
use crate::store::{EventList, TicketKey};
use crate::ticket::Ticket;
use crate::{Action, Actor, Desk, Error, HeldReplyId, Limit, Moment, Result, TicketId, UserId, WorkspaceId};

/// The name of the subscriber and of its channel.
const OUTBOX: &str = "outbox";

/// An answer whose time has come.
#[derive(Debug, Clone)]
pub struct Due {
    desk: Desk,
    workspace: WorkspaceId,
    ticket: TicketId,
    held: HeldReplyId,
    request_id: Option<std::sync::Arc<str>>,
}

/// Plans that waiting answers are sent, and sends them: into the desk, from where they go on as any other does.
#[derive(Debug)]
pub(crate) struct Release;

#[async_trait]
impl Subscriber for Release {
    fn name(&self) -> &'static str {
        OUTBOX
    }

    async fn plan(&self, desk: &Desk, _: WorkspaceId, events: &[Event]) -> Result<Vec<Plan>> {
        let plan = |event: &Event| match (&event.fact, event.actor) {
            (Fact::TicketReplyHeld { send_at, .. }, Actor::User(author)) => {
                let plan = Plan::over(OUTBOX, event, "reply.release", Recipient::User(author));
                Some(plan.about(event.ticket, None).after(send_at.since(desk.now())))
            }
            _ => None,
        };
        Ok(events.iter().filter_map(plan).collect())
    }

    async fn compose(&self, desk: &Desk, delivery: &Delivery) -> Result<Composed> {
        let Some(due) = Due::of(desk, delivery).await? else { return Ok(Composed::Drop("the event is gone")) };
        if Outbox::of(desk, due.workspace, due.ticket).await?.find(due.held).is_none() {
            return Ok(Composed::Drop("it was taken back, or sent before"));
        }
        Ok(Composed::Send(Outgoing::Reply(Box::new(due))))
    }

    /// Says in the outbox that nobody tries any more.
    async fn given_up(&self, desk: &Desk, delivery: &Delivery, _gone: bool) -> Result<()> {
        let Some(due) = Due::of(desk, delivery).await? else { return Ok(()) };
        let mut tries = Tries::default();
        loop {
            tries.next().await?;
            let outbox = Outbox::of(desk, due.workspace, due.ticket).await?;
            let row = desk.store().ticket(due.workspace, TicketKey::Id(due.ticket)).await?;
            let Some(row) = row else { return Ok(()) };
            if due.refuse(&outbox, &row.ticket, due.held, "it could not be sent").await? {
                return Ok(());
            }
        }
    }
}

#[async_trait]
impl Channel for Release {
    fn name(&self) -> &'static str {
        OUTBOX
    }

    fn limits(&self) -> ChannelLimits {
        let steps = [1, 2, 5, 15, 60].into_iter().map(Duration::from_secs).collect();
        ChannelLimits { backoff: Backoff::new(steps, Duration::from_secs(72 * 3600)), ..ChannelLimits::at_once(8) }
    }

    async fn send(&self, outgoing: &Outgoing) -> Result<Handed, SendFailure> {
        let Outgoing::Reply(due) = outgoing else {
            return Err(SendFailure::Permanent("this is no answer that waits".to_owned()));
        };
        match due.release().await {
            Ok(()) => Ok(Handed::default()),
            Err(error @ Error::Internal(_)) => Err(SendFailure::Permanent(error.to_string())),
            Err(error) => Err(SendFailure::Retry(error.to_string())),
        }
    }

    async fn probe(&self) -> Result<(), SendFailure> {
        Ok(())
    }
}

impl Due {
    /// What a delivery is to send; none if its event is not there.
    async fn of(desk: &Desk, delivery: &Delivery) -> Result<Option<Self>> {
        let after = delivery.event.saturating_sub(1);
        let list = EventList { after, limit: Limit::ONE, ..EventList::default() };
        let event = desk.store().events(delivery.workspace, list).await?.into_iter().next();
        let event = event.filter(|event| event.seq == delivery.event);
        let Some(Event { fact: Fact::TicketReplyHeld { held, .. }, ticket: Some(ticket), .. }) = event else {
            return Ok(None);
        };
        let request_id = delivery.request_id.as_deref().map(Into::into);
        Ok(Some(Self { desk: desk.clone(), workspace: delivery.workspace, ticket, held, request_id }))
    }

    /// Makes a message of the answer, if it still waits, and before it of those that were to leave earlier. What the desk
    /// refuses stays in the outbox and says why.
    async fn release(&self) -> Result<()> {
        let Self { desk, workspace, ticket, held: due, request_id } = self;
        let access = desk.host(&workspace.to_string()).await?;
        let tickets = desk.tickets(&access);
        let mut tries = Tries::default();
        loop {
            tries.next().await?;
            let outbox = Outbox::of(desk, *workspace, *ticket).await?;
            let Some(reply) = outbox.first_up_to(*due) else { return Ok(()) };
            let row = desk.store().ticket(*workspace, TicketKey::Id(*ticket)).await?;
            let row = row.ok_or_else(|| Error::Internal("the ticket is gone".to_owned()))?;
            let moment = Moment::new(desk.ids(), desk.now(), Actor::User(reply.author)).for_request(request_id.clone());
            let sending = match self.may_answer(reply.author).await {
                Ok(true) => service::sending(&tickets, &row, &outbox, reply, &moment).await,
                Ok(false) => Err(Error::Forbidden("its author may not answer here any more")),
                Err(error) => Err(error),
            };
            let is_done = match sending {
                Ok(changes) => desk.commit_to(*workspace, changes).await?.is_some(),
                // What does not read of one that goes before this one is not this one's trouble.
                Err(error) if is_refusal(&error) || reply.id != *due && matches!(error, Error::Internal(_)) => {
                    info!(held = %reply.id, %error, "an answer could not be sent when its time had come");
                    self.refuse(&outbox, &row.ticket, reply.id, &error.to_string()).await?
                }
                Err(error) => return Err(error),
            };
            match is_done {
                true if reply.id == *due => return Ok(()),
                // One that went before it.
                true => tries = Tries::default(),
                false => {}
            }
        }
    }

    /// Keeps why an answer was not sent; answers whether that is known now.
    async fn refuse(&self, outbox: &Outbox, ticket: &Ticket, held: HeldReplyId, why: &str) -> Result<bool> {
        let Some(change) = outbox.refuse(held, why) else { return Ok(true) };
        let moment = Moment::new(self.desk.ids(), self.desk.now(), Actor::System).for_request(self.request_id.clone());
        let changes = ChangeSet::new(&moment).record_about(change, ticket, &moment);
        Ok(self.desk.commit_to(self.workspace, changes).await?.is_some())
    }

    /// Whether somebody is still of the team, and may answer: who was let go meanwhile is not heard any more.
    async fn may_answer(&self, author: UserId) -> Result<bool> {
        let record = self.desk.store().record(self.workspace, Member::KIND, author.to_string()).await?;
        let Some(member) = record.map(|record| record.read::<Member>()).transpose()? else { return Ok(false) };
        if self.desk.user(author).await?.is_none_or(|user| user.disabled) {
            return Ok(false);
        }
        let limits = self.desk.limits_of(self.workspace, &member).await?;
        Ok(self.desk.role_may(member.role, limits.as_ref(), Action::ReplyToTickets))
    }
}

/// Whether trying again would change nothing: the rules of the desk refuse the answer as things are.
fn is_refusal(error: &Error) -> bool {
    matches!(error, Error::Refused { .. } | Error::Invalid(_) | Error::NotFound(_) | Error::Forbidden(_))
}
