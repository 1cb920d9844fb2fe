//! Making, changing and watching webhooks.

use super::{MAX_WEBHOOKS, NewWebhook, Secret, Webhook, WebhookKeys, WebhookPatch};
use crate::delivery::{Delivery, DeliveryList, DeliveryState, Recipient, Reset};
use crate::page::decode_id;
use crate::record::{Record, RecordKind};
use crate::store::RecordList;
use crate::{Access, Action, DeliveryId, Desk, Error, Limit, Page, Result, Timestamp, WebhookId};

/// Most deliveries that one replay takes.
const MAX_REPLAYED: usize = 1000;

/// The webhooks of a workspace, as one access sees them.
#[derive(Debug)]
pub struct Webhooks<'a> {
    desk: &'a Desk,
    access: &'a Access,
    keys: &'a dyn WebhookKeys,
}

impl Desk {
    /// The webhooks of the access's workspace, with secrets of these keys.
    pub fn webhooks<'a>(&'a self, access: &'a Access, keys: &'a dyn WebhookKeys) -> Webhooks<'a> {
        Webhooks { desk: self, access, keys }
    }
}

impl Webhooks<'_> {
    /// Makes one. Its secret is told here, and when it is rotated.
    pub async fn create(&self, new: NewWebhook) -> Result<(Webhook, Secret)> {
        self.demand_all()?;
        if self.list().await?.len() >= MAX_WEBHOOKS && self.desk.replayed(self.access).await?.is_none() {
            return Err(Error::refused(
                "too_many_webhooks",
                format!("a workspace has at most {MAX_WEBHOOKS} webhooks"),
            ));
        }
        let workspace = self.access.workspace_id();
        let made = self.desk.make(self.access, |moment| Webhook::create(new, workspace, self.keys, moment)).await?;
        self.with_secret(made)
    }

    /// All of them, oldest first.
    pub async fn list(&self) -> Result<Vec<Webhook>> {
        self.desk.demand(self.access, Action::ManageWebhooks)?;
        let list = RecordList { limit: Limit::MAX, ..RecordList::default() };
        let records = self.desk.store().records(self.access.workspace_id(), Webhook::KIND, list).await?;
        Ok(records.iter().map(Record::read).collect::<Result<_, _>>()?)
    }

    /// One of them.
    pub async fn get(&self, id: WebhookId) -> Result<Webhook> {
        self.desk.demand(self.access, Action::ManageWebhooks)?;
        self.desk.one(self.access, id.to_string()).await
    }

    /// Changes one.
    pub async fn update(&self, id: WebhookId, patch: WebhookPatch) -> Result<Webhook> {
        if patch.url.is_some() || patch.types.is_some() {
            self.demand_all()?;
        }
        self.desk.demand(self.access, Action::ManageWebhooks)?;
        self.desk.edit(self.access, id.to_string(), |webhook: &Webhook, _| webhook.update(patch.clone())).await
    }

    /// Gives it another secret. The one of before signs beside it for a day.
    pub async fn rotate(&self, id: WebhookId) -> Result<(Webhook, Secret)> {
        self.desk.demand(self.access, Action::ManageWebhooks)?;
        let workspace = self.access.workspace_id();
        let rotated = self.desk.edit(self.access, id.to_string(), |webhook: &Webhook, moment| {
            webhook.rotate(workspace, self.keys, moment).map(Some)
        });
        let rotated = rotated.await?;
        self.with_secret(rotated)
    }

    /// Removes one. What was not sent is dropped.
    pub async fn remove(&self, id: WebhookId) -> Result<()> {
        self.desk.demand(self.access, Action::ManageWebhooks)?;
        if self.desk.replayed(self.access).await?.is_some() {
            return Ok(());
        }
        self.desk.edit(self.access, id.to_string(), |webhook: &Webhook, _| Ok(Some(webhook.remove()))).await.map(|_| ())
    }

    /// What it was told, and what became of that, newest first.
    pub async fn deliveries(
        &self,
        id: WebhookId,
        state: Option<DeliveryState>,
        cursor: Option<&str>,
        limit: Limit,
    ) -> Result<Page<Delivery>> {
        self.get(id).await?;
        let before = cursor.map(decode_id::<DeliveryId>).transpose()?;
        let before = before.map(|text| text.parse()).transpose().map_err(|_| Error::NotFound("delivery"))?;
        let rows = self.of(id, state, before, limit).await?;
        Ok(Page::cut(rows, limit, |delivery| delivery.id.to_string()))
    }

    /// Has what was given up sent after all: these deliveries, or all that were planned since a time. Answers how many.
    pub async fn replay(&self, id: WebhookId, which: Option<Vec<DeliveryId>>, since: Option<Timestamp>) -> Result<u64> {
        if !self.get(id).await?.enabled {
            return Err(Error::refused("webhook_off", "the webhook is switched off: switch it on first"));
        }
        let (mut before, mut ids) = (None, Vec::new());
        while ids.len() < MAX_REPLAYED {
            let page = self.of(id, None, before, Limit::MAX).await?;
            let more = page.len() > Limit::MAX.get();
            let page: Vec<Delivery> = page.into_iter().take(Limit::MAX.get()).collect();
            before = page.last().map(|delivery| delivery.id);
            let wanted = |delivery: &&Delivery| {
                matches!(delivery.state, DeliveryState::Failed | DeliveryState::Dropped)
                    && since.is_none_or(|since| delivery.created_at >= since)
                    && which.as_ref().is_none_or(|ids| ids.contains(&delivery.id))
            };
            ids.extend(page.iter().filter(wanted).map(|delivery| delivery.id));
            // Newest first: behind the time there is nothing more to find.
            let is_past = since.is_some_and(|since| page.last().is_some_and(|last| last.created_at < since));
            if !more || is_past {
                break;
            }
        }
        ids.truncate(MAX_REPLAYED);
        let reset = Reset::Requeue { at: self.desk.now() };
        Ok(self.desk.store().reset(self.access.workspace_id(), ids, reset).await?)
    }

    async fn of(
        &self,
        id: WebhookId,
        state: Option<DeliveryState>,
        before: Option<DeliveryId>,
        limit: Limit,
    ) -> Result<Vec<Delivery>> {
        let recipient = Some(Recipient::Webhook(id));
        let list = DeliveryList { state, recipient, before, limit, ..DeliveryList::default() };
        Ok(self.desk.store().deliveries(self.access.workspace_id(), list).await?)
    }

    /// Refuses who may not read themselves what a webhook would be told.
    fn demand_all(&self) -> Result<()> {
        let read = [Action::ManageWebhooks, Action::ReadAudit, Action::ReadNotes, Action::ReadTickets];
        read.into_iter().try_for_each(|action| self.desk.demand(self.access, action))
    }

    fn with_secret(&self, webhook: Webhook) -> Result<(Webhook, Secret)> {
        let secret = webhook.secret(self.keys, self.access.workspace_id());
        let secret = secret.ok_or_else(|| Error::Internal("the secret of a webhook is not known".to_owned()))?;
        Ok((webhook, secret))
    }
}
