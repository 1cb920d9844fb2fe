//! Customers whom the host vouches for.

use std::sync::Arc;

use super::HostCustomer;
use crate::contact::{Contact, ContactPatch, NewContact, Traits};
use crate::desk::Tries;
use crate::event::Cause;
use crate::{Access, Actor, Desk, Error, Name, Result, Standing};

impl Desk {
    /// Lets a customer into their workspace for whom the embedding application vouches; whoever calls has made sure
    /// of that. They are found by the host's id of them, and made a contact when they come for the first time. The
    /// access is a customer's: their own tickets, and no notes.
    ///
    /// [`Error::NotFound`] when there is no such workspace.
    pub async fn admit_customer(&self, customer: &HostCustomer, cause: Cause) -> Result<(Access, Contact)> {
        let host = self.host(&customer.workspace).await?.because(cause.clone());
        let mut tries = Tries::default();
        let contact = loop {
            tries.next().await?;
            if let Some(contact) = self.contacts(&host).by_external_id(&customer.external_id).await? {
                break contact;
            }
            match self.meet(&host, customer).await {
                Ok(contact) => break contact,
                // A twin of this request was quicker, or somebody changed the contact meanwhile.
                Err(Error::Taken { .. } | Error::RecordMismatch { .. } | Error::Contended) => {}
                Err(error) => return Err(error),
            }
        };
        let workspace = Arc::new(host.workspace().clone());
        Ok((Access::new(workspace, Actor::Contact(contact.id), Standing::Contact).because(cause), contact))
    }

    /// Somebody who comes for the first time: who has written from that address before, or somebody new.
    async fn meet(&self, host: &Access, customer: &HostCustomer) -> Result<Contact> {
        let external_id = Some(customer.external_id.clone());
        let known = match &customer.verified_email {
            Some(email) => self.contacts(host).by_email(email).await?,
            None => None,
        };
        let email = match known {
            Some(contact) if contact.external_id.is_none() => {
                let seen = Some(contact.version);
                let patch = ContactPatch { external_id: Some(external_id), seen, ..ContactPatch::default() };
                return self.contacts(host).update(contact.id, patch).await;
            }
            // The address is somebody's whom the host calls otherwise: two people, who stay apart.
            Some(_) => None,
            None => customer.verified_email.clone(),
        };
        let usual = || match &email {
            Some(email) => Ok(Name::from_address(email)),
            None => Name::parse("name", "A customer"),
        };
        let name = customer.name.clone().map_or_else(usual, Ok)?;
        self.contacts(host).create(NewContact { name, email, external_id, traits: Traits::new(), locale: None }).await
    }
}
