//! Wake-ups: late, doubled or lost they may be; never wrong, and a gap is told.

use std::time::Duration;

use connect_core::presence::{Doing, Presence};
use connect_core::store::{Hint, Sign, Signal, Signals};
use connect_core::{TicketId, UserId, WorkspaceId};

use super::FreshFeed;

/// A hang, not a measurement: wake-ups may be late, but a test must end.
const PATIENCE: Duration = Duration::from_secs(20);

fn workspace(n: u128) -> WorkspaceId {
    WorkspaceId::from_bits(n)
}

/// Waits until the subscriber was told to look at a workspace, at this number or a later one.
async fn told(signals: &mut Signals, at: WorkspaceId, seq: u64) {
    let heard = tokio::time::timeout(PATIENCE, async {
        loop {
            match signals.next().await {
                Some(Signal::Look(hint)) if hint.workspace == at && hint.seq >= seq => return,
                Some(_) => {}
                None => panic!("the feed has ended"),
            }
        }
    });
    heard.await.unwrap_or_else(|_| panic!("a hint of {at} {seq} never came"));
}

/// Publishes until the subscriber hears it: a hint may be lost, such as while a node is still connecting.
async fn reaches(fresh: &FreshFeed, from: usize, signals: &mut Signals, at: WorkspaceId) {
    for seq in 1..200 {
        fresh.nodes[from].publish(Hint { workspace: at, seq });
        let heard = tokio::time::timeout(Duration::from_millis(200), told(signals, at, 1)).await;
        if heard.is_ok() {
            return;
        }
    }
    panic!("no hint of 200 arrived");
}

/// A hint reaches the other node and the own one.
pub async fn a_hint_reaches_every_node(fresh: FreshFeed) {
    let mut own = fresh.nodes[0].subscribe();
    let mut other = fresh.nodes[1].subscribe();
    reaches(&fresh, 0, &mut other, workspace(1)).await;
    told(&mut own, workspace(1), 1).await;
    let mut back = fresh.nodes[0].subscribe();
    reaches(&fresh, 1, &mut back, workspace(2)).await;
}

/// Of many hints in a short while the newest of each workspace arrives.
pub async fn the_newest_of_a_burst_arrives(fresh: FreshFeed) {
    let mut other = fresh.nodes[1].subscribe();
    reaches(&fresh, 0, &mut other, workspace(1)).await;
    for seq in 300..=400 {
        for n in 2..5 {
            fresh.nodes[0].publish(Hint { workspace: workspace(n), seq });
        }
    }
    let mut missing: std::collections::BTreeSet<u128> = (2..5).collect();
    let heard = tokio::time::timeout(PATIENCE, async {
        while !missing.is_empty() {
            match other.next().await {
                Some(Signal::Look(hint)) if hint.seq == 400 => {
                    missing.remove(&hint.workspace.bits());
                }
                Some(_) => {}
                None => panic!("the feed has ended"),
            }
        }
    });
    assert!(heard.await.is_ok(), "the newest hints of workspaces {missing:?} never came");
}

/// A subscriber that slept is told to look everywhere instead of being left in the dark.
pub async fn a_slow_subscriber_is_told_of_the_gap(fresh: FreshFeed) {
    let mut slow = fresh.nodes[0].subscribe();
    for n in 0..5000 {
        fresh.nodes[0].publish(Hint { workspace: workspace(n), seq: 1 });
    }
    let told = tokio::time::timeout(PATIENCE, async {
        for _ in 0..10_000 {
            if slow.next().await == Some(Signal::LookEverywhere) {
                return true;
            }
        }
        false
    });
    assert_eq!(told.await, Ok(true), "5,000 hints were missed and nothing was said");
}

/// Somebody at a ticket is told of on the other node and the own one, and their going, too; and that somebody was told
/// something.
pub async fn signs_reach_every_node(fresh: FreshFeed) {
    let mut listeners = [fresh.nodes[0].listen(), fresh.nodes[1].listen()];
    let (ticket, user) = (TicketId::from_bits(2), UserId::from_bits(3));
    let sign = |doing| Sign::Presence(Presence { workspace: workspace(1), ticket, user, doing, node: 4 });
    let signs = [Some(Doing::Viewing), Some(Doing::Replying), None].map(sign);
    for sign in signs.into_iter().chain([Sign::Noticed { workspace: workspace(1), user }]) {
        for listener in &mut listeners {
            let mut is_heard = false;
            // It may be lost; then it is told again.
            for _ in 0..200 {
                fresh.nodes[0].tell(sign);
                let heard = async {
                    while let Some(heard) = listener.next().await {
                        if heard == sign {
                            return true;
                        }
                    }
                    false
                };
                is_heard = tokio::time::timeout(Duration::from_millis(200), heard).await.unwrap_or(false);
                if is_heard {
                    break;
                }
            }
            assert!(is_heard, "no sign of 200 arrived: {sign:?}");
        }
    }
}

/// A flood of signs keeps no hint back.
pub async fn signs_take_no_room_from_hints(fresh: FreshFeed) {
    let mut other = fresh.nodes[1].subscribe();
    reaches(&fresh, 0, &mut other, workspace(1)).await;
    for user in 0..20_000 {
        let (ticket, user) = (TicketId::from_bits(2), UserId::from_bits(user));
        let gone = Presence { workspace: workspace(1), ticket, user, doing: None, node: 4 };
        fresh.nodes[0].tell(Sign::Presence(gone));
    }
    fresh.nodes[0].publish(Hint { workspace: workspace(2), seq: 9 });
    told(&mut other, workspace(2), 9).await;
}

/// Publishing never waits, whoever listens.
pub async fn publishing_never_waits(fresh: FreshFeed) {
    let feed = fresh.nodes[0].clone();
    // On a thread of its own, outside any runtime: nothing here can be awaited.
    let thread = std::thread::spawn(move || {
        for seq in 0..20_000 {
            feed.publish(Hint { workspace: workspace(1), seq });
        }
    });
    let joined = tokio::time::timeout(PATIENCE, tokio::task::spawn_blocking(move || thread.join().is_ok())).await;
    assert!(matches!(joined, Ok(Ok(true))), "publishing without listeners hung or panicked");
}

/// A feed that is connected says so.
pub async fn a_connected_feed_is_ready(fresh: FreshFeed) {
    for _ in 0..200 {
        if fresh.nodes[0].ready().await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the feed never became ready: {:?}", fresh.nodes[0].ready().await);
}
