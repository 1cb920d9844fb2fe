//! By what a person can show more than a mailbox.

use serde::{Deserialize, Serialize};

use super::Users;
use crate::member::Member;
use crate::record::RecordKind;
use crate::{Error, Result, UserId};

/// A kind of second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StrongMethod {
    /// One-time codes of an app.
    Totp,
    /// A passkey that verifies who uses it.
    Passkey,
    /// A provider that has said of a linked account that a second factor was shown there.
    Provider,
}

impl StrongMethod {
    /// The word used in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Totp => "totp",
            Self::Passkey => "passkey",
            Self::Provider => "provider",
        }
    }
}

impl Users<'_> {
    /// The second factors that a person can show here. Whoever has an app is let in with one only; passkeys are
    /// besides a way in of their own.
    pub async fn shown_methods(&self, user: UserId) -> Result<Vec<StrongMethod>> {
        let mut methods = Vec::new();
        if self.second_factor(user).await?.app.is_some() {
            methods.push(StrongMethod::Totp);
        }
        if !self.passkeys(user).await?.is_empty() {
            methods.push(StrongMethod::Passkey);
        }
        Ok(methods)
    }

    /// All second factors of a person: those they show here, and those that others vouch for.
    pub async fn strong_methods(&self, user: UserId) -> Result<Vec<StrongMethod>> {
        let mut methods = self.shown_methods(user).await?;
        if self.accounts(user).await?.iter().any(|account| account.vouched) {
            methods.push(StrongMethod::Provider);
        }
        Ok(methods)
    }

    /// Whether a person has any second factor.
    pub async fn is_strong(&self, user: UserId) -> Result<bool> {
        Ok(!self.strong_methods(user).await?.is_empty())
    }

    /// What somebody is told who is asked for a second factor and has shown none: to show it, or to set one up.
    pub(crate) async fn lacking(&self, user: UserId) -> Result<Error> {
        let can_show = !self.shown_methods(user).await?.is_empty();
        Ok(if can_show { Error::SecondFactorRequired } else { Error::SecondFactorEnrolmentRequired })
    }

    /// Whether a workspace that this person works in asks its team for a second factor.
    pub async fn must_be_strong(&self, user: UserId) -> Result<bool> {
        for (workspace, _) in self.desk.store().locate(Member::KIND, Member::user_key(user)).await? {
            let workspace = self.desk.workspace(workspace).await?;
            if workspace.is_some_and(|workspace| workspace.require_second_factor) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Refuses to take from a person all they have of a kind if it is the last second factor and one of their
    /// workspaces asks for one. Two that are taken at once may both pass: then those workspaces let nobody in, which
    /// is what they ask for.
    pub async fn may_lose(&self, user: UserId, method: StrongMethod) -> Result<()> {
        let has_other = self.strong_methods(user).await?.into_iter().any(|other| other != method);
        if has_other || !self.must_be_strong(user).await? {
            return Ok(());
        }
        let detail =
            "this is your last second factor, and a workspace you work in asks for one: set up another one first";
        Err(Error::refused("last_strong_method", detail))
    }
}
