//! Teams: members who share tickets.
//!
//! Who is in a team stands with each [`Member`](crate::member::Member), not with the team: so it ends with the
//! membership, and what a member may see follows from one record.

mod service;

use serde::{Deserialize, Serialize};

use crate::change::{Moment, RecordChange};
use crate::event::Fact;
use crate::record::{RecordKey, RecordKind};
use crate::{Error, Name, Result, TeamId, Timestamp, Version};

pub use service::Teams;

/// Most members of a team.
pub const MAX_MEMBERS: usize = 200;

/// Most teams that one member is in.
pub const MAX_TEAMS: usize = 50;

/// Members who share tickets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Team {
    /// Its id.
    pub id: TeamId,
    /// What it is called, unique in the workspace whatever the case.
    pub name: Name,
    /// How often it was written.
    pub version: Version,
    /// Since when it exists.
    pub created_at: Timestamp,
}

impl RecordKind for Team {
    const KIND: &'static str = "team";

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

impl Team {
    /// Decides what a new team is.
    pub fn create(name: Name, moment: &Moment) -> (Self, RecordChange) {
        let team = Self { id: moment.ids().team(), name, version: Version::FIRST, created_at: moment.now() };
        let change = RecordChange::insert(&team, Fact::TeamCreated { team: team.id });
        (team, change)
    }

    /// Decides a new name; none when there is none or it is the old one.
    pub fn rename(&self, name: Option<Name>, seen: Option<Version>) -> Result<Option<RecordChange>> {
        if seen.is_some_and(|seen| seen != self.version) {
            return Err(Error::RecordMismatch { current: self.version });
        }
        let Some(name) = name.filter(|name| *name != self.name) else { return Ok(None) };
        let next = Self { name, version: self.version.next(), ..self.clone() };
        let fact = Fact::TeamUpdated { team: self.id, fields: vec!["name".to_owned()] };
        Ok(Some(RecordChange::update(&next, self.version, fact)))
    }

    /// Decides that it is no more.
    pub fn remove(&self) -> RecordChange {
        RecordChange::remove(self, Fact::TeamRemoved { team: self.id })
    }
}
