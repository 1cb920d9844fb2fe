use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::event::Fact;
use crate::testing::{ManualClock, SeededRandom};
use crate::{Body, Clock, Error, Ids, Moment};

struct Table {
    clock: Arc<ManualClock>,
    ids: Ids,
}

impl Table {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::default());
        let ids = Ids::new(clock.clone(), Arc::new(SeededRandom::new(3)));
        Self { clock, ids }
    }

    fn moment(&self, actor: Actor) -> Moment<'_> {
        self.clock.advance(Duration::from_secs(60));
        Moment::new(&self.ids, self.clock.now(), actor)
    }

    fn customer(&self) -> Moment<'_> {
        self.moment(Actor::Contact(ContactId::from_bits(1)))
    }

    fn agent(&self) -> Moment<'_> {
        self.moment(Actor::User(UserId::from_bits(2)))
    }

    fn ticket(&self) -> Ticket {
        let new = OpenTicket {
            subject: Subject::parse("subject", "Printer on fire").expect("subject"),
            body: body("It burns."),
            contact: ContactId::from_bits(1),
            priority: Priority::None,
            labels: BTreeSet::new(),
            assignee: None,
            team: None,
            channel: Channel::Api,
        };
        Ticket::open(new, &self.customer()).expect("a ticket opens").ticket().clone()
    }
}

fn body(text: &str) -> Body {
    Body::parse("body", text).expect("body")
}

fn status(category: Category) -> TicketPatch {
    TicketPatch { status: Some((StatusName::of(category), category)), ..TicketPatch::default() }
}

#[test]
fn the_first_answer_of_the_team_opens_a_new_ticket_and_ends_the_waiting() {
    let table = Table::new();
    let ticket = table.ticket();
    assert!(ticket.waiting_since.is_some());
    let moment = table.agent();
    let after = ticket.reply(body("On my way."), ReplyOptions::default(), &moment).expect("reply").ticket().clone();
    assert_eq!(after.category, Category::Open);
    assert_eq!(after.first_reply_at, Some(moment.now()));
    assert_eq!(after.waiting_since, None);
    assert_eq!(after.version, ticket.version.next());
    let later = after.reply(body("Out."), ReplyOptions::default(), &table.agent()).expect("reply").ticket().clone();
    assert_eq!(later.first_reply_at, after.first_reply_at, "the first answer stays the first");
}

#[test]
fn a_customers_answer_by_category() {
    let table = Table::new();
    for (before, after) in [
        (Category::New, Some(Category::New)),
        (Category::Open, Some(Category::Open)),
        (Category::Pending, Some(Category::Open)),
        (Category::Snoozed, Some(Category::Open)),
        (Category::Resolved, Some(Category::Open)),
        (Category::Closed, None),
    ] {
        let ticket = table.ticket().update(status(before), &table.agent()).expect("status").ticket().clone();
        let answered = ticket.reply(body("And now?"), ReplyOptions::default(), &table.customer());
        match (after, answered) {
            (Some(category), Ok(change)) => {
                assert_eq!(change.ticket().category, category, "from {before}");
                assert!(change.ticket().waiting_since.is_some());
                assert_eq!(change.ticket().resolved_at, None);
            }
            (None, Err(Error::Refused { code, .. })) => assert_eq!(code, "ticket_closed"),
            (_, other) => panic!("from {before}: {other:?}"),
        }
    }
}

#[test]
fn a_note_changes_neither_status_nor_waiting_and_a_customer_cannot_write_one() {
    let table = Table::new();
    let ticket = table.ticket();
    let change = ticket.note(body("Call the fire brigade"), &table.agent()).expect("note");
    assert_eq!(change.ticket().category, Category::New);
    assert_eq!(change.ticket().waiting_since, ticket.waiting_since);
    assert_eq!(change.ticket().first_reply_at, None);
    assert_eq!(change.ticket().last_public_message, ticket.last_public_message);
    assert!(matches!(ticket.note(body("x"), &table.customer()), Err(Error::Forbidden(_))));
}

#[test]
fn an_answer_to_an_old_state_is_refused_and_says_so() {
    let table = Table::new();
    let ticket = table.ticket();
    let seen = ReplyOptions { last_seen: Some(ticket.last_message), status: None };
    let noted = ticket.note(body("wait"), &table.agent()).expect("note").ticket().clone();
    assert!(ticket.reply(body("ok"), seen.clone(), &table.agent()).is_ok());
    assert!(matches!(
        noted.reply(body("ok"), seen.clone(), &table.agent()),
        Err(Error::Refused { code: "newer_messages", .. })
    ));
    assert!(noted.reply(body("ok"), seen, &table.customer()).is_ok(), "a note is no newer message to the customer");
}

#[test]
fn an_update_names_each_change_once_and_nothing_is_an_empty_change() {
    let table = Table::new();
    let ticket = table.ticket();
    let label = LabelName::parse("label", "Fire").expect("label");
    let patch = TicketPatch {
        priority: Some(Priority::Urgent),
        assignee: Some(Some(UserId::from_bits(2))),
        add_labels: [label.clone()].into(),
        ..status(Category::Pending)
    };
    let change = ticket.update(patch.clone(), &table.agent()).expect("update");
    let after = change.ticket().clone();
    let (_, _, messages, facts) = change.into_parts();
    assert!(messages.is_empty());
    assert_eq!(facts.len(), 4, "{facts:?}");
    assert!(after.labels.contains(&label));
    assert!(after.update(patch, &table.agent()).expect("update").is_empty());
    let off = TicketPatch { remove_labels: [label].into(), assignee: Some(None), ..TicketPatch::default() };
    let cleared = after.update(off, &table.agent()).expect("update");
    assert!(cleared.ticket().labels.is_empty() && cleared.ticket().assignee.is_none());
}

#[test]
fn resolved_and_closed_times_follow_the_status() {
    let table = Table::new();
    let resolved = table.ticket().update(status(Category::Resolved), &table.agent()).expect("update").ticket().clone();
    assert!(resolved.resolved_at.is_some() && resolved.closed_at.is_none() && resolved.waiting_since.is_none());
    let closed = resolved.update(status(Category::Closed), &table.agent()).expect("update").ticket().clone();
    assert_eq!(closed.resolved_at, resolved.resolved_at);
    assert!(closed.closed_at.is_some());
    let open = closed.update(status(Category::Open), &table.agent()).expect("update").ticket().clone();
    assert!(open.resolved_at.is_none() && open.closed_at.is_none());
}

#[test]
fn a_named_version_must_be_the_present_one() {
    let table = Table::new();
    let ticket = table.ticket();
    let patch = TicketPatch { seen: Some(Version::new(9)), ..status(Category::Open) };
    match ticket.update(patch, &table.agent()) {
        Err(Error::VersionMismatch { seen, current }) => assert_eq!((seen, *current), (Version::new(9), ticket)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn at_most_twenty_labels() {
    let table = Table::new();
    let labels = (0..21).map(|n| LabelName::parse("label", &format!("l{n}")).expect("label")).collect();
    let patch = TicketPatch { labels: Some(labels), ..TicketPatch::default() };
    assert!(matches!(table.ticket().update(patch, &table.agent()), Err(Error::Invalid(_))));
}

#[test]
fn moving_to_a_team_takes_it_from_an_agent_who_is_not_in_it() {
    let table = Table::new();
    let (ada, bob) = (UserId::from_bits(7), UserId::from_bits(8));
    let (one, two) = (TeamId::from_bits(1), TeamId::from_bits(2));
    let update = |ticket: &Ticket, patch| {
        let (ticket, _, _, facts) = ticket.update(patch, &table.agent()).expect("decided").into_parts();
        (ticket, facts)
    };
    let to = |team| TicketPatch { team: Some(team), ..TicketPatch::default() };
    let patch = TicketPatch { assignee: Some(Some(ada)), ..to(Some(one)) };
    let (ticket, facts) = update(&table.ticket(), patch);
    assert_eq!((ticket.team, ticket.assignee), (Some(one), Some(ada)));
    assert!(matches!(facts[..], [Fact::TicketMoved { from: None, to: Some(_) }, Fact::TicketAssigned { .. }]));
    assert!(ticket.update(to(Some(one)), &table.agent()).expect("decided").is_empty(), "it is there already");
    let (moved, facts) = update(&ticket, TicketPatch { outsider: Some(ada), ..to(Some(two)) });
    assert_eq!((moved.team, moved.assignee), (Some(two), None));
    assert_eq!(facts.len(), 2, "both are told: {facts:?}");
    let (kept, _) = update(&ticket, to(Some(two)));
    assert_eq!(kept.assignee, Some(ada), "who is in both teams keeps it");
    let named = TicketPatch { outsider: Some(ada), assignee: Some(Some(bob)), ..to(Some(two)) };
    assert_eq!(update(&ticket, named).0.assignee, Some(bob), "whoever is named gets it");
    let (out, _) = update(&ticket, to(None));
    assert_eq!((out.team, out.assignee), (None, Some(ada)), "without a team anybody may have it");
}
