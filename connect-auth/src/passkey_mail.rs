//! The mails that tell a person of a new passkey, and of one that is gone. The names of passkeys are not in them:
//! whoever adds one chooses its name.

use connect_core::delivery::Delivery;
use connect_core::dispatch::Composed;
use connect_core::{Desk, Result, UserId};

use crate::mail::{minute, notice};

/// Tells that a passkey signs the person in from now on.
pub(crate) async fn added(desk: &Desk, user: UserId, delivery: &Delivery) -> Result<Composed> {
    let Some(user) = desk.user(user).await? else { return Ok(Composed::Drop("the user is gone")) };
    let text = format!(
        "A passkey was added to your account on {} (UTC). Whoever has the device it is on can sign in as you.\n\n\
         If it was you, you need not do anything. If not, somebody else can read your mail: secure your mailbox, then \
         sign in, remove the passkey and end all other sessions.",
        minute(delivery.created_at)
    );
    Ok(notice(desk, delivery, user.email, "A passkey was added to your account", &text))
}

/// Tells that a passkey signs the person in no more.
pub(crate) async fn removed(desk: &Desk, user: UserId, delivery: &Delivery) -> Result<Composed> {
    let Some(user) = desk.user(user).await? else { return Ok(Composed::Drop("the user is gone")) };
    let text = format!(
        "A passkey was removed from your account on {} (UTC). It signs nobody in any more; a code by e-mail still \
         does.\n\n\
         If it was you, you need not do anything. If not, somebody else can read your mail: secure your mailbox, then \
         sign in and end all other sessions.",
        minute(delivery.created_at)
    );
    Ok(notice(desk, delivery, user.email, "A passkey was removed from your account", &text))
}
