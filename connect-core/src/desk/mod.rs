//! The desk: services over the ports, and the one way a change takes.

mod admit;
mod builder;
mod commit;

use std::sync::Arc;

use crate::attachment::Scanner;
use crate::audit::{Sealer, SeenSeals};
use crate::dispatch::{DispatchSettings, Dispatcher, Meter, Subscriber};
use crate::event::Lines;
use crate::notify::{Channel, MailIdentity, Signer};
use crate::presence::Boards;
use crate::template::Engine;
use crate::{BlobStore, Clock, EmailAddress, Ids, LiveFeed, Policy, Random, Store, Timestamp};

pub use builder::{DeskBuilder, DeskSettings};

pub(crate) use commit::Tries;

/// A support desk. Cheap to clone; clones are one desk.
///
/// It holds no globals: a process may have as many desks as it likes.
#[derive(Debug, Clone)]
pub struct Desk {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    feed: Arc<dyn LiveFeed>,
    blobs: Option<Arc<dyn BlobStore>>,
    scanner: Option<Arc<dyn Scanner>>,
    sealer: Option<Arc<dyn Sealer>>,
    ids: Ids,
    policy: Arc<dyn Policy>,
    subscribers: Vec<Arc<dyn Subscriber>>,
    channels: Vec<Arc<dyn Channel>>,
    settings: DeskSettings,
    admitted: admit::Admitted,
    seen_seals: SeenSeals,
    meter: Meter,
    lines: Lines,
    boards: Arc<Boards>,
    templates: Engine,
    signer: Option<Arc<dyn Signer>>,
}

impl Desk {
    /// Starts to build a desk over a store, with a policy that says who may do what.
    pub fn builder(store: Arc<dyn Store>, policy: Arc<dyn Policy>) -> DeskBuilder {
        DeskBuilder::new(store, policy)
    }

    /// A dispatcher for this desk. One process runs one; several processes may.
    pub fn dispatcher(&self, settings: DispatchSettings) -> Dispatcher {
        Dispatcher::new(self.clone(), settings)
    }

    /// Where its state lives.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.inner.store
    }

    /// The present instant.
    pub fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    /// The clock.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.inner.clock
    }

    /// The source of randomness.
    pub fn random(&self) -> &dyn Random {
        self.inner.random.as_ref()
    }

    /// The source of ids.
    pub fn ids(&self) -> &Ids {
        &self.inner.ids
    }

    /// Its settings.
    pub fn settings(&self) -> &DeskSettings {
        &self.inner.settings
    }

    /// Where attachments are kept, if they are.
    pub fn blobs(&self) -> Option<&Arc<dyn BlobStore>> {
        self.inner.blobs.as_ref()
    }

    /// What looks at uploads.
    pub(crate) fn scanner(&self) -> Option<&dyn Scanner> {
        self.inner.scanner.as_deref()
    }

    /// What seals the journal.
    pub(crate) fn sealer(&self) -> Option<&dyn Sealer> {
        self.inner.sealer.as_deref()
    }

    /// What it has seen of the seals.
    pub(crate) fn seen_seals(&self) -> &SeenSeals {
        &self.inner.seen_seals
    }

    /// What it has dispatched in this process.
    pub fn meter(&self) -> &Meter {
        &self.inner.meter
    }

    /// What is followed of workspaces now.
    pub(crate) fn lines(&self) -> &Lines {
        &self.inner.lines
    }

    /// Who is at which ticket now.
    pub(crate) fn boards(&self) -> &Arc<Boards> {
        &self.inner.boards
    }

    /// What fills the templates of mail.
    pub(crate) fn templates_engine(&self) -> &Engine {
        &self.inner.templates
    }

    /// What signs the links of mail.
    pub(crate) fn signer(&self) -> Option<&dyn Signer> {
        self.inner.signer.as_deref()
    }

    /// Its subscribers.
    pub(crate) fn subscribers(&self) -> &[Arc<dyn Subscriber>] {
        &self.inner.subscribers
    }

    /// Its channels.
    pub fn channels(&self) -> &[Arc<dyn Channel>] {
        &self.inner.channels
    }

    /// What tells this process that a workspace has new events.
    pub fn feed(&self) -> &dyn LiveFeed {
        self.inner.feed.as_ref()
    }

    pub(crate) fn policy(&self) -> &dyn Policy {
        self.inner.policy.as_ref()
    }

    /// A page of the desk as an address for a mail: always below the public address of the settings,
    /// whatever a request claimed to be for.
    pub fn link(&self, path: &str) -> String {
        format!("{}{path}", self.inner.settings.public_url.trim_end_matches('/'))
    }

    /// Who the desk's mail is from, under this name or its usual one.
    pub fn identity(&self, name: Option<String>) -> MailIdentity {
        let MailIdentity { name: usual, address } = self.inner.settings.mail_from.clone();
        MailIdentity { name: name.or(usual), address }
    }

    /// The Message-ID (without brackets) of something that has an id, below the desk's own mail domain.
    pub fn message_id(&self, id: &impl std::fmt::Display) -> String {
        let address: &EmailAddress = &self.inner.settings.mail_from.address;
        format!("{id}@{}", address.domain())
    }
}
