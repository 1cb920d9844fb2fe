//! Many notices in one mail.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::plan::{Person, Reader};
use super::{Medium, Topic};
use crate::delivery::{Delivery, DeliveryList, DeliveryState, Recipient};
use crate::dispatch::Composed;
use crate::notify::{Mail, Outgoing};
use crate::store::TicketKey;
use crate::template::{MailTopic, composed};
use crate::{Error, Limit, Result, Timestamp};

/// Notices that are written out in one mail.
const SHOWN: usize = 50;

impl Topic {
    /// What a digest calls it.
    const fn in_short(self) -> &'static str {
        match self {
            Self::Assigned => "assigned to you",
            Self::CustomerReplied => "answered",
            Self::Mentioned => "you are named",
            Self::TeamReplied => "a colleague has written",
            Self::MailCameBack => "a mail came back",
            Self::ReplyRefused => "an answer of yours could not be sent",
            Self::TicketOpened => "new",
        }
    }
}

/// How long behind its moment a digest leaves, so that what was planned just before is there.
pub(super) const MARGIN: Duration = Duration::from_secs(60);

/// Pages of deliveries that are looked through for what belongs together.
const MAX_PAGES: usize = 50;

/// All mail of notices to the reader that was planned for one moment, oldest first.
async fn together(reader: &Reader<'_>, person: &Person, delivery: &Delivery, slot: Timestamp) -> Result<Vec<Delivery>> {
    let Reader { desk, workspace, user } = reader;
    let mut list = DeliveryList {
        recipient: Some(Recipient::User(user.id)),
        channel: Some(delivery.channel.clone()),
        limit: Limit::MAX,
        ..DeliveryList::default()
    };
    let mut together = Vec::new();
    for _ in 0..MAX_PAGES {
        let page = desk.store().deliveries(workspace.id, list.clone()).await?;
        let is_last = page.len() <= list.limit.get();
        list.before = page.get(list.limit.get() - 1).map(|one| one.id);
        // Ids rise with time: behind the first that is older than a day and a bit, none is of this moment.
        let is_behind = page.last().is_some_and(|one| one.created_at.plus(Duration::from_secs(50 * 3600)) < slot);
        let of_slot = page
            .into_iter()
            .take(list.limit.get())
            .filter(|one| one.subscriber == delivery.subscriber && person.settings.told_at(one.created_at) == slot);
        together.extend(of_slot);
        if is_last || is_behind {
            break;
        }
    }
    together.sort_by_key(|one| one.id);
    together.dedup_by_key(|one| one.id);
    Ok(together)
}

/// The mail of a digest, if this delivery is the one that carries it; none if it was planned before its reader wanted one.
///
/// All that was planned for one moment goes into one mail: that of the first delivery that is still to be sent. The
/// others wait until it has left, and are dropped then; if it never leaves, the next one carries all.
pub(super) async fn compose(reader: &Reader<'_>, person: &Person, delivery: &Delivery) -> Result<Option<Composed>> {
    let Reader { desk, workspace, user } = reader;
    let slot = person.settings.told_at(delivery.created_at);
    if desk.now() < slot {
        return Ok(None);
    }
    let together = together(reader, person, delivery, slot).await?;
    // One that was sent before the moment was sent by itself, before its reader wanted a digest.
    let is_told = |one: &Delivery| {
        one.id != delivery.id && one.state.is_handed_over() && one.settled_at.is_some_and(|at| at >= slot)
    };
    if together.iter().any(is_told) {
        return Ok(Some(Composed::Drop("told in a digest")));
    }
    let first = together.iter().find(|one| one.state == DeliveryState::Queued);
    if first.is_some_and(|first| first.id < delivery.id) {
        return Err(Error::Unavailable("the digest that tells of it has not left yet".to_owned()));
    }
    let (mut notices, mut seen): (Vec<Value>, _) = (Vec::new(), BTreeSet::new());
    for one in together {
        let is_in = matches!(one.state, DeliveryState::Queued | DeliveryState::Failed);
        let (Some(topic), Some(ticket)) = (Topic::parse(&one.topic).filter(|_| is_in), one.ticket) else { continue };
        if !seen.insert((ticket, topic)) || !person.settings.media_of(topic).contains(&Medium::Mail) {
            continue;
        }
        if !person.sees(desk, workspace.id, ticket, topic).await? {
            continue;
        }
        if let Some(row) = desk.store().ticket(workspace.id, TicketKey::Id(ticket)).await? {
            notices.push(json!({"what": topic.in_short(), "number": row.ticket.number, "subject": row.ticket.subject}));
        }
    }
    if notices.is_empty() {
        return Ok(Some(Composed::Drop("there is nothing to tell any more")));
    }
    let count = notices.len();
    notices.truncate(SHOWN);
    let unsubscribe = desk.unsubscribe_link(workspace.id, user.id, None);
    let values = json!({
        "workspace": {"name": workspace.name}, "count": count, "more": count - notices.len(), "notices": notices,
        "link": desk.link(&format!("/{}/tickets", workspace.slug)), "unsubscribe_link": unsubscribe,
    });
    let words = composed(desk, workspace, MailTopic::Digest, user.locale.as_ref(), values).await?;
    let from = desk.identity(Some(workspace.name.to_string()));
    Ok(Some(Composed::Send(Outgoing::Mail(Box::new(Mail {
        auto_submitted: Some("auto-generated"),
        unsubscribe,
        ..Mail::of(words, user.email.clone(), from, desk.message_id(&delivery.id))
    })))))
}
