//! What a sign-in provider says of a person.

use serde::{Deserialize, Serialize};

use super::User;
use crate::change::RecordChange;
use crate::event::Fact;
use crate::{FieldError, Name};

/// What a desk takes over from a provider: how somebody is called and looks, and what they read. An address,
/// a role or a membership never is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// What they are called.
    pub name: Option<Name>,
    /// Where their picture is.
    pub avatar_url: Option<PictureUrl>,
    /// Their language.
    pub locale: Option<Locale>,
}

macro_rules! text {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
    )+};
}

text! {
    /// An `https` address of a picture, of at most 500 plain characters.
    PictureUrl;
    /// A language such as `de` or `pt-BR`.
    Locale;
}

impl PictureUrl {
    /// Checks and keeps.
    pub fn parse(field: &str, text: &str) -> Result<Self, FieldError> {
        let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '\'' | '<' | '>' | '\\');
        let is_url = text.strip_prefix("https://").is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'));
        if is_url && text.len() <= 500 && text.chars().all(plain) {
            return Ok(Self(text.to_owned()));
        }
        Err(FieldError::new(field, "bad_url", "must be an https address of at most 500 characters"))
    }
}

impl Locale {
    /// Checks and keeps; `_` counts as `-`.
    pub fn parse(field: &str, text: &str) -> Result<Self, FieldError> {
        let text = text.replace('_', "-");
        let is_part = |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric());
        let language = text.split('-').next().unwrap_or_default();
        if text.len() <= 35 && language.len() >= 2 && text.split('-').all(is_part) {
            return Ok(Self(text));
        }
        Err(FieldError::new(field, "bad_locale", "must be a language such as de or pt-BR"))
    }
}

impl User {
    /// Decides to take over what a provider says; none when nothing changes. A name that the person has chosen
    /// here stays.
    pub fn follow(&self, profile: &Profile) -> Option<RecordChange> {
        let mut next = Self { version: self.version.next(), ..self.clone() };
        let mut fields = Vec::new();
        let is_own = self.name != Name::from_address(&self.email) && self.synced_name.as_ref() != Some(&self.name);
        if let Some(name) = profile.name.as_ref().filter(|name| !is_own && **name != self.name) {
            next.name.clone_from(name);
            next.synced_name = Some(name.clone());
            fields.push("name".to_owned());
        }
        if profile.avatar_url.is_some() && profile.avatar_url != self.avatar_url {
            next.avatar_url.clone_from(&profile.avatar_url);
            fields.push("avatar_url".to_owned());
        }
        if !self.own_locale && profile.locale.is_some() && profile.locale != self.locale {
            next.locale.clone_from(&profile.locale);
            fields.push("locale".to_owned());
        }
        let fact = Fact::UserUpdated { user: self.id, fields };
        (next != Self { version: next.version, ..self.clone() })
            .then(|| RecordChange::update(&next, self.version, fact))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_and_languages_are_plain() {
        assert!(PictureUrl::parse("p", "https://lh3.example/a/b=s96-c").is_ok());
        for bad in ["http://a.example/x", "https://", "https:///x", "javascript:alert(1)", "https://a.example/\"x", ""]
        {
            assert!(PictureUrl::parse("p", bad).is_err(), "{bad}");
        }
        assert_eq!(Locale::parse("l", "pt_BR").map(|l| l.as_str().to_owned()), Ok("pt-BR".to_owned()));
        for bad in ["", "d", "de-", "-de", "de DE", "<b>", "abcdefghi"] {
            assert!(Locale::parse("l", bad).is_err(), "{bad}");
        }
    }
}
