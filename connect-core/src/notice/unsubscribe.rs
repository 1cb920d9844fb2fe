//! Ending mail by its own link, without signing in (RFC 8058).

use std::collections::{BTreeMap, BTreeSet};

use super::{Medium, NoticeSettings, Topic};
use crate::change::ChangeSet;
use crate::desk::Tries;
use crate::event::Cause;
use crate::member::Member;
use crate::record::RecordKind;
use crate::workspace::Workspace;
use crate::{Actor, Desk, Error, Result, UserId, WorkspaceId};

const LABEL: &str = "unsubscribe";
/// In the place of a topic: all of them.
const ALL: &str = "all";

/// The parts of a link that ends mail, as they came. Whoever holds it may do that, and nothing else.
#[derive(Debug, Clone)]
pub struct UnsubscribeLink {
    /// The workspace.
    pub workspace: String,
    /// Whose mail.
    pub user: String,
    /// About what, or `all`.
    pub topic: String,
    /// What only the desk can make for these.
    pub signature: String,
}

impl UnsubscribeLink {
    fn read(&self, desk: &Desk) -> Option<(WorkspaceId, UserId, Option<Topic>)> {
        let parts = [self.workspace.as_str(), &self.user, &self.topic];
        if !desk.signer()?.is_genuine(LABEL, &parts, &self.signature) {
            return None;
        }
        let topic = if self.topic == ALL { None } else { Some(Topic::parse(&self.topic)?) };
        Some((self.workspace.parse().ok()?, self.user.parse().ok()?, topic))
    }
}

impl Desk {
    /// The link that ends the mail of a member about a topic, or about all; none where nothing signs it. It does not end:
    /// who finds an old mail must get rid of new ones by it.
    pub(super) fn unsubscribe_link(
        &self,
        workspace: WorkspaceId,
        user: UserId,
        topic: Option<Topic>,
    ) -> Option<String> {
        let (workspace, user, topic) = (workspace.to_string(), user.to_string(), topic.map_or(ALL, Topic::as_str));
        let signature = self.signer()?.sign(LABEL, &[&workspace, &user, topic]);
        Some(self.link(&format!("/unsubscribe/{workspace}/{user}/{topic}/{signature}")))
    }

    /// What a link would end: where, and about what, all if none. [`Error::NotFound`] for one that the desk has not made.
    pub async fn unsubscribing(&self, link: &UnsubscribeLink) -> Result<(Workspace, Option<Topic>)> {
        let (workspace, _, topic) = link.read(self).ok_or(Error::NotFound("link"))?;
        let workspace = self.workspace(workspace).await?.ok_or(Error::NotFound("link"))?;
        Ok((workspace, topic))
    }

    /// Ends the mail that a link is for. Repeated, it changes nothing.
    pub async fn unsubscribe(&self, link: &UnsubscribeLink, cause: Cause) -> Result<()> {
        let (workspace, user, topic) = link.read(self).ok_or(Error::NotFound("link"))?;
        let mut tries = Tries::default();
        loop {
            tries.next().await?;
            if self.store().record(workspace, Member::KIND, user.to_string()).await?.is_none() {
                // Who has left is mailed nothing anyway.
                return Ok(());
            }
            let record = self.store().record(workspace, NoticeSettings::KIND, NoticeSettings::id_of(user)).await?;
            let present = record.map(|record| record.read()).transpose()?;
            let present = present.unwrap_or_else(|| NoticeSettings::usual(user));
            let topics = topic.map_or_else(|| Topic::ALL.to_vec(), |topic| vec![topic]);
            let without = |topic: Topic| -> (Topic, BTreeSet<Medium>) {
                (topic, present.media_of(topic).into_iter().filter(|medium| *medium != Medium::Mail).collect())
            };
            let media: BTreeMap<_, _> = topics.into_iter().map(without).collect();
            let Some(change) = present.choose(super::Choice { media, ..super::Choice::default() }) else {
                return Ok(());
            };
            let moment = self.moment_of(Actor::User(user)).because(cause.clone());
            if self.commit_to(workspace, ChangeSet::new(&moment).record(change, &moment)).await?.is_some() {
                return Ok(());
            }
        }
    }
}
