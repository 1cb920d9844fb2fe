//! The dispatcher under a seeded scheduler: several nodes take steps in an order that dice decide, the store fails before
//! or after it has done its work, channels fail before or after they have handed over, nodes die wherever they wait, and
//! time jumps, forward and back. Afterwards everything that was promised is looked for.
//!
//! One number decides everything, so a seed that fails fails again: `CONNECT_SIMULATION_SEED=17`. How many seeds are played
//! is `CONNECT_SIMULATION_SEEDS`, 500 unless said.

#![allow(clippy::expect_used)]

mod ledger;
mod shaky;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;
use connect_core::delivery::{DeliveryList, DeliveryState, Reset};
use connect_core::dispatch::DispatchSettings;
use connect_core::notify::{Channel, ChannelLimits, Handed, MailIdentity, Outgoing, SendFailure};
use connect_core::outbox::{Answer, UndoWindow};
use connect_core::store::TicketKey;
use connect_core::testing::{ManualClock, SeededRandom};
use connect_core::ticket::{Channel as Origin, ContactRef, NewTicket, Priority, ReplyOptions};
use connect_core::user::ProvenMailbox;
use connect_core::workspace::{NewWorkspace, WorkspacePatch};
use connect_core::{
    Access, Action, Body, Desk, DeskSettings, EmailAddress, Error, HeldReplyId, Limit, Name, Policy, Random, Slug,
    Standing, Store, StoreError, Subject, WorkspaceId,
};
use connect_store::MemoryStore;

use ledger::Ledger;
use shaky::Shaky;

/// Steps of a run before everything heals.
const STEPS: u64 = 300;
/// Nodes that dispatch.
const NODES: usize = 3;

#[derive(Debug)]
struct Everything;

impl Policy for Everything {
    fn allows(&self, _: Standing, _: Action) -> bool {
        true
    }
}

/// Dice that everything in a run is decided by.
#[derive(Debug, Clone)]
pub(crate) struct Dice(Arc<SeededRandom>);

impl Dice {
    fn new(seed: u64) -> Self {
        Self(Arc::new(SeededRandom::new(seed)))
    }

    pub(crate) fn below(&self, limit: u64) -> u64 {
        u64::from_le_bytes((self.0.as_ref() as &dyn Random).bytes()) % limit
    }
}

/// What the outside has taken over: Message-IDs, and how often each came.
type Came = Arc<Mutex<BTreeMap<String, u64>>>;

/// A mail server that fails now and then, also after it has taken a mail.
#[derive(Debug)]
struct Post {
    dice: Dice,
    came: Came,
    calm: Arc<Mutex<bool>>,
}

#[async_trait]
impl Channel for Post {
    fn name(&self) -> &'static str {
        "mail"
    }

    fn limits(&self) -> ChannelLimits {
        ChannelLimits::at_once(4)
    }

    async fn send(&self, outgoing: &Outgoing) -> Result<Handed, SendFailure> {
        tokio::task::yield_now().await;
        let Outgoing::Mail(mail) = outgoing else { return Err(SendFailure::Permanent("no mail".to_owned())) };
        let luck = if *self.calm.lock().expect("calm") { 9 } else { self.dice.below(10) };
        if luck == 0 {
            return Err(SendFailure::Retry("451 later".to_owned()));
        }
        *self.came.lock().expect("mails").entry(mail.message_id.clone()).or_default() += 1;
        tokio::task::yield_now().await;
        if luck == 1 { Err(SendFailure::Retry("the connection broke".to_owned())) } else { Ok(Handed::default()) }
    }

    async fn probe(&self) -> Result<(), SendFailure> {
        Ok(())
    }
}

/// A node at work: all it does until there is nothing more to do, one step at a time.
type Work = Pin<Box<dyn Future<Output = Result<usize, StoreError>> + Send>>;

struct Run {
    dice: Dice,
    clock: Arc<ManualClock>,
    memory: Arc<MemoryStore>,
    shaky: Arc<Shaky>,
    came: Came,
    calm: Arc<Mutex<bool>>,
    ledger: Ledger,
    /// Message-IDs of answers that were stored, each of which must arrive.
    answers: BTreeSet<String>,
    /// Answers that waited, by their text, and whether they were taken back in time.
    waited: BTreeMap<String, bool>,
    repeated: u64,
    deaths: u64,
    /// How often the clock was set back.
    set_back: u64,
}

fn desk(
    store: Arc<dyn Store>,
    clock: &Arc<ManualClock>,
    seed: u64,
    outside: Option<(Arc<dyn Channel>, &Ledger)>,
) -> Desk {
    let from = MailIdentity { name: None, address: EmailAddress::parse("from", "desk@desk.example").expect("address") };
    let random = Arc::new(SeededRandom::new(seed));
    let mut builder = Desk::builder(store, Arc::new(Everything)).clock(clock.clone()).random(random);
    if let Some((channel, ledger)) = outside {
        builder = builder.channel(channel).consumer(Arc::new(ledger.clone()));
    }
    builder.build(DeskSettings::new("https://desk.example", from))
}

/// A workspace as the host sees it, and as a person of its team does, whose answers wait for 20 s.
async fn access(desk: &Desk, slug: &str) -> (Access, Access) {
    let email = EmailAddress::parse("email", "owner@acme.example").expect("an address");
    let owner = desk.users().find_or_create(&email, None).await.expect("made");
    let new = NewWorkspace {
        name: Name::parse("name", slug).expect("a name"),
        slug: Slug::parse("slug", slug).expect("a slug"),
    };
    desk.workspaces().create(&ProvenMailbox::attest(&owner), new, None).await.expect("made");
    let host = desk.host(slug).await.expect("it is there");
    let undo_send = Some(UndoWindow::parse("undo_send", 20).expect("a window"));
    desk.workspaces().update(&host, WorkspacePatch { undo_send, ..WorkspacePatch::default() }).await.expect("updated");
    let person = desk.admit(&ProvenMailbox::attest(&owner), slug).await.expect("a member");
    (desk.host(slug).await.expect("it is there"), person)
}

/// An answer that waits.
struct Waiting {
    room: usize,
    ticket: connect_core::TicketId,
    id: HeldReplyId,
    text: String,
}

impl Run {
    fn new(seed: u64) -> Self {
        let (dice, clock, memory) = (Dice::new(seed), Arc::new(ManualClock::default()), Arc::new(MemoryStore::new()));
        let shaky = Arc::new(Shaky::new(memory.clone(), dice.clone()));
        let calm: Arc<Mutex<bool>> = Arc::default();
        let ledger = Ledger::new(dice.clone(), calm.clone());
        Self {
            dice,
            clock,
            memory,
            shaky,
            came: Came::default(),
            ledger,
            calm,
            answers: BTreeSet::new(),
            waited: BTreeMap::new(),
            repeated: 0,
            deaths: 0,
            set_back: 0,
        }
    }

    fn post(&self) -> Arc<dyn Channel> {
        Arc::new(Post { dice: self.dice.clone(), came: self.came.clone(), calm: self.calm.clone() })
    }

    fn node(&self, seed: u64) -> Work {
        let desk = desk(self.shaky.clone(), &self.clock, seed, Some((self.post(), &self.ledger)));
        Box::pin(async move { desk.dispatcher(DispatchSettings::default()).drain().await })
    }

    /// Writes something: a ticket, or an answer on one.
    async fn write(
        &mut self,
        desk: &Desk,
        rooms: &[(Access, Access)],
        tickets: &mut Vec<(usize, connect_core::TicketId)>,
        n: u64,
    ) -> Option<Waiting> {
        let room = usize::try_from(self.dice.below(rooms.len() as u64)).unwrap_or(0);
        let own: Vec<_> = tickets.iter().filter(|(at, _)| *at == room).map(|(_, id)| *id).collect();
        if own.is_empty() || self.dice.below(3) == 0 {
            let email = EmailAddress::parse("email", &format!("c{}@customer.example", self.dice.below(4)));
            let new = NewTicket {
                subject: Subject::parse("subject", &format!("Ticket {n}")).expect("a subject"),
                body: Body::parse("body", "It does not work.").expect("a body"),
                contact: ContactRef::Address { email: email.expect("an address"), name: None },
                priority: Priority::None,
                labels: BTreeSet::new(),
                assignee: None,
                team: None,
                channel: Origin::Host,
            };
            let opened = desk.tickets(&rooms[room].0).open(new).await.expect("opened");
            tickets.push((room, opened.ticket.id));
            None
        } else {
            let ticket = own[usize::try_from(self.dice.below(own.len() as u64)).unwrap_or(0)];
            let text = format!("Answer {n}");
            let (body, key) = (Body::parse("body", &text).expect("a body"), TicketKey::Id(ticket));
            if self.dice.below(3) > 0 {
                let (_, message) =
                    desk.tickets(&rooms[room].0).reply(key, body, ReplyOptions::default()).await.expect("answered");
                self.answers.insert(desk.message_id(&message.id));
                return None;
            }
            match desk.tickets(&rooms[room].1).answer(key, body, ReplyOptions::default()).await {
                Ok(Answer::Held(held)) => {
                    self.waited.insert(text.clone(), false);
                    Some(Waiting { room, ticket, id: held.id, text })
                }
                // While everything is down, only so many may wait.
                Err(Error::Refused { code: "too_many_held", .. }) => None,
                other => panic!("it waits: {other:?}"),
            }
        }
    }

    /// Takes an answer back, if it still waits.
    async fn take_back(&mut self, desk: &Desk, rooms: &[(Access, Access)], waiting: Waiting) {
        let tickets = desk.tickets(&rooms[waiting.room].1);
        match tickets.withdraw(TicketKey::Id(waiting.ticket), waiting.id).await {
            Ok(()) => {
                self.waited.insert(waiting.text, true);
            }
            Err(Error::NotFound(_)) => {}
            Err(error) => panic!("it is taken back, or was sent: {error}"),
        }
    }

    async fn play(&mut self, seed: u64) {
        let writer = desk(self.memory.clone(), &self.clock, seed ^ 0xfeed, None);
        let rooms = [access(&writer, "acme").await, access(&writer, "bolt").await];
        let (mut tickets, mut nodes): (Vec<_>, Vec<Option<Work>>) = (Vec::new(), (0..NODES).map(|_| None).collect());
        let mut waiting = Vec::new();
        for step in 0..STEPS {
            match self.dice.below(100) {
                0..12 => waiting.extend(self.write(&writer, &rooms, &mut tickets, step).await),
                17..20 if !waiting.is_empty() => {
                    let one = usize::try_from(self.dice.below(waiting.len() as u64)).unwrap_or(0);
                    self.take_back(&writer, &rooms, waiting.swap_remove(one)).await;
                }
                12..14 => self.clock.advance(Duration::from_secs(self.dice.below(90))),
                14 => {
                    self.clock.set_back(Duration::from_secs(self.dice.below(120)));
                    self.set_back += 1;
                }
                15..17 => {
                    // A node dies where it is, with all it had taken up.
                    let place = usize::try_from(self.dice.below(NODES as u64)).unwrap_or(0);
                    self.deaths += u64::from(nodes[place].take().is_some());
                }
                _ => {
                    let place = usize::try_from(self.dice.below(NODES as u64)).unwrap_or(0);
                    let mut work = match nodes[place].take() {
                        Some(work) => work,
                        None => self.node(seed ^ (step << 8)),
                    };
                    // One step: until it waits again.
                    let ended =
                        std::future::poll_fn(|context| Poll::Ready(work.as_mut().poll(context).is_ready())).await;
                    nodes[place] = (!ended).then_some(work);
                    // Whoever wanted to be woken is, by the runtime.
                    tokio::task::yield_now().await;
                }
            }
        }
        drop(nodes);
        self.heal(seed).await;
        self.check_waited(seed, &rooms, &tickets).await;
        self.check(seed, &rooms).await;
    }

    /// Nothing fails any more, and time passes: what is left must leave.
    async fn heal(&self, seed: u64) {
        self.shaky.calm();
        *self.calm.lock().expect("calm") = true;
        let desk = desk(self.shaky.clone(), &self.clock, seed ^ 0xbeef, Some((self.post(), &self.ledger)));
        for _ in 0..20 {
            // Longer than a lease, and than the first waits.
            self.clock.advance(Duration::from_secs(3600));
            desk.dispatcher(DispatchSettings::default()).drain().await.expect("nothing fails");
            // What was set aside because workers were lost with it is sent after all by hand.
            for workspace in self.memory.workspaces(None, Limit::MAX).await.expect("read") {
                let failed =
                    DeliveryList { state: Some(DeliveryState::Failed), limit: Limit::MAX, ..DeliveryList::default() };
                let failed = self.memory.deliveries(workspace, failed).await.expect("read");
                for one in &failed {
                    assert!(
                        one.detail.as_deref().is_some_and(|detail| detail.starts_with("set aside")),
                        "seed {seed}: {one:?}"
                    );
                }
                let ids = failed.iter().map(|one| one.id).collect();
                self.memory.reset(workspace, ids, Reset::Requeue { at: desk.now() }).await.expect("reset");
            }
        }
    }

    /// Each answer that waited and was not taken back is a message, once; and is to arrive as any other.
    async fn check_waited(
        &mut self,
        seed: u64,
        rooms: &[(Access, Access)],
        tickets: &[(usize, connect_core::TicketId)],
    ) {
        let desk = desk(self.memory.clone(), &self.clock, seed, None);
        let mut sent: BTreeMap<String, u64> = BTreeMap::new();
        for (room, ticket) in tickets {
            let page = desk.tickets(&rooms[*room].0).messages(TicketKey::Id(*ticket), None, Limit::MAX).await;
            for message in page.expect("read").rows {
                let text = message.body.as_str().to_owned();
                if self.waited.contains_key(&text) {
                    self.answers.insert(desk.message_id(&message.id));
                    *sent.entry(text).or_default() += 1;
                }
            }
            let left = desk.tickets(&rooms[*room].1).held(TicketKey::Id(*ticket)).await.expect("read");
            assert!(left.is_empty(), "seed {seed}: {left:?} still wait");
        }
        for (text, taken_back) in &self.waited {
            let count = sent.get(text).copied().unwrap_or_default();
            assert_eq!(count, u64::from(!taken_back), "seed {seed}: {text} was taken back: {taken_back}");
        }
    }

    async fn check(&mut self, seed: u64, rooms: &[(Access, Access)]) {
        let came = self.came.lock().expect("mails").clone();
        for answer in &self.answers {
            assert!(came.contains_key(answer), "seed {seed}: {answer} was stored and never arrived");
        }
        for id in came.keys().filter(|id| id.starts_with("msg_")) {
            assert!(self.answers.contains(id), "seed {seed}: {id} arrived and was never stored");
        }
        self.repeated = came.values().map(|count| count - 1).sum();
        for workspace in rooms.iter().map(|(host, _)| host.workspace_id()).chain([WorkspaceId::DIRECTORY]) {
            let counters = self.memory.counters(workspace).await.expect("read").expect("there");
            assert_eq!(counters.routed_seq, counters.last_seq, "seed {seed}: all events are routed");
            let taken = self.ledger.taken(workspace);
            assert_eq!(
                taken,
                (1..=counters.last_seq).collect::<Vec<_>>(),
                "seed {seed}: all events are taken, in order"
            );
            let mut keys = BTreeSet::new();
            let mut list = DeliveryList { limit: Limit::MAX, ..DeliveryList::default() };
            loop {
                let page = self.memory.deliveries(workspace, list.clone()).await.expect("read");
                for delivery in page.iter().take(Limit::MAX.get()) {
                    assert_ne!(delivery.state, DeliveryState::Queued, "seed {seed}: {delivery:?} still waits");
                    assert!(keys.insert(delivery.unique_key()), "seed {seed}: {delivery:?} is there twice");
                }
                if page.len() <= Limit::MAX.get() {
                    break;
                }
                list.before = page.get(Limit::MAX.get() - 1).map(|delivery| delivery.id);
            }
        }
    }
}

fn number(name: &str) -> Option<u64> {
    #[allow(clippy::disallowed_methods)]
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} must be a number")))
}

#[test]
fn every_seed_keeps_what_was_promised() {
    let seeds = match number("CONNECT_SIMULATION_SEED") {
        Some(seed) => seed..seed + 1,
        None => 1..1 + number("CONNECT_SIMULATION_SEEDS").unwrap_or(500),
    };
    let (mut answers, mut repeated, mut deaths, mut failures, mut again, mut set_back) = (0, 0, 0, 0, 0, 0);
    let (mut waited, mut taken_back) = (0, 0);
    let count = seeds.end - seeds.start;
    for seed in seeds {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        let mut run = Run::new(seed);
        let played = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            runtime.expect("a runtime").block_on(run.play(seed));
        }));
        assert!(played.is_ok(), "seed {seed} fails: CONNECT_SIMULATION_SEED={seed} plays it again");
        answers += run.answers.len();
        again += run.ledger.again();
        set_back += run.set_back;
        waited += run.waited.len();
        taken_back += run.waited.values().filter(|taken_back| **taken_back).count();
        (repeated, deaths, failures) = (repeated + run.repeated, deaths + run.deaths, failures + run.shaky.failures());
    }
    println!(
        "{count} seeds: {answers} answers, all arrived; {waited} waited, {taken_back} of them were taken back; {repeated} mails again under their id; {deaths} nodes died; the store failed {failures} times; a consumer got {again} events again; the clock was set back {set_back} times"
    );
    assert!(
        count < 100
            || (repeated > 0
                && deaths > 0
                && failures > 0
                && again > 0
                && set_back > 0
                && taken_back > 0
                && taken_back < waited),
        "the dice play everything"
    );
}
