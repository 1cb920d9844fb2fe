//! E-mail addresses: one plain addr-spec, compared in one canonical form.

use serde::{Deserialize, Serialize};

use crate::FieldError;

/// An e-mail address as its owner wrote it, with the form it is compared by.
///
/// Accepted is the plain form of RFC 5321 only: an ASCII dot-atom, `@`, and a host name with at least
/// one dot. No display names, lists, quotes, comments, address literals or non-ASCII letters (a domain
/// with such letters is written in its `xn--` form).
///
/// Two addresses are the same when they are equal in lower case, local part and domain. Mail goes to
/// the form that was stored.
#[derive(Clone, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct EmailAddress {
    text: String,
    at: usize,
}

impl EmailAddress {
    /// Most bytes an address may have (RFC 5321, 4.5.3.1.3, less the angle brackets).
    pub const MAX_BYTES: usize = 254;

    /// Checks and keeps.
    pub fn parse(field: &str, text: &str) -> Result<Self, FieldError> {
        let bad = |detail: &str| FieldError::new(field, "bad_address", detail);
        let text = text.trim_matches(' ');
        if text.is_empty() {
            return Err(FieldError::new(field, "empty", "must have an e-mail address"));
        }
        if text.len() > Self::MAX_BYTES {
            return Err(FieldError::new(field, "too_long", "must have at most 254 bytes"));
        }
        let (local, domain) = text.rsplit_once('@').ok_or_else(|| bad("must have the form name@example.org"))?;
        if local.is_empty() || local.len() > 64 || !local.split('.').all(is_atom) {
            return Err(bad("must have a plain name before the @, without quotes, spaces or double dots"));
        }
        let labels: Vec<&str> = domain.split('.').collect();
        if labels.len() < 2
            || !labels.iter().all(|label| is_label(label))
            || labels.iter().all(|l| l.bytes().all(|b| b.is_ascii_digit()))
        {
            return Err(bad("must have a host name after the @, such as example.org"));
        }
        Ok(Self { at: local.len(), text: text.to_owned() })
    }

    /// The address as it was written; mail goes there.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The form that decides whether two addresses are the same.
    pub fn canonical(&self) -> String {
        self.text.to_ascii_lowercase()
    }

    /// What stands before the `@`.
    pub fn local(&self) -> &str {
        &self.text[..self.at]
    }

    /// What stands after the `@`, in lower case.
    pub fn domain(&self) -> String {
        self.text[self.at + 1..].to_ascii_lowercase()
    }
}

fn is_atom(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b))
}

fn is_label(label: &str) -> bool {
    !label.is_empty()
        && label.len() <= 63
        && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

impl PartialEq for EmailAddress {
    fn eq(&self, other: &Self) -> bool {
        self.text.eq_ignore_ascii_case(&other.text)
    }
}

impl Eq for EmailAddress {}

impl std::fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::fmt::Debug for EmailAddress {
    /// Addresses are personal data: what is printed for debugging shows the domain only.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "…@{}", self.domain())
    }
}

impl From<EmailAddress> for String {
    fn from(address: EmailAddress) -> Self {
        address.text
    }
}

impl TryFrom<String> for EmailAddress {
    type Error = FieldError;
    fn try_from(text: String) -> Result<Self, FieldError> {
        Self::parse("email", &text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hostile_addresses_are_refused() {
        let long = format!("{}@example.org", "a".repeat(65));
        for bad in [
            "",
            "a",
            "@b.example",
            "a@",
            "a@b",
            "a@b..example",
            "a b@c.example",
            "a@b.example,c@d.example",
            "\"a b\"@c.example",
            "A <a@b.example>",
            "a@b.example\r\nBcc: c@d.example",
            "a\0@b.example",
            "a@[127.0.0.1]",
            "a@127.0.0.1",
            "a..b@c.example",
            ".a@c.example",
            "a.@c.example",
            "a@-b.example",
            "ａ@b.example",
            "a@exämple.org",
            "a@b@c.example",
            &long,
        ] {
            assert!(EmailAddress::parse("email", bad).is_err(), "{bad:?} must be refused");
        }
    }

    #[test]
    fn sameness_is_by_the_canonical_form_and_mail_goes_to_the_stored_one() {
        let a = EmailAddress::parse("email", " Ada.L+desk@Example.ORG ").expect("plain address");
        let b = EmailAddress::parse("email", "ada.l+desk@example.org").expect("plain address");
        assert_eq!(a, b);
        assert_eq!(a.as_str(), "Ada.L+desk@Example.ORG");
        assert_eq!(a.canonical(), b.canonical());
        assert_eq!(format!("{a:?}"), "…@example.org");
    }

    proptest! {
        #[test]
        fn any_text_is_refused_or_reads_back(text in "\\PC{0,80}") {
            if let Ok(address) = EmailAddress::parse("email", &text) {
                prop_assert_eq!(EmailAddress::parse("email", address.as_str()), Ok(address.clone()));
                prop_assert!(address.as_str().is_ascii());
            }
        }
    }
}
