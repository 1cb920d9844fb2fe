//! Making, finding and changing contacts.

use super::{Contact, ContactPatch, NewContact, Traits};
use crate::change::ChangeSet;
use crate::desk::Tries;
use crate::page::decode_id;
use crate::record::{Record, RecordKind};
use crate::store::RecordList;
use crate::user::ProvenMailbox;
use crate::workspace::Customers;
use crate::{Access, Action, ContactId, Desk, EmailAddress, Error, Limit, Name, Page, Result, Standing};

/// The contacts of a workspace, as one access sees them.
#[derive(Debug)]
pub struct Contacts<'a> {
    desk: &'a Desk,
    access: &'a Access,
}

impl Desk {
    /// The contacts of the access's workspace.
    pub fn contacts<'a>(&'a self, access: &'a Access) -> Contacts<'a> {
        Contacts { desk: self, access }
    }

    /// Lets a signed-in person into a workspace, making them a customer there if they do not belong yet
    /// and the workspace is open to anyone.
    pub async fn admit_or_join(&self, person: &ProvenMailbox, workspace: &str) -> Result<Access> {
        match self.admit(person, workspace).await {
            Err(Error::NotFound(_)) => {}
            admitted => return admitted,
        }
        let host = self.host(workspace).await?.because(person.cause().clone());
        if host.workspace().customers != Customers::Anyone {
            return Err(Error::NotFound("workspace"));
        }
        let name = self.user(person.user()).await?.map(|user| user.name);
        let new = NewContact {
            name: name.unwrap_or_else(|| Name::from_address(person.mailbox())),
            email: Some(person.mailbox().clone()),
            external_id: None,
            traits: Traits::new(),
            locale: None,
        };
        match self.contacts(&host).create(new).await {
            Ok(_) | Err(Error::Taken { .. }) => self.admit(person, workspace).await,
            Err(error) => Err(error),
        }
    }
}

impl Contacts<'_> {
    /// Makes a contact.
    pub async fn create(&self, new: NewContact) -> Result<Contact> {
        self.desk.demand(self.access, Action::WriteContacts)?;
        if let Some(earlier) = self.desk.replayed(self.access).await? {
            return Ok(earlier.records.first().ok_or(Error::NotFound("contact"))?.read()?);
        }
        let moment = self.desk.moment(self.access);
        let (contact, change) = Contact::create(new, &moment)?;
        let committed = self.desk.commit(self.access, ChangeSet::new(&moment).record(change, &moment)).await?;
        // A new id cannot be there already; a twin with the same key may have been quicker.
        let record = committed.and_then(|committed| committed.records.into_iter().next());
        record.map_or(Ok(contact), |record| Ok(record.read()?))
    }

    /// One contact.
    pub async fn get(&self, id: ContactId) -> Result<Contact> {
        if self.access.contact() != Some(id) {
            self.desk.demand(self.access, Action::ReadContacts)?;
        }
        self.find(id).await?.ok_or(Error::NotFound("contact"))
    }

    /// The contact of an address.
    pub async fn by_email(&self, email: &EmailAddress) -> Result<Option<Contact>> {
        self.desk.demand(self.access, Action::ReadContacts)?;
        let found =
            self.desk.store().find(self.access.workspace_id(), Contact::KIND, Contact::email_key(email)).await?;
        Ok(found.map(|record| record.read()).transpose()?)
    }

    /// The contact of an id of the host. What can be no such id is nobody's, and the store is not asked.
    pub async fn by_external_id(&self, id: &str) -> Result<Option<Contact>> {
        self.desk.demand(self.access, Action::ReadContacts)?;
        if !Contact::is_external_id(id) {
            return Ok(None);
        }
        let found =
            self.desk.store().find(self.access.workspace_id(), Contact::KIND, Contact::external_key(id)).await?;
        Ok(found.map(|record| record.read()).transpose()?)
    }

    /// A page of contacts, oldest first.
    pub async fn list(&self, cursor: Option<&str>, limit: Limit) -> Result<Page<Contact>> {
        self.desk.demand(self.access, Action::ReadContacts)?;
        let list = RecordList { ids: None, after: cursor.map(decode_id::<ContactId>).transpose()?, limit };
        let records = self.desk.store().records(self.access.workspace_id(), Contact::KIND, list).await?;
        let page = Page::cut(records, limit, |record| record.id.clone());
        let rows = page.rows.iter().map(Record::read).collect::<Result<_, _>>()?;
        Ok(Page { rows, next: page.next })
    }

    /// Changes a contact.
    pub async fn update(&self, id: ContactId, patch: ContactPatch) -> Result<Contact> {
        self.desk.demand(self.access, Action::WriteContacts)?;
        if self.access.standing() == Standing::Contact {
            return Err(Error::Forbidden(Action::WriteContacts.as_str()));
        }
        if let Some(earlier) = self.desk.replayed(self.access).await? {
            return Ok(earlier.records.first().ok_or(Error::NotFound("contact"))?.read()?);
        }
        let mut tries = Tries::default();
        loop {
            tries.next().await?;
            let contact = self.find(id).await?.ok_or(Error::NotFound("contact"))?;
            let moment = self.desk.moment(self.access);
            let Some(change) = contact.update(patch.clone(), moment.now())? else { return Ok(contact) };
            let changes = ChangeSet::new(&moment).record(change, &moment);
            if let Some(committed) = self.desk.commit(self.access, changes).await? {
                return committed.records.first().map_or(Ok(contact), |record| Ok(record.read()?));
            }
        }
    }

    async fn find(&self, id: ContactId) -> Result<Option<Contact>> {
        let record = self.desk.store().record(self.access.workspace_id(), Contact::KIND, id.to_string()).await?;
        Ok(record.map(|record| record.read()).transpose()?)
    }
}
