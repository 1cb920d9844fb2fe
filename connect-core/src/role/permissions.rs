//! What a custom role may do.

use std::collections::BTreeSet;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Action, FieldError};

/// A set of actions, stored by their words. A word that this version does not know allows nothing, and one that is
/// for owners alone is passed over.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Permissions(BTreeSet<Action>);

impl Permissions {
    /// Reads the words of a request; every one that is wrong is told by its place.
    pub fn parse(field: &str, words: &[String]) -> Result<Self, Vec<FieldError>> {
        let (mut actions, mut errors) = (BTreeSet::new(), Vec::new());
        if words.is_empty() {
            errors.push(FieldError::new(field, "empty", "must name at least one action"));
        }
        for (place, word) in words.iter().enumerate() {
            let error = |code, detail: String| FieldError::new(format!("{field}[{place}]"), code, detail);
            match Action::parse(word) {
                None => errors.push(error("unknown", "is not the name of an action".to_owned())),
                Some(action) if action.is_for_owners() => {
                    errors.push(error("owner_only", format!("{} is for owners alone", action.as_str())));
                }
                Some(action) if !actions.insert(action) => errors.push(error("duplicate", "stands twice".to_owned())),
                Some(_) => {}
            }
        }
        if errors.is_empty() { Ok(Self(actions)) } else { Err(errors) }
    }

    /// Whether this is among them.
    pub fn contains(&self, action: Action) -> bool {
        !action.is_for_owners() && self.0.contains(&action)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = Action> {
        self.0.iter().copied().filter(|action| !action.is_for_owners())
    }

    /// Their words.
    pub fn words(&self) -> Vec<String> {
        self.iter().map(|action| action.as_str().to_owned()).collect()
    }

    /// Those that others have not.
    pub(super) fn without(&self, others: &Self) -> Self {
        self.iter().filter(|action| !others.contains(*action)).collect()
    }

    /// Those that only one of the two has.
    pub(super) fn differing(&self, others: &Self) -> Self {
        self.without(others).iter().chain(others.without(self).iter()).collect()
    }
}

impl FromIterator<Action> for Permissions {
    fn from_iter<I: IntoIterator<Item = Action>>(actions: I) -> Self {
        Self(actions.into_iter().collect())
    }
}

impl Serialize for Permissions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(Action::as_str))
    }
}

impl<'de> Deserialize<'de> for Permissions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let words = Vec::<String>::deserialize(deserializer)?;
        Ok(words.iter().filter_map(|word| Action::parse(word)).filter(|action| !action.is_for_owners()).collect())
    }
}
