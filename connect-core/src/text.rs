//! Texts with their limits, checked once at the edge.

use serde::{Deserialize, Serialize};

use crate::FieldError;

/// Refuses what no single-line field may hold: control characters, and the marks that turn the
/// direction of the text around (they let one name look like another).
fn single_line(field: &str, text: &str, min: usize, max: usize) -> Result<String, FieldError> {
    let text = text.trim();
    if text.chars().any(|c| {
        c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
    }) {
        return Err(FieldError::new(field, "bad_character", "must not contain line breaks or control characters"));
    }
    within(field, text, min, max)?;
    Ok(text.to_owned())
}

fn within(field: &str, text: &str, min: usize, max: usize) -> Result<(), FieldError> {
    let length = text.chars().count();
    if length < min {
        let code = if length == 0 { "empty" } else { "too_short" };
        return Err(FieldError::new(field, code, format!("must have at least {min} characters")));
    }
    if length > max {
        return Err(FieldError::new(field, "too_long", format!("must have at most {max} characters, has {length}")));
    }
    Ok(())
}

macro_rules! text {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

text! {
    /// What a ticket is about: one line of 1 to 200 characters.
    Subject;
    /// The text of a message in Markdown: 1 to 100,000 characters.
    Body;
    /// A name of a person or workspace: one line of 2 to 100 characters.
    Name;
    /// The short name of a workspace in addresses: 2 to 40 of `a-z`, `0-9` and inner hyphens.
    Slug;
    /// A tag: 1 to 50 characters on one line, kept in lower case.
    LabelName;
}

impl Subject {
    /// Checks and keeps.
    pub fn parse(field: &str, text: &str) -> Result<Self, FieldError> {
        single_line(field, text, 1, 200).map(Self)
    }
}

impl Body {
    /// Checks and keeps. Line ends become `\n`; NUL and other control characters but tab are refused.
    pub fn parse(field: &str, text: &str) -> Result<Self, FieldError> {
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
            return Err(FieldError::new(field, "bad_character", "must not contain control characters"));
        }
        within(field, text.trim(), 1, 100_000)?;
        Ok(Self(text.trim_end().to_owned()))
    }
}

impl Name {
    /// Checks and keeps.
    pub fn parse(field: &str, text: &str) -> Result<Self, FieldError> {
        single_line(field, text, 2, 100).map(Self)
    }

    /// A name for somebody of whom only the address is known: its local part, made to fit.
    pub fn from_address(address: &crate::EmailAddress) -> Self {
        let local: String = address.local().chars().take(100).collect();
        Self(if local.chars().count() < 2 { format!("{local}@") } else { local })
    }
}

impl Slug {
    /// Words that are addresses of the desk itself.
    const RESERVED: [&'static str; 14] = [
        "api",
        "assets",
        "dev",
        "healthz",
        "metrics",
        "new",
        "push.js",
        "readyz",
        "setup",
        "sign-in",
        "sign-out",
        "step-up",
        "unsubscribe",
        "workspaces",
    ];

    /// Checks and keeps.
    pub fn parse(field: &str, text: &str) -> Result<Self, FieldError> {
        within(field, text, 2, 40)?;
        let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if !text.chars().all(inner) || text.starts_with('-') || text.ends_with('-') {
            return Err(FieldError::new(field, "bad_character", "may have a-z, 0-9 and inner hyphens only"));
        }
        if Self::RESERVED.contains(&text) || text.starts_with("wsp_") {
            return Err(FieldError::new(field, "reserved", "is a reserved word"));
        }
        Ok(Self(text.to_owned()))
    }

    /// A slug made from a name: `Acme Industries` becomes `acme-industries`.
    pub fn suggest(name: &str) -> String {
        let mut slug = String::new();
        for word in crate::search::words(name) {
            let word: String = word.chars().filter(char::is_ascii_alphanumeric).collect();
            if !word.is_empty() && slug.len() + word.len() < 38 {
                if !slug.is_empty() {
                    slug.push('-');
                }
                slug.push_str(&word);
            }
        }
        if slug.len() < 2 || Self::RESERVED.contains(&slug.as_str()) {
            format!("desk-{slug}").trim_end_matches('-').to_owned()
        } else {
            slug
        }
    }
}

impl LabelName {
    /// Checks and keeps, in lower case.
    pub fn parse(field: &str, text: &str) -> Result<Self, FieldError> {
        // In lower case first: some letters become longer by it, and a name must read back as itself.
        let text = single_line(field, &text.to_lowercase(), 1, 50)?;
        if text.contains('"') {
            // A quotation mark would end the label's name in query text.
            return Err(FieldError::new(field, "bad_character", "must not contain quotation marks"));
        }
        Ok(Self(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_count_characters_and_are_inclusive() {
        assert!(Subject::parse("subject", &"é".repeat(200)).is_ok());
        assert_eq!(Subject::parse("subject", &"é".repeat(201)).map_err(|e| e.code), Err("too_long"));
        assert_eq!(Subject::parse("subject", "  ").map_err(|e| e.code), Err("empty"));
        assert_eq!(Subject::parse("subject", "a\r\nBcc: b").map_err(|e| e.code), Err("bad_character"));
        assert_eq!(Name::parse("name", "x").map_err(|e| e.code), Err("too_short"));
        assert_eq!(Name::parse("name", "moc\u{202e}evil").map_err(|e| e.code), Err("bad_character"));
        assert_eq!(Body::parse("body", "a\r\nb\n").map(|b| b.0), Ok("a\nb".into()));
        assert_eq!(Body::parse("body", "a\0b").map_err(|e| e.code), Err("bad_character"));
    }

    #[test]
    fn slugs_are_plain_and_suggested_from_names() {
        for bad in ["a", "-ab", "ab-", "Ab", "a b", "sign-in", "ä1", "wsp_x"] {
            assert!(Slug::parse("slug", bad).is_err(), "{bad}");
        }
        assert_eq!(Slug::suggest("Äcme & Söhne GmbH"), "acme-sohne-gmbh");
        assert!(Slug::parse("slug", &Slug::suggest("!")).is_ok());
        assert!(Slug::parse("slug", &Slug::suggest("Setup")).is_ok());
    }
}
