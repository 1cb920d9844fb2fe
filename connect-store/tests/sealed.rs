//! Journals that somebody alters who can write to the database and does not have the key.

#![allow(clippy::expect_used)]

mod sealer;

use std::path::PathBuf;
use std::sync::Arc;

use connect_core::audit::{Flaw, Head, Verified};
use connect_core::contact::{Contact, NewContact, Traits};
use connect_core::dispatch::DispatchSettings;
use connect_core::notify::MailIdentity;
use connect_core::testing::{ManualClock, SeededRandom};
use connect_core::{
    Action, Actor, ChangeSet, Clock, Desk, DeskSettings, EmailAddress, Ids, Moment, Name, Policy, Standing, Store,
    WorkspaceId,
};
use connect_store::{SqliteSettings, SqliteStore};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};

use sealer::OpenSealer;

const WORKSPACE: WorkspaceId = WorkspaceId::from_bits(1);

#[derive(Debug)]
struct Nothing;

impl Policy for Nothing {
    fn allows(&self, _: Standing, _: Action) -> bool {
        false
    }
}

/// A journal in a file, that grows by one event at a time.
struct Journal {
    folder: tempfile::TempDir,
    store: Arc<SqliteStore>,
    ids: Ids,
    clock: Arc<ManualClock>,
}

impl Journal {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let opened = SqliteStore::open(folder.path().join("x.db"), SqliteSettings::default()).await;
        let clock = Arc::new(ManualClock::default());
        let ids = Ids::new(clock.clone(), Arc::new(SeededRandom::new(1)));
        Self { store: Arc::new(opened.expect("the file opens")), folder, ids, clock }
    }

    /// A process that starts now.
    fn process(&self, seals: bool) -> Desk {
        let address = EmailAddress::parse("from", "desk@desk.example").expect("an address");
        let settings = DeskSettings::new("https://desk.example", MailIdentity { name: None, address });
        let builder = Desk::builder(self.store.clone(), Arc::new(Nothing));
        if seals { builder.sealer(Arc::new(OpenSealer)) } else { builder }.build(settings)
    }

    /// So many more events, each routed by the process before the next one comes.
    async fn grow(&self, process: &Desk, events: usize) {
        for _ in 0..events {
            let moment = Moment::new(&self.ids, self.clock.now(), Actor::Host);
            let id = moment.ids().contact();
            let new = NewContact {
                name: Name::parse("name", "Ada").expect("a name"),
                email: None,
                external_id: Some(id.to_string()),
                traits: Traits::new(),
                locale: None,
            };
            let (_, change) = Contact::create(new, &moment).expect("a contact");
            self.store.commit(WORKSPACE, ChangeSet::new(&moment).record(change, &moment)).await.expect("kept");
            process.dispatcher(DispatchSettings::default()).drain().await.expect("routed");
        }
    }

    /// Statements past the desk, each of which must change something.
    async fn alter(&self, statements: &[&str]) {
        let path: PathBuf = self.folder.path().join("x.db");
        let mut connection = SqliteConnectOptions::new().filename(path).connect().await.expect("the file opens");
        for statement in statements {
            let query = sqlx::query(AssertSqlSafe((*statement).to_owned()));
            let done = query.execute(&mut connection).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
            assert!(done.rows_affected() > 0, "it changes something: {statement}");
        }
        connection.close().await.expect("closed");
    }

    async fn verify(&self) -> Verified {
        self.process(true).verify_journal(WORKSPACE).await.expect("read")
    }
}

/// The seals and the routing behind event 3 undone, and event 5 another one.
const SET_BACK: [&str; 3] = [
    "DELETE FROM connect_seal WHERE after_seq >= 3",
    "UPDATE connect_head SET routed_seq = 3",
    "UPDATE connect_event SET doc = json_set(doc, '$.actor', 'system') WHERE seq = 5",
];

const ALTERED: &str = "UPDATE connect_event SET doc = json_set(doc, '$.actor', 'system') WHERE seq";

fn altered(first: u64, last: u64) -> Flaw {
    Flaw::Altered { first, last }
}

#[tokio::test]
async fn sec_82_sealing_may_begin_behind_what_is_older_than_it() {
    let journal = Journal::new().await;
    journal.grow(&journal.process(false), 5).await;
    let none = journal.verify().await;
    assert_eq!((none.head, none.flaws), (None, vec![Flaw::Unsealed { first: 1, last: 5 }]), "nothing is sealed yet");
    journal.grow(&journal.process(true), 5).await;
    let well = journal.verify().await;
    assert_eq!((well.began, well.sealed, &well.flaws), (5, 10, &vec![]), "what came since is sealed");
    journal.alter(&[&format!("{ALTERED} = 3")]).await;
    assert_eq!(journal.verify().await, well, "nobody can tell what was before");
    journal.alter(&[&format!("{ALTERED} = 8")]).await;
    assert_eq!(journal.verify().await.flaws, [altered(8, 8)], "but what came since");
    journal.alter(&["DELETE FROM connect_event WHERE seq = 2"]).await;
    assert_eq!(journal.verify().await.flaws, [Flaw::Missing(2), altered(8, 8)], "and that something is gone");
}

#[tokio::test]
async fn sec_82_no_seal_becomes_the_first_by_removing_those_before_it() {
    let journal = Journal::new().await;
    journal.grow(&journal.process(true), 5).await;
    journal.alter(&["DELETE FROM connect_seal WHERE after_seq < 2"]).await;
    let told = journal.verify().await;
    assert_eq!((told.began, told.flaws), (2, vec![altered(3, 3)]));
}

#[tokio::test]
async fn sec_82_a_flaw_hides_none_behind_it() {
    let journal = Journal::new().await;
    journal.grow(&journal.process(true), 12).await;
    let well = journal.verify().await;
    assert_eq!((well.began, well.sealed, &well.flaws), (0, 12, &vec![]));
    journal
        .alter(&[
            &format!("{ALTERED} = 2"),
            "DELETE FROM connect_event WHERE seq = 4",
            "DELETE FROM connect_seal WHERE last_seq = 7",
            &format!("{ALTERED} = 10"),
        ])
        .await;
    let told = journal.verify().await;
    let expected = [
        altered(2, 2),
        Flaw::Missing(4),
        Flaw::Unsealed { first: 7, last: 7 },
        // Its seal is over the one that is gone.
        altered(8, 8),
        altered(10, 10),
    ];
    assert_eq!(told.flaws, expected);
    assert_eq!((told.sealed, told.head), (12, well.head), "what is good behind them is found good");
    // However a seal is bent, the walk comes to its end, and the others are still looked at.
    for bent in ["last_seq = 3", "last_seq = 7", "last_seq = 4000000000000", "mac = ''"] {
        journal.alter(&[&format!("UPDATE connect_seal SET {bent} WHERE after_seq = 5")]).await;
        let told = journal.verify().await.flaws;
        assert!(told.contains(&altered(10, 10)) && told.len() >= expected.len(), "{bent}: {told:?}");
    }
}

#[tokio::test]
async fn sec_82_of_very_many_flaws_a_hundred_are_told() {
    let journal = Journal::new().await;
    journal.grow(&journal.process(true), 110).await;
    journal.alter(&[&format!("{ALTERED} > 0")]).await;
    let told = journal.verify().await;
    assert_eq!((told.flaws.len(), told.sealed), (100, 0));
    assert_eq!(told.flaws.first(), Some(&altered(1, 1)));
}

#[tokio::test]
async fn sec_82_a_desk_at_work_blesses_no_altered_past() {
    let journal = Journal::new().await;
    let process = journal.process(true);
    journal.grow(&process, 6).await;
    journal.alter(&SET_BACK).await;
    journal.grow(&process, 3).await;
    let told = journal.verify().await;
    assert_eq!(told.flaws, [Flaw::Unsealed { first: 4, last: 7 }], "what was routed again has no seal");
    assert_eq!(told.sealed, 9, "and what came later has one");
    // Again, and to the same place: the gap is not filled later, either.
    journal.alter(&SET_BACK[..2]).await;
    journal.grow(&process, 2).await;
    assert_eq!(journal.verify().await.flaws, [Flaw::Unsealed { first: 4, last: 10 }]);
}

#[tokio::test]
async fn sec_82_a_desk_at_work_does_not_begin_anew() {
    for set_back in [None, Some("UPDATE connect_head SET routed_seq = 0")] {
        let journal = Journal::new().await;
        let process = journal.process(true);
        journal.grow(&process, 6).await;
        let statements: Vec<&str> = std::iter::once("DELETE FROM connect_seal").chain(set_back).collect();
        journal.alter(&statements).await;
        journal.grow(&process, 3).await;
        let told = journal.verify().await;
        assert_eq!(told.flaws, [altered(8, 8)], "the first seal is over one that is gone");
        assert_eq!((told.began, told.sealed), (7, 9));
    }
}

#[tokio::test]
async fn sec_82_routing_that_was_set_back_makes_no_second_seals() {
    let journal = Journal::new().await;
    journal.grow(&journal.process(true), 6).await;
    journal.alter(&["UPDATE connect_head SET routed_seq = 2"]).await;
    let process = journal.process(true);
    process.dispatcher(DispatchSettings::default()).drain().await.expect("routed");
    journal.grow(&process, 2).await;
    let told = journal.verify().await;
    assert_eq!((told.flaws, told.sealed), (vec![], 8), "the seals that there were are the seals");
}

#[tokio::test]
async fn sec_82_several_processes_seal_one_journal() {
    let journal = Journal::new().await;
    let processes = [journal.process(true), journal.process(true)];
    for turn in 0..5 {
        journal.grow(&processes[turn % 2], 1 + turn).await;
    }
    let well = journal.verify().await;
    assert_eq!((well.sealed, well.flaws), (15, vec![]));
}

#[tokio::test]
async fn sec_82_a_head_that_was_noted_tells_what_the_store_cannot() {
    let journal = Journal::new().await;
    let mut noted: Vec<Head> = Vec::new();
    for _ in 0..3 {
        journal.grow(&journal.process(true), 2).await;
        noted.extend(journal.verify().await.head);
    }
    assert_eq!(noted.iter().map(|head| head.last).collect::<Vec<_>>(), [2, 4, 6]);
    let desk = journal.process(true);
    let against = async |noted: &[Head]| desk.verify_against(WORKSPACE, noted.to_vec()).await.expect("read").flaws;
    assert_eq!(against(&noted).await, []);
    // Nobody was at work when it happened: the desk that starts now seals what it finds.
    journal.alter(&SET_BACK).await;
    journal.grow(&journal.process(true), 2).await;
    assert_eq!(journal.verify().await.flaws, [], "the store alone does not tell");
    assert_eq!(against(&noted).await, [Flaw::Head(4), Flaw::Head(6)], "the heads do");
    assert_eq!(against(&noted[..1]).await, [], "what a head proves is not touched by what came later");
}
