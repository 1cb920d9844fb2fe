//! Who may become a user.

use connect_core::contact::Contact;
use connect_core::record::RecordKind;
use connect_core::workspace::Customers;
use connect_core::{Desk, EmailAddress, Result};

use crate::{AuthSettings, SignUp};

/// Whether an address is one of the desk's own: mail to it is read by the desk, so a code sent there proves nobody.
pub(crate) fn is_reserved(desk: &Desk, settings: &AuthSettings, email: &EmailAddress) -> bool {
    let own = &desk.settings().mail_from.address;
    std::iter::once(own).chain(&settings.reserved_addresses).any(|known| known.canonical() == email.canonical())
}

/// Whether somebody with this address may sign in: an existing user who is not disabled, or a new one where that
/// is open. With an address that the desk itself reads nobody may.
pub(crate) async fn is_allowed(
    desk: &Desk,
    settings: &AuthSettings,
    email: &EmailAddress,
    workspace: Option<&str>,
) -> Result<bool> {
    if is_reserved(desk, settings, email) {
        return Ok(false);
    }
    if let Some(user) = desk.users().find(email).await? {
        return Ok(!user.disabled);
    }
    if settings.sign_up == SignUp::Open || !desk.workspaces().any().await? {
        return Ok(true);
    }
    if let Some(slug) = workspace
        && let Some(workspace) = desk.find_workspace(slug).await?
        && workspace.customers == Customers::Anyone
    {
        return Ok(true);
    }
    let key = Contact::email_key(email);
    Ok(desk.is_invited(email).await? || !desk.store().locate(Contact::KIND, key).await?.is_empty())
}
