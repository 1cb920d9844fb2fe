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
use crate::notify::{Channel, ChannelLimits, Handed, Outgoing, SendFailure};
use crate::store::{EventList, TicketKey};
use crate::{Actor, Desk, Error, HeldReplyId, Limit, Moment, Result, TicketId, WorkspaceId};

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
            (Fact::TicketReplyHeld { ticket, send_at, .. }, Actor::User(author)) => {
                let plan = Plan::over(OUTBOX, event, "reply.release", Recipient::User(author));
                Some(plan.about(Some(*ticket), None).after(send_at.since(desk.now())))
            }
            _ => None,
        };
        Ok(events.iter().filter_map(plan).collect())
    }

    async fn compose(&self, desk: &Desk, delivery: &Delivery) -> Result<Composed> {
        let after = delivery.event.saturating_sub(1);
        let list = EventList { after, limit: Limit::ONE, ..EventList::default() };
        let event = desk.store().events(delivery.workspace, list).await?.into_iter().next();
        let event = event.filter(|event| event.seq == delivery.event);
        let Some(Event { fact: Fact::TicketReplyHeld { ticket, held, .. }, .. }) = event else {
            return Ok(Composed::Drop("the event is gone"));
        };
        let workspace = delivery.workspace;
        if Outbox::of(desk, workspace, ticket).await?.find(held).is_none() {
            return Ok(Composed::Drop("it was taken back, or sent before"));
        }
        let request_id = delivery.request_id.as_deref().map(Into::into);
        Ok(Composed::Send(Outgoing::Reply(Box::new(Due { desk: desk.clone(), workspace, ticket, held, request_id }))))
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
    /// Makes a message of the answer, if it still waits. What the desk refuses stays in the outbox and says why.
    async fn release(&self) -> Result<()> {
        let Self { desk, workspace, ticket, held, request_id } = self;
        let access = desk.host(&workspace.to_string()).await?;
        let tickets = desk.tickets(&access);
        let mut tries = Tries::default();
        loop {
            tries.next().await?;
            let outbox = Outbox::of(desk, *workspace, *ticket).await?;
            let Some(reply) = outbox.find(*held) else { return Ok(()) };
            let row = desk.store().ticket(*workspace, TicketKey::Id(*ticket)).await?;
            let row = row.ok_or_else(|| Error::Internal("the ticket is gone".to_owned()))?;
            let moment = Moment::new(desk.ids(), desk.now(), Actor::User(reply.author)).for_request(request_id.clone());
            let changes = match service::sending(&tickets, &row, &outbox, reply, &moment).await {
                Ok(changes) => changes,
                Err(error) if is_refusal(&error) => {
                    info!(held = %held, %error, "an answer could not be sent when its time had come");
                    let Some(change) = outbox.refuse(*held, &error.to_string()) else { return Ok(()) };
                    let moment = Moment::new(desk.ids(), desk.now(), Actor::System).for_request(request_id.clone());
                    ChangeSet::new(&moment).record(change, &moment)
                }
                Err(error) => return Err(error),
            };
            if desk.commit_to(*workspace, changes).await?.is_some() {
                return Ok(());
            }
        }
    }
}

/// Whether trying again would change nothing: the rules of the desk refuse the answer as things are.
fn is_refusal(error: &Error) -> bool {
    matches!(error, Error::Refused { .. } | Error::Invalid(_) | Error::NotFound(_) | Error::Forbidden(_))
}
