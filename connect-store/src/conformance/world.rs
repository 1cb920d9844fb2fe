//! What the cases are played on: a store, a clock moved by hand, and change sets made by real decisions.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use connect_core::contact::{Contact, NewContact};
use connect_core::event::{Cause, Origin};
use connect_core::store::{TicketKey, TicketRow};
use connect_core::testing::{ManualClock, SeededRandom};
use connect_core::ticket::{
    Category, Channel, OpenTicket, Priority, ReplyOptions, StatusName, Ticket, TicketList, TicketPatch,
};
use connect_core::workspace::{NewWorkspace, Workspace};
use connect_core::{
    Actor, AuthStore, Body, ChangeSet, Clock, CommitError, Committed, ContactId, EmailAddress, Ids, LabelName, Moment,
    Name, Slug, Store, Subject, Timestamp, UserId, WorkspaceId,
};

use super::{Fresh, Ports};

/// A store with a world around it.
#[derive(Debug)]
pub struct World {
    fresh: Fresh,
    pub(super) clock: Arc<ManualClock>,
    pub(super) ids: Ids,
}

impl World {
    pub(super) fn new(fresh: Fresh) -> Self {
        let clock = Arc::new(ManualClock::default());
        let ids = Ids::new(clock.clone(), Arc::new(SeededRandom::new(42)));
        Self { fresh, clock, ids }
    }

    /// The same world on another store.
    pub(super) fn on<S: Store + AuthStore + 'static>(&self, store: Arc<S>) -> Self {
        let ports: Ports = (store.clone(), store);
        let again = ports.clone();
        let reopen: super::Reopen = Box::new(move || {
            let ports = again.clone();
            Box::pin(async move { ports })
        });
        Self {
            fresh: Fresh { ports, reopen, guard: Box::new(()) },
            clock: self.clock.clone(),
            ids: Ids::new(self.clock.clone(), Arc::new(SeededRandom::new(43))),
        }
    }

    pub(super) fn store(&self) -> Arc<dyn Store> {
        self.fresh.ports.0.clone()
    }

    pub(super) fn auth(&self) -> Arc<dyn AuthStore> {
        self.fresh.ports.1.clone()
    }

    /// The ports as a process would see them that was started after this one was killed.
    pub(super) async fn reopened(&self) -> Ports {
        (self.fresh.reopen)().await
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A second later, somebody of the team acts, from somewhere.
    pub(super) fn agent(&self) -> Moment<'_> {
        self.clock.advance(Duration::from_secs(1));
        let address = "192.0.2.77".parse().ok();
        let origin = Origin::new(address, Some("Kit/1 (\"quoted\", žluťoučký)"), &SeededRandom::new(77));
        let cause = Cause {
            request_id: Some("req_kit".into()),
            method: Some("email_code".into()),
            origin: Some(Arc::new(origin)),
        };
        Moment::new(&self.ids, self.clock.now(), Actor::User(UserId::from_bits(7))).because(cause)
    }

    pub(super) async fn workspace(&self, slug: &str) -> WorkspaceId {
        let moment = self.agent();
        let new = NewWorkspace { name: name(slug), slug: Slug::parse("slug", slug).expect("a slug") };
        let (workspace, change) = Workspace::create(new, &moment);
        self.commit(workspace.id, ChangeSet::new(&moment).record(change, &moment)).await.expect("a workspace is kept");
        workspace.id
    }

    pub(super) fn contact_set(&self, email: &str) -> (Contact, ChangeSet) {
        let moment = self.agent();
        let (contact, change) = Contact::create(new_contact("Ada Lovelace", email), &moment).expect("a contact");
        (contact, ChangeSet::new(&moment).record(change, &moment))
    }

    /// Two contacts of the same id and address, each in a change set of its own.
    pub(super) fn contact_twins(&self, names: [&str; 2]) -> [(Contact, ChangeSet); 2] {
        names.map(|called| {
            // Two generators that begin alike make the same ids of the same instant.
            let ids = Ids::new(self.clock.clone(), Arc::new(SeededRandom::new(99)));
            let moment = Moment::new(&ids, self.clock.now(), Actor::User(UserId::from_bits(7)));
            let (contact, change) =
                Contact::create(new_contact(called, "ada@example.org"), &moment).expect("a contact");
            (contact, ChangeSet::new(&moment).record(change, &moment))
        })
    }

    pub(super) async fn contact(&self, workspace: WorkspaceId, email: &str) -> Contact {
        let (contact, changes) = self.contact_set(email);
        self.commit(workspace, changes).await.expect("a contact is kept");
        contact
    }

    /// A workspace with a contact.
    pub(super) async fn desk(&self, slug: &str) -> (WorkspaceId, Contact) {
        let workspace = self.workspace(slug).await;
        (workspace, self.contact(workspace, "ada@example.org").await)
    }

    pub(super) fn ticket_set(
        &self,
        contact: ContactId,
        subject: &str,
        priority: Priority,
        label: Option<&str>,
    ) -> (Ticket, ChangeSet) {
        let moment = self.agent();
        let open = OpenTicket {
            subject: Subject::parse("subject", subject).expect("a subject"),
            body: body("It does not work."),
            contact,
            priority,
            labels: label.map(|label| LabelName::parse("label", label).expect("a label")).into_iter().collect(),
            assignee: None,
            team: None,
            channel: Channel::Api,
        };
        let change = Ticket::open(open, &moment).expect("a ticket opens");
        let ticket = change.ticket().clone();
        (ticket, ChangeSet::new(&moment).ticket(change, &moment))
    }

    pub(super) async fn ticket(&self, workspace: WorkspaceId, contact: ContactId, subject: &str) -> Ticket {
        let (_, changes) = self.ticket_set(contact, subject, Priority::None, None);
        let committed = self.commit(workspace, changes).await.expect("a ticket is kept");
        committed.tickets.first().cloned().expect("the commit answers with the ticket")
    }

    pub(super) fn reply_set(&self, ticket: &Ticket, text: &str) -> ChangeSet {
        let moment = self.agent();
        let change = ticket.reply(body(text), ReplyOptions::default(), &moment).expect("a reply");
        ChangeSet::new(&moment).ticket(change, &moment)
    }

    pub(super) fn note_set(&self, ticket: &Ticket, text: &str) -> ChangeSet {
        let moment = self.agent();
        let change = ticket.note(body(text), &moment).expect("a note");
        ChangeSet::new(&moment).ticket(change, &moment)
    }

    pub(super) fn update_set(&self, ticket: &Ticket, patch: TicketPatch) -> ChangeSet {
        let moment = self.agent();
        let change = ticket.update(patch, &moment).expect("an update");
        ChangeSet::new(&moment).ticket(change, &moment)
    }

    pub(super) async fn reply(&self, workspace: WorkspaceId, ticket: &Ticket, text: &str) -> Ticket {
        let committed = self.commit(workspace, self.reply_set(ticket, text)).await.expect("a reply is kept");
        committed.tickets.first().cloned().expect("the commit answers with the ticket")
    }

    pub(super) async fn commit(&self, workspace: WorkspaceId, changes: ChangeSet) -> Result<Committed, CommitError> {
        self.store().commit(workspace, changes).await
    }

    pub(super) async fn load(&self, workspace: WorkspaceId, ticket: &Ticket) -> Option<TicketRow> {
        self.store().ticket(workspace, TicketKey::Id(ticket.id)).await.expect("the ticket is read")
    }

    pub(super) async fn subjects(&self, workspace: WorkspaceId, list: TicketList) -> BTreeSet<String> {
        let rows = self.store().tickets(workspace, list).await.expect("tickets are read");
        rows.into_iter().map(|row| row.ticket.subject.to_string()).collect()
    }
}

fn new_contact(called: &str, email: &str) -> NewContact {
    NewContact {
        name: name(called),
        email: Some(address(email)),
        external_id: None,
        traits: serde_json::Map::new(),
        locale: None,
    }
}

pub(super) fn body(text: &str) -> Body {
    Body::parse("body", text).expect("a body")
}

pub(super) fn name(text: &str) -> Name {
    Name::parse("name", text).expect("a name")
}

pub(super) fn address(text: &str) -> EmailAddress {
    EmailAddress::parse("email", text).expect("an address")
}

pub(super) fn status(category: Category) -> TicketPatch {
    TicketPatch { status: Some((StatusName::of(category), category)), ..TicketPatch::default() }
}
