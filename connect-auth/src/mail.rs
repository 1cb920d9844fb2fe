//! The mail with a code, and the mail with an invitation.

use std::sync::Arc;

use async_trait::async_trait;
use connect_core::delivery::{Delivery, Recipient};
use connect_core::dispatch::{Composed, Plan, Subscriber};
use connect_core::event::{Event, Fact};
use connect_core::member::Invitation;
use connect_core::notify::{Mail, Outgoing};
use connect_core::record::RecordKind;
use connect_core::role::CustomRole;
use connect_core::store::{Challenge, EventList};
use connect_core::{
    Actor, AuthStore, ChallengeId, Desk, EmailAddress, InvitationId, Limit, RateLimiter, Result, Timestamp, UserId,
    WorkspaceId,
};

use crate::challenge::{CODE_LABEL, SIGN_IN};
use crate::code::Code;
use crate::rank::STRANGERS_MAIL;
use crate::{AuthSettings, KeyRing, invitation, passkey_mail, second_factor, sign_up, way_in};

const CODE: &str = "auth.code";
const INVITATION: &str = "invitation";
const NEW_BROWSER: &str = "auth.new_browser";
const ADDRESS_CHANGED: &str = "auth.address_changed";
const FAILURES: &str = "auth.failures";
const PASSKEY_ADDED: &str = "auth.passkey_added";
const PASSKEY_REMOVED: &str = "auth.passkey_removed";
const API_KEY: &str = "auth.api_key";
const ACCOUNT: &str = "auth.account";

#[derive(Debug)]
pub(crate) struct AuthMail {
    pub(crate) store: Arc<dyn AuthStore>,
    pub(crate) limiter: Arc<dyn RateLimiter>,
    pub(crate) keys: KeyRing,
    pub(crate) settings: Arc<AuthSettings>,
}

/// An instant as people read it, to the minute.
pub(crate) fn minute(at: Timestamp) -> String {
    at.to_string().chars().take(16).map(|c| if c == 'T' { ' ' } else { c }).collect()
}

/// A mail that the desk writes by itself about something that has an id.
fn automatic(
    desk: &Desk,
    about: &impl std::fmt::Display,
    to: EmailAddress,
    subject: &str,
    (text, html): (String, String),
) -> Mail {
    Mail {
        to,
        from: desk.identity(None),
        subject: subject.to_owned(),
        text,
        html,
        message_id: desk.message_id(about),
        in_reply_to: None,
        references: Vec::new(),
        auto_submitted: Some("auto-generated"),
        unsubscribe: None,
        reference: None,
    }
}

fn send(mail: Mail) -> Composed {
    Composed::Send(Outgoing::Mail(Box::new(mail)))
}

/// A mail that tells a person what happened to their account. No word of anybody else's stands in it.
pub(crate) fn notice(desk: &Desk, delivery: &Delivery, to: EmailAddress, subject: &str, text: &str) -> Composed {
    linked_notice(desk, delivery, to, subject, text, None)
}

/// The same with a link to a page of the desk.
pub(crate) fn linked_notice(
    desk: &Desk,
    delivery: &Delivery,
    to: EmailAddress,
    subject: &str,
    text: &str,
    link: Option<(&str, &str)>,
) -> Composed {
    send(automatic(desk, &delivery.id, to, subject, Mail::parts(text, link)))
}

/// The event that a delivery follows.
pub(crate) async fn event_of(desk: &Desk, delivery: &Delivery) -> Result<Option<Event>> {
    let list = EventList { after: delivery.event.saturating_sub(1), limit: Limit::new(1)?, ..EventList::default() };
    Ok(desk.store().events(delivery.workspace, list).await?.into_iter().next())
}

/// The mail that follows an event, if one does.
fn plan(event: &Event) -> Option<Plan> {
    let (topic, recipient) = match &event.fact {
        Fact::AuthCodeRequested { challenge, muted: false } => (CODE, Recipient::Challenge(*challenge)),
        Fact::AuthNewBrowser { user, .. } => (NEW_BROWSER, Recipient::User(*user)),
        Fact::UserAddressChanged { user, .. } => (ADDRESS_CHANGED, Recipient::User(*user)),
        Fact::PasskeyAdded { user, .. } => (PASSKEY_ADDED, Recipient::User(*user)),
        Fact::PasskeyRemoved { user, .. } => (PASSKEY_REMOVED, Recipient::User(*user)),
        Fact::AuthFailuresRepeated { challenge } => (FAILURES, Recipient::Challenge(*challenge)),
        Fact::InvitationCreated { invitation, .. } => (INVITATION, Recipient::Invitation(*invitation)),
        // A key is made and given another secret by its owner only.
        Fact::ApiKeyCreated { .. } | Fact::ApiKeyRotated { .. } => match event.actor {
            Actor::User(owner) => (API_KEY, Recipient::User(owner)),
            _ => return None,
        },
        Fact::AccountLinked { user, .. } | Fact::AccountUnlinked { user, .. } => (ACCOUNT, Recipient::User(*user)),
        _ => return second_factor::notice::plan(event),
    };
    Some(Plan::mail(event, topic, recipient))
}

#[async_trait]
impl Subscriber for AuthMail {
    fn name(&self) -> &'static str {
        "auth-mail"
    }

    async fn plan(&self, _: &Desk, _: WorkspaceId, events: &[Event]) -> Result<Vec<Plan>> {
        Ok(events.iter().filter_map(plan).collect())
    }

    async fn compose(&self, desk: &Desk, delivery: &Delivery) -> Result<Composed> {
        match (delivery.topic.as_str(), delivery.recipient) {
            (CODE, Recipient::Challenge(id)) => self.code(desk, id, delivery).await,
            (FAILURES, Recipient::Challenge(id)) => self.failures(desk, id, delivery).await,
            (INVITATION, Recipient::Invitation(id)) => self.invitation(desk, delivery.workspace, id).await,
            (NEW_BROWSER, Recipient::User(user)) => new_browser(desk, user, delivery).await,
            (ADDRESS_CHANGED, Recipient::User(user)) => address_changed(desk, user, delivery).await,
            (PASSKEY_ADDED, Recipient::User(user)) => passkey_mail::added(desk, user, delivery).await,
            (PASSKEY_REMOVED, Recipient::User(user)) => passkey_mail::removed(desk, user, delivery).await,
            (API_KEY, Recipient::User(owner)) => way_in::api_key(desk, owner, delivery).await,
            (ACCOUNT, Recipient::User(user)) => way_in::account(desk, user, delivery).await,
            (_, Recipient::User(user)) => second_factor::notice::compose(desk, user, delivery).await,
            _ => Ok(Composed::Drop("unknown topic")),
        }
    }
}

impl AuthMail {
    async fn code(&self, desk: &Desk, id: ChallengeId, delivery: &Delivery) -> Result<Composed> {
        let Some(challenge) = self.store.challenge(id).await? else { return Ok(Composed::Drop("the code is gone")) };
        if challenge.consumed || desk.now() >= challenge.expires_at {
            return Ok(Composed::Drop("the code has ended"));
        }
        if !self.may_be_sent(desk, &challenge).await? {
            // Else addresses that get no mail could use up the mail of those that do.
            self.limiter.give_back(STRANGERS_MAIL.to_owned(), desk.now()).await?;
            return Ok(Composed::Drop("nobody may sign in with this address"));
        }
        let code = self.keys.open(CODE_LABEL, &challenge.sealed_code).and_then(|code| Code::parse(&code));
        let Some(code) = code else { return Ok(Composed::Drop("the code was sealed with a secret that is gone")) };
        let minutes = challenge.expires_at.since(desk.now()).as_secs().div_ceil(60);
        // No word of anybody else's stands in this mail, and the code is not in its subject.
        let what = match challenge.purpose.split(' ').next() {
            Some("step_up") => "Your code to confirm that it is you",
            Some("email_change") => "Your code to confirm this address",
            _ => "Your code to sign in",
        };
        let text = format!(
            "{what}:\n\n{}\n\nIt works for {minutes} more minutes, in the browser that asked for it.\n\n\
             If you did not ask for it, somebody else typed your address. You need not do anything; do not give the \
             code to anybody.",
            code.grouped()
        );
        Ok(notice(desk, delivery, challenge.email, what, &text))
    }

    /// Tells the person behind an address, if there is one, that somebody keeps entering wrong codes for it.
    async fn failures(&self, desk: &Desk, id: ChallengeId, delivery: &Delivery) -> Result<Composed> {
        let Some(challenge) = self.store.challenge(id).await? else { return Ok(Composed::Drop("the code is gone")) };
        let Some(user) = desk.users().find(&challenge.email).await?.filter(|user| !user.disabled) else {
            return Ok(Composed::Drop("nobody has this address"));
        };
        let text = format!(
            "Within a day, wrong sign-in codes were entered for this address {} times.\n\nIf it was you, you need not do \
             anything. If not, somebody may be trying to guess your code. They did not get in. For now your codes are \
             longer, so that guessing is hopeless; do not give one to anybody.",
            self.settings.failures_a_day
        );
        Ok(notice(desk, delivery, user.email, "Wrong sign-in codes were entered for your address", &text))
    }

    /// Whether a user may come of this. An address for the account of somebody who is signed in need not be known.
    async fn may_be_sent(&self, desk: &Desk, challenge: &Challenge) -> Result<bool> {
        let (settings, email) = (&self.settings, &challenge.email);
        let is_allowed = sign_up::is_allowed(desk, settings, email, challenge.workspace.as_deref()).await?;
        let is_free = !sign_up::is_reserved(desk, settings, email) && desk.users().find(email).await?.is_none();
        Ok(is_allowed || (challenge.purpose != SIGN_IN && is_free))
    }

    async fn invitation(&self, desk: &Desk, workspace: WorkspaceId, id: InvitationId) -> Result<Composed> {
        let record = desk.store().record(workspace, Invitation::KIND, id.to_string()).await?;
        let Some(invitation) = record.map(|record| record.read::<Invitation>()).transpose()? else {
            return Ok(Composed::Drop("the invitation is gone"));
        };
        let Some(workspace) = desk.workspace(workspace).await? else {
            return Ok(Composed::Drop("the workspace is gone"));
        };
        let token =
            invitation::token_of(&self.keys, workspace.id, &invitation).filter(|_| invitation.is_open(desk.now()));
        let Some(token) = token else { return Ok(Composed::Drop("the invitation has ended")) };
        let inviter = match invitation.invited_by {
            Some(user) => desk.user(user).await?.map(|user| user.name.to_string()),
            None => None,
        };
        let custom = match invitation.custom {
            Some(role) => desk.store().record(workspace.id, CustomRole::KIND, role.to_string()).await?,
            None => None,
        };
        let role = match custom {
            Some(record) => record.read::<CustomRole>()?.name.to_string(),
            None => invitation.role.as_str().to_owned(),
        };
        let text = match inviter {
            Some(name) => format!("{name} invites you to {} as {role}.", workspace.name),
            None => format!("You are invited to {} as {role}.", workspace.name),
        };
        let link = desk.link(&format!("/{}/join/{}?token={}", workspace.slug, invitation.id, token.text()));
        let parts = Mail::parts(&format!("{text}\n\nThe link works for seven days."), Some(("Join", &link)));
        let subject = format!("Invitation to {}", workspace.name);
        let from = desk.identity(Some(workspace.name.to_string()));
        Ok(send(Mail { from, ..automatic(desk, &invitation.id, invitation.email, &subject, parts) }))
    }
}

/// Says that somebody signed in with a browser that was not seen before.
async fn new_browser(desk: &Desk, user: UserId, delivery: &Delivery) -> Result<Composed> {
    let Some(user) = desk.user(user).await? else { return Ok(Composed::Drop("the user is gone")) };
    let text = format!(
        "Somebody has just signed in to your account with a browser that was not used for it before, on {} (UTC).\n\n\
         If it was you, you need not do anything. If not, somebody else can read your mail: secure your mailbox, then \
         sign in and end all other sessions.",
        minute(delivery.created_at)
    );
    Ok(notice(desk, delivery, user.email, "New sign-in to your account", &text))
}

/// Tells the old address of an account that it is so no more. Each change tells the address it took away,
/// however quickly another one follows.
async fn address_changed(desk: &Desk, user: UserId, delivery: &Delivery) -> Result<Composed> {
    let Some(Fact::UserAddressChanged { nth, .. }) = event_of(desk, delivery).await?.map(|event| event.fact) else {
        return Ok(Composed::Drop("the change is gone"));
    };
    let user = desk.user(user).await?;
    let Some(former) = user.and_then(|user| user.former.get(nth).cloned()) else {
        return Ok(Composed::Drop("the old address is gone"));
    };
    let text = format!(
        "Your account has another address since {} (UTC). Codes to sign in are no longer sent to this one.\n\n\
         If it was not you, write to whoever runs this desk at once: answer this mail.",
        minute(delivery.created_at)
    );
    Ok(notice(desk, delivery, former, "The address of your account was changed", &text))
}
