//! Members: users in a workspace, with a role; and the invitations by which they come.

pub mod invitation;
mod service;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::change::{Moment, RecordChange};
use crate::event::Fact;
use crate::record::{RecordKey, RecordKind};
use crate::role::CustomRole;
use crate::team::MAX_TEAMS;
use crate::ticket::Within;
use crate::{Action, Error, Result, Role, RoleId, TeamId, Timestamp, UserId, Version};

pub use invitation::{Invitation, InvitationToken, Offer};
pub use service::Members;

/// A user in a workspace. Its id is the user's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The user.
    pub user: UserId,
    /// What they may do here.
    pub role: Role,
    /// The custom role that limits it, if there is one; then the role is its base.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom: Option<RoleId>,
    /// The teams they are in.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub teams: BTreeSet<TeamId>,
    /// Whether they see and work only the tickets of their teams, and those assigned to them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub narrowed: bool,
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
        let member = Self {
            user,
            role,
            custom: None,
            teams: BTreeSet::new(),
            narrowed: false,
            version: Version::FIRST,
            created_at: moment.now(),
        };
        let change = RecordChange::insert(&member, Fact::MemberAdded { user, role });
        (member, change)
    }

    /// Decides what a new member is whose role is a custom one.
    pub(crate) fn add_custom(user: UserId, role: &CustomRole, moment: &Moment) -> (Self, RecordChange) {
        let (member, _) = Self::add(user, role.base, moment);
        let member = Self { custom: Some(role.id), ..member };
        let change = RecordChange::insert(&member, Fact::MemberAdded { user, role: role.base });
        (member, change)
    }

    /// Decides a new role, given by somebody of role `by` (`None`: the host) while the workspace has
    /// this many owners.
    pub fn change_role(&self, role: Role, by: Option<Role>, owners: usize) -> Result<Option<RecordChange>> {
        self.take(role, None, by, owners)
    }

    /// Decides a custom role in the place of the present one.
    pub(crate) fn take_custom(
        &self,
        role: &CustomRole,
        by: Option<Role>,
        owners: usize,
    ) -> Result<Option<RecordChange>> {
        self.take(role.base, Some(role.id), by, owners)
    }

    fn take(
        &self,
        role: Role,
        custom: Option<RoleId>,
        by: Option<Role>,
        owners: usize,
    ) -> Result<Option<RecordChange>> {
        if (role, custom) == (self.role, self.custom) {
            return Ok(None);
        }
        self.may_be_changed(by, owners)?;
        may_grant(by, role)?;
        let next = Self {
            role,
            custom,
            narrowed: self.narrowed && may_be_narrowed(role),
            version: self.version.next(),
            ..self.clone()
        };
        let fact = Fact::MemberRoleChanged { user: self.user, from: self.role, to: role, role_id: custom };
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
            let version = member.version.next();
            let next = Self { role, custom: None, narrowed: false, version, ..member.clone() };
            let fact = Fact::MemberRoleChanged { user: member.user, from: member.role, to: role, role_id: None };
            RecordChange::update(&next, member.version, fact)
        };
        let raised = (to.role != Role::Owner).then(|| given(to, Role::Owner));
        Ok((raised, given(self, Role::Admin)))
    }

    /// Decides whether the member is held to the tickets of their teams; none when nothing is different.
    pub fn narrow(&self, narrowed: bool, by: Option<Role>) -> Result<Option<RecordChange>> {
        if narrowed == self.narrowed {
            return Ok(None);
        }
        may_grant(by, self.role)?;
        if narrowed && !may_be_narrowed(self.role) {
            return Err(Error::refused("role_not_narrowed", "who manages members sees the tickets of every team"));
        }
        let next = Self { narrowed, version: self.version.next(), ..self.clone() };
        Ok(Some(RecordChange::update(&next, self.version, Fact::MemberNarrowed { user: self.user, narrowed })))
    }

    /// Decides that the member is in a team from now on.
    pub(crate) fn join_team(&self, team: TeamId) -> Result<RecordChange> {
        if self.teams.len() >= MAX_TEAMS {
            return Err(Error::refused("too_many_teams", format!("a member is in at most {MAX_TEAMS} teams")));
        }
        let mut next = Self { version: self.version.next(), ..self.clone() };
        next.teams.insert(team);
        Ok(RecordChange::update(&next, self.version, Fact::TeamMemberAdded { team, user: self.user }))
    }

    /// Decides that the member is in a team no more.
    pub(crate) fn leave_team(&self, team: TeamId) -> RecordChange {
        let mut next = Self { version: self.version.next(), ..self.clone() };
        next.teams.remove(&team);
        RecordChange::update(&next, self.version, Fact::TeamMemberRemoved { team, user: self.user })
    }

    /// The tickets that the member is held to, if they are.
    pub(crate) fn within(&self) -> Option<Within> {
        self.narrowed.then(|| Within { teams: self.teams.clone(), assignee: self.user })
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

/// Whether members of this role can be held to the tickets of their teams: whoever manages members could let
/// themselves out again.
const fn may_be_narrowed(role: Role) -> bool {
    matches!(role, Role::Viewer | Role::Member)
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
    use std::sync::Arc;

    use super::*;
    use crate::testing::{ManualClock, SeededRandom};
    use crate::{Actor, ChangeSet, Ids};

    fn member(role: Role) -> Member {
        Member {
            user: UserId::from_bits(7),
            role,
            custom: None,
            teams: BTreeSet::new(),
            narrowed: false,
            version: Version::FIRST,
            created_at: Timestamp::default(),
        }
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
    fn sec_57_whoever_manages_members_is_not_narrowed_and_is_it_no_more_once_they_do() {
        for role in Role::ALL {
            let narrowed = Member { narrowed: true, ..member(role) };
            assert_eq!(member(role).narrow(true, Some(Role::Owner)).is_ok(), role < Role::Admin, "{role:?}");
            assert_eq!(narrowed.narrow(false, Some(Role::Admin)).is_ok(), role <= Role::Admin, "by an admin: {role:?}");
        }
        let raised = Member { narrowed: true, ..member(Role::Member) }.change_role(Role::Admin, None, 1);
        let ids = Ids::new(Arc::new(ManualClock::default()), Arc::new(SeededRandom::new(1)));
        let moment = Moment::new(&ids, Timestamp::default(), Actor::Host);
        let changes = ChangeSet::new(&moment).record(raised.expect("allowed").expect("a change"), &moment);
        let member: Member = changes.into_parts().records[0].record.read().expect("a member");
        assert!(!member.narrowed);
    }

    #[test]
    fn a_member_of_before_there_were_teams_reads_and_is_written_as_it_was() {
        let text = r#"{"user":"usr_00000000000000000000000007","role":"viewer","version":1,"created_at":0}"#;
        let read: Member = serde_json::from_str(text).expect("it reads");
        assert_eq!(read, member(Role::Viewer));
        assert_eq!(serde_json::to_string(&read).expect("text"), text);
    }

    #[test]
    fn sec_57_the_last_owner_stays() {
        assert!(member(Role::Owner).change_role(Role::Admin, Some(Role::Owner), 1).is_err());
        assert!(member(Role::Owner).remove(Some(Role::Owner), true, 1).is_err());
        assert!(member(Role::Owner).remove(Some(Role::Owner), true, 2).is_ok());
        assert!(member(Role::Viewer).remove(Some(Role::Viewer), true, 1).is_ok(), "anyone else may leave");
    }
}
