//! What is SQLite's own: files that cannot be used, several openers, the host's transaction, a full disk.

#![allow(clippy::expect_used)]

use std::path::Path;
use std::sync::Arc;

use connect_core::contact::{Contact, NewContact, Traits};
use connect_core::store::{EventList, SealList};
use connect_core::testing::{ManualClock, SeededRandom};
use connect_core::{
    Actor, AuthStore, ChangeSet, Clock, CommitError, EmailAddress, Ids, Moment, Name, Store, WorkspaceId,
};
use connect_store::{SqliteError, SqliteSettings, SqliteStore};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{AssertSqlSafe, Connection, Row};

const WORKSPACE: WorkspaceId = WorkspaceId::from_bits(1);

struct Maker {
    clock: Arc<ManualClock>,
    ids: Ids,
}

impl Maker {
    fn new(seed: u64) -> Self {
        let clock = Arc::new(ManualClock::default());
        Self { ids: Ids::new(clock.clone(), Arc::new(SeededRandom::new(seed))), clock }
    }

    /// A change set that makes a contact; `size` bytes of free facts come with it.
    fn contact(&self, email: &str, size: usize) -> (Contact, ChangeSet) {
        let moment = Moment::new(&self.ids, self.clock.now(), Actor::Host);
        let traits = Traits::from_iter([("filler".to_owned(), "x".repeat(size).into())]);
        let new = NewContact {
            name: Name::parse("name", "Ada").expect("a name"),
            email: Some(EmailAddress::parse("email", email).expect("an address")),
            external_id: None,
            traits,
            locale: None,
        };
        let (contact, change) = Contact::create(new, &moment).expect("a contact");
        (contact, ChangeSet::new(&moment).record(change, &moment))
    }
}

async fn open(path: &Path) -> Result<SqliteStore, SqliteError> {
    SqliteStore::open(path, SqliteSettings::default()).await
}

async fn has(store: &SqliteStore, contact: &Contact) -> bool {
    store.record(WORKSPACE, "contact", contact.id.to_string()).await.expect("read").is_some()
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_in_words() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x.db");
    std::fs::write(&path, vec![b'x'; 5000]).expect("written");
    let error = open(&path).await.expect_err("no database").to_string();
    assert!(error.contains("not a database"), "{error}");
    assert_eq!(std::fs::read(&path).expect("still there"), vec![b'x'; 5000], "it is left as it was");
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x.db");
    open(&path).await.expect("opens").close().await;
    let mut connection = sqlx::SqliteConnection::connect(path.to_str().expect("text")).await.expect("connected");
    sqlx::query("INSERT INTO connect_migrations (version, description, success, checksum, execution_time) VALUES (9999, 'later', 1, x'00', 0)")
        .execute(&mut connection)
        .await
        .expect("written");
    connection.close().await.expect("closed");
    let error = open(&path).await.expect_err("newer");
    assert!(matches!(error, SqliteError::TooNew { found: 9999, .. }), "{error}");
}

#[tokio::test]
async fn a_bad_prefix_is_refused_and_a_good_one_keeps_desks_apart() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x.db");
    for prefix in ["", "a b", "x;DROP TABLE", "Ä", &"a".repeat(31)] {
        let settings = SqliteSettings { prefix: prefix.to_owned(), ..SqliteSettings::default() };
        assert!(matches!(SqliteStore::open(&path, settings).await, Err(SqliteError::BadPrefix)), "{prefix:?}");
    }
    let with = |prefix: &str| {
        SqliteStore::open(&path, SqliteSettings { prefix: prefix.to_owned(), ..SqliteSettings::default() })
    };
    let (one, two) = (with("one_").await.expect("opens"), with("two_").await.expect("opens"));
    let (contact, changes) = Maker::new(1).contact("ada@example.org", 1);
    one.commit(WORKSPACE, changes).await.expect("kept");
    assert!(has(&one, &contact).await && !has(&two, &contact).await);
}

/// What the released scripts were, by the hashes that databases hold of them. One that differs would lock everybody
/// out of their database; what is to be different goes into a new script.
const RELEASED: &[&str] = &[
    "ffa1eed4cb86ff90bb5dad0bd297b73fed7f510a77974752c9942dd7ec70f169e45144ddc6da6525836d2b26e1dd1633",
    "d1631a7def22e397415ac3df05dee52f7cb935eda79d731dbf304fbf576d2e19cf6f68af5594c70edeb2d518824aa3e3",
    "a61b7053d77f7e5089b1d0cf6f3a046b1838d0095b35d9db4aefccaafa8eff73211499b87439a1df11e4765f79a63eaf",
];

#[test]
fn released_migrations_are_as_they_were() {
    let script = connect_store::sqlite::script("connect_");
    for (version, hash) in (1..).zip(RELEASED) {
        let entry = format!("VALUES ({version}, '");
        let line = script.lines().find(|line| line.contains(&entry)).expect("each migration has an entry");
        assert!(line.contains(hash), "migration {version} was released and may not change: {line}");
    }
}

#[tokio::test]
async fn a_file_of_the_first_release_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x.db");
    let with = |prefix: &str| {
        SqliteStore::open(&path, SqliteSettings { prefix: prefix.to_owned(), ..SqliteSettings::default() })
    };
    let (current, maker) = (with("current_").await.expect("opens"), Maker::new(1));
    let (contact, changes) = maker.contact("ada@example.org", 1);
    current.commit(WORKSPACE, changes).await.expect("kept");
    let events = async |store: &SqliteStore| store.events(WORKSPACE, EventList::default()).await.expect("read");
    let before = events(&current).await;
    current.close().await;

    let scripts = connect_store::sqlite::script("old_");
    let first = scripts.split("\n-- 0002 ").next().expect("a first part").to_owned();
    let mut connection = sqlx::SqliteConnection::connect(path.to_str().expect("text")).await.expect("connected");
    sqlx::raw_sql(AssertSqlSafe(first)).execute(&mut connection).await.expect("the first script runs");
    for (table, columns) in
        [("head", "*"), ("record", "*"), ("record_key", "*"), ("event", "workspace_id, seq, ticket_id, type, doc")]
    {
        let copy = format!("INSERT INTO old_{table} SELECT {columns} FROM current_{table}");
        sqlx::raw_sql(AssertSqlSafe(copy)).execute(&mut connection).await.expect("copied");
    }
    connection.close().await.expect("closed");

    let upgraded = with("old_").await.expect("an old file is brought up to date");
    assert_eq!(events(&upgraded).await, before, "what was kept by the first release must be read as it was");
    assert!(has(&upgraded, &contact).await, "and so the contact");
    assert!(upgraded.seals(WORKSPACE, SealList::default()).await.expect("read").is_empty(), "nothing was sealed then");
    let (later, changes) = maker.contact("bob@example.org", 1);
    let committed = upgraded.commit(WORKSPACE, changes).await.expect("written as by any other desk");
    assert_eq!(committed.last_seq, before.len() as u64 + 1, "the journal goes on where it stood");
    assert!(has(&upgraded, &later).await);
    let flow = upgraded.take_flow([0; 32], maker.clock.now()).await.expect("the new table is there");
    assert!(flow.is_none(), "and empty");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_may_open_a_new_file_at_once() {
    for _ in 0..5 {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("deep/er/x.db");
        let tasks: Vec<_> = (0..6)
            .map(|_| {
                let path = path.clone();
                tokio::spawn(async move { open(&path).await.map(|_| ()) })
            })
            .collect();
        for task in tasks {
            task.await.expect("no panic").expect("each opens");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_worth_of_writers_share_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x.db");
    let stores = [open(&path).await.expect("opens"), open(&path).await.expect("opens")];
    let mut tasks = Vec::new();
    for (place, store) in stores.iter().enumerate() {
        let maker = Maker::new(place as u64 + 10);
        for n in 0..40 {
            let (store, (_, changes)) = (store.clone(), maker.contact(&format!("c{n}@s{place}.example"), 1));
            tasks.push(tokio::spawn(async move { store.commit(WORKSPACE, changes).await }));
        }
    }
    let mut seqs = Vec::new();
    for task in tasks {
        seqs.push(task.await.expect("no panic").expect("kept").last_seq);
    }
    seqs.sort_unstable();
    assert_eq!(seqs, (1..=80).collect::<Vec<_>>(), "one journal, whoever writes");
}

#[tokio::test]
async fn a_file_that_somebody_else_locks_is_unavailable_and_recovers() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x.db");
    let settings = SqliteSettings { busy_timeout: std::time::Duration::from_millis(100), ..SqliteSettings::default() };
    let store = SqliteStore::open(&path, settings).await.expect("opens");
    let mut other = sqlx::SqliteConnection::connect(path.to_str().expect("text")).await.expect("connected");
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.expect("locked");
    let maker = Maker::new(1);
    let outcome = store.commit(WORKSPACE, maker.contact("ada@example.org", 1).1).await;
    assert!(matches!(&outcome, Err(CommitError::Store(error)) if error.to_string().contains("locked")), "{outcome:?}");
    assert!(store.ready().await.is_err(), "it does not call itself ready while it cannot write");
    sqlx::query("ROLLBACK").execute(&mut other).await.expect("unlocked");
    store.commit(WORKSPACE, maker.contact("ada@example.org", 1).1).await.expect("it goes on by itself");
}

#[tokio::test]
async fn the_hosts_transaction_takes_the_change_along_or_leaves_it_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("host.db");
    let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true).foreign_keys(true);
    let pool = SqlitePoolOptions::new().connect_with(options).await.expect("the host's pool");
    sqlx::query("CREATE TABLE host_order (id INTEGER PRIMARY KEY)").execute(&pool).await.expect("the host's table");
    let store = SqliteStore::from_pool(&pool, SqliteSettings::default()).await.expect("beside it");
    let maker = Maker::new(1);
    for (email, commits) in [("kept@example.org", true), ("gone@example.org", false)] {
        let (contact, changes) = maker.contact(email, 1);
        let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await.expect("begun");
        sqlx::query("INSERT INTO host_order DEFAULT VALUES").execute(&mut *transaction).await.expect("the host's row");
        store.commit_in(&mut transaction, WORKSPACE, changes).await.expect("written");
        assert!(!has(&store, &contact).await, "not seen before the host commits");
        if commits {
            transaction.commit().await.expect("committed");
        } else {
            transaction.rollback().await.expect("rolled back");
        }
        assert_eq!(has(&store, &contact).await, commits);
    }
    let orders: i64 = sqlx::query("SELECT count(*) FROM host_order").fetch_one(&pool).await.expect("read").get(0);
    assert_eq!(orders, 1, "both or neither");
    let (_, changes) = maker.contact("next@example.org", 1);
    assert_eq!(store.commit(WORKSPACE, changes).await.expect("kept").last_seq, 2, "the journal has no hole");
}

#[tokio::test]
async fn a_disk_that_is_full_refuses_and_goes_on_when_there_is_space() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x.db");
    let store = open(&path).await.expect("opens");
    let maker = Maker::new(1);
    // A limit of pages is how SQLite itself tells that there is no more room: SQLITE_FULL, as on a full disk.
    let limit = async |pages: i64| store.limit_pages(pages).await.expect("set");
    limit(200).await;
    let (mut kept, mut refused) = (Vec::new(), 0);
    for n in 0..400 {
        let (contact, changes) = maker.contact(&format!("c{n}@example.org"), 8000);
        match store.commit(WORKSPACE, changes).await {
            Ok(_) => kept.push(contact),
            Err(CommitError::Store(error)) => {
                assert!(error.to_string().contains("full"), "{error}");
                refused += 1;
                if refused > 5 {
                    break;
                }
            }
            Err(other) => panic!("{other}"),
        }
    }
    assert!(refused > 5 && kept.len() > 10, "{} kept", kept.len());
    for contact in &kept {
        assert!(has(&store, contact).await, "what was acknowledged is there, and reading works");
    }
    limit(1_000_000).await;
    let (contact, changes) = maker.contact("later@example.org", 8000);
    let committed = store.commit(WORKSPACE, changes).await.expect("it goes on by itself");
    assert!(has(&store, &contact).await);
    assert_eq!(committed.last_seq, kept.len() as u64 + 1, "what was refused left no trace");
    store.close().await;
    let store = open(&path).await.expect("opens again");
    for contact in &kept {
        assert!(has(&store, contact).await);
    }
}

#[tokio::test]
async fn the_printed_script_makes_a_file_that_the_program_accepts() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x.db");
    let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let pool = SqlitePoolOptions::new().connect_with(options).await.expect("a file");
    let script = connect_store::sqlite::script("connect_");
    sqlx::raw_sql(sqlx::AssertSqlSafe(script)).execute(&pool).await.expect("the script runs as it is");
    pool.close().await;
    let store = open(&path).await.expect("the file is current");
    let (_, changes) = Maker::new(1).contact("ada@example.org", 1);
    store.commit(WORKSPACE, changes).await.expect("it serves");
}
