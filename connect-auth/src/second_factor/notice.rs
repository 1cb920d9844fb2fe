//! The mails that tell a person what happened to their second factor. No word of anybody else's stands in them, and
//! no code.

use connect_core::delivery::{Delivery, Recipient};
use connect_core::dispatch::{Composed, Plan};
use connect_core::event::{Event, Fact};
use connect_core::user::StrongMethod;
use connect_core::{Desk, Result, UserId};

use crate::mail::{minute, notice};

const ENROLLED: &str = "auth.second_factor_enrolled";
const REMOVED: &str = "auth.second_factor_removed";
const CODES_MADE: &str = "auth.recovery_codes_made";
const CODE_USED: &str = "auth.recovery_code_used";
const FAILURES: &str = "auth.second_factor_failures";
const RESET_ASKED: &str = "auth.second_factor_reset";

const NOT_YOU: &str = "If it was not you, somebody else can read your mail or use your session: secure your mailbox, \
                       then sign in, end all other sessions and set your second factor up anew.";

/// The mail that follows an event, if one does.
pub(crate) fn plan(event: &Event) -> Option<Plan> {
    let (topic, user) = match &event.fact {
        // What others vouch for is no change of the person's own.
        Fact::SecondFactorEnrolled { method: StrongMethod::Provider, .. } => return None,
        Fact::SecondFactorEnrolled { user, .. } => (ENROLLED, user),
        Fact::SecondFactorRemoved { user, .. } => (REMOVED, user),
        Fact::RecoveryCodesMade { user } => (CODES_MADE, user),
        Fact::AuthRecoveryCodeUsed { user, .. } => (CODE_USED, user),
        Fact::AuthSecondFactorFailuresRepeated { user } => (FAILURES, user),
        Fact::SecondFactorResetAsked { user } => (RESET_ASKED, user),
        _ => return None,
    };
    Some(Plan::mail(event, topic, Recipient::User(*user)))
}

/// The mail of a delivery.
pub(crate) async fn compose(desk: &Desk, user: UserId, delivery: &Delivery) -> Result<Composed> {
    let at = minute(delivery.created_at);
    let (subject, text) = match delivery.topic.as_str() {
        ENROLLED => (
            "A second factor was set up",
            format!("Your account has a new second factor since {at} (UTC).\n\n{NOT_YOU}"),
        ),
        REMOVED => (
            "A second factor was taken away",
            format!("A second factor of your account counts no more since {at} (UTC).\n\n{NOT_YOU}"),
        ),
        CODES_MADE => (
            "New recovery codes were made",
            format!("Your account has new recovery codes since {at} (UTC); older ones count no more.\n\n{NOT_YOU}"),
        ),
        CODE_USED => {
            let left = desk.users().second_factor(user).await?.recovery.len();
            let used = format!("A recovery code of your account was used on {at} (UTC). {left} are left.");
            ("A recovery code was used", format!("{used}\n\n{NOT_YOU}"))
        }
        FAILURES => (
            "Wrong codes of your app were entered",
            "Somebody who can sign in with your mailbox has entered wrong codes of your second factor, until no more \
             were looked at for now. They did not get in. Recovery codes go on working.\n\nIf it was you, you need not \
             do anything. If not, somebody else can read your mail: secure your mailbox."
                .to_owned(),
        ),
        RESET_ASKED => (
            "Your second factor may be taken away in three days",
            format!(
                "On {at} (UTC) somebody signed in with a code that was sent to this address, and asked to take the \
                 second factor of your account away. In three days that can be done with another code by e-mail.\n\n\
                 If it was you, come back then. If not, sign in with your second factor now: that stops it. And secure \
                 your mailbox: somebody else can read it."
            ),
        ),
        _ => return Ok(Composed::Drop("unknown topic")),
    };
    match desk.user(user).await? {
        Some(user) => Ok(notice(desk, delivery, user.email, subject, &text)),
        None => Ok(Composed::Drop("the user is gone")),
    }
}
