//! What the benches and the load harness share: a desk filled with tickets.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::Context;
use connect_auth::RoleMatrix;
use connect_core::notify::MailIdentity;
use connect_core::store::TicketKey;
use connect_core::ticket::{Channel, ContactRef, NewTicket, Priority};
use connect_core::user::ProvenMailbox;
use connect_core::workspace::NewWorkspace;
use connect_core::{Access, Body, Desk, DeskSettings, EmailAddress, Name, Slug, Store, Subject};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection};

/// The address of the agent who owns the filled workspace.
pub const AGENT: &str = "agent@load.example";

/// The server that a variable of the environment names; where it names none, this is said.
pub fn server_url(variable: &str) -> Option<String> {
    #[allow(clippy::disallowed_methods)]
    let url = std::env::var(variable).ok().filter(|url| !url.is_empty());
    if url.is_none() {
        eprintln!("skipped: {variable} names no server");
    }
    url
}

/// Removes a schema of PostgreSQL with all that is in it.
pub async fn drop_schema(url: &str, schema: &str) -> anyhow::Result<()> {
    let mut connection = PgConnection::connect(url).await?;
    sqlx::query(AssertSqlSafe(format!("DROP SCHEMA {schema} CASCADE"))).execute(&mut connection).await?;
    Ok(())
}

/// A desk over a store.
pub fn desk(store: Arc<dyn Store>) -> anyhow::Result<Desk> {
    let address = EmailAddress::parse("mail_from", "desk@load.example")?;
    let mail_from = MailIdentity { name: None, address };
    let settings = DeskSettings::new("http://127.0.0.1", mail_from);
    Ok(Desk::builder(store, Arc::new(RoleMatrix)).build(settings))
}

/// What opens the ticket of this place.
pub fn new_ticket(place: usize) -> anyhow::Result<NewTicket> {
    Ok(NewTicket {
        subject: Subject::parse("subject", &format!("Order {place} has not arrived, what can be done?"))?,
        body: Body::parse("body", &"The parcel was to come on Monday and it is not here yet. ".repeat(4))?,
        contact: ContactRef::Address {
            email: EmailAddress::parse("email", &format!("customer{}@load.example", place % 500))?,
            name: Some(Name::parse("name", "Carla Customer")?),
        },
        priority: Priority::Normal,
        labels: BTreeSet::new(),
        assignee: None,
        team: None,
        channel: Channel::Api,
    })
}

/// Makes a workspace that the agent owns.
pub async fn workspace(desk: &Desk, slug: &str) -> anyhow::Result<Access> {
    let agent = desk.users().find_or_create(&EmailAddress::parse("email", AGENT)?, None).await?;
    let person = ProvenMailbox::attest(&agent);
    let new = NewWorkspace { name: Name::parse("name", "Load")?, slug: Slug::parse("slug", slug)? };
    desk.workspaces().create(&person, new, None).await?;
    Ok(desk.admit(&person, slug).await?)
}

/// Makes a workspace `load` with so many tickets of three messages each.
pub async fn fill(desk: &Desk, tickets: usize) -> anyhow::Result<Access> {
    let access = workspace(desk, "load").await?;
    let mut tasks = tokio::task::JoinSet::new();
    for worker in 0..64 {
        let (desk, access) = (desk.clone(), access.clone());
        tasks.spawn(async move {
            for place in (worker..tickets).step_by(64) {
                let ticket = desk.tickets(&access).open(new_ticket(place)?).await?.ticket.id;
                for text in ["We have asked the carrier and tell you tomorrow.", "It is on its way again."] {
                    let body = Body::parse("body", text)?;
                    // Notes, not replies: what is measured is the desk, not a backlog of mail.
                    desk.tickets(&access).note(TicketKey::Id(ticket), body).await?;
                }
            }
            anyhow::Ok(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.context("a task that fills the desk")??;
    }
    Ok(access)
}
