//! A workspace moves from SQLite over PostgreSQL and memory back to SQLite, and is the same everywhere: also its seals,
//! and the origins of its events.

use std::sync::Arc;

use connect_core::dispatch::DispatchSettings;
use connect_core::notify::MailIdentity;
use connect_core::store::{ExportList, MovedRow, Part};
use connect_core::user::{ProvenMailbox, User};
use connect_core::workspace::moving::{Export, Importing, Line};
use connect_core::workspace::{NewWorkspace, Workspace};
use connect_core::{Action, Desk, DeskSettings, EmailAddress, Limit, Name, Policy, Slug, Standing, Store, WorkspaceId};
use connect_store::{MemoryStore, SqliteSettings, SqliteStore};

use crate::database::Schema;
use crate::sealer::OpenSealer;
use crate::world::Maker;

#[derive(Debug)]
struct Everything;

impl Policy for Everything {
    fn allows(&self, _: Standing, _: Action) -> bool {
        true
    }
}

pub(crate) fn desk(store: Arc<dyn Store>) -> Desk {
    let from = MailIdentity { name: None, address: EmailAddress::parse("from", "desk@desk.example").expect("address") };
    let builder = Desk::builder(store, Arc::new(Everything)).sealer(Arc::new(OpenSealer));
    builder.build(DeskSettings::new("https://desk.example", from))
}

/// All lines of an export.
async fn lines(store: Arc<dyn Store>, workspace: WorkspaceId) -> Vec<Line> {
    let mut export = Export::begin(store, workspace).await.expect("it is there");
    let mut lines = vec![Line::Header(export.header())];
    while let Some(next) = export.next().await.expect("nobody changes it meanwhile") {
        lines.extend(next);
    }
    lines
}

async fn take(store: Arc<dyn Store>, lines: &[Line]) {
    let desk = desk(store);
    let Some(Line::Header(header)) = lines.first() else { panic!("the first line is the header") };
    let mut importing = Importing::begin(&desk, *header).await.expect("the workspace is new here");
    let mut ended = false;
    for line in &lines[1..] {
        // As it would be read from a file.
        let text = serde_json::to_string(line).expect("written");
        ended = importing.take(serde_json::from_str(&text).expect("read")).await.expect("taken");
    }
    assert!(ended, "the last line opens the workspace");
}

/// Every row as it is stored, past the tool that moves them.
async fn rows(store: &dyn Store, workspace: WorkspaceId) -> Vec<MovedRow> {
    let mut rows = Vec::new();
    for part in Part::ALL {
        let mut after = None;
        loop {
            let list = ExportList { part, after: after.take(), limit: Limit::MAX };
            let mut page = store.export(workspace, list).await.expect("read");
            let more = page.len() > Limit::MAX.get();
            page.truncate(Limit::MAX.get());
            after = page.last().map(MovedRow::place);
            rows.extend(page);
            if !more {
                break;
            }
        }
    }
    rows
}

/// A workspace with its owner.
pub(crate) async fn workspace(desk: &Desk) -> Workspace {
    let email = EmailAddress::parse("email", "owner@acme.example").expect("an address");
    let owner: User = desk.users().find_or_create(&email, None).await.expect("made");
    let new = NewWorkspace {
        name: Name::parse("name", "Acme").expect("a name"),
        slug: Slug::parse("slug", "acme").expect("a slug"),
    };
    desk.workspaces().create(&ProvenMailbox::attest(&owner), new, None).await.expect("made")
}

/// A workspace with its owner and 300 tickets: more than fit into one page.
async fn fill(store: Arc<dyn Store>) -> WorkspaceId {
    let desk = desk(store.clone());
    let workspace = workspace(&desk).await;
    let maker = Maker::new(7);
    let (contact, changes) = maker.contact("ada@example.org");
    store.commit(workspace.id, changes).await.expect("kept");
    for n in 0..300 {
        let (_, changes) = maker.ticket(contact.id, &format!("Ticket {n}: Žaneta's printer"));
        store.commit(workspace.id, changes).await.expect("kept");
        // Each under a seal of its own: more than fit into one page, too.
        desk.dispatcher(DispatchSettings::default()).drain().await.expect("routed");
    }
    workspace.id
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_postgres_memory_sqlite() {
    let folder = tempfile::tempdir().expect("a folder");
    let open = async |name: &str| {
        let path = folder.path().join(name);
        let store = SqliteStore::open(&path, SqliteSettings::default()).await.expect("the file opens");
        Arc::new(store) as Arc<dyn Store>
    };
    let schema = Schema::new();
    let first = open("first.db").await;
    let workspace = fill(first.clone()).await;
    let chain: [Arc<dyn Store>; 3] =
        [Arc::new(schema.open().await), Arc::new(MemoryStore::new()), open("last.db").await];
    let exported = lines(first.clone(), workspace).await;
    let stored = rows(first.as_ref(), workspace).await;
    assert!(stored.len() > 900, "tickets, messages and events: {}", stored.len());
    let seals = stored.iter().filter(|row| row.part() == Part::Seals).count();
    assert!(seals > Limit::MAX.get(), "seals: {seals}");
    let has_origin = |row: &&MovedRow| matches!(row, MovedRow::Event(event) if event.origin.is_some());
    assert!(stored.iter().filter(has_origin).count() > Limit::MAX.get(), "events that came from somewhere");
    let sealed = desk(first.clone()).verify_journal(workspace).await.expect("read");
    assert!(sealed.flaws.is_empty() && sealed.sealed == sealed.events, "{sealed:?}");
    let mut from = first;
    for next in chain {
        let moved = lines(from.clone(), workspace).await;
        assert!(moved == exported, "what comes out of {from:?} is what came out of the first");
        take(next.clone(), &moved).await;
        assert!(rows(next.as_ref(), workspace).await == stored, "every row is the same in {next:?}");
        assert_eq!(
            next.counters(workspace).await.expect("read"),
            from.counters(workspace).await.expect("read"),
            "and the counters"
        );
        let verified = desk(next.clone()).verify_journal(workspace).await.expect("read");
        assert_eq!(verified, sealed, "and what was sealed is good in {next:?}");
        from = next;
    }
    assert!(lines(from, workspace).await == exported);
}
