//! The address of a webhook.

use serde::{Deserialize, Serialize};
use url::{Host, Url};

use crate::FieldError;

/// Longest address, in bytes.
const MOST: usize = 2000;

/// An address that calls may be sent to: HTTPS, or plain HTTP of the machine itself, which the desk's settings must allow
/// besides. Whether it leads somewhere private is seen when it is connected to, and not before: names change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WebhookUrl(String);

impl WebhookUrl {
    /// Checks and keeps.
    pub fn parse(field: &'static str, text: &str) -> Result<Self, FieldError> {
        let invalid = |detail: &str| FieldError::new(field, "invalid", detail);
        let text = text.trim();
        let too_long = || FieldError::new(field, "too_long", format!("must have at most {MOST} characters"));
        if text.len() > MOST {
            return Err(too_long());
        }
        if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(invalid("must not hold blanks or control characters"));
        }
        let url = Url::parse(text).map_err(|_| invalid("must be an address such as https://example.com/hook"))?;
        let is_own = match url.host() {
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => return Err(invalid("must name a host")),
        };
        match url.scheme() {
            "https" => {}
            "http" if is_own => {}
            _ => return Err(invalid("must begin with https://")),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(invalid("must not hold a user name or a password: calls are signed instead"));
        }
        if url.fragment().is_some() {
            return Err(invalid("must not have a part behind #"));
        }
        // Written as it is sent, it may have grown: some characters take up to nine.
        if url.as_str().len() > MOST {
            return Err(too_long());
        }
        Ok(Self(url.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host alone: what may be shown where the whole could hold a token.
    pub fn host(&self) -> String {
        Url::parse(&self.0).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_https_without_credentials() {
        for good in [
            "https://example.com/hook",
            "https://EXAMPLE.com",
            "https://example.com:8443/a?b=c",
            "http://127.0.0.1:9000/x",
            "http://localhost/x",
            "https://münchen.example/x",
        ] {
            let url = WebhookUrl::parse("url", good).unwrap_or_else(|error| panic!("{good}: {error:?}"));
            assert_eq!(WebhookUrl::parse("url", url.as_str()).as_ref(), Ok(&url), "{good} reads back");
        }
        for bad in [
            "",
            "example.com",
            "ftp://example.com/",
            "http://example.com/",
            "http://localhost.example.com/",
            "http://127.0.0.1.example.com/",
            "https://user@example.com/",
            "https://user:password@example.com/",
            "https://example.com/#x",
            "https://",
            "https://exa mple.com/",
            "https://example.com/\r\nX: y",
            "file:///etc/passwd",
            "javascript:alert(1)",
        ] {
            assert!(WebhookUrl::parse("url", bad).is_err(), "{bad}");
        }
        for long in ["x".repeat(2000), "ß".repeat(900)] {
            assert!(WebhookUrl::parse("url", &format!("https://example.com/{long}")).is_err());
        }
        assert_eq!(
            WebhookUrl::parse("url", "https://h.example/?token=x").map(|url| url.host()),
            Ok("h.example".into())
        );
    }
}
