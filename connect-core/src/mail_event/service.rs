//! What follows from what became of a mail.

use std::time::Duration;

use super::{MailEvent, MailOutcome, MailReference};
use crate::change::{ChangeSet, Once};
use crate::contact::Contact;
use crate::delivery::{Delivery, DeliveryList, DeliveryState, Recipient, Reset};
use crate::desk::Tries;
use crate::event::Fact;
use crate::record::RecordKind;
use crate::store::TicketKey;
use crate::suppression::{Suppression, SuppressionReason};
use crate::{Actor, DeliveryId, Desk, EmailAddress, Error, Limit, Result, WorkspaceId};

/// For how long a repeat of a call is known as one. Providers repeat for three days at most.
const TOLD_FOR: Duration = Duration::from_secs(7 * 24 * 3600);

impl Desk {
    /// Takes note of what became of a mail: its delivery shows it; after a bounce or a complaint the address is mailed to
    /// no more where nothing will reach it, and whoever works on the ticket is told. Told again, it changes nothing.
    ///
    /// [`Error::Contended`] for a mail that is just being handed over: whoever tells should tell again a little later. What
    /// is about a mail that the desk does not know is passed over.
    pub async fn mail_event(&self, event: MailEvent) -> Result<()> {
        let MailReference { workspace, delivery: id } = event.mail;
        let Some(delivery) = self.delivery(workspace, id).await? else { return Ok(()) };
        if delivery.state == DeliveryState::Queued {
            return Err(Error::Contended);
        }
        let state = match event.outcome {
            MailOutcome::Delivered => DeliveryState::Delivered,
            MailOutcome::Deferred => DeliveryState::Deferred,
            MailOutcome::Bounced { .. } => DeliveryState::Bounced,
            MailOutcome::Complained => DeliveryState::Complained,
        };
        let MailEvent { address, detail, .. } = event;
        match event.outcome {
            MailOutcome::Bounced { hard } => {
                let reason = hard.then_some(SuppressionReason::HardBounce);
                self.came_back(&delivery, address, reason, detail.clone()).await?;
            }
            MailOutcome::Complained => {
                self.came_back(&delivery, address, Some(SuppressionReason::Complaint), detail.clone()).await?;
            }
            MailOutcome::Delivered | MailOutcome::Deferred => {}
        }
        // Last, so that a call which breaks off is told again as a whole.
        self.store().reset(workspace, vec![id], Reset::Report { state, detail }).await?;
        Ok(())
    }

    async fn delivery(&self, workspace: WorkspaceId, id: DeliveryId) -> Result<Option<Delivery>> {
        let before = id.bits().checked_add(1).map(DeliveryId::from_bits);
        let list = DeliveryList { before, limit: Limit::ONE, ..DeliveryList::default() };
        let found = self.store().deliveries(workspace, list).await?;
        Ok(found.into_iter().next().filter(|delivery| delivery.id == id))
    }

    /// Tells of a mail that came back, once for each mail, and suppresses its address for this reason, if there is one.
    /// Sign-in mail of the directory is told of nowhere and suppresses nothing: nobody is to be locked out by a mail that
    /// came back, or by a stranger's complaint.
    pub(crate) async fn came_back(
        &self,
        delivery: &Delivery,
        address: Option<EmailAddress>,
        reason: Option<SuppressionReason>,
        detail: String,
    ) -> Result<()> {
        let workspace = delivery.workspace;
        if workspace == WorkspaceId::DIRECTORY {
            return Ok(());
        }
        let complained = reason == Some(SuppressionReason::Complaint);
        // Whoever was mailed knows the token, and may write a report: it counts for their own address only.
        let own = self.address_of(delivery).await?;
        let is_own = |told: &EmailAddress| own.as_ref().is_some_and(|own| own.canonical() == told.canonical());
        let reason = reason.filter(|_| address.as_ref().is_none_or(is_own));
        let address = own;
        // Of each mail, as often as it was queued, each of these is told once.
        let how = reason.map_or("came back", SuppressionReason::as_str);
        let again = delivery.requeued.map_or(0, |requeued| requeued.attempts);
        let key = format!("{} {how} {again}", delivery.id);
        let mut tries = Tries::default();
        loop {
            tries.next().await?;
            let moment = self.moment_of(Actor::System);
            let mut changes = ChangeSet::new(&moment);
            if let (Some(reason), Some(address)) = (reason, &address)
                && self.suppressed(workspace, address).await?.is_none()
            {
                let about = (Some(delivery.id), detail.clone());
                changes = changes.record(Suppression::begin(address.clone(), reason, about, &moment).1, &moment);
            }
            if let (Some(ticket), Some(message), Recipient::Contact(_)) =
                (delivery.ticket, delivery.message, delivery.recipient)
                && let Some(row) = self.store().ticket(workspace, TicketKey::Id(ticket)).await?
            {
                let fact = Fact::TicketMailCameBack { message, complained };
                changes = changes.fact_about(fact, &row.ticket, &moment);
            }
            if changes.is_empty() {
                return Ok(());
            }
            let once = Once {
                actor: Actor::System,
                key: key.clone(),
                request_hash: String::new(),
                expires_at: self.now().plus(TOLD_FOR),
            };
            match self.commit_to(workspace, changes.once(Some(once))).await {
                Ok(_) => return Ok(()),
                // Somebody else has just suppressed the address: the rest is still to be told.
                Err(Error::Taken { .. }) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The address that a delivery goes to now.
    async fn address_of(&self, delivery: &Delivery) -> Result<Option<EmailAddress>> {
        match delivery.recipient {
            Recipient::Contact(contact) => {
                let record = self.store().record(delivery.workspace, Contact::KIND, contact.to_string()).await?;
                Ok(record.map(|record| record.read::<Contact>()).transpose()?.and_then(|contact| contact.email))
            }
            Recipient::User(user) => Ok(self.user(user).await?.map(|user| user.email)),
            _ => Ok(None),
        }
    }
}
