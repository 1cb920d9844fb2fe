//! Pages out of rows that are walked, and what becomes of a delivery: the same for every adapter that keeps
//! documents.
//!
//! An adapter hands over rows in their order and gets back those that a list asks for; nothing is read
//! beyond the end of the page. Reading a row may fail, so each row is a `Result`, and the first failure is
//! the answer. Rows may be owned or borrowed.
//!
//! An adapter that answers lists from indexes needs none of this, and must answer the same.

use std::borrow::Borrow;
use std::collections::{BTreeMap, HashMap};

use connect_core::contact::Contact;
use connect_core::delivery::{Claim, Claimed, Delivery, DeliveryList, DeliveryState, QueueDepth, Route, Settlement};
use connect_core::event::Event;
use connect_core::message::{Message, MessageKind};
use connect_core::record::Record;
use connect_core::store::{
    Counters, EventList, MessageList, OriginList, RecordList, Seal, SealList, TicketRow, Unrouted,
};
use connect_core::ticket::{Ticket, TicketFilter, TicketList};
use connect_core::{DeliveryId, Limit, StoreError, Timestamp, UserId, WorkspaceId, search};

/// The first rows that are wanted, at most so many.
pub fn first<T>(
    rows: impl Iterator<Item = Result<T, StoreError>>,
    most: usize,
    wanted: impl Fn(&T) -> bool,
) -> Result<Vec<T>, StoreError> {
    rows.filter(|row| row.as_ref().ok().is_none_or(&wanted)).take(most).collect()
}

/// A page of tickets out of all tickets of a workspace. `messages_of` is asked only if the list looks for
/// words, and only for tickets that fit in every other way.
pub fn tickets<T, M>(
    rows: impl Iterator<Item = Result<T, StoreError>>,
    list: &TicketList,
    messages_of: impl Fn(&Ticket) -> Result<Vec<M>, StoreError>,
) -> Result<Vec<T>, StoreError>
where
    T: Borrow<Ticket>,
    M: Borrow<Message>,
{
    let TicketList { filter, sort, after, limit } = list;
    let place = |row: &T| (sort.value(row.borrow()), row.borrow().id);
    let is_after = |row: &T| {
        after.is_none_or(|after| {
            let last = (after.value, after.id);
            if sort.descending { place(row) < last } else { place(row) > last }
        })
    };
    let mut found = first(rows, usize::MAX, |row| filter.fits(row.borrow()) && is_after(row))?;
    found.sort_by_key(place);
    if sort.descending {
        found.reverse();
    }
    let mut page = Vec::new();
    for row in found {
        if page.len() > limit.get() {
            break;
        }
        if filter.words.is_empty() || has_words(filter, row.borrow(), &messages_of(row.borrow())?) {
            page.push(row);
        }
    }
    Ok(page)
}

fn has_words<M: Borrow<Message>>(filter: &TicketFilter, ticket: &Ticket, messages: &[M]) -> bool {
    let messages = messages.iter().map(Borrow::borrow);
    let visible = messages.filter(|message| filter.search_notes || message.kind == MessageKind::Reply);
    let texts: Vec<String> =
        std::iter::once(words(ticket)).chain(visible.map(|message| search::indexed(message.body.as_str()))).collect();
    filter.words_stand_in(texts.iter().map(String::as_str))
}

/// The words by which anybody who may see a ticket finds it, besides those of its messages.
pub fn words(ticket: &Ticket) -> String {
    format!("{} {}", ticket.number, search::indexed(ticket.subject.as_str()))
}

/// A page of messages out of those of the ticket, or of all, in the order of their ids.
pub fn messages<T: Borrow<Message>>(
    rows: impl Iterator<Item = Result<T, StoreError>>,
    list: &MessageList,
) -> Result<Vec<T>, StoreError> {
    let MessageList { ticket, ids, after, notes, limit } = list;
    let wanted = |message: &Message| {
        message.ticket == *ticket
            && ids.as_ref().is_none_or(|ids| ids.contains(&message.id))
            && after.is_none_or(|after| message.id > after)
            && (*notes || message.kind == MessageKind::Reply)
    };
    first(rows, limit.get() + 1, |row| wanted(row.borrow()))
}

/// A page of events out of those of a workspace in the order of their numbers.
pub fn events<T: Borrow<Event>>(
    rows: impl Iterator<Item = Result<T, StoreError>>,
    list: &EventList,
) -> Result<Vec<T>, StoreError> {
    let EventList { ticket, public, after, limit } = list;
    let wanted = |event: &Event| {
        event.seq > *after && (ticket.is_none() || event.ticket == *ticket) && (!public || event.fact.is_public())
    };
    first(rows, limit.get() + 1, |row| wanted(row.borrow()))
}

/// The events whose origins are to be removed, as they are then to be written, out of those of a workspace in the
/// order of their numbers.
pub fn without_origins<T: Borrow<Event>>(
    rows: impl Iterator<Item = Result<T, StoreError>>,
    list: &OriginList,
) -> Result<Vec<Event>, StoreError> {
    let OriginList { through, actor, limit } = list;
    let wanted = |event: &Event| {
        event.origin.is_some() && event.seq <= *through && actor.is_none_or(|actor| event.actor == actor)
    };
    let found = first(rows, limit.get(), |row| wanted(row.borrow()))?;
    Ok(found.iter().map(|event| event.borrow().lasting()).collect())
}

/// A page of seals out of those of a workspace in the order of their places.
pub fn seals<T: Borrow<Seal>>(
    rows: impl DoubleEndedIterator<Item = Result<T, StoreError>>,
    list: &SealList,
) -> Result<Vec<T>, StoreError> {
    let SealList { from, newest_first, limit } = list;
    let wanted = |row: &T| row.borrow().after >= *from;
    if *newest_first { first(rows.rev(), limit.get() + 1, wanted) } else { first(rows, limit.get() + 1, wanted) }
}

/// A page of the records of a kind out of those of a workspace in the order of their ids. Records that are
/// asked for by their ids all come, however many.
pub fn records<T: Borrow<Record>>(
    rows: impl Iterator<Item = Result<T, StoreError>>,
    kind: &str,
    list: &RecordList,
) -> Result<Vec<T>, StoreError> {
    let RecordList { ids, after, limit } = list;
    let most = ids.as_ref().map_or(limit.get() + 1, Vec::len);
    let wanted = |record: &Record| {
        record.kind == kind
            && ids.as_ref().is_none_or(|ids| ids.contains(&record.id))
            && after.as_ref().is_none_or(|after| record.id > *after)
    };
    first(rows, most, |row| wanted(row.borrow()))
}

/// A page of deliveries out of those of a workspace, newest first.
pub fn deliveries<T: Borrow<Delivery>>(
    rows: impl Iterator<Item = Result<T, StoreError>>,
    list: &DeliveryList,
) -> Result<Vec<T>, StoreError> {
    let DeliveryList { messages, state, channel, recipient, unread, before, limit } = list;
    let wanted = |delivery: &Delivery| {
        messages.as_ref().is_none_or(|ids| delivery.message.is_some_and(|id| ids.contains(&id)))
            && state.is_none_or(|state| delivery.state == state)
            && channel.as_ref().is_none_or(|channel| delivery.channel == *channel)
            && recipient.is_none_or(|recipient| delivery.recipient == recipient)
            && (!unread || delivery.read_at.is_none())
            && before.is_none_or(|before| delivery.id < before)
    };
    first(rows, limit.get() + 1, |row| wanted(row.borrow()))
}

/// A ticket with the record of its contact.
pub fn with_contact(ticket: Ticket, contact: Option<Record>) -> Result<TicketRow, StoreError> {
    let contact = contact.ok_or_else(|| StoreError::Corrupt(format!("{} has no contact", ticket.id)))?;
    Ok(TicketRow { ticket, contact: contact.read::<Contact>()? })
}

/// The workspaces whose events are not all routed.
pub fn unrouted(
    rows: impl Iterator<Item = Result<(WorkspaceId, Counters), StoreError>>,
    limit: Limit,
) -> Result<Vec<Unrouted>, StoreError> {
    let behind = first(rows, limit.get(), |(_, counters)| counters.routed_seq < counters.last_seq)?;
    let unrouted = |(workspace, counters): (_, Counters)| Unrouted {
        workspace,
        routed: counters.routed_seq,
        last: counters.last_seq,
    };
    Ok(behind.into_iter().map(unrouted).collect())
}

/// The counters once a route is taken. None if there is no such workspace, the cursor is not where the
/// route begins, or the route ends behind the journal.
pub fn routed(counters: Option<Counters>, route: &Route) -> Option<Counters> {
    let fits = |counters: &Counters| counters.routed_seq == route.from && route.to <= counters.last_seq;
    counters.filter(fits).map(|counters| Counters { routed_seq: route.to, ..counters })
}

/// Whether a delivery may be taken: it waits, and its time has come or the lease on it has ended.
pub fn is_due(delivery: &Delivery, claim: &Claim) -> bool {
    delivery.state == DeliveryState::Queued
        && delivery.due_at <= claim.now
        && delivery.channel == claim.channel
        && !claim.except.contains(&delivery.workspace)
}

/// Those that are taken, out of all that may be: workspaces take turns, and within one the longest waiting goes first.
pub fn in_turn(mut due: Vec<Delivery>, claim: &Claim) -> Vec<Claimed> {
    due.sort_by_key(|delivery| (delivery.due_at, delivery.id));
    let mut turns: HashMap<WorkspaceId, usize> = HashMap::new();
    let mut turn = |delivery: Delivery| {
        let turn = turns.entry(delivery.workspace).or_default();
        *turn += 1;
        (*turn, delivery)
    };
    let mut ranked: Vec<(usize, Delivery)> = due.into_iter().map(&mut turn).collect();
    ranked.retain(|(turn, _)| *turn <= claim.each);
    // Stable: of one turn the longest waiting stays first.
    ranked.sort_by_key(|(turn, _)| *turn);
    ranked.into_iter().take(claim.limit).map(|(_, delivery)| claimed(delivery, claim)).collect()
}

/// A delivery once a user has read it; none if it is not one of these, or was read before.
pub fn read(
    delivery: &Delivery,
    user: UserId,
    channel: &str,
    ids: Option<&[DeliveryId]>,
    at: Timestamp,
) -> Option<Delivery> {
    let is_meant = delivery.user() == Some(user)
        && delivery.channel == channel
        && delivery.read_at.is_none()
        && ids.is_none_or(|ids| ids.contains(&delivery.id));
    is_meant.then(|| Delivery { read_at: Some(at), ..delivery.clone() })
}

/// What waits in each channel, out of the deliveries of all workspaces.
pub fn queue<T: Borrow<Delivery>>(
    rows: impl Iterator<Item = Result<T, StoreError>>,
) -> Result<Vec<QueueDepth>, StoreError> {
    let mut channels: BTreeMap<String, QueueDepth> = BTreeMap::new();
    for row in rows {
        let row = row?;
        let delivery: &Delivery = row.borrow();
        if !matches!(delivery.state, DeliveryState::Queued | DeliveryState::Failed) {
            continue;
        }
        let none = QueueDepth { channel: delivery.channel.clone(), queued: 0, failed: 0, oldest_due: None };
        let depth = channels.entry(delivery.channel.clone()).or_insert(none);
        if delivery.state == DeliveryState::Failed {
            depth.failed += 1;
        } else {
            depth.queued += 1;
            depth.oldest_due = Some(depth.oldest_due.map_or(delivery.due_at, |oldest| oldest.min(delivery.due_at)));
        }
    }
    Ok(channels.into_values().collect())
}

/// A delivery as it is taken: an attempt more, which is the token, and due again when the lease ends.
pub fn claimed(mut delivery: Delivery, claim: &Claim) -> Claimed {
    delivery.attempts += 1;
    delivery.due_at = claim.now.plus(claim.lease);
    Claimed { token: delivery.attempts, delivery }
}

/// A delivery once it is settled. None if there is none, it was settled before, or was taken anew since.
pub fn settled(delivery: Option<Delivery>, token: u32, settlement: Settlement) -> Option<Delivery> {
    let is_newest = |delivery: &Delivery| delivery.state == DeliveryState::Queued && delivery.attempts == token;
    delivery.filter(is_newest).map(|delivery| settlement.apply(delivery))
}
