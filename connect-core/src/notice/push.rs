//! Notices as messages to devices.

use std::collections::HashSet;

use super::Topic;
use super::plan::{Reader, forgiven};
use crate::delivery::{Delivery, Recipient};
use crate::dispatch::Composed;
use crate::notify::Outgoing;
use crate::push::{Devices, ONESIGNAL, PushDevice, PushMessage, WEB_PUSH};
use crate::store::TicketRow;
use crate::{Desk, Result, UserId, WorkspaceId};

/// Over which channels, and to whom each, a person is sent messages: each browser by itself, as each has an outcome of its
/// own; all that OneSignal reaches at once.
pub(super) async fn targets(
    desk: &Desk,
    workspace: WorkspaceId,
    user: UserId,
) -> Result<HashSet<(&'static str, Recipient)>> {
    let has = |name: &str| desk.channels().iter().any(|channel| channel.name() == name);
    if !has(WEB_PUSH) && !has(ONESIGNAL) {
        return Ok(HashSet::new());
    }
    let devices =
        forgiven(Devices::of(desk, workspace, user).await)?.map(|devices| devices.devices).unwrap_or_default();
    let target = |device: &PushDevice| match device.reach.channel() {
        WEB_PUSH => (WEB_PUSH, Recipient::Device { user, device: device.id }),
        other => (other, Recipient::User(user)),
    };
    Ok(devices.iter().map(target).filter(|(channel, _)| has(channel)).collect())
}

/// The message of a notice. It names no person and quotes no message: it is shown on locked screens.
pub(super) async fn compose(
    reader: &Reader<'_>,
    delivery: &Delivery,
    topic: Topic,
    row: &TicketRow,
) -> Result<Composed> {
    let Reader { desk, workspace, user } = reader;
    let mut devices = Devices::of(desk, workspace.id, user.id).await?.devices;
    devices.retain(|device| {
        device.reach.channel() == delivery.channel
            && match delivery.recipient {
                Recipient::Device { device: id, .. } => device.id == id,
                _ => true,
            }
    });
    if devices.is_empty() {
        return Ok(Composed::Drop("the device is there no more"));
    }
    let number = row.ticket.number;
    let title = match topic {
        Topic::Assigned => format!("Ticket #{number} is yours"),
        Topic::CustomerReplied => format!("An answer on ticket #{number}"),
        Topic::Mentioned => format!("You are named on ticket #{number}"),
        Topic::TeamReplied => format!("A colleague has written on ticket #{number}"),
        Topic::ReplyRefused => format!("Your answer on ticket #{number} could not be sent"),
        Topic::MailCameBack => format!("A mail about ticket #{number} came back"),
        Topic::TicketOpened => format!("Ticket #{number} is new"),
    };
    Ok(Composed::Send(Outgoing::Push(Box::new(PushMessage {
        id: delivery.id.to_string(),
        devices,
        title,
        body: row.ticket.subject.to_string(),
        link: desk.link(&format!("/{}/tickets/{number}", workspace.slug)),
        tag: format!("{}-{}", row.ticket.id, topic.as_str()),
    }))))
}
