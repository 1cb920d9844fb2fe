//! The journal as owners and admins see it.

use std::time::Duration;

use crate::change::ChangeSet;
use crate::event::{Event, Fact};
use crate::store::{EventList, TicketKey};
use crate::{
    Access, Action, Actor, Desk, Error, FieldError, Limit, Page, Result, TicketId, Timestamp, WorkspaceId,
    decode_cursor, encode_cursor,
};

/// Most reads of the store for one page. A filter that fits little may then answer a page that is not full, or
/// even empty, with a cursor from where to look on.
const READS: usize = 20;
/// How far the times of neighbouring events may be out of order: several nodes write, and clocks are put right.
const DISORDER: Duration = Duration::from_secs(24 * 3600);

/// Which events are wanted.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Those that this actor caused.
    pub actor: Option<Actor>,
    /// Those of this type, or, with a dot at the end, of all types that begin so: `member.`
    pub kind: Option<String>,
    /// Those of this ticket.
    pub ticket: Option<TicketId>,
    /// Those of this instant or later.
    pub after: Option<Timestamp>,
    /// Those before this instant.
    pub before: Option<Timestamp>,
}

impl AuditFilter {
    fn fits(&self, event: &Event) -> bool {
        self.actor.is_none_or(|actor| event.actor == actor)
            && (self.ticket.is_none() || event.ticket == self.ticket)
            && self.after.is_none_or(|after| event.at >= after)
            && self.before.is_none_or(|before| event.at < before)
            && self.kind.as_ref().is_none_or(|kind| {
                let name = event.fact.name();
                if kind.ends_with('.') { name.starts_with(kind.as_str()) } else { name == *kind }
            })
    }

    /// Whether no event from here on can fit, in this direction.
    fn is_past(&self, event: &Event, newest_first: bool) -> bool {
        if newest_first {
            self.after.is_some_and(|after| event.at < after.minus(DISORDER))
        } else {
            self.before.is_some_and(|before| event.at >= before.plus(DISORDER))
        }
    }
}

/// Events to be listed.
#[derive(Debug, Clone)]
pub struct AuditList {
    /// Which.
    pub filter: AuditFilter,
    /// The newest first, else the oldest.
    pub newest_first: bool,
    /// How many at most.
    pub limit: Limit,
}

impl Default for AuditList {
    fn default() -> Self {
        Self { filter: AuditFilter::default(), newest_first: true, limit: Limit::default() }
    }
}

/// The journal of a workspace, as one access sees it.
#[derive(Debug)]
pub struct Audit<'a> {
    desk: &'a Desk,
    access: &'a Access,
}

impl Desk {
    /// The journal of the access's workspace.
    pub fn audit<'a>(&'a self, access: &'a Access) -> Audit<'a> {
        Audit { desk: self, access }
    }

    pub(super) async fn events_after(
        &self,
        workspace: WorkspaceId,
        ticket: Option<TicketId>,
        after: u64,
        limit: Limit,
    ) -> Result<Vec<Event>> {
        let list = EventList { ticket, public: false, after, limit };
        Ok(self.store().events(workspace, list).await?)
    }

    /// The number of the first event of this instant or later, one behind `last` if there is none: found by
    /// halving, as numbers follow time but for some disorder.
    pub(super) async fn first_since(&self, workspace: WorkspaceId, at: Timestamp, last: u64) -> Result<u64> {
        let (mut low, mut high) = (1, last + 1);
        while low < high {
            let middle = low + (high - low) / 2;
            let found = self.events_after(workspace, None, middle - 1, Limit::ONE).await?;
            match found.first() {
                Some(event) if event.at < at => low = event.seq.max(middle) + 1,
                _ => high = middle,
            }
        }
        Ok(low)
    }
}

/// Where a list stands: the last event that was looked at. A cursor goes on in the direction it came from.
type Place = (bool, u64);

impl Audit<'_> {
    /// A page of events. A page may have fewer than it asks for, even none, and a place to go on from: the work
    /// of one page has an end.
    pub async fn list(&self, list: &AuditList, cursor: Option<&str>) -> Result<Page<Event>> {
        self.desk.demand(self.access, Action::ReadAudit)?;
        let workspace = self.access.workspace_id();
        let last = self.desk.store().counters(workspace).await?.map_or(0, |counters| counters.last_seq);
        let at = cursor.map(decode_cursor::<Place>).transpose()?;
        if at.is_some_and(|(newest_first, seq)| newest_first != list.newest_first || seq == 0 || seq > last) {
            return Err(FieldError::new("cursor", "bad_cursor", "is not a cursor of this list").into());
        }
        let at = at.map(|(_, seq)| seq);
        if list.newest_first {
            let end = match (at, list.filter.before) {
                (Some(at), _) => at - 1,
                (None, Some(before)) => {
                    self.desk.first_since(workspace, before.plus(DISORDER), last).await?.saturating_sub(1)
                }
                (None, None) => last,
            };
            self.backwards(list, end).await
        } else {
            let start = match (at, list.filter.after) {
                (Some(at), _) => at,
                (None, Some(after)) => {
                    self.desk.first_since(workspace, after.minus(DISORDER), last).await?.saturating_sub(1)
                }
                (None, None) => 0,
            };
            self.forwards(list, start).await
        }
    }

    /// Notes that the journal is taken along as a whole.
    pub async fn note_export(&self) -> Result<()> {
        self.desk.demand(self.access, Action::ReadAudit)?;
        let moment = self.desk.moment(self.access);
        let changes = ChangeSet::new(&moment).fact(Fact::AuditExported {}, &moment);
        self.desk.commit_facts(self.access.workspace_id(), changes).await
    }

    /// A ticket of the workspace, for the filter.
    pub async fn ticket(&self, key: TicketKey) -> Result<TicketId> {
        self.desk.demand(self.access, Action::ReadAudit)?;
        let row = self.desk.store().ticket(self.access.workspace_id(), key).await?;
        Ok(row.ok_or(Error::NotFound("ticket"))?.ticket.id)
    }

    async fn forwards(&self, list: &AuditList, mut after: u64) -> Result<Page<Event>> {
        let mut taken = Taken::new(list);
        for _ in 0..READS {
            let (workspace, ticket) = (self.access.workspace_id(), list.filter.ticket);
            let events = self.desk.events_after(workspace, ticket, after, Limit::MAX).await?;
            let more = events.len() > Limit::MAX.get();
            for event in events.into_iter().take(Limit::MAX.get()) {
                after = event.seq;
                if taken.is_over(event) {
                    return Ok(taken.page());
                }
            }
            if !more {
                return Ok(Page { rows: taken.rows, next: None });
            }
        }
        Ok(Page { rows: taken.rows, next: Some(encode_cursor(&(false, after))) })
    }

    /// Numbers are dense, so what comes before a number is read by counting down.
    async fn backwards(&self, list: &AuditList, mut end: u64) -> Result<Page<Event>> {
        if let Some(ticket) = list.filter.ticket
            && let Some(events) = self.all_of(ticket, end).await?
        {
            let mut taken = Taken::new(list);
            let over = events.into_iter().rev().any(|event| taken.is_over(event));
            return Ok(if over { taken.page() } else { Page { rows: taken.rows, next: None } });
        }
        let mut taken = Taken::new(list);
        for _ in 0..READS {
            if end == 0 {
                break;
            }
            let after = end.saturating_sub(Limit::MAX.get() as u64);
            let events = self.desk.events_after(self.access.workspace_id(), None, after, Limit::MAX).await?;
            for event in events.into_iter().filter(|event| event.seq <= end).rev() {
                if taken.is_over(event) {
                    return Ok(taken.page());
                }
            }
            end = after;
        }
        let next = (end > 0).then(|| encode_cursor(&(true, end + 1)));
        Ok(Page { rows: taken.rows, next })
    }

    /// All events of a ticket up to a number, oldest first; none if there are very many.
    async fn all_of(&self, ticket: TicketId, end: u64) -> Result<Option<Vec<Event>>> {
        let mut all: Vec<Event> = Vec::new();
        for _ in 0..READS {
            let after = all.last().map_or(0, |event| event.seq);
            let events = self.desk.events_after(self.access.workspace_id(), Some(ticket), after, Limit::MAX).await?;
            let more = events.len() > Limit::MAX.get() && events.last().is_some_and(|event| event.seq <= end);
            all.extend(events.into_iter().take(Limit::MAX.get()).filter(|event| event.seq <= end));
            if !more {
                return Ok(Some(all));
            }
        }
        Ok(None)
    }
}

/// What was found for a page.
struct Taken<'a> {
    list: &'a AuditList,
    rows: Vec<Event>,
    more: bool,
}

impl<'a> Taken<'a> {
    fn new(list: &'a AuditList) -> Self {
        Self { list, rows: Vec::new(), more: false }
    }

    /// Looks at the next event; answers whether that is enough.
    fn is_over(&mut self, event: Event) -> bool {
        if self.list.filter.is_past(&event, self.list.newest_first) {
            return true;
        }
        if self.list.filter.fits(&event) {
            if self.rows.len() == self.list.limit.get() {
                self.more = true;
                return true;
            }
            self.rows.push(event);
        }
        false
    }

    fn page(self) -> Page<Event> {
        let last = self.rows.last().filter(|_| self.more);
        let next = last.map(|event| encode_cursor(&(self.list.newest_first, event.seq)));
        Page { rows: self.rows, next }
    }
}
