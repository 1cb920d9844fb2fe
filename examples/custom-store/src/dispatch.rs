//! Routing, claiming and settling deliveries. The present instant is the caller's, never this machine's.

use connect_core::delivery::{Claim, Claimed, Delivery, DeliveryList, DeliveryState, Route, Settlement};
use connect_core::store::{Counters, Unrouted};
use connect_core::{DeliveryId, Limit, StoreError, Timestamp, WorkspaceId};
use redb::WriteTransaction;

use crate::keys::{self, Span, instant, place};
use crate::read::{heads, values};
use crate::transaction::{Reads, Writes};

pub(crate) fn unrouted(from: &impl Reads, limit: Limit) -> Result<Vec<Unrouted>, StoreError> {
    let found = heads(from, None, limit.get(), |counters| counters.routed_seq < counters.last_seq)?.into_iter();
    let at = |(workspace, counters): (_, Counters)| Unrouted {
        workspace,
        routed: counters.routed_seq,
        last: counters.last_seq,
    };
    Ok(found.map(at).collect())
}

pub(crate) fn route(to: &WriteTransaction, workspace: WorkspaceId, route: Route) -> Result<bool, StoreError> {
    let Route { from, to: routed_seq, deliveries } = route;
    let at = workspace.to_string();
    let Some(counters) = to.get::<Counters>(keys::HEADS, &at)?.filter(|counters| counters.routed_seq == from) else {
        return Ok(false);
    };
    to.put(keys::HEADS, &at, &Counters { routed_seq, ..counters })?;
    for delivery in deliveries {
        if to.get::<String>(keys::ONCE, &place(workspace, delivery.unique_key()))?.is_none() {
            put(to, workspace, &delivery, None)?;
        }
    }
    Ok(true)
}

fn due(at: Timestamp, place: &str) -> String {
    format!("{}\n{place}", instant(at))
}

/// Keeps a delivery, in place of what it was before. Only what is queued stands among what is due.
pub(crate) fn put(
    to: &WriteTransaction,
    workspace: WorkspaceId,
    delivery: &Delivery,
    before: Option<&Delivery>,
) -> Result<(), StoreError> {
    let at = place(workspace, delivery.id);
    if let Some(before) = before {
        to.remove(keys::DUE, &due(before.due_at, &at))?;
    }
    if delivery.state == DeliveryState::Queued {
        to.put(keys::DUE, &due(delivery.due_at, &at), &at)?;
    }
    to.put(keys::ONCE, &place(workspace, delivery.unique_key()), &at)?;
    to.put(keys::DELIVERIES, &at, delivery)
}

/// What is due by now, the longest waiting first. A lease is nothing but a later due time.
fn due_by(from: &impl Reads, now: Timestamp, most: usize) -> Result<Vec<(String, String)>, StoreError> {
    let span = Span { to: format!("{}\u{b}", instant(now)), ..Span::all() };
    from.list(keys::DUE, &span, most, |_| true)
}

pub(crate) fn is_any_due(from: &impl Reads, now: Timestamp) -> Result<bool, StoreError> {
    Ok(!due_by(from, now, 1)?.is_empty())
}

pub(crate) fn claim(to: &WriteTransaction, claim: &Claim) -> Result<Vec<Claimed>, StoreError> {
    let mut taken = Vec::new();
    for (due, at) in due_by(to, claim.now, claim.limit)? {
        let before = match to.get::<Delivery>(keys::DELIVERIES, &at) {
            Ok(Some(delivery)) => delivery,
            // One row that does not read must not hold up all others.
            Ok(None) | Err(StoreError::Corrupt(_)) => {
                tracing::error!(delivery = %at, "a delivery does not read and is passed over from now on");
                to.remove(keys::DUE, &due)?;
                continue;
            }
            Err(error) => return Err(error),
        };
        let attempts = before.attempts + 1;
        let delivery = Delivery { attempts, due_at: claim.now.plus(claim.lease), ..before.clone() };
        put(to, delivery.workspace, &delivery, Some(&before))?;
        taken.push(Claimed { delivery, token: attempts });
    }
    Ok(taken)
}

pub(crate) fn settle(
    to: &WriteTransaction,
    workspace: WorkspaceId,
    id: DeliveryId,
    token: u32,
    settlement: Settlement,
) -> Result<bool, StoreError> {
    let Some(before) = to.get::<Delivery>(keys::DELIVERIES, &place(workspace, id))? else { return Ok(false) };
    if before.state != DeliveryState::Queued || before.attempts != token {
        return Ok(false);
    }
    put(to, workspace, &settlement.apply(before.clone()), Some(&before))?;
    Ok(true)
}

pub(crate) fn list(
    from: &impl Reads,
    workspace: WorkspaceId,
    list: &DeliveryList,
) -> Result<Vec<Delivery>, StoreError> {
    let DeliveryList { messages, state, limit } = list;
    let span = Span { backwards: true, ..Span::below(workspace) };
    let wanted = |delivery: &Delivery| {
        messages.as_ref().is_none_or(|ids| delivery.message.is_some_and(|id| ids.contains(&id)))
            && state.is_none_or(|state| delivery.state == state)
    };
    Ok(values(from.list(keys::DELIVERIES, &span, limit.get() + 1, wanted)?))
}
