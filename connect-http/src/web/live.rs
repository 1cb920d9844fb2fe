//! What the script needs to keep the page of a ticket in step.

use connect_core::Action;
use connect_core::event::Fact;

use super::page::is_team;
use crate::app::App;
use crate::extract::Scope;
use crate::problem::Problem;

/// The types of events that are seen on the page of a ticket.
const TEAM: &str = "ticket.replied ticket.noted ticket.assigned ticket.moved ticket.status_changed \
    ticket.priority_changed ticket.subject_changed ticket.labelled ticket.unlabelled ticket.mail_came_back \
    ticket.reply_held ticket.reply_withdrawn ticket.reply_refused";

pub(super) struct Live {
    pub(super) types: String,
    /// The page itself: after a form that was refused, the address is another one.
    pub(super) page: String,
    /// The newest event that the page can show.
    pub(super) after: u64,
    pub(super) me: String,
    /// Whether they may know who else is there.
    pub(super) knows_people: bool,
    pub(super) may_note: bool,
}

impl Live {
    /// Of a page that begins with this path. Read before what the page shows is: so nothing falls in between.
    pub(super) async fn of(app: &App, scope: &Scope, pages: &str) -> Result<Self, Problem> {
        let counters =
            app.desk().store().counters(scope.access.workspace_id()).await.map_err(connect_core::Error::from)?;
        let (slug, ticket) = (&scope.access.workspace().slug, scope.segment("ticket").unwrap_or_default());
        Ok(Self {
            types: if is_team(&scope.access) { TEAM.to_owned() } else { Fact::PUBLIC_TYPES.join(" ") },
            page: format!("{}/{slug}/{pages}/{ticket}", app.base()),
            after: counters.map_or(0, |counters| counters.last_seq),
            me: scope.access.actor().to_string(),
            knows_people: app.desk().may(&scope.access, Action::ReadMembers),
            may_note: app.desk().may(&scope.access, Action::WriteNotes),
        })
    }
}
