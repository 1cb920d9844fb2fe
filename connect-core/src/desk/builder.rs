//! How a desk is put together.

use std::sync::Arc;

use super::{Desk, Inner, admit};
use crate::attachment::Scanner;
use crate::audit::{Sealer, SeenSeals};
use crate::dispatch::{Consumer, Consuming, Meter, Subscriber};
use crate::event::Lines;
use crate::notice::Notices;
use crate::notify::{Channel, MailIdentity, Signer, TicketMail};
use crate::outbox::Release;
use crate::presence::Boards;
use crate::store::LocalFeed;
use crate::template::{Engine, TestMail};
use crate::{BlobStore, Clock, Ids, LiveFeed, OsRandom, Policy, Random, Store, SystemClock};

/// What a desk needs to know about the world.
#[derive(Debug, Clone)]
pub struct DeskSettings {
    /// The address people reach it at, such as `https://example.org/support`. Links in mail begin with it.
    pub public_url: String,
    /// Who its mail is from.
    pub mail_from: MailIdentity,
    /// The largest attachment, in bytes. 25 MiB unless said.
    pub attachment_limit: u64,
}

impl DeskSettings {
    /// Settings with the usual limits.
    pub fn new(public_url: impl Into<String>, mail_from: MailIdentity) -> Self {
        Self { public_url: public_url.into(), mail_from, attachment_limit: 25 * 1024 * 1024 }
    }
}

/// Puts a desk together.
#[derive(Debug)]
pub struct DeskBuilder {
    store: Arc<dyn Store>,
    policy: Arc<dyn Policy>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    feed: Arc<dyn LiveFeed>,
    blobs: Option<Arc<dyn BlobStore>>,
    scanner: Option<Arc<dyn Scanner>>,
    sealer: Option<Arc<dyn Sealer>>,
    signer: Option<Arc<dyn Signer>>,
    subscribers: Vec<Arc<dyn Subscriber>>,
    channels: Vec<Arc<dyn Channel>>,
}

impl DeskBuilder {
    pub(super) fn new(store: Arc<dyn Store>, policy: Arc<dyn Policy>) -> Self {
        Self {
            store,
            policy,
            clock: Arc::new(SystemClock),
            random: Arc::new(OsRandom),
            feed: Arc::new(LocalFeed::new()),
            blobs: None,
            scanner: None,
            sealer: None,
            signer: None,
            subscribers: vec![Arc::new(TicketMail), Arc::new(Notices), Arc::new(TestMail), Arc::new(Release)],
            channels: vec![Arc::new(Release)],
        }
    }

    /// Another clock than the machine's.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Another source of randomness than the operating system's. For tests only.
    #[must_use]
    pub fn random(mut self, random: Arc<dyn Random>) -> Self {
        self.random = random;
        self
    }

    /// Another feed than one within this process: what several nodes of one desk wake each other by.
    #[must_use]
    pub fn feed(mut self, feed: Arc<dyn LiveFeed>) -> Self {
        self.feed = feed;
        self
    }

    /// Where attachments are kept. Without it there are none.
    #[must_use]
    pub fn blobs(mut self, blobs: Arc<dyn BlobStore>) -> Self {
        self.blobs = Some(blobs);
        self
    }

    /// What looks at every upload before it can be used. There is none unless said.
    #[must_use]
    pub fn scanner(mut self, scanner: Arc<dyn Scanner>) -> Self {
        self.scanner = Some(scanner);
        self
    }

    /// What seals the journal. Without it the journal is not sealed, and nobody can tell whether it was altered.
    #[must_use]
    pub fn sealer(mut self, sealer: Arc<dyn Sealer>) -> Self {
        self.sealer = Some(sealer);
        self
    }

    /// What signs the links by which people end mail without signing in. Without it mail has no such link.
    #[must_use]
    pub fn signer(mut self, signer: Arc<dyn Signer>) -> Self {
        self.signer = Some(signer);
        self
    }

    /// Another policy than the one the desk was begun with: what a host may put in the place of the matrix of roles.
    #[must_use]
    pub fn policy(mut self, policy: Arc<dyn Policy>) -> Self {
        self.policy = policy;
        self
    }

    /// One more subscriber, beside the mail about tickets and the notices.
    #[must_use]
    pub fn subscriber(mut self, subscriber: Arc<dyn Subscriber>) -> Self {
        self.subscribers.push(subscriber);
        self
    }

    /// Somebody of the host's own who reads the whole journal, under a name that no channel has.
    #[must_use]
    pub fn consumer(self, consumer: Arc<dyn Consumer>) -> Self {
        let consuming = Arc::new(Consuming(consumer));
        self.subscriber(consuming.clone()).channel(consuming)
    }

    /// One more channel. Of two with one name the first is used.
    #[must_use]
    pub fn channel(mut self, channel: Arc<dyn Channel>) -> Self {
        self.channels.push(channel);
        self
    }

    /// The desk.
    pub fn build(self, settings: DeskSettings) -> Desk {
        let Self { store, policy, clock, random, feed, blobs, scanner, sealer, signer, subscribers, channels } = self;
        let ids = Ids::new(clock.clone(), random.clone());
        let boards = Arc::new(Boards::new(u64::from_le_bytes(random.bytes())));
        let inner = Inner {
            store,
            clock,
            random,
            feed,
            blobs,
            scanner,
            sealer,
            ids,
            policy,
            subscribers,
            channels,
            settings,
            admitted: admit::Admitted::default(),
            seen_seals: SeenSeals::default(),
            meter: Meter::default(),
            lines: Lines::default(),
            boards,
            templates: Engine::new(),
            signer,
        };
        Desk { inner: Arc::new(inner) }
    }
}
