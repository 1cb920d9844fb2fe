//! Mails about new ways into an account: what somebody with another's session would make first, so as to stay.

use connect_core::delivery::Delivery;
use connect_core::dispatch::Composed;
use connect_core::event::Fact;
use connect_core::{Desk, Result, UserId};

use crate::ApiKeyToken;
use crate::mail::{event_of, linked_notice, minute};
use crate::session::NEW_ACCOUNT;

/// Tells the owner of an API key that it was made, or that it has another secret. What the key is called is not
/// said, since whoever made it chose that.
pub(crate) async fn api_key(desk: &Desk, owner: UserId, delivery: &Delivery) -> Result<Composed> {
    let Some(event) = event_of(desk, delivery).await? else { return Ok(Composed::Drop("the event is gone")) };
    let Some(owner) = desk.user(owner).await? else { return Ok(Composed::Drop("the user is gone")) };
    let Some(workspace) = desk.workspace(delivery.workspace).await? else {
        return Ok(Composed::Drop("the workspace is gone"));
    };
    let (at, name) = (minute(event.at), &workspace.name);
    let (subject, what) = match &event.fact {
        Fact::ApiKeyCreated { key, scopes } => {
            let (prefix, scopes) = (ApiKeyToken::prefix(*key), scopes.join(", "));
            let what = format!(
                "An API key was made in your name in {name}, on {at} (UTC). It begins with {prefix}, and a program \
                 that has it may do this on your behalf: {scopes}."
            );
            ("A new API key in your name", what)
        }
        Fact::ApiKeyRotated { key, .. } => {
            let prefix = ApiKeyToken::prefix(*key);
            let what = format!("Your API key in {name} that begins with {prefix} got a new secret, on {at} (UTC).");
            ("A new secret of your API key", what)
        }
        _ => return Ok(Composed::Drop("the event is about no key")),
    };
    let text = format!(
        "{what}\n\nIf it was you, you need not do anything. If not, somebody else acts in your name: sign in, revoke \
         the key, and end all other sessions."
    );
    let link = desk.link(&format!("/{}/api-keys", workspace.slug));
    Ok(linked_notice(desk, delivery, owner.email, subject, &text, Some(("API keys", &link))))
}

/// Tells a person that an account elsewhere signs them in from now on, or does so no more. Nobody is told of the
/// one that they have just come with.
pub(crate) async fn account(desk: &Desk, user: UserId, delivery: &Delivery) -> Result<Composed> {
    let Some(event) = event_of(desk, delivery).await? else { return Ok(Composed::Drop("the event is gone")) };
    let Some(user) = desk.user(user).await? else { return Ok(Composed::Drop("the user is gone")) };
    let at = minute(event.at);
    let (subject, what) = match &event.fact {
        Fact::AccountLinked { .. } if event.at.since(user.created_at) < NEW_ACCOUNT => {
            return Ok(Composed::Drop("the person has just come with it"));
        }
        Fact::AccountLinked { provider, .. } => (
            "Another way to sign in to your account",
            format!("Since {at} (UTC) an account at {provider} signs whoever holds it in to your account."),
        ),
        Fact::AccountUnlinked { provider, .. } => (
            "A way to sign in to your account was removed",
            format!("Since {at} (UTC) your account at {provider} signs you in no more. A code by mail still does."),
        ),
        _ => return Ok(Composed::Drop("the event is about no account")),
    };
    let text = format!(
        "{what}\n\nIf it was you, you need not do anything. If not, somebody else acts in your name: secure your \
         mailbox, sign in with a code, and see by which ways you sign in."
    );
    let link = desk.link("/sign-in/accounts");
    Ok(linked_notice(desk, delivery, user.email, subject, &text, Some(("Ways to sign in", &link))))
}
