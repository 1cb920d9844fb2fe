//! The glue: a desk in the shop's own database, and a ticket from the shop's own code.

use std::sync::Arc;

use connect_auth::{Auth, AuthSettings, KeyRing, RoleMatrix};
use connect_core::ticket::{Channel, ContactRef, NewTicket, Priority};
use connect_core::{Access, Body, Desk, DeskSettings, EmailAddress, Subject, notify};
use connect_http::{App, HttpSettings};
use connect_store::{MemoryLimiter, SqliteSettings, SqliteStore};
use sqlx::SqlitePool;

/// A desk whose tables stand beside the shop's, and its pages and API to mount.
pub async fn desk(
    pool: &SqlitePool,
    secret: &str,
    mail: Arc<dyn notify::Channel>,
    settings: DeskSettings,
) -> anyhow::Result<(Desk, axum::Router)> {
    let store = Arc::new(SqliteStore::from_pool(pool, SqliteSettings::default()).await?);
    let keys = KeyRing::new(secret, Vec::new())?;
    let auth = Auth::builder(store.clone(), Arc::new(MemoryLimiter::new()), keys, AuthSettings::default())?;
    let desk = Desk::builder(store, Arc::new(RoleMatrix))
        .subscriber(auth.mail())
        .sealer(auth.sealer())
        .channel(mail)
        .build(settings);
    let secure = desk.settings().public_url.starts_with("https://");
    let app = App::new(auth.build(desk.clone()), HttpSettings { secure, ..HttpSettings::default() });
    Ok((desk, connect_http::router(app)))
}

/// Opens a ticket for one of the shop's customers; answers its number.
pub async fn open_ticket(desk: &Desk, access: &Access, email: &str, about: &str, text: &str) -> anyhow::Result<u64> {
    let contact = ContactRef::Address { email: EmailAddress::parse("email", email)?, name: None };
    let (subject, body) = (Subject::parse("subject", about)?, Body::parse("body", text)?);
    let (labels, priority) = (["orders"].map(|label| connect_core::LabelName::parse("label", label)), Priority::High);
    let labels = labels.into_iter().collect::<Result<_, _>>()?;
    let new = NewTicket { subject, body, contact, priority, labels, assignee: None, channel: Channel::Host };
    Ok(desk.tickets(access).open(new).await?.ticket.number)
}
