//! People for whom the host vouches, in whose process the desk runs ([`Identify`](connect_core::Identify)).

use std::sync::Arc;

use connect_core::contact::Contact;
use connect_core::store::{Revoke, Session};
use connect_core::user::{Profile, User};
use connect_core::{Access, Error, HostCustomer, HostUser, Result, SessionId, Timestamp, WorkspaceId};

use crate::auth::{Auth, Client, Identity};
use crate::unbroken::unbroken;

/// By what those are known, as the journal names it, who are signed in at the host.
pub const HOST_METHOD: &str = "host";
/// In the place of the hash of a token, where there is no token.
const NO_TOKEN: [u8; 32] = [0; 32];

/// A customer for whom the host vouches.
#[derive(Debug, Clone)]
pub struct CustomerIdentity {
    /// Who.
    pub contact: Arc<Contact>,
    /// What they may do: a customer's own, in one workspace.
    pub access: Access,
    /// When that ends by itself.
    pub ends_at: Option<Timestamp>,
    /// By what they are known, as the journal names it.
    pub method: &'static str,
}

impl CustomerIdentity {
    /// Whether this names the workspace they are a customer of, by its id or its slug.
    pub fn is_of(&self, workspace: &str) -> bool {
        let own = self.access.workspace();
        workspace == own.slug.as_str() || workspace.parse::<WorkspaceId>() == Ok(own.id)
    }
}

impl Identity {
    /// Whether the host vouches for them with each request, and there is no session of the desk's.
    pub fn is_vouched(&self) -> bool {
        self.session.token_hash == NO_TOKEN
    }

    /// Refuses what is done with a session of the desk's, for somebody who has none.
    pub(crate) fn has_session(&self) -> Result<()> {
        if self.is_vouched() {
            let detail = "you are signed in at the application that this desk belongs to: this is done there";
            return Err(Error::refused("host_login", detail));
        }
        Ok(())
    }
}

impl Auth {
    /// Who somebody is on the desk who is signed in at the host; none if they may not be here. Nothing is stored of
    /// it: the host says it anew with each request, and ends it by not saying it.
    pub async fn vouched_user(&self, person: &HostUser, client: &Client) -> Result<Option<Identity>> {
        let Some(user) = self.host_user(person, client).await? else { return Ok(None) };
        let (now, settings) = (self.inner.desk.now(), &self.inner.settings);
        let session = Session {
            // The same in each request, so that what one person asks is counted as one person's.
            id: SessionId::from_bits(user.id.bits()),
            user: user.id,
            token_hash: NO_TOKEN,
            method: HOST_METHOD.to_owned(),
            ip: None,
            agent: None,
            created_at: now,
            proven_at: person.proven_at.unwrap_or_default(),
            device: None,
            strong_at: None,
            seen_at: now,
            idle_ends_at: now.plus(settings.session_idle),
            ends_at: now.plus(settings.session_absolute),
        };
        let cause = client.cause(Some(HOST_METHOD), self.inner.desk.random());
        Ok(Some(Identity { user: Arc::new(user), session: Arc::new(session), cause }))
    }

    /// The user of the desk who is this user of the host: found by the host's id of them, and made when there is
    /// none. None if they may not be here: disabled, of an address that the desk reads itself, or of one whose user
    /// is somebody else at the host.
    pub async fn host_user(&self, person: &HostUser, client: &Client) -> Result<Option<User>> {
        let cause = client.cause(Some(HOST_METHOD), self.inner.desk.random());
        let users = self.inner.desk.users().because(cause);
        let known = match users.by_account(&person.account()).await? {
            Some(user) => Some(user),
            None => {
                let (auth, person, client) = (self.clone(), person.clone(), client.clone());
                unbroken(async move { auth.meet(&person, &client).await }).await?
            }
        };
        let Some(user) = known.filter(|user| !user.disabled) else { return Ok(None) };
        let profile = Profile { name: person.name.clone(), avatar_url: None, locale: person.locale.clone() };
        // Looked at before it is written: this is asked with every request.
        if user.follow(&profile).is_some() { users.follow(user.id, &profile).await.map(Some) } else { Ok(Some(user)) }
    }

    /// A user of the host who comes for the first time. Whoever has the address on the desk is taken for them: the
    /// host has made sure of it.
    async fn meet(&self, person: &HostUser, client: &Client) -> Result<Option<User>> {
        if !(1..=200).contains(&person.external_id.len()) {
            return Err(Error::invalid("external_id", "out_of_range", "must have 1 to 200 bytes"));
        }
        if self.is_reserved(&person.email) {
            return Ok(None);
        }
        let cause = client.cause(Some(HOST_METHOD), self.inner.desk.random());
        let users = self.inner.desk.users().because(cause.clone());
        // The name comes as that of a profile, so that it follows the host's.
        let user = users.find_or_create(&person.email, None).await?;
        if user.disabled {
            return Ok(None);
        }
        let (user, account) = (self.first_proof(user, &cause).await?, person.account());
        let linked = users.accounts(user.id).await?;
        if linked.iter().any(|known| known.key.is_the_hosts() && known.key != account) {
            // An address that went from one of the host's people to another: two people, who are not mixed up.
            tracing::warn!(user = %user.id, "the address of a host's user is that of another one of its users");
            return Ok(None);
        }
        // A new way in ends what was opened before, as one of a provider does: before it, so that a fault in between
        // leaves none of it alive, and after it, as a session may have been opened meanwhile.
        self.end(user.id, Revoke::All, None, cause.clone()).await?;
        match users.link(user.id, &account).await {
            Ok(_) => self.end(user.id, Revoke::All, None, cause).await.map(|_| Some(user)),
            Err(Error::Refused { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Who a customer is for whom the host vouches in its own process; none if their workspace is not there.
    pub async fn vouched_customer(&self, customer: &HostCustomer, client: &Client) -> Result<Option<CustomerIdentity>> {
        self.customer(customer, HOST_METHOD, None, client).await
    }

    pub(crate) async fn customer(
        &self,
        customer: &HostCustomer,
        method: &'static str,
        ends_at: Option<Timestamp>,
        client: &Client,
    ) -> Result<Option<CustomerIdentity>> {
        // Nobody is mailed at an address that the desk reads itself.
        let verified_email = customer.verified_email.clone().filter(|email| !self.is_reserved(email));
        let customer = HostCustomer { verified_email, ..customer.clone() };
        let cause = client.cause(Some(method), self.inner.desk.random());
        match self.inner.desk.admit_customer(&customer, cause).await {
            Ok((access, contact)) => Ok(Some(CustomerIdentity { contact: Arc::new(contact), access, ends_at, method })),
            Err(Error::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
