//! The one way a change takes.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Desk;
use crate::change::{ChangeSet, Committed, Moment, Once};
use crate::contact::Contact;
use crate::domain::Departed;
use crate::label::Label;
use crate::member::{Invitation, Member};
use crate::record::RecordKind;
use crate::role::CustomRole;
use crate::store::Hint;
use crate::team::Team;
use crate::user::{Passkeys, SecondFactor, User};
use crate::workspace::Workspace;
use crate::{Access, Action, Actor, CommitError, Error, Result, Version, WorkspaceId};

/// How long the answer to an idempotency key is kept.
const ANSWER_LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// How often a decision is made again because somebody else was quicker.
const MAX_TRIES: u32 = 8;

/// Counts how often a decision was made.
#[derive(Debug, Default)]
pub(crate) struct Tries(u32);

impl Tries {
    /// One more try; refused when there were too many.
    pub(crate) async fn next(&mut self) -> Result<()> {
        self.0 += 1;
        if self.0 > MAX_TRIES {
            return Err(Error::Contended);
        }
        if self.0 > 2 {
            tokio::task::yield_now().await;
        }
        Ok(())
    }
}

impl Desk {
    /// The moment of a decision made with this access.
    pub(crate) fn moment(&self, access: &Access) -> Moment<'_> {
        Moment::of(access, self.ids(), self.now())
    }

    /// The moment of a decision that no workspace has a part in, such as a sign-in.
    pub fn moment_of(&self, actor: Actor) -> Moment<'_> {
        Moment::new(self.ids(), self.now(), actor)
    }

    /// Refuses what the policy does not allow.
    pub(crate) fn demand(&self, access: &Access, action: Action) -> Result<()> {
        if self.may(access, action) { Ok(()) } else { Err(Error::Forbidden(action.as_str())) }
    }

    /// Whether the policy allows this, and the key covers it if it is a key that asks.
    pub fn may(&self, access: &Access, action: Action) -> bool {
        access.covers(action) && self.policy().allows(access.standing(), action)
    }

    /// The answer that was kept for the idempotency key of this access, if it was used before.
    pub(crate) async fn replayed(&self, access: &Access) -> Result<Option<Committed>> {
        let Some(once) = access.idempotency() else { return Ok(None) };
        let answer = self.store().answer(access.workspace_id(), access.actor(), once.key.clone()).await?;
        match answer.filter(|answer| self.now() < answer.expires_at) {
            Some(answer) if answer.request_hash != once.request_hash => Err(Error::KeyReused),
            Some(answer) => Ok(Some(Committed { replayed: true, ..answer.committed })),
            None => Ok(None),
        }
    }

    /// Commits for an access; none when the decision has to be made again on fresh state.
    pub(crate) async fn commit(&self, access: &Access, changes: ChangeSet) -> Result<Option<Committed>> {
        let once = access.idempotency().map(|once| Once {
            actor: access.actor(),
            key: once.key.clone(),
            request_hash: once.request_hash.clone(),
            expires_at: self.now().plus(ANSWER_LIFETIME),
        });
        self.commit_to(access.workspace_id(), changes.once(once)).await
    }

    /// Commits facts of the directory: sign-ins and the like. For crates that extend the desk.
    pub async fn commit_to_directory(&self, changes: ChangeSet) -> Result<()> {
        self.commit_to(WorkspaceId::DIRECTORY, changes).await.map(|_| ())
    }

    /// Commits facts of a workspace, or of the directory, that change no state: refusals and the like. For
    /// crates that extend the desk. Whatever else the change set holds is refused.
    pub async fn commit_facts(&self, workspace: WorkspaceId, changes: ChangeSet) -> Result<()> {
        if !changes.is_facts_only() {
            return Err(Error::Internal("facts are to be committed alone".to_owned()));
        }
        // Nobody's admission changes by a fact, so what is known of them is not forgotten: refusals can be many.
        let committed = self.store().commit(workspace, changes).await.map_err(refusal)?;
        self.feed().publish(Hint { workspace, seq: committed.last_seq });
        Ok(())
    }

    pub(crate) async fn commit_to(&self, workspace: WorkspaceId, changes: ChangeSet) -> Result<Option<Committed>> {
        match self.store().commit(workspace, changes).await {
            Ok(committed) => {
                self.after_commit(workspace, &committed);
                Ok(Some(committed))
            }
            Err(CommitError::Conflict { .. }) => Ok(None),
            Err(error) => {
                if matches!(error, CommitError::Unknown) {
                    self.forget_admitted();
                }
                Err(refusal(error))
            }
        }
    }

    /// Takes note of what a host has committed in a transaction of its own, so that whoever waits for it is woken at
    /// once. Without it they find out a little later.
    pub fn committed(&self, workspace: WorkspaceId, committed: &Committed) {
        self.after_commit(workspace, committed);
    }

    /// Wakes whoever follows the events, and forgets who may come in if that may be different now.
    fn after_commit(&self, workspace: WorkspaceId, committed: &Committed) {
        self.feed().publish(Hint { workspace, seq: committed.last_seq });
        // A removed record is not among those committed; no record at all is, then, a sign of one.
        let touches_admission = committed.records.is_empty() && committed.tickets.is_empty()
            || committed.records.iter().any(|record| match record.kind.as_str() {
                Workspace::KIND
                | Member::KIND
                | Departed::KIND
                | CustomRole::KIND
                | User::KIND
                | SecondFactor::KIND
                | Passkeys::KIND => true,
                Contact::KIND => record.version > Version::FIRST,
                _ => false,
            });
        if touches_admission {
            self.forget_admitted();
        }
    }

    /// How often who may come in may have changed in this process; caches of it compare.
    pub fn admission_epoch(&self) -> u64 {
        self.inner.admitted.epoch.load(Ordering::Acquire)
    }
}

fn refusal(error: CommitError) -> Error {
    match error {
        CommitError::Conflict { .. } => Error::Contended,
        CommitError::Taken { kind, key } => Error::Taken { field: field_of(&kind, &key) },
        CommitError::Missing { what } => Error::invalid("id", "missing", format!("{what} does not exist")),
        CommitError::KeyReused => Error::KeyReused,
        CommitError::Store(error) => error.into(),
        CommitError::Unknown => Error::Unknown,
    }
}

/// The field whose value a unique key stands for.
fn field_of(kind: &str, key: &str) -> &'static str {
    match (kind, key.split(':').next()) {
        (Workspace::KIND, _) => "slug",
        (Label::KIND | Team::KIND | CustomRole::KIND, _) => "name",
        (Contact::KIND, Some("external")) => "external_id",
        (Contact::KIND | User::KIND | Invitation::KIND, _) => "email",
        _ => "id",
    }
}
