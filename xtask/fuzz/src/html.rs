//! Markdown, and the HTML that is made of it.

use std::collections::BTreeSet;

use connect_http::parsers;

use crate::{Outcome, outcome, size};

/// Elements that do something, load something or look like the desk itself.
const ACTIVE: [&str; 17] = [
    "script", "style", "img", "iframe", "object", "embed", "form", "input", "button", "svg", "math", "link", "meta",
    "base", "video", "audio", "template",
];

/// No element that acts, no handler, no address but of a page or a mailbox.
pub(crate) fn markdown(input: &[u8]) -> Outcome {
    let text = String::from_utf8_lossy(input);
    let html = parsers::html(&text);
    let mut seen = BTreeSet::new();
    for (name, attributes) in elements(&html) {
        assert!(!ACTIVE.contains(&name.as_str()), "<{name}> in {html:?}");
        for (attribute, value) in attributes {
            assert!(!attribute.starts_with("on") && attribute != "style", "{attribute} in {html:?}");
            if matches!(attribute.as_str(), "href" | "src" | "cite" | "action" | "formaction" | "srcset") {
                assert!(is_harmless(&value), "{attribute}={value:?} in {html:?}");
            }
        }
        seen.insert(name);
    }
    outcome((seen, size(html.len())))
}

/// Whether an address has no scheme, or one that runs nothing. As browsers do, passes over line ends and tabs.
fn is_harmless(address: &str) -> bool {
    let plain: String = address.chars().filter(|c| !matches!(c, '\t' | '\n' | '\r')).collect();
    let plain = plain.trim_start_matches(|c: char| c <= ' ');
    let Some((scheme, _)) = plain.split_once(':') else { return true };
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    !is_scheme || matches!(scheme.to_ascii_lowercase().as_str(), "http" | "https" | "mailto" | "tel")
}

type Attributes = Vec<(String, String)>;

/// The elements that a browser would see: what begins with `<` and a letter, to its `>` outside of quotation marks.
fn elements(html: &str) -> Vec<(String, Attributes)> {
    let mut found = Vec::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        rest = after;
        if name.is_empty() {
            continue;
        }
        let mut attributes = Vec::new();
        loop {
            rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
            let end =
                rest.find(|c: char| c.is_ascii_whitespace() || matches!(c, '=' | '>' | '/')).unwrap_or(rest.len());
            if end == 0 {
                break;
            }
            let (attribute, after) = rest.split_at(end);
            rest = after;
            let mut value = "";
            if let Some(quoted) = rest.strip_prefix("=\"") {
                let end = quoted.find('"').unwrap_or(quoted.len());
                value = &quoted[..end];
                rest = quoted.get(end + 1..).unwrap_or_default();
            } else if let Some(after) = rest.strip_prefix('=') {
                let end = after.find(|c: char| c.is_ascii_whitespace() || c == '>').unwrap_or(after.len());
                (value, rest) = after.split_at(end);
            }
            attributes.push((attribute.to_ascii_lowercase(), unescaped(value)));
        }
        found.push((name.to_ascii_lowercase(), attributes));
    }
    found
}

/// The few references that a writer of HTML makes.
fn unescaped(value: &str) -> String {
    let mut text = value.to_owned();
    for (reference, sign) in [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&nbsp;", "\u{a0}"), ("&amp;", "&")] {
        text = text.replace(reference, sign);
    }
    text
}
