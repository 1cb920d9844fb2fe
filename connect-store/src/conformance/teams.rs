//! Tickets by their team, and lists that are held to what a member may see.

use std::collections::BTreeSet;

use connect_core::ticket::{SortKey, Ticket, TicketCursor, TicketFilter, TicketList, TicketPatch, TicketSort, Within};
use connect_core::{ContactId, Limit, TeamId, UserId, WorkspaceId};

use super::World;

const ADA: UserId = UserId::from_bits(7);
const BOB: UserId = UserId::from_bits(8);
const ONE: TeamId = TeamId::from_bits(1);
const TWO: TeamId = TeamId::from_bits(2);

fn held(teams: &[TeamId], assignee: UserId) -> TicketFilter {
    let within = Within { teams: teams.iter().copied().collect(), assignee };
    TicketFilter { within: Some(within), ..TicketFilter::default() }
}

fn subjects<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
    names.into_iter().map(str::to_owned).collect()
}

impl World {
    /// A ticket in this place.
    async fn placed(
        &self,
        workspace: WorkspaceId,
        contact: ContactId,
        subject: &str,
        team: Option<TeamId>,
        assignee: Option<UserId>,
    ) -> Ticket {
        let ticket = self.ticket(workspace, contact, subject).await;
        let patch = TicketPatch { team: Some(team), assignee: Some(assignee), ..TicketPatch::default() };
        if team.is_none() && assignee.is_none() {
            return ticket;
        }
        let committed = self.commit(workspace, self.update_set(&ticket, patch)).await.expect("a move is kept");
        committed.tickets.into_iter().next().expect("a ticket")
    }

    /// A workspace with tickets in every place that matters.
    async fn teams(&self, slug: &str) -> (WorkspaceId, Vec<Ticket>) {
        let (workspace, contact) = self.desk(slug).await;
        let mut tickets = Vec::new();
        for (subject, team, assignee) in [
            ("nobody", None, None),
            ("ada", None, Some(ADA)),
            ("bob", None, Some(BOB)),
            ("one", Some(ONE), None),
            ("one ada", Some(ONE), Some(ADA)),
            ("one bob", Some(ONE), Some(BOB)),
            ("two", Some(TWO), None),
            ("two ada", Some(TWO), Some(ADA)),
            ("two bob", Some(TWO), Some(BOB)),
        ] {
            tickets.push(self.placed(workspace, contact.id, subject, team, assignee).await);
        }
        (workspace, tickets)
    }

    async fn found(&self, workspace: WorkspaceId, filter: TicketFilter) -> BTreeSet<String> {
        self.subjects(workspace, TicketList { filter, ..TicketList::default() }).await
    }
}

/// The tickets of one team, and those of none.
pub async fn sec_60_tickets_of_a_team_are_told_apart(world: World) {
    let (acme, _) = world.teams("acme").await;
    let of = |team| TicketFilter { team: Some(team), ..TicketFilter::default() };
    assert_eq!(world.found(acme, of(Some(ONE))).await, subjects(["one", "one ada", "one bob"]));
    assert_eq!(world.found(acme, of(None)).await, subjects(["nobody", "ada", "bob"]));
    assert_eq!(world.found(acme, of(Some(TeamId::from_bits(9)))).await, subjects([]), "nobody knows that team");
    let both = TicketFilter { assignee: Some(Some(BOB)), ..of(Some(TWO)) };
    assert_eq!(world.found(acme, both).await, subjects(["two bob"]));
}

/// A list that is held to teams and an assignee shows those tickets and no other, in every order, whatever else
/// is asked for.
pub async fn sec_60_a_list_is_held_to_teams_and_an_assignee(world: World) {
    let (acme, tickets) = world.teams("acme").await;
    let ones = subjects(["ada", "one", "one ada", "one bob", "two ada"]);
    assert_eq!(world.found(acme, held(&[ONE], ADA)).await, ones);
    assert_eq!(world.found(acme, held(&[], BOB)).await, subjects(["bob", "one bob", "two bob"]), "who is in no team");
    assert_eq!(world.found(acme, held(&[ONE, TWO], UserId::from_bits(9))).await.len(), 6, "who is in both");
    assert!(world.found(acme, held(&[], UserId::from_bits(9))).await.is_empty(), "who has nothing");
    // What is asked for besides narrows further and never widens.
    let other = TicketFilter { team: Some(Some(TWO)), ..held(&[ONE], ADA) };
    assert_eq!(world.found(acme, other).await, subjects(["two ada"]));
    let nobodys = TicketFilter { assignee: Some(None), ..held(&[ONE], ADA) };
    assert_eq!(world.found(acme, nobodys).await, subjects(["one"]));
    let mut words = held(&[ONE], ADA);
    words.add_words("bob");
    assert_eq!(world.found(acme, words).await, subjects(["one bob"]), "a search is held, too");
    let number = TicketFilter { number: Some(tickets[8].number), ..held(&[ONE], ADA) };
    assert!(world.found(acme, number).await.is_empty(), "a number is no way around it");
    for key in [SortKey::UpdatedAt, SortKey::CreatedAt, SortKey::Number, SortKey::Priority] {
        for descending in [true, false] {
            let sort = TicketSort { key, descending };
            let (mut after, mut seen) = (None, Vec::new());
            loop {
                let limit = Limit::new(2).expect("a limit");
                let list = TicketList { filter: held(&[ONE], ADA), sort, after, limit };
                let rows = world.store().tickets(acme, list).await.expect("read");
                let more = rows.len() > 2;
                seen.extend(rows.into_iter().take(2).map(|row| row.ticket));
                after = seen.last().map(|last| TicketCursor { sort, value: sort.value(last), id: last.id });
                if !more {
                    break;
                }
            }
            assert_eq!(seen.len(), ones.len(), "{sort:?} shows each once");
            assert_eq!(seen.iter().map(|ticket| ticket.subject.to_string()).collect::<BTreeSet<_>>(), ones);
        }
    }
}

/// A ticket that is moved away is gone from the list with the commit, and comes back with it.
pub async fn sec_60_a_moved_ticket_leaves_the_list(world: World) {
    let (acme, tickets) = world.teams("acme").await;
    let one = tickets.into_iter().find(|ticket| ticket.subject.as_str() == "one").expect("there");
    let mut moved = one;
    for (team, is_seen) in [(Some(TWO), false), (Some(ONE), true), (None, false), (Some(ONE), true)] {
        let patch = TicketPatch { team: Some(team), ..TicketPatch::default() };
        let committed = world.commit(acme, world.update_set(&moved, patch)).await.expect("kept");
        moved = committed.tickets.into_iter().next().expect("a ticket");
        assert_eq!(world.found(acme, held(&[ONE], ADA)).await.contains("one"), is_seen, "in {team:?}");
        assert_eq!(world.load(acme, &moved).await.expect("there").ticket.team, team);
    }
}

/// The ids of teams and people mean nothing in another workspace.
pub async fn sec_60_a_held_list_shows_one_workspace(world: World) {
    let (acme, _) = world.teams("acme").await;
    let (bolt, bob) = world.desk("bolt").await;
    assert!(world.found(bolt, held(&[ONE, TWO], ADA)).await.is_empty());
    world.placed(bolt, bob.id, "bolt one", Some(ONE), None).await;
    assert_eq!(world.found(bolt, held(&[ONE, TWO], ADA)).await, subjects(["bolt one"]));
    assert_eq!(world.found(acme, held(&[ONE], ADA)).await.len(), 5);
}
