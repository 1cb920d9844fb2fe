//! A host's own consumers of the journal: where each stands is kept, and two nodes do not stand in each other's way.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use connect_core::delivery::{DeliveryList, DeliveryState};
use connect_core::dispatch::{Consumer, DispatchSettings};
use connect_core::event::Event;
use connect_core::notify::MailIdentity;
use connect_core::{Action, Desk, DeskSettings, Policy, Standing, Store, WorkspaceId};

use super::World;
use super::world::address;

#[derive(Debug)]
struct Nothing;

impl Policy for Nothing {
    fn allows(&self, _: Standing, _: Action) -> bool {
        false
    }
}

/// Keeps what it was handed, and refuses once a call when told to.
#[derive(Debug, Default)]
struct Kept {
    events: Mutex<Vec<(WorkspaceId, u64)>>,
    refuses: Mutex<u32>,
}

impl Kept {
    fn of(&self, workspace: WorkspaceId) -> Vec<u64> {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.iter().filter(|(at, _)| *at == workspace).map(|(_, seq)| *seq).collect()
    }
}

#[async_trait]
impl Consumer for Kept {
    fn name(&self) -> &'static str {
        "kept"
    }

    async fn take(&self, _: &Desk, workspace: WorkspaceId, events: &[Event]) -> Result<(), String> {
        {
            let mut refuses = self.refuses.lock().unwrap_or_else(PoisonError::into_inner);
            if *refuses > 0 {
                *refuses -= 1;
                return Err("not now".to_owned());
            }
        }
        // Long enough that another node would come in between, if it could.
        tokio::time::sleep(Duration::from_millis(5)).await;
        let mut kept = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend(events.iter().map(|event| (workspace, event.seq)));
        Ok(())
    }
}

fn desk(world: &World, store: Arc<dyn Store>, consumer: &Arc<Kept>) -> Desk {
    let builder = Desk::builder(store, Arc::new(Nothing)).clock(world.clock.clone()).consumer(consumer.clone());
    builder.build(DeskSettings::new(
        "https://kit.example",
        MailIdentity { name: None, address: address("kit@kit.example") },
    ))
}

async fn drain(desk: &Desk) {
    desk.dispatcher(DispatchSettings::default()).drain().await.expect("dispatched");
}

/// Every event comes once and in order, also over several nodes and after a restart; and a cursor that moves is no event.
pub async fn a_consumer_gets_every_event_once(world: World) {
    let kept = Arc::new(Kept::default());
    let (acme, ada) = world.desk("acme").await;
    let bolt = world.workspace("bolt").await;
    for n in 0..150 {
        world.ticket(acme, ada.id, &format!("Ticket {n}")).await;
    }
    let nodes = [desk(&world, world.store(), &kept), desk(&world, world.store(), &kept)];
    futures::future::join(drain(&nodes[0]), drain(&nodes[1])).await;
    let last = world.store().counters(acme).await.expect("read").expect("there").last_seq;
    assert_eq!(last, 152, "150 tickets, a contact, a workspace: the cursors have written no events");
    assert_eq!(kept.of(acme), (1..=last).collect::<Vec<_>>());
    assert_eq!(kept.of(bolt), [1], "each workspace has a cursor of its own");
    let again = desk(&world, world.reopened().await.0, &kept);
    drain(&again).await;
    assert_eq!(kept.of(acme).len() as u64, last, "nothing new, nothing again");
    world.ticket(acme, ada.id, "One more").await;
    drain(&again).await;
    assert_eq!(kept.of(acme), (1..=last + 1).collect::<Vec<_>>());
}

/// What a consumer refuses comes again, and nothing behind it comes before.
pub async fn what_a_consumer_refuses_comes_again(world: World) {
    let kept = Arc::new(Kept { refuses: Mutex::new(1), ..Kept::default() });
    let (acme, ada) = world.desk("acme").await;
    let desk = desk(&world, world.store(), &kept);
    drain(&desk).await;
    let list = DeliveryList { channel: Some("kept".to_owned()), ..DeliveryList::default() };
    let waiting = world.store().deliveries(acme, list).await.expect("read");
    assert_eq!(waiting.len(), 1);
    assert_eq!((waiting[0].state, waiting[0].detail.as_deref()), (DeliveryState::Queued, Some("not now")));
    world.ticket(acme, ada.id, "Behind it").await;
    world.clock.advance(Duration::from_secs(3));
    drain(&desk).await;
    assert_eq!(kept.of(acme), [1, 2, 3], "in order, and without waiting for the lease to end");
}
