//! A disk that is full. Files of the server's may not grow beyond a size: it is refused more room in the very
//! place where a full disk refuses it.

use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

use connect_core::testing::SeededRandom;
use connect_core::{CommitError, Store};
use connect_store::{PostgresSettings, PostgresStore};
use xtask::services::Postgres;

use crate::ledger::Ledger;
use crate::world::{Maker, WORKSPACE, bounded, noise, recovered};

/// A multiple of a page; larger than a segment of the log (1 MiB here), so that only tables meet it.
const ROOM: &str = "4194304";

/// Limits the files of all processes of the server, and of those that they will start.
fn limit_files(server: &Postgres, bytes: &str) {
    let first = server.id();
    let children = std::fs::read_to_string(format!("/proc/{first}/task/{first}/children")).unwrap_or_default();
    for process in std::iter::once(first.to_string()).chain(children.split_whitespace().map(str::to_owned)) {
        let Ok(owner) = std::fs::metadata(format!("/proc/{process}")) else { continue };
        // As the server's own user: nobody else may without a right of their own. The hard limit stays, so
        // that the soft one can be raised again.
        let done = Command::new("prlimit")
            .args([format!("--fsize={bytes}:unlimited"), format!("--pid={process}")])
            .uid(owner.uid())
            .gid(owner.gid())
            .current_dir("/")
            .output()
            .expect("prlimit runs");
        let why = String::from_utf8_lossy(&done.stderr);
        // A process may have ended meanwhile.
        assert!(done.status.success() || why.contains("No such process"), "the limit of {process} is not set: {why}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_full_refuses_and_goes_on_when_there_is_space() {
    bounded("commits to a full disk", async {
        let folder = tempfile::tempdir().expect("a folder");
        let arguments = ["--wal-segsize=1"];
        let server = Postgres::start_with(&folder.path().join("postgres"), &arguments, &[]).expect("a server");
        let settings = PostgresSettings { readers: 2, ..PostgresSettings::default() };
        let store = PostgresStore::connect(&server.url(), settings.clone()).await.expect("the database opens");
        let (maker, ledger, random) = (Maker::new(1), Ledger::default(), SeededRandom::new(3));
        let contact = maker.kept_contact(&store, WORKSPACE).await;
        let commit = async |size: usize| {
            let (ticket, changes) = maker.ticket(contact, &noise(&random, size));
            ledger.begin(ticket.id);
            let outcome = store.commit(WORKSPACE, changes).await;
            ledger.end(ticket.id, &outcome);
            outcome
        };
        tokio::task::block_in_place(|| limit_files(&server, ROOM));
        for _ in 0..400 {
            match commit(60_000).await {
                Ok(_) => {}
                Err(CommitError::Store(error)) => {
                    let text = error.to_string();
                    assert!(
                        text.contains("could not extend file"),
                        "the error must say what is full; it reads: {text}"
                    );
                    if ledger.refused() > 5 {
                        break;
                    }
                }
                Err(other) => panic!("a full disk must refuse in words; it was {other:?}"),
            }
        }
        assert!(ledger.refused() > 5, "the disk must have been full; {} were kept", ledger.kept());
        assert!(ledger.kept() > 10, "some must have been kept before; {} were", ledger.kept());
        ledger.check(&store, WORKSPACE).await;

        // Only the table of large texts has no room. Those that wait together are written as a group: one
        // that has no room must not take down others that have.
        let (_, first, second) = tokio::join!(commit(60_000), commit(20), commit(20));
        for small in [first, second] {
            assert!(small.is_ok(), "a change that has room must be kept beside one that has none; it was {small:?}");
        }
        ledger.check(&store, WORKSPACE).await;

        tokio::task::block_in_place(|| limit_files(&server, "unlimited"));
        let (kept, until) = (ledger.kept(), ledger.kept() + 20);
        for _ in 0..200 {
            if ledger.kept() >= until {
                break;
            }
            if commit(60_000).await.is_err() {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        assert!(ledger.kept() >= until, "it must go on by itself; {} more were kept", ledger.kept() - kept);
        recovered("ready", || store.ready()).await;
        ledger.check(&store, WORKSPACE).await;
        store.close().await;
        let again = PostgresStore::connect(&server.url(), settings).await.expect("it opens again");
        ledger.check(&again, WORKSPACE).await;
    })
    .await;
}
