//! API keys: records that are found by their id, without knowing the workspace.

use connect_core::api_key::{ApiKey, KeyLimits, KeyOwner, NewApiKey, SecretTrace};
use connect_core::{Action, ChangeSet, UserId, WorkspaceId};

use super::World;
use super::world::name;

const OWNER: KeyOwner = KeyOwner { user: UserId::from_bits(7), proven: true };

fn trace(secret: &str) -> SecretTrace {
    SecretTrace { hash: secret.to_owned(), last_four: "abcd".to_owned() }
}

async fn key(world: &World, workspace: WorkspaceId, secret: &str) -> ApiKey {
    let moment = world.agent();
    let new = NewApiKey {
        name: name("Robot"),
        scopes: [Action::ReadTickets].into_iter().collect(),
        expires_at: None,
        networks: Vec::new(),
    };
    let made = ApiKey::create(new, OWNER, |_| true, &KeyLimits::USUAL, |_| trace(secret), &moment);
    let (key, change) = made.expect("a key");
    world.commit(workspace, ChangeSet::new(&moment).record(change, &moment)).await.expect("a key is kept");
    key
}

fn rotation(world: &World, key: &ApiKey, secret: &str) -> ChangeSet {
    let moment = world.agent();
    let (_, change) = key.rotate(OWNER, None, &KeyLimits::USUAL, trace(secret), moment.now()).expect("decided");
    ChangeSet::new(&moment).record(change, &moment)
}

async fn found(world: &World, key: &ApiKey) -> Vec<(WorkspaceId, ApiKey)> {
    let records = world.store().locate("api_key", format!("id:{}", key.id)).await.expect("read");
    records.into_iter().map(|(workspace, record)| (workspace, record.read().expect("a key"))).collect()
}

/// A key is found by its id alone, with the workspace it is of; those of other workspaces are not.
pub async fn sec_63_a_key_is_found_by_its_id_alone(world: World) {
    let (acme, bolt) = (world.workspace("acme").await, world.workspace("bolt").await);
    let (one, two) = (key(&world, acme, "one").await, key(&world, bolt, "two").await);
    assert_eq!(found(&world, &one).await, [(acme, one.clone())]);
    assert_eq!(found(&world, &two).await, [(bolt, two.clone())]);
    let there = world.store().record(bolt, "api_key", one.id.to_string()).await.expect("read");
    assert!(there.is_none(), "a key of another workspace is absent");
}

/// A key that was revoked is found by nobody.
pub async fn sec_67_a_revoked_key_is_found_no_more(world: World) {
    let acme = world.workspace("acme").await;
    let (gone, kept) = (key(&world, acme, "one").await, key(&world, acme, "two").await);
    let moment = world.agent();
    world.commit(acme, ChangeSet::new(&moment).record(gone.revoke(), &moment)).await.expect("kept");
    assert!(found(&world, &gone).await.is_empty());
    assert_eq!(found(&world, &kept).await.len(), 1);
}

/// Of rotations that were decided at the same time one is kept, and the old secret counts beside it.
pub async fn sec_67_one_of_parallel_rotations_is_kept(world: World) {
    let acme = world.workspace("acme").await;
    let old = key(&world, acme, "old").await;
    let sets: Vec<ChangeSet> = (0..8).map(|n| rotation(&world, &old, &format!("new-{n}"))).collect();
    let outcomes = futures::future::join_all(sets.into_iter().map(|set| world.commit(acme, set))).await;
    let kept: Vec<usize> = (0..8).filter(|n| outcomes[*n].is_ok()).collect();
    assert_eq!(kept.len(), 1, "{outcomes:?}");
    let (_, present) = found(&world, &old).await.remove(0);
    let hashes: Vec<String> = present.secrets(world.now()).map(|secret| secret.hash.clone()).collect();
    assert_eq!(hashes, [format!("new-{}", kept[0]), "old".to_owned()]);
}
