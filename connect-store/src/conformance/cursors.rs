//! Lists by the page.

use std::collections::BTreeSet;

use connect_core::store::MessageList;
use connect_core::ticket::{
    Category, Priority, SortKey, Ticket, TicketCursor, TicketFilter, TicketList, TicketPatch, TicketSort,
};
use connect_core::{LabelName, Limit, TicketId, UserId, WorkspaceId};

use super::World;
use super::world::status;

async fn many(world: &World, count: usize) -> (WorkspaceId, Vec<Ticket>) {
    let (acme, ada) = world.desk("acme").await;
    let mut tickets = Vec::new();
    for n in 0..count {
        let priority = Priority::ALL[n % Priority::ALL.len()];
        let label = (n % 3 == 0).then_some("third");
        let (_, changes) = world.ticket_set(ada.id, &format!("Ticket {n}"), priority, label);
        let committed = world.commit(acme, changes).await.expect("kept");
        tickets.push(committed.tickets.into_iter().next().expect("a ticket"));
    }
    (acme, tickets)
}

async fn page(
    world: &World,
    workspace: WorkspaceId,
    sort: TicketSort,
    after: Option<TicketCursor>,
) -> (Vec<Ticket>, Option<TicketCursor>) {
    let limit = Limit::new(7).expect("a limit");
    let list = TicketList { filter: TicketFilter::default(), sort, after, limit };
    let rows = world.store().tickets(workspace, list).await.expect("read");
    assert!(rows.len() <= 8, "at most one row more than the limit");
    let more = rows.len() == 8;
    let tickets: Vec<Ticket> = rows.into_iter().take(7).map(|row| row.ticket).collect();
    let next = tickets.last().filter(|_| more).map(|t| TicketCursor { sort, value: sort.value(t), id: t.id });
    (tickets, next)
}

/// Every order walks all tickets, each once, in order.
pub async fn every_order_walks_all_tickets_once(world: World) {
    let (acme, tickets) = many(&world, 30).await;
    let all: BTreeSet<TicketId> = tickets.iter().map(|ticket| ticket.id).collect();
    for key in [SortKey::UpdatedAt, SortKey::CreatedAt, SortKey::Number, SortKey::Priority] {
        for descending in [true, false] {
            let sort = TicketSort { key, descending };
            let (mut seen, mut after) = (Vec::new(), None);
            loop {
                let (rows, next) = page(&world, acme, sort, after).await;
                seen.extend(rows);
                after = next;
                if after.is_none() {
                    break;
                }
            }
            let order: Vec<_> = seen.iter().map(|ticket| (sort.value(ticket), ticket.id)).collect();
            let sorted = if descending { order.iter().rev().is_sorted() } else { order.is_sorted() };
            assert!(sorted, "{sort:?} is kept");
            assert_eq!(seen.len(), 30, "{sort:?} shows each ticket once");
            assert_eq!(seen.iter().map(|ticket| ticket.id).collect::<BTreeSet<_>>(), all);
        }
    }
}

/// Tickets that are written or opened during a walk neither hide nor double the others.
pub async fn a_walk_is_stable_while_rows_change(world: World) {
    let (acme, tickets) = many(&world, 30).await;
    let sort = TicketSort { key: SortKey::CreatedAt, descending: true };
    let (mut seen, mut after, mut turn) = (Vec::new(), None, 0);
    loop {
        let (rows, next) = page(&world, acme, sort, after).await;
        seen.extend(rows.into_iter().map(|ticket| ticket.id));
        world.reply(acme, &tickets[turn], "meanwhile").await;
        world.ticket(acme, tickets[0].contact, "Opened meanwhile").await;
        turn += 1;
        after = next;
        if after.is_none() {
            break;
        }
    }
    let expected: Vec<TicketId> = tickets.iter().rev().map(|ticket| ticket.id).collect();
    assert_eq!(seen, expected, "those that were there are each shown once, in their order");
}

/// Filters show what they mean, alone and together.
pub async fn filters_agree_with_their_meaning(world: World) {
    let (acme, mut tickets) = many(&world, 30).await;
    for (n, ticket) in tickets.iter_mut().enumerate() {
        let category = Category::ALL[n % Category::ALL.len()];
        let assignee = (n % 4 == 0).then(|| UserId::from_bits(7));
        let patch = TicketPatch { assignee: Some(assignee), ..status(category) };
        let change = ticket.update(patch.clone(), &world.agent()).expect("decided");
        if !change.is_empty() {
            let committed = world.commit(acme, world.update_set(ticket, patch)).await.expect("kept");
            *ticket = committed.tickets.into_iter().next().expect("a ticket");
        }
    }
    let label: BTreeSet<LabelName> = [LabelName::parse("label", "third").expect("a label")].into();
    let middle = tickets[15].created_at;
    let filters = [
        TicketFilter { categories: [Category::Open].into(), ..TicketFilter::default() },
        TicketFilter { categories: [Category::Open, Category::New].into(), ..TicketFilter::default() },
        TicketFilter { not_categories: [Category::Closed, Category::New].into(), ..TicketFilter::default() },
        TicketFilter { assignee: Some(None), ..TicketFilter::default() },
        TicketFilter { assignee: Some(Some(UserId::from_bits(7))), ..TicketFilter::default() },
        TicketFilter { labels: label.clone(), ..TicketFilter::default() },
        TicketFilter { not_labels: label.clone(), ..TicketFilter::default() },
        TicketFilter { priority_from: Some(Priority::High), ..TicketFilter::default() },
        TicketFilter {
            priority_from: Some(Priority::Low),
            priority_to: Some(Priority::Normal),
            ..TicketFilter::default()
        },
        TicketFilter { created_from: Some(middle), ..TicketFilter::default() },
        TicketFilter { created_before: Some(middle), updated_from: Some(middle), ..TicketFilter::default() },
        TicketFilter { updated_before: Some(tickets[9].updated_at), ..TicketFilter::default() },
        TicketFilter { number: Some(12), ..TicketFilter::default() },
        TicketFilter {
            labels: label,
            categories: [Category::New].into(),
            assignee: Some(None),
            ..TicketFilter::default()
        },
    ];
    for filter in filters {
        let expected: BTreeSet<String> =
            tickets.iter().filter(|ticket| filter.fits(ticket)).map(|ticket| ticket.subject.to_string()).collect();
        let list = TicketList { filter: filter.clone(), limit: Limit::MAX, ..TicketList::default() };
        assert_eq!(world.subjects(acme, list).await, expected, "{filter:?}");
    }
}

/// Messages in the order of their ids, page after page, or by id.
pub async fn messages_come_in_order_and_pages(world: World) {
    let (acme, ada) = world.desk("acme").await;
    let mut ticket = world.ticket(acme, ada.id, "Long").await;
    for n in 0..12 {
        ticket = world.reply(acme, &ticket, &format!("reply {n}")).await;
    }
    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let list =
            MessageList { ticket: ticket.id, ids: None, after, notes: true, limit: Limit::new(5).expect("a limit") };
        let rows = world.store().messages(acme, list).await.expect("read");
        let more = rows.len() == 6;
        seen.extend(rows.into_iter().take(5));
        after = seen.last().map(|message| message.id);
        if !more {
            break;
        }
    }
    let texts: Vec<&str> = seen.iter().skip(1).map(|message| message.body.as_str()).collect();
    assert_eq!(texts, (0..12).map(|n| format!("reply {n}")).collect::<Vec<_>>());
    let two = vec![seen[3].id, seen[5].id];
    let list =
        MessageList { ticket: ticket.id, ids: Some(two.clone()), after: None, notes: true, limit: Limit::default() };
    let rows = world.store().messages(acme, list).await.expect("read");
    assert_eq!(rows.iter().map(|message| message.id).collect::<Vec<_>>(), two);
}

/// Internal notes only for who asks for them.
pub async fn notes_are_left_out_when_asked(world: World) {
    let (acme, ada) = world.desk("acme").await;
    let ticket = world.ticket(acme, ada.id, "Notes").await;
    let committed = world.commit(acme, world.note_set(&ticket, "internal")).await.expect("kept");
    let note = committed.messages.first().expect("a note").id;
    let read = async |notes, ids| {
        let list = MessageList { ticket: ticket.id, ids, after: None, notes, limit: Limit::default() };
        world.store().messages(acme, list).await.expect("read").len()
    };
    assert_eq!(read(true, None).await, 2);
    assert_eq!(read(false, None).await, 1);
    assert_eq!(read(true, Some(vec![note])).await, 1);
    assert_eq!(read(false, Some(vec![note])).await, 0, "not even by its id");
}
