//! From where and by what means something was done.

use std::fmt::Write;
use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::Random;

/// Most characters of a client's own name that are kept.
const AGENT_LENGTH: usize = 200;

/// The client behind an event: personal data, which is removed when its time has come.
///
/// It is no part of what the journal's seals cover. They cover its [commitment](Self::commitment), a hash
/// with a random salt that is stored here: as long as the origin is there it can be checked, and once it is
/// removed the hash says nothing of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Its address.
    pub address: Option<String>,
    /// What it calls itself, without signs that cannot be seen.
    pub agent: Option<String>,
    salt: String,
}

impl Origin {
    /// A client of this address that calls itself so.
    pub fn new(address: Option<IpAddr>, agent: Option<&str>, random: &dyn Random) -> Self {
        let address = address.map(|address| address.to_canonical().to_string());
        let agent = agent.map(|agent| visible(&agent.chars().take(AGENT_LENGTH).collect::<String>()));
        Self { address, agent, salt: hexadecimal(&random.bytes::<16>()) }
    }

    /// What an event keeps of it for ever.
    pub fn commitment(&self) -> String {
        let mut hash = Sha256::new();
        for part in [Some(&self.salt), self.address.as_ref(), self.agent.as_ref()] {
            // Each part with its length, and absent apart from empty, so that no two origins look alike.
            hash.update(part.map_or(u64::MAX, |part| part.len() as u64).to_be_bytes());
            hash.update(part.map_or("", String::as_str));
        }
        hexadecimal(&hash.finalize())
    }
}

/// What is known of the request behind a change; its events carry it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cause {
    /// The id of the request.
    pub request_id: Option<Arc<str>>,
    /// By what the actor proved who they are, such as `email_code`.
    pub method: Option<Arc<str>>,
    /// The client.
    pub origin: Option<Arc<Origin>>,
}

/// Bytes as text, two digits each.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A text with every sign that cannot be seen, or that would move what stands around it, written out:
/// control characters, line and paragraph separators, marks of direction, joiners. What comes from a header
/// can then break no line of a log, a table or a page.
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for sign in text.chars() {
        if is_hidden(sign) {
            let _ = write!(shown, "\\u{{{:x}}}", u32::from(sign));
        } else {
            shown.push(sign);
        }
    }
    shown
}

fn is_hidden(sign: char) -> bool {
    sign.is_control()
        || matches!(sign,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::SeededRandom;

    #[test]
    fn sec_83_signs_that_cannot_be_seen_are_written_out() {
        assert_eq!(visible("curl/8.5 (x; y) ü"), "curl/8.5 (x; y) ü");
        assert_eq!(visible("a\r\nb\tc\u{0}"), r"a\u{d}\u{a}b\u{9}c\u{0}");
        assert_eq!(visible("\u{85}\u{2028}\u{202e}\u{feff}"), r"\u{85}\u{2028}\u{202e}\u{feff}");
        let origin = Origin::new(None, Some(&"\n".repeat(1000)), &SeededRandom::new(1));
        assert_eq!(origin.agent.map(|agent| agent.len()), Some(200 * r"\u{a}".len()), "and there are not too many");
    }

    #[test]
    fn sec_82_a_commitment_binds_an_origin_and_tells_nothing_of_it() {
        let address = "192.0.2.7".parse().ok();
        let one = Origin::new(address, Some("curl"), &SeededRandom::new(1));
        assert_eq!(one.commitment(), one.clone().commitment());
        for other in [
            Origin { address: Some("192.0.2.8".to_owned()), ..one.clone() },
            Origin { agent: None, ..one.clone() },
            Origin { agent: Some(String::new()), ..one.clone() },
            // The same client again: without the salt nobody can try addresses.
            Origin::new(address, Some("curl"), &SeededRandom::new(2)),
        ] {
            assert_ne!(other.commitment(), one.commitment(), "{other:?}");
        }
    }
}
