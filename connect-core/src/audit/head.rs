//! The end of a sealed journal, to be noted where nobody of the desk can alter it.

use std::fmt::{Display, Formatter};
use std::str::FromStr;

use crate::store::Seal;

/// The last good seal of a journal, as text: `118:9f3c…`, the number of the last sealed event and its seal.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Head {
    /// The last event that is sealed.
    pub last: u64,
    /// The seal on it, in hexadecimal.
    pub mac: String,
}

/// A text that is no head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a head is the number of an event, a colon and 64 hexadecimal digits")]
pub struct NotAHead;

impl From<&Seal> for Head {
    fn from(seal: &Seal) -> Self {
        Self { last: seal.last, mac: seal.mac.clone() }
    }
}

impl Display for Head {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.last, self.mac)
    }
}

impl FromStr for Head {
    type Err = NotAHead;

    fn from_str(text: &str) -> Result<Self, NotAHead> {
        let (last, mac) = text.split_once(':').ok_or(NotAHead)?;
        let is_hash = mac.len() == 64 && mac.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
        match last.parse() {
            Ok(last) if is_hash => Ok(Self { last, mac: mac.to_owned() }),
            _ => Err(NotAHead),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_reads_as_it_was_written_and_nothing_else_does() {
        let head = Head { last: 118, mac: "9f".repeat(32) };
        assert_eq!(head.to_string().parse(), Ok(head.clone()));
        let short = format!("118:{}", "9f".repeat(31));
        for text in ["", "118", "118:", ":9f", short.as_str(), &format!("x{head}"), &format!("{head} ")] {
            assert_eq!(text.parse::<Head>(), Err(NotAHead), "{text:?}");
        }
    }
}
