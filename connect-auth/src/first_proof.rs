//! The first proof of a mailbox. Whoever made an account under somebody else's address, by whatever way,
//! must not keep a foot in it once the holder of the mailbox comes (arXiv 2205.10174).

use connect_core::event::Cause;
use connect_core::store::Revoke;
use connect_core::user::User;
use connect_core::{EmailAddress, Result};

use crate::auth::Auth;
use crate::sign_up;

impl Auth {
    /// Called when the holder of an account's mailbox has been proven: on the first time, everything that was
    /// opened on the account before ends. A change of address that is under way ends with the session it was
    /// asked from.
    pub(crate) async fn first_proof(&self, user: User, cause: &Cause) -> Result<User> {
        if user.proven {
            return Ok(user);
        }
        // What opens sessions ends before them, and they before the keys, which only they make. It is noted last: a
        // crash in between ends all of it again.
        let desk = &self.inner.desk;
        let users = desk.users().because(cause.clone());
        users.unlink_all(user.id).await?;
        self.take_factors(user.id, cause.clone()).await?;
        self.end(user.id, Revoke::All, None, cause.clone()).await?;
        desk.end_unproven_keys(user.id, cause).await?;
        users.set_proven(user.id).await
    }

    /// Whether nobody may sign in with this address, because it is one of the desk's own: mail to it is read
    /// by the desk, so a code sent there proves nobody.
    pub fn is_reserved(&self, email: &EmailAddress) -> bool {
        sign_up::is_reserved(&self.inner.desk, &self.inner.settings, email)
    }
}
