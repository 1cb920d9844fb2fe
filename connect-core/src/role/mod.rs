//! Custom roles: named sets of permissions, each a part of what a built-in role may do.
//!
//! A custom role only ever takes away. Its base says how strong it is: who may give it, and what the policy
//! would allow at most. So nothing that judges by the built-in roles has to know of custom ones.

#[cfg(test)]
mod decide_tests;
mod permissions;
mod service;

use serde::{Deserialize, Serialize};

use crate::change::{Moment, RecordChange, Versioned};
use crate::event::Fact;
use crate::member::may_grant;
use crate::record::{RecordKey, RecordKind};
use crate::{Action, Error, FieldError, Name, Result, Role, RoleId, Timestamp, Version};

pub use permissions::Permissions;
pub use service::Roles;

/// A named set of permissions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomRole {
    /// Its id.
    pub id: RoleId,
    /// What it is called, unique in the workspace whatever the case.
    pub name: Name,
    /// The built-in role it is a part of, for good.
    pub base: Role,
    /// What its members may do, as far as the base may.
    pub permissions: Permissions,
    /// How often it was written, or given to somebody.
    pub version: Version,
    /// Since when it exists.
    pub created_at: Timestamp,
}

impl RecordKind for CustomRole {
    const KIND: &'static str = "role";

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn version(&self) -> Version {
        self.version
    }

    fn keys(&self) -> Vec<RecordKey> {
        vec![RecordKey::in_workspace(format!("name:{}", self.name.as_str().to_lowercase()))]
    }
}

impl Versioned for CustomRole {
    fn at_version(&self, version: Version) -> Self {
        Self { version, ..self.clone() }
    }
}

/// What a new role needs.
#[derive(Debug, Clone)]
pub struct NewRole {
    /// What it is called.
    pub name: Name,
    /// The built-in role it is a part of.
    pub base: Role,
    /// What its members may do.
    pub permissions: Permissions,
}

/// What may change about a role.
#[derive(Debug, Clone, Default)]
pub struct RolePatch {
    /// A new name.
    pub name: Option<Name>,
    /// All permissions anew.
    pub permissions: Option<Permissions>,
    /// The version the caller saw; another one refuses the change.
    pub seen: Option<Version>,
}

/// Who decides about a role: how strong they are, what they may do themselves, and what a base may.
pub(crate) struct Giver<M, B> {
    /// Their role; none for the host, which may give all.
    pub(crate) rank: Option<Role>,
    /// Whether they may do something now.
    pub(crate) may: M,
    /// Whether a built-in role may.
    pub(crate) base_may: B,
}

impl<M: Fn(Action) -> bool, B: Fn(Role, Action) -> bool> Giver<M, B> {
    /// Nobody gives what they have not, and no role has what its base has not.
    fn check(&self, base: Role, given: &Permissions, changed: &Permissions) -> Result<()> {
        may_grant(self.rank, base)?;
        if let Some(beyond) = given.iter().find(|action| !(self.base_may)(base, *action)) {
            let detail = format!("{} is more than the base may do", beyond.as_str());
            return Err(FieldError::new("permissions", "beyond_base", detail).into());
        }
        match changed.iter().find(|action| !(self.may)(*action)) {
            Some(lacking) => Err(Error::Forbidden(lacking.as_str())),
            None => Ok(()),
        }
    }
}

impl CustomRole {
    /// Decides what a new role is.
    pub(crate) fn create<M: Fn(Action) -> bool, B: Fn(Role, Action) -> bool>(
        new: NewRole,
        giver: &Giver<M, B>,
        moment: &Moment,
    ) -> Result<(Self, RecordChange)> {
        if new.base == Role::Owner {
            return Err(FieldError::new("base", "owner_only", "what owners may do is theirs alone").into());
        }
        giver.check(new.base, &new.permissions, &new.permissions)?;
        let role = Self {
            id: moment.ids().role(),
            name: new.name,
            base: new.base,
            permissions: new.permissions,
            version: Version::FIRST,
            created_at: moment.now(),
        };
        let fact = Fact::RoleCreated { role_id: role.id, base: role.base, permissions: role.permissions.words() };
        let change = RecordChange::insert(&role, fact);
        Ok((role, change))
    }

    /// Decides a change; none when nothing is different. It holds for all who have the role, so whoever makes it
    /// must have what they give and what they take.
    pub(crate) fn update<M: Fn(Action) -> bool, B: Fn(Role, Action) -> bool>(
        &self,
        patch: RolePatch,
        giver: &Giver<M, B>,
    ) -> Result<Option<RecordChange>> {
        if patch.seen.is_some_and(|seen| seen != self.version) {
            return Err(Error::RecordMismatch { current: self.version });
        }
        let (mut next, mut fields, mut words) = (self.clone(), Vec::new(), None);
        if let Some(name) = patch.name.filter(|name| *name != self.name) {
            next.name = name;
            fields.push("name".to_owned());
        }
        let given = patch.permissions.unwrap_or_else(|| self.permissions.clone());
        giver.check(self.base, &given.without(&self.permissions), &given.differing(&self.permissions))?;
        if given != self.permissions {
            words = Some(given.words());
            next.permissions = given;
            fields.push("permissions".to_owned());
        }
        if fields.is_empty() {
            return Ok(None);
        }
        next.version = self.version.next();
        let fact = Fact::RoleUpdated { role_id: self.id, fields, permissions: words };
        Ok(Some(RecordChange::update(&next, self.version, fact)))
    }

    /// Decides that it is no more.
    pub(crate) fn remove(&self) -> RecordChange {
        RecordChange::remove(self, Fact::RoleRemoved { role_id: self.id })
    }
}
