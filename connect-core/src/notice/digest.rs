//! Many notices in one mail.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::plan::{Person, Reader};
use super::{Medium, Topic};
use crate::delivery::{Delivery, DeliveryList, DeliveryState, Recipient};
use crate::dispatch::Composed;
use crate::notify::{Mail, Outgoing};
use crate::store::TicketKey;
use crate::template::{MailTopic, composed};
use crate::{Limit, Result};

/// Notices that are written out in one mail.
const SHOWN: usize = 50;
/// Why a delivery was dropped whose notice is in the mail of another one.
const TOLD: &str = "told in a digest";

impl Topic {
    /// What a digest calls it.
    const fn in_short(self) -> &'static str {
        match self {
            Self::Assigned => "assigned to you",
            Self::CustomerReplied => "answered",
            Self::Mentioned => "you are named",
            Self::TeamReplied => "a colleague has written",
            Self::MailCameBack => "a mail came back",
            Self::TicketOpened => "new",
        }
    }
}

/// The mail of a digest, if this delivery is the one that carries it.
///
/// All that was planned for one moment goes into one mail: that of the first delivery that is still to be sent. The
/// others are dropped, and stay in its mail however often it is composed again.
pub(super) async fn compose(reader: &Reader<'_>, person: &Person, delivery: &Delivery) -> Result<Composed> {
    let Reader { desk, workspace, user } = reader;
    let moment = |of: &Delivery| person.settings.mailed_at(of.created_at, std::time::Duration::ZERO);
    let slot = moment(delivery);
    let list = DeliveryList {
        recipient: Some(Recipient::User(user.id)),
        channel: Some(delivery.channel.clone()),
        limit: Limit::MAX,
        ..DeliveryList::default()
    };
    let mut together = desk.store().deliveries(workspace.id, list).await?;
    together.retain(|one| one.subscriber == delivery.subscriber && moment(one) == slot);
    together.sort_by_key(|one| one.id);
    // One that was sent before the moment was sent by itself, before its reader wanted a digest.
    let is_told = |one: &Delivery| {
        one.id != delivery.id && one.state.is_handed_over() && one.settled_at.is_some_and(|at| at >= slot)
    };
    let first = together.iter().find(|one| one.state == DeliveryState::Queued);
    if together.iter().any(is_told) || first.is_some_and(|first| first.id < delivery.id) {
        return Ok(Composed::Drop(TOLD));
    }
    let (mut notices, mut seen): (Vec<Value>, _) = (Vec::new(), BTreeSet::new());
    for one in together {
        let is_in = one.state == DeliveryState::Queued
            || one.state == DeliveryState::Dropped && one.detail.as_deref() == Some(TOLD);
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
        return Ok(Composed::Drop("there is nothing to tell any more"));
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
    Ok(Composed::Send(Outgoing::Mail(Box::new(Mail {
        auto_submitted: Some("auto-generated"),
        unsubscribe,
        ..Mail::of(words, user.email.clone(), from, desk.message_id(&delivery.id))
    }))))
}
