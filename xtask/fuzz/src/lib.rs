//! Everything that reads text from outside, as functions of any bytes at all. What they promise is asserted in
//! them, so a broken promise is a panic. The tests play the corpus through them; `cargo xtask fuzz` plays what it
//! makes of the corpus.

mod edge;
mod html;
mod secrets;
mod texts;

pub mod corpus;
pub mod mutate;

use std::hash::{DefaultHasher, Hash, Hasher};

/// What became of an input, in a number: inputs of which something new becomes are worth going on from.
pub type Outcome = u64;

/// Something that reads.
pub struct Target {
    /// Its name, and its folder's in the corpus.
    pub name: &'static str,
    /// Plays an input.
    pub play: fn(&[u8]) -> Outcome,
    /// Words that mean something to it.
    pub words: &'static [&'static str],
}

/// All of them.
pub const TARGETS: [Target; 14] = [
    Target {
        name: "address",
        play: texts::address,
        words: &["@", ".", "example.org", "xn--", "\"", "\r\n", " ", "+", "-"],
    },
    Target { name: "api_key", play: secrets::api_key, words: &["ck_w", "_", "key_", "0", "z", "Z"] },
    Target {
        name: "cell",
        play: texts::cell,
        words: &["=", "+", "-", "@", "\"", ",", ";", " ", "\r\n", "\t", "\u{2028}", "＝"],
    },
    Target { name: "code", play: secrets::code, words: &[" ", "-", "0000 0000", "O", "l", "U", "é"] },
    Target {
        name: "cookie",
        play: edge::cookie,
        words: &["__Host-connect_session", "=", "; ", ";", "cns_", "\n", "\"", "\t", "$Version=1"],
    },
    Target { name: "cursor", play: texts::cursor, words: &["W10", "AAAA", "eyJ", "bnVsbA", "_", "-", "="] },
    Target {
        name: "file_name",
        play: texts::file_name,
        words: &["/", "\\", ".", "..", "\u{202e}", "\0", ".exe", "\u{a0}"],
    },
    Target {
        name: "forwarded_for",
        play: edge::forwarded_for,
        words: &[", ", "10.0.0.1", "203.0.113.9", "[::1]:80", "::ffff:10.0.0.1", "unknown", "\n", ":", "[", "]"],
    },
    Target {
        name: "markdown",
        play: html::markdown,
        words: &[
            "<script>",
            "</",
            "javascript:",
            "](",
            "[",
            "![",
            "<a href=\"",
            "onerror=",
            "&#",
            "&#x3a;",
            "`",
            "<svg",
            "<style>",
            "<!--",
            "]]>",
            "<math>",
            "|",
            "\n\n",
            "data:",
            "www.",
            "\"",
        ],
    },
    Target {
        name: "multipart",
        play: edge::multipart,
        words: &[
            "--cut",
            "--cut--",
            "\r\n",
            "\r\n\r\n",
            "Content-Disposition: form-data; ",
            "filename=\"",
            "name=\"file\"",
            "\"",
            ";",
        ],
    },
    Target {
        name: "network",
        play: edge::network,
        words: &["/", ".", ":", "::", "0", "255", "ffff", "/128", "/0", "10.0.0.0/8"],
    },
    Target {
        name: "query",
        play: texts::query,
        words: &[
            "status:",
            "-",
            "label:",
            "assignee:me",
            "assignee:none",
            "priority:>=",
            "created:<",
            "updated:",
            "2026-01-31",
            "T12:00:00Z",
            "\"",
            "#1",
            "number:",
            " ",
            "contact:ctc_",
            "high",
            "open",
            "\u{3316}",
            "\u{130}",
        ],
    },
    Target {
        name: "webhook_url",
        play: texts::webhook_url,
        words: &[
            "https://",
            "http://",
            "localhost",
            "127.0.0.1",
            "[::1]",
            "@",
            ":",
            "#",
            "?",
            "/",
            "\\",
            "%2f",
            "xn--",
            "\t",
            "\r\n",
            "2130706433",
            "0x7f.1",
        ],
    },
    Target {
        name: "widget",
        play: secrets::widget,
        words: &[
            "\"workspace\":\"acme\"",
            "\"external_id\":\"1\"",
            "\"issued_at\":1700000000",
            "\"expires_at\":1700000300",
            "\"verified_email\":\"a@b.example\"",
            "\"name\":\"Ada\"",
            "null",
            ",",
            "-1",
            "1e9",
            "18446744073709551615",
        ],
    },
];

/// What became of an input, by anything that tells outcomes apart.
fn outcome(of: impl Hash) -> Outcome {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

/// How long something is, roughly: so that not every length is an outcome of its own.
fn size(length: usize) -> u32 {
    usize::BITS - length.leading_zeros()
}
