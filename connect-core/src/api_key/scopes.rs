//! What a key may do.

use std::collections::BTreeSet;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Action, FieldError};

/// A set of actions, stored by their words. A word that this version does not know allows nothing, and one
/// that is for people only is passed over.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scopes(BTreeSet<Action>);

impl Scopes {
    /// Reads the words of a request; every one that is wrong is told by its place.
    pub fn parse(field: &str, words: &[String]) -> Result<Self, Vec<FieldError>> {
        let (mut scopes, mut errors) = (BTreeSet::new(), Vec::new());
        if words.is_empty() {
            errors.push(FieldError::new(field, "empty", "must name at least one action"));
        }
        for (place, word) in words.iter().enumerate() {
            let error = |code, detail: String| FieldError::new(format!("{field}[{place}]"), code, detail);
            match Action::parse(word) {
                None => errors.push(error("unknown", "is not the name of an action".to_owned())),
                Some(action) if !action.is_for_keys() => {
                    errors.push(error("not_for_keys", format!("{} is for people only", action.as_str())));
                }
                Some(action) if !scopes.insert(action) => errors.push(error("duplicate", "stands twice".to_owned())),
                Some(_) => {}
            }
        }
        if errors.is_empty() { Ok(Self(scopes)) } else { Err(errors) }
    }

    /// Whether this is among them.
    pub fn contains(&self, action: Action) -> bool {
        action.is_for_keys() && self.0.contains(&action)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = Action> {
        self.0.iter().copied().filter(|action| action.is_for_keys())
    }

    /// Their words.
    pub fn words(&self) -> Vec<String> {
        self.iter().map(|action| action.as_str().to_owned()).collect()
    }
}

impl FromIterator<Action> for Scopes {
    fn from_iter<I: IntoIterator<Item = Action>>(actions: I) -> Self {
        Self(actions.into_iter().collect())
    }
}

impl Serialize for Scopes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(Action::as_str))
    }
}

impl<'de> Deserialize<'de> for Scopes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let words = Vec::<String>::deserialize(deserializer)?;
        Ok(words.iter().filter_map(|word| Action::parse(word)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(list: &[&str]) -> Vec<String> {
        list.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn words_are_read_and_every_wrong_one_is_told() {
        let scopes = Scopes::parse("scopes", &words(&["tickets.read", "labels.read"])).expect("good words");
        assert_eq!(scopes.words(), ["labels.read", "tickets.read"]);
        assert_eq!(Scopes::parse("scopes", &[]).map_err(|e| e[0].code), Err("empty"));
        let bad = ["tickets.read", "tickets.READ", "*", "members.manage", "tickets.read"];
        let errors = Scopes::parse("scopes", &words(&bad)).expect_err("wrong words");
        let told: Vec<_> = errors.iter().map(|e| (e.field.as_str(), e.code)).collect();
        assert_eq!(
            told,
            [
                ("scopes[1]", "unknown"),
                ("scopes[2]", "unknown"),
                ("scopes[3]", "not_for_keys"),
                ("scopes[4]", "duplicate")
            ]
        );
    }

    #[test]
    fn sec_65_what_is_for_people_is_in_no_scopes_even_if_it_is_stored_there() {
        let stored = r#"["tickets.read","members.manage","api_keys.manage","workspace.update","tickets.teleport"]"#;
        let scopes: Scopes = serde_json::from_str(stored).expect("it reads");
        assert_eq!(scopes.words(), ["tickets.read"]);
        for action in Action::ALL {
            assert_eq!(scopes.contains(*action), *action == Action::ReadTickets, "{action:?}");
        }
    }
}
