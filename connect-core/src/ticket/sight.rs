//! Which tickets somebody sees: the one place that says so, for one ticket and for lists of them.

use std::collections::BTreeSet;

use super::{Ticket, TicketFilter};
use crate::{Access, TeamId, UserId};

/// The tickets of some teams, and those that one member works on: all that a member sees who is narrowed to their
/// teams.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Within {
    /// The teams.
    pub teams: BTreeSet<TeamId>,
    /// The member.
    pub assignee: UserId,
}

impl Within {
    /// Whether a ticket is among them.
    pub fn holds(&self, ticket: &Ticket) -> bool {
        self.holds_place(ticket.team, ticket.assignee)
    }

    /// Whether a ticket of this team and assignee is among them.
    pub fn holds_place(&self, team: Option<TeamId>, assignee: Option<UserId>) -> bool {
        assignee == Some(self.assignee) || team.is_some_and(|team| self.teams.contains(&team))
    }
}

impl Access {
    /// Whether it sees every ticket of the workspace.
    pub(crate) fn sees_all_tickets(&self) -> bool {
        self.contact().is_none() && self.narrowed().is_none()
    }

    /// Whether it sees this ticket: a customer their own, who is narrowed those of their teams and their own.
    pub(crate) fn sees(&self, ticket: &Ticket) -> bool {
        self.contact().is_none_or(|own| own == ticket.contact)
            && self.narrowed().is_none_or(|within| within.holds(ticket))
    }

    /// Holds a list to what it sees. False if that leaves nothing of it.
    pub(crate) fn hold(&self, filter: &mut TicketFilter) -> bool {
        if let Some(own) = self.contact() {
            if filter.contact.is_some_and(|contact| contact != own) {
                return false;
            }
            filter.contact = Some(own);
        }
        filter.within = self.narrowed().cloned();
        true
    }
}
