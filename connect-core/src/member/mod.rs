//! Members: users in a workspace, with a role; and the invitations by which they come.

pub mod invitation;
mod service;

use serde::{Deserialize, Serialize};

use crate::change::{Moment, RecordChange};
use crate::event::Fact;
use crate::record::{RecordKey, RecordKind};
use crate::{Action, Error, Result, Role, Timestamp, UserId, Version};

pub use invitation::{Invitation, InvitationToken};
pub use service::Members;

/// A user in a workspace. Its id is the user's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The user.
    pub user: UserId,
    /// What they may do here.
    pub role: Role,
    /// How often the member was written.
    pub version: Version,
    /// Since when they belong.
    pub created_at: Timestamp,
}

impl RecordKind for Member {
    const KIND: &'static str = "member";

    fn id(&self) -> String {
        self.user.to_string()
    }

    fn version(&self) -> Version {
        self.version
    }

    fn keys(&self) -> Vec<RecordKey> {
        vec![RecordKey::in_workspace(Self::user_key(self.user))]
    }
}

impl Member {
    /// The key a member is found by, over all workspaces.
    pub(crate) fn user_key(user: UserId) -> String {
        format!("user:{user}")
    }

    /// Decides what a new member is.
    pub fn add(user: UserId, role: Role, moment: &Moment) -> (Self, RecordChange) {
        let member = Self { user, role, version: Version::FIRST, created_at: moment.now() };
        let change = RecordChange::insert(&member, Fact::MemberAdded { user, role });
        (member, change)
    }

    /// Decides a new role, given by somebody of role `by` (`None`: the host) while the workspace has
    /// this many owners.
    pub fn change_role(&self, role: Role, by: Option<Role>, owners: usize) -> Result<Option<RecordChange>> {
        if role == self.role {
            return Ok(None);
        }
        self.may_be_changed(by, owners)?;
        may_grant(by, role)?;
        let next = Self { role, version: self.version.next(), ..self.clone() };
        let fact = Fact::MemberRoleChanged { user: self.user, from: self.role, to: role };
        Ok(Some(RecordChange::update(&next, self.version, fact)))
    }

    /// Decides that another member becomes the owner in this one's place, who stays as an admin. Both changes
    /// belong into one change set: at no time is there no owner.
    pub fn hand_over(&self, to: &Self) -> Result<(Option<RecordChange>, RecordChange)> {
        if self.role != Role::Owner {
            return Err(Error::Forbidden(Action::TransferOwnership.as_str()));
        }
        if to.user == self.user {
            return Err(Error::refused("own_already", "ownership is handed over to somebody else"));
        }
        let given = |member: &Self, role| {
            let next = Self { role, version: member.version.next(), ..member.clone() };
            let fact = Fact::MemberRoleChanged { user: member.user, from: member.role, to: role };
            RecordChange::update(&next, member.version, fact)
        };
        let raised = (to.role != Role::Owner).then(|| given(to, Role::Owner));
        Ok((raised, given(self, Role::Admin)))
    }

    /// Decides that the member goes.
    pub fn remove(&self, by: Option<Role>, leaves: bool, owners: usize) -> Result<RecordChange> {
        if leaves {
            self.not_the_last_owner(owners)?;
        } else {
            self.may_be_changed(by, owners)?;
        }
        Ok(RecordChange::remove(self, Fact::MemberRemoved { user: self.user, role: self.role }))
    }

    fn may_be_changed(&self, by: Option<Role>, owners: usize) -> Result<()> {
        may_grant(by, self.role)?;
        self.not_the_last_owner(owners)
    }

    fn not_the_last_owner(&self, owners: usize) -> Result<()> {
        if self.role == Role::Owner && owners <= 1 {
            return Err(Error::refused("last_owner", "a workspace keeps at least one owner"));
        }
        Ok(())
    }
}

/// Nobody gives or takes a role above their own.
pub(crate) fn may_grant(by: Option<Role>, role: Role) -> Result<()> {
    match by {
        Some(by) if role > by => Err(Error::Forbidden("a role above your own")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(role: Role) -> Member {
        Member { user: UserId::from_bits(7), role, version: Version::FIRST, created_at: Timestamp::default() }
    }

    #[test]
    fn sec_57_nobody_grants_a_role_above_their_own() {
        for by in Role::ALL {
            for from in Role::ALL {
                for to in Role::ALL {
                    let decided = member(from).change_role(to, Some(by), 2);
                    let allowed = from == to || (from <= by && to <= by);
                    assert_eq!(decided.is_ok(), allowed, "{by:?} makes a {from:?} a {to:?}");
                }
            }
        }
    }

    #[test]
    fn sec_57_only_an_owner_hands_ownership_over_and_to_somebody_else() {
        let to = |role| Member { user: UserId::from_bits(8), ..member(role) };
        for role in Role::ALL {
            assert_eq!(member(role).hand_over(&to(Role::Viewer)).is_ok(), role == Role::Owner, "{role:?}");
        }
        assert!(member(Role::Owner).hand_over(&member(Role::Owner)).is_err());
        let (raised, _) = member(Role::Owner).hand_over(&to(Role::Owner)).expect("allowed");
        assert!(raised.is_none(), "who is an owner already is not written");
    }

    #[test]
    fn sec_57_the_last_owner_stays() {
        assert!(member(Role::Owner).change_role(Role::Admin, Some(Role::Owner), 1).is_err());
        assert!(member(Role::Owner).remove(Some(Role::Owner), true, 1).is_err());
        assert!(member(Role::Owner).remove(Some(Role::Owner), true, 2).is_ok());
        assert!(member(Role::Viewer).remove(Some(Role::Viewer), true, 1).is_ok(), "anyone else may leave");
    }
}
