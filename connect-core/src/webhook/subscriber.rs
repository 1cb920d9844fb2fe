//! Who is called because of an event, and with what.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};
use tracing::warn;

use super::channel::WEBHOOK;
use super::{MAX_WEBHOOKS, Webhook, WebhookKeys};
use crate::change::ChangeSet;
use crate::delivery::{Delivery, DeliveryList, DeliveryState, Recipient};
use crate::dispatch::{Composed, Plan, Subscriber};
use crate::event::{Event, Fact};
use crate::member::Member;
use crate::notify::{Call, Mail, MailIdentity, Outgoing};
use crate::record::{Record, RecordKind};
use crate::store::{EventList, RecordList};
use crate::{Actor, Desk, Limit, Result, Role, UserId, WebhookId, WorkspaceId};

const EVENT: &str = "webhook.event";
const SWITCHED_OFF: &str = "webhook.switched_off";
/// How long a webhook answers nothing before it is switched off.
const SILENT_FOR: std::time::Duration = std::time::Duration::from_secs(24 * 3600);

/// Plans and composes the calls, and switches off what nobody answers.
#[derive(Debug)]
pub struct WebhookCalls {
    keys: Arc<dyn WebhookKeys>,
}

impl WebhookCalls {
    /// Calls that are signed with secrets of these keys.
    pub fn new(keys: Arc<dyn WebhookKeys>) -> Self {
        Self { keys }
    }
}

/// What a call tells: the event as the journal has it, by references.
fn body(event: &Event) -> String {
    let mut data = json!({
        "event_id": event.id, "seq": event.seq, "workspace_id": event.workspace, "actor": event.actor,
        "details": event.fact.details(),
    });
    let further = [
        ("ticket_id", event.ticket.map(|ticket| json!(ticket))),
        ("ticket_version", event.ticket_version.map(|version| json!(version))),
        ("api_key_id", event.key.map(|key| json!(key))),
    ];
    for (name, value) in further {
        data[name] = value.unwrap_or(Value::Null);
    }
    json!({"type": event.fact.name(), "timestamp": event.at.to_string(), "data": data}).to_string()
}

/// The webhook of a record, if it reads.
fn read(record: &Record) -> Option<Webhook> {
    record.read().inspect_err(|error| warn!(webhook = record.id, %error, "a webhook does not read")).ok()
}

async fn webhook(desk: &Desk, workspace: WorkspaceId, id: WebhookId) -> Result<Option<Webhook>> {
    let record = desk.store().record(workspace, Webhook::KIND, id.to_string()).await?;
    Ok(record.as_ref().map(Record::read).transpose()?)
}

#[async_trait]
impl Subscriber for WebhookCalls {
    fn name(&self) -> &'static str {
        "webhooks"
    }

    async fn plan(&self, desk: &Desk, workspace: WorkspaceId, events: &[Event]) -> Result<Vec<Plan>> {
        if workspace == WorkspaceId::DIRECTORY {
            return Ok(Vec::new());
        }
        let limit = Limit::new(MAX_WEBHOOKS as u64)?;
        let records =
            desk.store().records(workspace, Webhook::KIND, RecordList { limit, ..RecordList::default() }).await?;
        // One that does not read must not hold up what everybody else is told.
        let webhooks: Vec<Webhook> = records.iter().filter_map(read).collect();
        let mut plans = Vec::new();
        for event in events {
            let wanted = webhooks.iter().filter(|webhook| webhook.wants(event));
            let call = |webhook: &Webhook| Plan::over(WEBHOOK, event, EVENT, Recipient::Webhook(webhook.id));
            plans.extend(wanted.map(|webhook| call(webhook).about(event.ticket, None)));
            if matches!(event.fact, Fact::WebhookSwitchedOff { .. }) {
                for owner in desk.members_where(workspace, |member| member.role == Role::Owner).await? {
                    plans.push(Plan::mail(event, SWITCHED_OFF, Recipient::User(owner.user)));
                }
            }
        }
        Ok(plans)
    }

    async fn compose(&self, desk: &Desk, delivery: &Delivery) -> Result<Composed> {
        let after = delivery.event.saturating_sub(1);
        let list = EventList { after, limit: Limit::ONE, ..EventList::default() };
        let event = desk.store().events(delivery.workspace, list).await?.into_iter().next();
        let Some(event) = event.filter(|event| event.seq == delivery.event) else {
            return Ok(Composed::Drop("the event is gone"));
        };
        match (delivery.topic.as_str(), delivery.recipient) {
            (EVENT, Recipient::Webhook(id)) => {
                let Some(webhook) = webhook(desk, delivery.workspace, id).await? else {
                    return Ok(Composed::Drop("the webhook is gone"));
                };
                if !webhook.enabled {
                    return Ok(Composed::Drop("the webhook is switched off"));
                }
                let (id, body) = (delivery.id.to_string(), body(&event));
                let keys = self.keys.as_ref();
                let signed = webhook.sign(keys, delivery.workspace, (&id, &body), desk.now());
                let Some(signed) = signed else { return Ok(Composed::Drop("its secret is known no more: rotate it")) };
                let headers = [
                    ("content-type", "application/json".to_owned()),
                    ("webhook-id", id),
                    ("webhook-timestamp", signed.timestamp.to_string()),
                    ("webhook-signature", signed.signature),
                ];
                let headers = headers.map(|(name, value)| (name.to_owned(), value)).to_vec();
                let call = Call { url: webhook.url.as_str().to_owned(), headers, body };
                Ok(Composed::Send(Outgoing::Call(Box::new(call))))
            }
            (SWITCHED_OFF, Recipient::User(owner)) => switched_off(desk, owner, delivery, &event).await,
            _ => Ok(Composed::Drop("unknown topic")),
        }
    }

    /// A webhook that has answered nothing rightly since this delivery was planned, which is a day, or that says it is
    /// gone, is switched off.
    async fn given_up(&self, desk: &Desk, delivery: &Delivery, gone: bool) -> Result<()> {
        let Recipient::Webhook(id) = delivery.recipient else { return Ok(()) };
        if !gone {
            // One that was set aside, or could not be composed, says nothing of the receiver.
            if desk.now().since(delivery.tried().0) < SILENT_FOR {
                return Ok(());
            }
            let list = DeliveryList {
                recipient: Some(delivery.recipient),
                state: Some(DeliveryState::Sent),
                limit: Limit::MAX,
                ..DeliveryList::default()
            };
            let sent = desk.store().deliveries(delivery.workspace, list).await?;
            if sent.iter().any(|sent| sent.settled_at.is_some_and(|at| at >= delivery.tried().0)) {
                return Ok(());
            }
        }
        let Some(webhook) = webhook(desk, delivery.workspace, id).await? else { return Ok(()) };
        let reason = if gone { "it said that it is gone" } else { "it has answered no call for a day" };
        let moment = desk.moment_of(Actor::System);
        let Some(change) = webhook.switch_off(reason) else { return Ok(()) };
        if desk.commit_to(delivery.workspace, ChangeSet::new(&moment).record(change, &moment)).await?.is_none() {
            warn!(webhook = %id, "it was changed while it was to be switched off: the next delivery that is given up will");
        }
        Ok(())
    }
}

/// The mail to an owner.
async fn switched_off(desk: &Desk, owner: UserId, delivery: &Delivery, event: &Event) -> Result<Composed> {
    let Fact::WebhookSwitchedOff { webhook: id } = event.fact else { return Ok(Composed::Drop("unknown topic")) };
    let (Some(webhook), Some(workspace), Some(user)) = (
        webhook(desk, delivery.workspace, id).await?,
        desk.workspace(delivery.workspace).await?,
        desk.user(owner).await?,
    ) else {
        return Ok(Composed::Drop("the webhook, the workspace or the person is gone"));
    };
    if desk.store().record(workspace.id, Member::KIND, owner.to_string()).await?.is_none() {
        return Ok(Composed::Drop("the member is gone"));
    }
    let why = webhook.switched_off.clone().unwrap_or_else(|| "it has failed for long".to_owned());
    let text = format!(
        "The webhook to {} of {} is switched off: {why}.\n\nWhat it was not told is kept. Repair the receiver, switch the \
         webhook on again, and replay what was missed.",
        webhook.url.host(),
        workspace.name
    );
    let (text, html) = Mail::parts(&text, None);
    Ok(Composed::Send(Outgoing::Mail(Box::new(Mail {
        to: user.email,
        from: MailIdentity { name: Some(workspace.name.to_string()), ..desk.identity(None) },
        subject: "A webhook was switched off".to_owned(),
        text,
        html,
        message_id: desk.message_id(&delivery.id),
        in_reply_to: None,
        references: Vec::new(),
        auto_submitted: Some("auto-generated"),
        unsubscribe: None,
        reference: None,
    }))))
}
