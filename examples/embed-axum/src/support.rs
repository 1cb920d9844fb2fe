//! The glue: a desk in the shop's own database, for whoever is signed in at the shop, and tickets from the shop's own
//! code.

use std::sync::Arc;

use async_trait::async_trait;
use axum::http::request::Parts;
use connect_auth::{Auth, AuthSettings, Client, KeyRing, RoleMatrix, WidgetKey};
use connect_core::ticket::{Channel, ContactRef, NewTicket, Priority};
use connect_core::user::ProvenMailbox;
use connect_core::workspace::NewWorkspace;
use connect_core::{
    Body, Committed, Desk, DeskSettings, EmailAddress, Error, HostActor, HostCustomer, HostUser, Identify, Name, Role,
    Slug, Subject, Timestamp, WorkspaceId, notify,
};
use connect_http::{App, HttpSettings};
use connect_store::{MemoryLimiter, SqliteSettings, SqliteStore};
use sqlx::SqliteConnection;

use crate::login::{Login, ShopUser};

/// The workspace of the shop on the desk.
pub const WORKSPACE: &str = "shop";

/// The desk, and what the shop needs of it.
#[derive(Debug)]
pub struct Support {
    /// The desk.
    pub desk: Desk,
    /// Who is who on it.
    pub auth: Auth,
    /// Where it lives.
    pub store: Arc<SqliteStore>,
}

/// The secrets of the desk, from the shop's own settings.
#[derive(Debug)]
pub struct Secrets {
    /// The desk's own.
    pub keys: KeyRing,
    /// That by which the shop signs tokens for its widget; without it no token is taken.
    pub widget: Option<WidgetKey>,
}

/// A desk whose tables stand beside the shop's, and its pages and API to mount.
pub async fn desk(
    login: Login,
    secrets: Secrets,
    mail: Arc<dyn notify::Channel>,
    settings: DeskSettings,
) -> anyhow::Result<(Support, axum::Router)> {
    let store = Arc::new(SqliteStore::from_pool(&login.pool, SqliteSettings::default()).await?);
    let widget_keys = secrets.widget.into_iter().collect();
    let auth_settings = AuthSettings { widget_keys, ..AuthSettings::default() };
    let auth = Auth::builder(store.clone(), Arc::new(MemoryLimiter::new()), secrets.keys, auth_settings)?;
    let desk = Desk::builder(store.clone(), Arc::new(RoleMatrix))
        .subscriber(auth.mail())
        .sealer(auth.sealer())
        .signer(auth.signer())
        .channel(mail)
        .build(settings);
    let (auth, secure) = (auth.build(desk.clone()), desk.settings().public_url.starts_with("https://"));
    let http = HttpSettings { secure, ..HttpSettings::default() };
    let app = App::identified_by(auth.clone(), http, Arc::new(login));
    Ok((Support { desk, auth, store }, connect_http::router(app)))
}

/// Whoever is signed in at the shop is signed in at the desk.
#[async_trait]
impl Identify for Login {
    async fn identify(&self, request: &Parts) -> connect_core::Result<Option<HostActor>> {
        let user = self.who(&request.headers).await.map_err(|error| Error::Unavailable(error.to_string()))?;
        Ok(match user {
            Some(user) if user.staff => Some(HostActor::User(agent(&user)?)),
            Some(user) => Some(HostActor::Customer(customer(&user)?)),
            None => None,
        })
    }
}

/// Somebody of the staff as a user of the desk.
fn agent(user: &ShopUser) -> connect_core::Result<HostUser> {
    Ok(HostUser {
        external_id: user.id.to_string(),
        email: EmailAddress::parse("email", &user.email)?,
        name: Some(Name::parse("name", &user.name)?),
        locale: None,
        proven_at: Some(Timestamp::from_micros(user.since * 1_000_000)),
    })
}

/// A customer of the shop as one of the desk.
pub fn customer(user: &ShopUser) -> connect_core::Result<HostCustomer> {
    Ok(HostCustomer {
        workspace: WORKSPACE.to_owned(),
        external_id: user.id.to_string(),
        verified_email: Some(EmailAddress::parse("email", &user.email)?),
        name: Some(Name::parse("name", &user.name)?),
    })
}

/// Makes the shop's workspace and its owner on the first start.
pub async fn set_up(support: &Support, owner: &ShopUser) -> anyhow::Result<()> {
    let Support { desk, auth, .. } = support;
    if desk.find_workspace(WORKSPACE).await?.is_none() {
        let owner = auth.host_user(&agent(owner)?, &Client::default()).await?.ok_or(Error::NotFound("user"))?;
        let new = NewWorkspace { name: Name::parse("name", "The Shop")?, slug: Slug::parse("slug", WORKSPACE)? };
        desk.workspaces().create(&ProvenMailbox::attest(&owner), new, None).await?;
    }
    Ok(())
}

/// Makes somebody of the staff an agent: called where the shop takes somebody on.
pub async fn hire(support: &Support, user: &ShopUser) -> anyhow::Result<()> {
    let Support { desk, auth, .. } = support;
    let user = auth.host_user(&agent(user)?, &Client::default()).await?.ok_or(Error::NotFound("user"))?;
    Ok(desk.add_member(&desk.host(WORKSPACE).await?, user.id, Role::Member).await?)
}

/// Opens a ticket for one of the shop's customers within a transaction of the shop's; the desk is to be told of it
/// once that is committed.
pub async fn open_ticket(
    support: &Support,
    transaction: &mut SqliteConnection,
    user: &ShopUser,
    about: &str,
    text: &str,
) -> anyhow::Result<(WorkspaceId, Committed)> {
    let access = support.desk.host(WORKSPACE).await?;
    let contact = ContactRef::Address {
        email: EmailAddress::parse("email", &user.email)?,
        name: Some(Name::parse("name", &user.name)?),
    };
    let (subject, body) = (Subject::parse("subject", about)?, Body::parse("body", text)?);
    let (labels, priority) = (std::iter::once(connect_core::LabelName::parse("label", "orders")?), Priority::High);
    let labels = labels.collect();
    let new =
        NewTicket { subject, body, contact, priority, labels, assignee: None, team: None, channel: Channel::Host };
    let changes = support.desk.tickets(&access).prepare(new).await?;
    let committed = support.store.commit_in(transaction, access.workspace_id(), changes).await?;
    Ok((access.workspace_id(), committed))
}
