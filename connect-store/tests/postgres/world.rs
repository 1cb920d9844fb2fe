//! Change sets made by real decisions, and a second look at the database past the store.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use connect_core::contact::{Contact, NewContact, Traits};
use connect_core::event::{Cause, Origin};
use connect_core::testing::{ManualClock, SeededRandom};
use connect_core::ticket::{Channel, OpenTicket, Priority, Ticket};
use connect_core::{
    Actor, Body, ChangeSet, Clock, ContactId, EmailAddress, Ids, Moment, Name, Random, Store, Subject, UserId,
    WorkspaceId,
};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions};

pub(crate) const WORKSPACE: WorkspaceId = WorkspaceId::from_bits(0x0190_0000_0000_7000_8000_0000_0000_0001);
pub(crate) const OTHER: WorkspaceId = WorkspaceId::from_bits(0x0190_0000_0000_7000_8000_0000_0000_0002);

/// Far more than anything here takes: it is there so that a hang ends in words.
const HANG: Duration = Duration::from_secs(240);

/// Makes contacts and tickets; its ids are its own.
#[derive(Debug)]
pub(crate) struct Maker {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) ids: Ids,
}

impl Maker {
    pub(crate) fn new(seed: u64) -> Self {
        let clock = Arc::new(ManualClock::default());
        Self { ids: Ids::new(clock.clone(), Arc::new(SeededRandom::new(seed))), clock }
    }

    fn moment(&self) -> Moment<'_> {
        let origin = Origin::new("192.0.2.77".parse().ok(), Some("Test/1"), &SeededRandom::new(77));
        let cause = Cause { origin: Some(Arc::new(origin)), ..Cause::default() };
        Moment::new(&self.ids, self.clock.now(), Actor::User(UserId::from_bits(7))).because(cause)
    }

    /// A change set that makes a contact: one event.
    pub(crate) fn contact(&self, email: &str) -> (Contact, ChangeSet) {
        let moment = self.moment();
        let (contact, change) = Contact::create(new_contact(email), &moment).expect("a contact");
        (contact, ChangeSet::new(&moment).record(change, &moment))
    }

    /// A change set that opens a ticket: one event.
    pub(crate) fn ticket(&self, contact: ContactId, body: &str) -> (Ticket, ChangeSet) {
        let moment = self.moment();
        let change = Ticket::open(open(contact, body), &moment).expect("a ticket opens");
        let ticket = change.ticket().clone();
        (ticket, ChangeSet::new(&moment).ticket(change, &moment))
    }

    /// A change set that makes a contact and opens its ticket: two events.
    pub(crate) fn contact_and_ticket(&self, email: &str) -> (Contact, Ticket, ChangeSet) {
        let moment = self.moment();
        let (contact, made) = Contact::create(new_contact(email), &moment).expect("a contact");
        let opened = Ticket::open(open(contact.id, "It does not work."), &moment).expect("a ticket opens");
        let ticket = opened.ticket().clone();
        (contact, ticket, ChangeSet::new(&moment).record(made, &moment).ticket(opened, &moment))
    }

    /// A contact that is kept, for tickets to come.
    pub(crate) async fn kept_contact(&self, store: &impl Store, workspace: WorkspaceId) -> ContactId {
        let (contact, changes) = self.contact("ada@example.org");
        store.commit(workspace, changes).await.expect("the first contact is kept");
        contact.id
    }
}

fn new_contact(email: &str) -> NewContact {
    NewContact {
        name: Name::parse("name", "Ada Lovelace").expect("a name"),
        email: Some(EmailAddress::parse("email", email).expect("an address")),
        external_id: None,
        traits: Traits::new(),
        locale: None,
    }
}

fn open(contact: ContactId, body: &str) -> OpenTicket {
    OpenTicket {
        subject: Subject::parse("subject", "The printer is on fire").expect("a subject"),
        body: Body::parse("body", body).expect("a body"),
        contact,
        priority: Priority::None,
        labels: std::collections::BTreeSet::new(),
        assignee: None,
        team: None,
        channel: Channel::Api,
    }
}

/// A whole number below `end` from a seeded source.
pub(crate) fn below(random: &SeededRandom, end: u64) -> u64 {
    let mut bytes = [0; 8];
    random.fill(&mut bytes);
    u64::from_le_bytes(bytes) % end.max(1)
}

/// Text that does not compress.
pub(crate) fn noise(random: &SeededRandom, characters: usize) -> String {
    let mut bytes = vec![0; characters];
    random.fill(&mut bytes);
    bytes.iter().map(|byte| char::from(b'0' + byte % 75)).map(|c| if c.is_alphanumeric() { c } else { 'x' }).collect()
}

/// A connection that the store knows nothing of.
pub(crate) async fn outside(url: &str) -> PgConnection {
    let options = PgConnectOptions::from_str(url).expect("an address").application_name("test_outside");
    options.connect().await.expect("a connection past the store")
}

/// One number that a statement answers.
pub(crate) async fn number(connection: &mut PgConnection, statement: &str) -> i64 {
    let asked = sqlx::query_scalar(AssertSqlSafe(statement.to_owned())).fetch_one(connection).await;
    asked.unwrap_or_else(|error| panic!("{statement}: {error}"))
}

/// A statement that answers nothing.
pub(crate) async fn run(connection: &mut PgConnection, statement: &str) {
    let done = sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(connection).await;
    done.unwrap_or_else(|error| panic!("{statement}: {error}"));
}

/// The end of something that must not hang.
pub(crate) async fn bounded<T>(what: &str, work: impl Future<Output = T>) -> T {
    let ended = tokio::time::timeout(HANG, work).await;
    ended.unwrap_or_else(|_| panic!("{what} must come to an end, and does not within {HANG:?}"))
}

/// What a call answers once it answers well; a store that recovers does so within some tries.
pub(crate) async fn recovered<T, E: std::fmt::Display, F: Future<Output = Result<T, E>>>(
    what: &str,
    call: impl Fn() -> F,
) -> T {
    let mut last = String::new();
    for _ in 0..150 {
        match call().await {
            Ok(answer) => return answer,
            Err(error) => last = error.to_string(),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{what} must work again by itself; after 150 tries: {last}")
}
