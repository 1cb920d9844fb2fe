//! Holding answers back, and taking them back.

use std::collections::BTreeSet;

use super::{Answer, HeldReply, Outbox};
use crate::change::{ChangeSet, Committed, Moment};
use crate::desk::Tries;
use crate::record::{Record, RecordKind};
use crate::store::{RecordList, TicketRow};
use crate::ticket::{ReplyOptions, TicketRef, Tickets};
use crate::{Action, AttachmentId, Body, Desk, Error, HeldReplyId, Limit, Result, TicketId, UserId, WorkspaceId};

impl Outbox {
    /// That of a ticket.
    pub(super) async fn of(desk: &Desk, workspace: WorkspaceId, ticket: TicketId) -> Result<Self> {
        let record = desk.store().record(workspace, Self::KIND, Self::id_of(ticket)).await?;
        Ok(record.map(|record| record.read()).transpose()?.unwrap_or_else(|| Self::empty(ticket)))
    }
}

impl Desk {
    /// The files that answers will carry which wait in a workspace.
    pub(crate) async fn held_files(&self, workspace: WorkspaceId) -> Result<BTreeSet<AttachmentId>> {
        let mut list = RecordList { ids: None, after: None, limit: Limit::MAX };
        let mut files = BTreeSet::new();
        loop {
            let records = self.store().records(workspace, Outbox::KIND, list.clone()).await?;
            for outbox in records.iter().map(Record::read::<Outbox>) {
                let outbox = outbox?;
                let waiting = outbox.held.iter().chain(&outbox.taken_back);
                files.extend(waiting.flat_map(|held| held.attachments.iter().map(|file| file.id)));
            }
            list.after = records.last().map(|record| record.id.clone());
            if records.len() <= Limit::MAX.get() {
                return Ok(files);
            }
        }
    }
}

/// What a moment makes of an answer that waits: the change that sends it.
pub(super) async fn sending(
    tickets: &Tickets<'_>,
    row: &TicketRow,
    outbox: &Outbox,
    held: &HeldReply,
    moment: &Moment<'_>,
) -> Result<ChangeSet> {
    let options = ReplyOptions { last_seen: None, status: held.status.clone() };
    let change = row.ticket.answer_of(held.created_at, held.body.clone(), options, moment)?;
    let changes = ChangeSet::new(moment).along(&outbox.without(held.id), outbox.version);
    let files: Vec<_> = held.attachments.iter().map(|file| file.id).collect();
    tickets.desk.attachments(tickets.access).carry(changes, change, &files, moment).await
}

impl Tickets<'_> {
    /// Answers in public as the workspace has it: an answer that a person of the team writes waits for as long as the
    /// workspace says, and can be taken back until then. Everybody else's, and where the workspace says nothing, is a
    /// message at once, as by [`Tickets::reply`].
    pub async fn answer(&self, key: TicketRef, body: Body, options: ReplyOptions) -> Result<Answer> {
        self.desk.demand(self.access, Action::ReplyToTickets)?;
        if let Some(earlier) = self.desk.replayed(self.access).await? {
            return self.answered(key, earlier).await;
        }
        let window = self.access.workspace().undo_send.length();
        let (Some(window), Some(author), None) = (window, self.access.user(), self.access.key()) else {
            let (view, message) = self.reply(key, body, options).await?;
            return Ok(Answer::Sent(Box::new(view), Box::new(message)));
        };
        let mut tries = Tries::default();
        loop {
            tries.next().await?;
            let row = self.load(key).await?;
            let moment = self.desk.moment(self.access);
            // What would be refused now is refused now, and not behind its author's back.
            let _ = row.ticket.reply(body.clone(), options.clone(), &moment)?;
            let held = HeldReply {
                id: moment.ids().held_reply(),
                ticket: row.ticket.id,
                author,
                body: body.clone(),
                attachments: self.desk.attachments(self.access).free(&self.attachments).await?,
                status: options.status.clone(),
                created_at: moment.now(),
                send_at: moment.now().plus(window),
                refused: None,
            };
            let outbox = self.outbox(row.ticket.id).await?;
            let is_of_another = |held: &HeldReply| held.author != author && held.refused.is_none();
            if options.last_seen.is_some() && outbox.held.iter().any(is_of_another) {
                return Err(Error::refused("newer_messages", "an answer of a colleague's is about to be sent"));
            }
            let changes = ChangeSet::new(&moment).record_about(outbox.hold(held.clone())?, &row.ticket, &moment);
            match self.desk.commit(self.access, changes).await? {
                Some(committed) if committed.replayed => return self.answered(key, committed).await,
                Some(_) => return Ok(Answer::Held(Box::new(held))),
                None => {}
            }
        }
    }

    /// What was answered to the same idempotency key before: whether the answer still waits or not by now.
    async fn answered(&self, key: TicketRef, earlier: Committed) -> Result<Answer> {
        if let Some(message) = earlier.messages.into_iter().next() {
            return Ok(Answer::Sent(Box::new(self.found(key).await?), Box::new(message)));
        }
        let outbox = earlier.records.iter().find(|record| record.kind == Outbox::KIND).ok_or(Error::KeyReused)?;
        let newest = Record::read::<Outbox>(outbox)?.held.pop().ok_or(Error::KeyReused)?;
        let taken_back = self.outbox(newest.ticket).await?.taken_back;
        if taken_back.is_some_and(|held| held.id == newest.id) {
            return Err(Error::refused("taken_back", "this answer was taken back: send it as a new one"));
        }
        Ok(Answer::Held(Box::new(newest)))
    }

    /// The answers that wait on a ticket, oldest first: for whoever sees notes all of them, else the caller's own.
    pub async fn held(&self, key: TicketRef) -> Result<Vec<HeldReply>> {
        let own = if self.desk.may(self.access, Action::ReadNotes) { None } else { Some(self.author()?) };
        let row = self.get(key).await?;
        let mut held = self.outbox(row.ticket.id).await?.held;
        held.retain(|held| own.is_none_or(|own| held.author == own));
        Ok(held)
    }

    /// Takes an answer back that waits: it is never sent. For its author, and for whoever manages the members, as an answer
    /// of somebody who is let go should not leave. [`Error::NotFound`] once it was sent or taken back.
    pub async fn withdraw(&self, key: TicketRef, id: HeldReplyId) -> Result<()> {
        let author = self.person()?;
        if self.desk.replayed(self.access).await?.is_some() {
            return Ok(());
        }
        let mut tries = Tries::default();
        loop {
            tries.next().await?;
            let (row, outbox) = self.outbox_of(key, author).await?;
            let held = match outbox.of_author(id, author) {
                Err(Error::Forbidden(_)) if self.desk.may(self.access, Action::ManageMembers) => outbox.find(id),
                found => Some(found?),
            };
            let held = held.ok_or(Error::NotFound("waiting answer"))?;
            let moment = self.desk.moment(self.access);
            let changes = ChangeSet::new(&moment).record_about(outbox.withdraw(held), &row.ticket, &moment);
            if self.desk.commit(self.access, changes).await?.is_some() {
                return Ok(());
            }
        }
    }

    /// The answer that its author has taken back, if it was the last of its ticket that was: its text is theirs to go on with.
    pub async fn taken_back(&self, key: TicketRef, id: HeldReplyId) -> Result<HeldReply> {
        let author = self.person()?;
        let (_, outbox) = self.outbox_of(key, author).await?;
        let held = outbox.taken_back.filter(|held| held.id == id && held.author == author);
        held.ok_or(Error::NotFound("waiting answer"))
    }

    /// Sends an answer of the caller's at once that waits, or that could not be sent when its time had come.
    pub async fn send_now(&self, key: TicketRef, id: HeldReplyId) -> Result<Answer> {
        let author = self.author()?;
        if let Some(earlier) = self.desk.replayed(self.access).await? {
            return self.answered(key, earlier).await;
        }
        let mut tries = Tries::default();
        loop {
            tries.next().await?;
            let (row, outbox) = self.outbox_of(key, author).await?;
            let held = outbox.of_author(id, author)?;
            let moment = self.desk.moment(self.access);
            let changes = sending(self, &row, &outbox, held, &moment).await?;
            let Some(committed) = self.desk.commit(self.access, changes).await? else { continue };
            return self.answered(key, committed).await;
        }
    }

    async fn outbox(&self, ticket: TicketId) -> Result<Outbox> {
        Outbox::of(self.desk, self.access.workspace_id(), ticket).await
    }

    /// A ticket with its outbox, for whoever sees the ticket or has an answer there: who has moved it out of their own sight
    /// can take back what they wrote all the same.
    async fn outbox_of(&self, key: TicketRef, author: UserId) -> Result<(TicketRow, Outbox)> {
        let row = self.found(key).await?;
        let outbox = self.outbox(row.ticket.id).await?;
        let has_own = outbox.held.iter().chain(&outbox.taken_back).any(|held| held.author == author);
        if has_own || self.access.sees(&row.ticket) { Ok((row, outbox)) } else { Err(Error::NotFound("ticket")) }
    }

    /// Who may have answers that wait: a person of the team.
    fn author(&self) -> Result<UserId> {
        self.desk.demand(self.access, Action::ReplyToTickets)?;
        self.person()
    }

    fn person(&self) -> Result<UserId> {
        self.access.user().filter(|_| self.access.key().is_none()).ok_or(Error::Forbidden("waiting answers of people"))
    }
}
