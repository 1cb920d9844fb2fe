//! Reads of one workspace, and the few over all. What fits, and in which order, is said by `connect-core`.

use std::collections::BTreeSet;

use connect_core::contact::Contact;
use connect_core::event::Event;
use connect_core::message::{Message, MessageKind};
use connect_core::record::{KeyScope, Record};
use connect_core::store::{Counters, EventList, MessageList, RecordList, TicketKey, TicketRow};
use connect_core::ticket::{Ticket, TicketFilter, TicketList};
use connect_core::{Limit, StoreError, WorkspaceId, search};
use connect_store::group::{self, KeyRef};

use crate::commit::{Holder, Kept, below};
use crate::keys::{self, Span, place};
use crate::transaction::Reads;

/// Workspaces with their counters, in the order of their ids.
pub(crate) fn heads(
    from: &impl Reads,
    after: Option<WorkspaceId>,
    most: usize,
    wanted: impl Fn(&Counters) -> bool,
) -> Result<Vec<(WorkspaceId, Counters)>, StoreError> {
    let span = Span::all().after(after.map(|id| id.to_string()));
    let rows = from.list::<Counters>(keys::HEADS, &span, most, wanted)?.into_iter();
    rows.map(|(key, counters)| match key.parse::<WorkspaceId>() {
        Ok(workspace) => Ok((workspace, counters)),
        Err(_) => Err(StoreError::Corrupt(format!("{key:?} is no workspace"))),
    })
    .collect()
}

pub(crate) fn ticket(
    from: &impl Reads,
    workspace: WorkspaceId,
    key: TicketKey,
) -> Result<Option<TicketRow>, StoreError> {
    let at = match key {
        TicketKey::Id(id) => Some(place(workspace, id)),
        TicketKey::Number(number) => from.get::<String>(keys::NUMBERS, &place(workspace, keys::number(number)))?,
    };
    let ticket = at.map(|at| from.get::<Ticket>(keys::TICKETS, &at)).transpose()?.flatten();
    ticket.map(|ticket| with_contact(from, workspace, ticket)).transpose()
}

fn with_contact(from: &impl Reads, workspace: WorkspaceId, ticket: Ticket) -> Result<TicketRow, StoreError> {
    let kept = from.get::<Kept>(keys::RECORDS, &place(workspace, ticket.contact))?;
    let kept = kept.ok_or_else(|| StoreError::Corrupt(format!("{} has no contact", ticket.id)))?;
    Ok(TicketRow { contact: kept.record.read::<Contact>()?, ticket })
}

/// Walks the tickets of the workspace: simple, and slow where there are many.
pub(crate) fn tickets(
    from: &impl Reads,
    workspace: WorkspaceId,
    list: &TicketList,
) -> Result<Vec<TicketRow>, StoreError> {
    let TicketList { filter, sort, after, limit } = list;
    let is_after = |ticket: &Ticket| {
        after.is_none_or(|after| {
            let (here, there) = ((sort.value(ticket), ticket.id), (after.value, after.id));
            if sort.descending { here < there } else { here > there }
        })
    };
    let wanted = |ticket: &Ticket| filter.fits(ticket) && is_after(ticket);
    let mut found = from.list::<Ticket>(keys::TICKETS, &Span::below(workspace), usize::MAX, wanted)?;
    found.sort_by_key(|(_, ticket)| (sort.value(ticket), ticket.id));
    if sort.descending {
        found.reverse();
    }
    let mut page = Vec::new();
    for (_, ticket) in found {
        if page.len() > limit.get() {
            break;
        }
        if words_fit(from, workspace, &ticket, filter)? {
            page.push(with_contact(from, workspace, ticket)?);
        }
    }
    Ok(page)
}

fn words_fit(
    from: &impl Reads,
    workspace: WorkspaceId,
    ticket: &Ticket,
    filter: &TicketFilter,
) -> Result<bool, StoreError> {
    if filter.words.is_empty() {
        return Ok(true);
    }
    let span = Span::below(place(workspace, ticket.id));
    let visible = |message: &Message| filter.search_notes || message.kind == MessageKind::Reply;
    let messages = from.follow::<Message>(keys::THREADS, &span, keys::MESSAGES, usize::MAX, visible)?;
    // What a word is, and which words of a ticket can be found, is the same for all adapters.
    let mut texts = vec![group::TicketRow { workspace, ticket: ticket.clone() }.words()];
    texts.extend(messages.iter().map(|message| search::indexed(message.body.as_str())));
    Ok(filter.words_stand_in(texts.iter().map(String::as_str)))
}

pub(crate) fn messages(
    from: &impl Reads,
    workspace: WorkspaceId,
    list: &MessageList,
) -> Result<Vec<Message>, StoreError> {
    let MessageList { ticket, ids, after, notes, limit } = list;
    let after = after.map(|after| place(workspace, below(*ticket, after)));
    let span = Span::below(place(workspace, ticket)).after(after);
    let wanted = |message: &Message| {
        ids.as_ref().is_none_or(|ids| ids.contains(&message.id)) && (*notes || message.kind == MessageKind::Reply)
    };
    from.follow(keys::THREADS, &span, keys::MESSAGES, limit.get() + 1, wanted)
}

pub(crate) fn events(from: &impl Reads, workspace: WorkspaceId, list: &EventList) -> Result<Vec<Event>, StoreError> {
    let EventList { ticket, public, after, limit } = list;
    let (after, most) = (keys::number(*after), limit.get() + 1);
    let wanted = |event: &Event| !public || event.fact.is_public();
    if let Some(ticket) = ticket {
        let span = Span::below(place(workspace, ticket)).after(Some(place(workspace, below(*ticket, after))));
        return from.follow(keys::HISTORIES, &span, keys::EVENTS, most, wanted);
    }
    let span = Span::below(workspace).after(Some(place(workspace, after)));
    Ok(values(from.list(keys::EVENTS, &span, most, wanted)?))
}

pub(crate) fn record(
    from: &impl Reads,
    workspace: WorkspaceId,
    kind: &str,
    id: &str,
) -> Result<Option<Record>, StoreError> {
    let kept = from.get::<Kept>(keys::RECORDS, &place(workspace, id))?;
    Ok(kept.map(|kept| kept.record).filter(|record| record.kind == kind))
}

pub(crate) fn records(
    from: &impl Reads,
    workspace: WorkspaceId,
    kind: &str,
    list: RecordList,
) -> Result<Vec<Record>, StoreError> {
    let RecordList { ids, after, limit } = list;
    let Some(ids) = ids else {
        let span = Span::below(workspace).after(after.map(|after| place(workspace, after)));
        let wanted = |kept: &Kept| kept.record.kind == kind;
        let rows = values(from.list(keys::RECORDS, &span, limit.get() + 1, wanted)?);
        return Ok(rows.into_iter().map(|kept| kept.record).collect());
    };
    let mut found = Vec::new();
    for id in ids.into_iter().filter(|id| after.as_ref().is_none_or(|after| id > after)).collect::<BTreeSet<_>>() {
        found.extend(record(from, workspace, kind, &id)?);
    }
    Ok(found)
}

pub(crate) fn find(
    from: &impl Reads,
    workspace: WorkspaceId,
    kind: &str,
    key: &str,
) -> Result<Option<Record>, StoreError> {
    for scope in [KeyScope::Workspace, KeyScope::Everywhere] {
        let at = keys::key(&KeyRef::new(workspace, scope, kind, key));
        // A key that is unique everywhere may be held elsewhere: then it is not here.
        if let Some((holder, id)) = from.get::<Holder>(keys::KEYS, &at)?
            && holder == workspace
        {
            return record(from, workspace, kind, &id);
        }
    }
    Ok(None)
}

pub(crate) fn locate(from: &impl Reads, kind: &str, key: &str) -> Result<Vec<(WorkspaceId, Record)>, StoreError> {
    let span = Span::below(format!("{kind}\n{key}"));
    let mut found = Vec::new();
    for (workspace, id) in values(from.list::<Holder>(keys::KEYS, &span, Limit::MAX.get(), |_| true)?) {
        found.extend(record(from, workspace, kind, &id)?.map(|record| (workspace, record)));
    }
    found.sort_by_key(|(workspace, _)| *workspace);
    Ok(found)
}

/// Rows without their keys.
pub(crate) fn values<T>(rows: Vec<(String, T)>) -> Vec<T> {
    rows.into_iter().map(|(_, row)| row).collect()
}
