//! Mail domains of workspaces: looking whether one is proved, and joining by one.

use std::time::Duration;

use connect_core::domain::{MailDomain, OpenDomain};
use connect_core::event::Cause;
use connect_core::user::User;
use connect_core::{Access, DomainId, Error, Result};
use tokio::time::Instant;
use tracing::warn;

use super::identity::Address;
use super::provider::Provider;
use crate::auth::{Auth, Identity};
use crate::fetch::{Fetch, FetchRequest};

/// How long somebody who signs in waits at most for all proofs that have to be looked at.
const LOOKED_FOR: Duration = Duration::from_secs(3);

/// What stands at the place of a domain's word; nothing where that cannot be read.
async fn stands_there(fetch: &dyn Fetch, domain: &MailDomain) -> Option<String> {
    let request = FetchRequest { url: domain.place(), headers: Vec::new(), body: None };
    let answer = match fetch.fetch(request).await {
        Ok(answer) => answer,
        Err(error) => {
            warn!(domain = domain.name, %error, "the proof of a domain cannot be read");
            return None;
        }
    };
    (answer.status == 200).then(|| String::from_utf8_lossy(&answer.body).into_owned())
}

impl Auth {
    /// Looks whether the word of a domain stands at its place, and notes it if it does. It needs a recent proof of who
    /// asks, and providers: without them nobody joins by a domain.
    pub async fn prove_domain(&self, identity: &Identity, access: &Access, id: DomainId) -> Result<MailDomain> {
        self.require_recent(identity)?;
        let domain = self.inner.desk.domains(access).get(id).await?;
        let Some(providers) = &self.inner.providers else {
            return Err(Error::refused("no_providers", "nobody signs in with a provider at this desk"));
        };
        let text = stands_there(providers.fetch.as_ref(), &domain).await;
        if !text.is_some_and(|text| domain.is_proved_by(&text)) {
            let place = domain.place();
            let detail = format!("{place} was not there, or did not hold the line {}", domain.word);
            return Err(Error::refused("domain_unproven", detail));
        }
        self.inner.desk.domains(access).prove(id).await
    }

    /// The workspaces that whoever this provider vouches for may join: those whose domain their mailbox is of, and
    /// proved to be theirs within a day. It is a courtesy: what cannot be read now lets nobody in, and keeps nobody
    /// from signing in.
    pub(super) async fn joinable(
        &self,
        provider: &Provider,
        told: Option<&Address>,
        known: Option<&User>,
    ) -> Vec<OpenDomain> {
        let vouched = told.filter(|told| told.verified && provider.vouches_for(&told.email));
        let (Some(told), Some(providers)) = (vouched, &self.inner.providers) else { return Vec::new() };
        let desk = &self.inner.desk;
        let open = desk.open_domains(&told.email.domain()).await.unwrap_or_else(|error| {
            warn!(%error, "who may join by a domain cannot be read");
            Vec::new()
        });
        let (mut proved, until) = (Vec::new(), Instant::now() + LOOKED_FOR);
        for one in open {
            if let Some(user) = known
                && desk.is_or_was_member(one.workspace, user).await.unwrap_or(true)
            {
                continue;
            }
            if one.is_stale {
                let looked = tokio::time::timeout_at(until, stands_there(providers.fetch.as_ref(), &one.domain));
                let text = looked.await.ok().flatten();
                if !text.is_some_and(|text| one.domain.is_proved_by(&text)) {
                    continue;
                }
                if let Err(error) = desk.domain_seen(&one).await {
                    warn!(%error, "the proof of a domain could not be noted");
                }
            }
            proved.push(one);
        }
        proved
    }

    /// Makes somebody a member of these workspaces.
    pub(super) async fn join(&self, user: &User, open: Vec<OpenDomain>, cause: &Cause) {
        for one in open {
            if let Err(error) = self.inner.desk.join_by_domain(user, &one, cause).await {
                warn!(%error, workspace = %one.workspace, "somebody could not join by their domain");
            }
        }
    }
}
