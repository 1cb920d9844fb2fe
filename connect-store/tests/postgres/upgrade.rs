//! A schema of the first release, with rows in it, goes on under this program.

use connect_core::store::{OriginList, SealList, TicketKey};
use connect_core::{AuthStore, Clock, Limit, Store};
use connect_store::postgres::script;

use crate::database::{Schema, url};
use crate::ledger::{events, tickets};
use crate::world::{Maker, WORKSPACE, outside, run};

/// What the released scripts were, by the hashes that databases hold of them. One that differs would lock everybody
/// out of their database; what is to be different goes into a new script.
const RELEASED: &[&str] = &[
    "335907b77787532082fc289678fb140b952733fb5a2a0d093b7e567b2e3b0926c6d278dfcd6e901f111947478cb9fe40",
    "ddde9e331e69d52661aab56aa125b83b1a6bb20a00208b8ef2059f0940201b219234d81971dfb40b7d54aeef625a4ce0",
    "6419541adc2293cf215967f94a2ae8041d4be056e29e89278bdf47a24d8fc5f149cd76c58588186d19c4fc5c370d2e72",
    "a4322d1884d103cb908e5ea3eea40b61c4bdd992b43122e2dfb275d671f59db0b12c99f19cce1d398f079f50470a8c16",
];

/// The columns of a ticket at that time.
const TICKET: &str = "workspace_id, id, number, contact_id, version, category, assignee_id, priority, created_at, updated_at, labels, doc";

#[test]
fn released_migrations_are_as_they_were() {
    let script = script("connect");
    for (version, hash) in (1..).zip(RELEASED) {
        let entry = format!("VALUES ({version}, '");
        let line = script.lines().find(|line| line.contains(&entry)).expect("each migration has an entry");
        assert!(line.contains(hash), "migration {version} was released and may not change: {line}");
    }
}

#[tokio::test]
async fn a_schema_of_the_first_release_goes_on() {
    let (current, old) = (Schema::new(), Schema::new());
    let (store, maker) = (current.open().await, Maker::new(1));
    let (contact, ticket, changes) = maker.contact_and_ticket("ada@example.org");
    store.commit(WORKSPACE, changes).await.expect("kept");
    let mut before = (events(&store, WORKSPACE).await, tickets(&store, WORKSPACE).await);
    // The first release kept no origins.
    before.0.iter_mut().for_each(|event| event.origin = None);

    let scripts = script(old.name());
    let first = scripts.split("\n-- 0002 ").next().expect("a first part");
    let mut connection = outside(&url()).await;
    run(&mut connection, first).await;
    for (table, columns) in [
        ("head", "workspace_id, last_seq, last_number, routed_seq"),
        ("record", "*"),
        ("record_key", "*"),
        ("ticket", TICKET),
        ("message", "*"),
        ("search", "*"),
        ("event", "workspace_id, seq, ticket_id, type, doc"),
    ] {
        let (old, current) = (old.name(), current.name());
        run(&mut connection, &format!("INSERT INTO {old}.{table} SELECT {columns} FROM {current}.{table}")).await;
    }

    let upgraded = old.open().await;
    let after = (events(&upgraded, WORKSPACE).await, tickets(&upgraded, WORKSPACE).await);
    assert_eq!(after, before, "what was kept by the first release must be read as it was");
    assert!(upgraded.seals(WORKSPACE, SealList::default()).await.expect("read").is_empty(), "nothing was sealed then");
    let (next, changes) = maker.ticket(contact.id, "After the upgrade.");
    let committed = upgraded.commit(WORKSPACE, changes).await.expect("written as by any other desk");
    assert_eq!(committed.last_seq, before.0.len() as u64 + 1, "the journal goes on where it stood");
    for id in [ticket.id, next.id] {
        assert!(upgraded.ticket(WORKSPACE, TicketKey::Id(id)).await.expect("read").is_some());
    }
    let origins = OriginList { through: 9, actor: None, limit: Limit::MAX };
    upgraded.forget_origins(WORKSPACE, origins).await.expect("the new column is there");
    let flow = upgraded.take_flow([0; 32], maker.clock.now()).await.expect("the new table is there");
    assert!(flow.is_none(), "and empty");
}
