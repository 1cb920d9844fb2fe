//! Origins of pages.

/// Whether a text is an origin exactly as browsers send it: `https://host[:port]`, in small letters, without a
/// path and without a port that is the usual one. `null` and `*` are none, nor is what has a `*` in it.
pub fn is_origin(text: &str) -> bool {
    !text.contains('*')
        && url::Url::parse(text)
            .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.origin().ascii_serialization() == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sec_41_only_exact_origins_are_origins() {
        for good in ["https://a.example", "http://localhost:3000", "https://a.example:8443", "https://[::1]:8443"] {
            assert!(is_origin(good), "{good}");
        }
        for bad in [
            "",
            "*",
            "null",
            "a.example",
            "https://",
            "https://*.example",
            "https://a.example/",
            "https://a.example/path",
            "https://a.example:443",
            "https://A.example",
            "https://ä.example",
            "https://user@a.example",
            "https://a.example, https://b.example",
            "file:///etc/passwd",
            "data:text/html,x",
            "chrome-extension://abc",
        ] {
            assert!(!is_origin(bad), "{bad}");
        }
    }
}
