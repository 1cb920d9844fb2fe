//! What the holder of an API key shows: `ck_w01jd8v3k6qf2m9x7c5b4n8h0wz_…`.
//!
//! `ck_`, by which programs that look for leaked secrets know it; `w`, a key of one workspace; the public part,
//! which is the key's id without its own prefix; `_`; 43 random digits of base 62, which are 256 bits; and 6
//! digits of a check sum, so that what was cut off or mistyped is told without asking the store.

use std::fmt::Write;

use connect_core::api_key::SecretTrace;
use connect_core::{ApiKeyId, Random};
use sha2::{Digest, Sha256};

/// Product and kind.
const PREFIX: &str = "ck_w";
/// What the text of an id begins with.
const ID_PREFIX: &str = "key_";
const ID_LEN: usize = 26;
const SECRET_LEN: usize = 43;
const SUM_LEN: usize = 6;
const LEN: usize = PREFIX.len() + ID_LEN + 1 + SECRET_LEN + SUM_LEN;
const BASE: u8 = 62;
const DIGITS: &[u8; BASE as usize] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// An API key as its holder has it. It shows itself to nobody but [`ApiKeyToken::text`]; of its secret only a
/// hash is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKeyToken {
    id: ApiKeyId,
    secret: String,
}

impl std::fmt::Debug for ApiKeyToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ApiKeyToken({}, …)", self.id)
    }
}

impl ApiKeyToken {
    /// A new secret for the key of this id.
    pub(crate) fn draw(id: ApiKeyId, random: &dyn Random) -> Self {
        let mut secret = String::with_capacity(SECRET_LEN);
        while secret.len() < SECRET_LEN {
            // Bytes beyond the last whole multiple of the base are thrown away, so that all digits are alike.
            let bytes: [u8; SECRET_LEN] = random.bytes();
            let good = bytes.iter().filter(|byte| **byte < BASE * 4).map(|byte| digit(u32::from(*byte)));
            secret.extend(good.take(SECRET_LEN - secret.len()));
        }
        Self { id, secret }
    }

    /// The key it is of.
    pub fn id(&self) -> ApiKeyId {
        self.id
    }

    /// What lists show: everything before the secret.
    pub fn prefix(id: ApiKeyId) -> String {
        format!("{PREFIX}{}", id.to_string().trim_start_matches(ID_PREFIX))
    }

    /// The text that a program holds.
    pub fn text(&self) -> String {
        let mut text = format!("{}_{}", Self::prefix(self.id), self.secret);
        let sum = check_sum(&text);
        text.push_str(&sum);
        text
    }

    /// Reads that text. None for anything that is not whole, exact and unaltered.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != LEN || !text.is_ascii() {
            return None;
        }
        let (rest, sum) = text.split_at(LEN - SUM_LEN);
        let (head, secret) = rest.split_at(LEN - SUM_LEN - SECRET_LEN);
        let id = head.strip_prefix(PREFIX)?.strip_suffix('_')?;
        let is_secret = secret.bytes().all(|byte| DIGITS.contains(&byte));
        if !is_secret || check_sum(rest) != sum {
            return None;
        }
        Some(Self { id: format!("{ID_PREFIX}{id}").parse().ok()?, secret: secret.to_owned() })
    }

    /// Whether a text holds something that looks like a key with at least the beginning of its secret: wherever
    /// that stands, it is no secret any more.
    pub fn is_in(text: &str) -> bool {
        text.match_indices(PREFIX).any(|(at, _)| {
            let rest = text.as_bytes().get(at + PREFIX.len()..).unwrap_or_default();
            let id = rest.get(..ID_LEN).is_some_and(|id| id.iter().all(u8::is_ascii_alphanumeric));
            id && rest.get(ID_LEN) == Some(&b'_') && rest.get(ID_LEN + 1).is_some_and(u8::is_ascii_alphanumeric)
        })
    }

    /// SHA-256 of the secret, in hexadecimal.
    pub(super) fn hash(&self) -> String {
        let mut text = String::with_capacity(64);
        for byte in Sha256::digest(self.secret.as_bytes()) {
            let _ = write!(text, "{byte:02x}");
        }
        text
    }

    /// What is kept of it.
    pub(crate) fn trace(&self) -> SecretTrace {
        let text = self.text();
        SecretTrace { hash: self.hash(), last_four: text.get(LEN - 4..).unwrap_or_default().to_owned() }
    }
}

fn digit(value: u32) -> char {
    let place = usize::try_from(value % u32::from(BASE)).unwrap_or(0);
    char::from(DIGITS[place])
}

/// The check sum over all that stands before it: CRC-32 in digits of base 62.
fn check_sum(text: &str) -> String {
    let mut rest = crc32(text.as_bytes());
    let mut digits = ['0'; SUM_LEN];
    for place in digits.iter_mut().rev() {
        *place = digit(rest);
        rest /= u32::from(BASE);
    }
    digits.iter().collect()
}

/// CRC-32 of ISO 3309, as in gzip; bit by bit, which is quick enough for a line.
fn crc32(bytes: &[u8]) -> u32 {
    let mut sum = u32::MAX;
    for byte in bytes {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            sum = if sum & 1 == 1 { (sum >> 1) ^ 0xedb8_8320 } else { sum >> 1 };
        }
    }
    !sum
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use connect_core::testing::SeededRandom;
    use proptest::prelude::*;

    use super::*;

    fn token(bits: u128, seed: u64) -> ApiKeyToken {
        ApiKeyToken::draw(ApiKeyId::from_bits(bits), &SeededRandom::new(seed))
    }

    #[test]
    fn sec_62_a_key_has_prefix_kind_id_secret_and_check_sum() {
        let token = token(0x0192_5d8a_1234_7000_8000_0000_0000_0001, 1);
        let text = token.text();
        assert_eq!(text.len(), 80);
        let (head, secret) = text.rsplit_once('_').expect("three parts");
        assert_eq!(head, format!("ck_w{}", token.id().to_string().trim_start_matches("key_")));
        assert_eq!(head, ApiKeyToken::prefix(token.id()));
        assert!(secret.len() == 43 + 6 && secret.bytes().all(|b| b.is_ascii_alphanumeric()), "{secret}");
        assert_eq!(ApiKeyToken::parse(&text), Some(token));
        // 43 digits of base 62 are no fewer than 256 bits.
        assert!(62_f64.log2() * 43.0 >= 256.0);
        // The value every implementation of CRC-32 is checked by.
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(check_sum("123456789").len(), 6);
    }

    #[test]
    fn sec_62_secrets_differ_and_use_every_digit() {
        let tokens: Vec<ApiKeyToken> = (0..2000).map(|seed| token(1, seed)).collect();
        let secrets: BTreeSet<&str> = tokens.iter().map(|token| token.secret.as_str()).collect();
        assert_eq!(secrets.len(), 2000);
        let mut counts = [0_u32; 62];
        for byte in secrets.iter().flat_map(|secret| secret.bytes()) {
            counts[DIGITS.iter().position(|known| *known == byte).expect("a digit")] += 1;
        }
        // 86,000 draws, 1,387 of each expected, with a deviation of 37.
        assert!(counts.iter().all(|count| (1150..1650).contains(count)), "{counts:?}");
    }

    #[test]
    fn sec_62_a_key_does_not_show_itself() {
        let token = token(5, 1);
        let shown = format!("{token:?} {:?}", token.trace());
        assert!(!shown.contains(&token.secret) && !shown.contains(&token.hash()), "{shown}");
    }

    #[test]
    fn sec_63_what_is_kept_is_the_hash_and_the_last_four() {
        let token = token(5, 1);
        let (text, trace) = (token.text(), token.trace());
        assert_eq!(trace.hash.len(), 64);
        assert!(trace.hash.bytes().all(|b| b.is_ascii_hexdigit()) && !trace.hash.contains(&token.secret));
        assert!(text.ends_with(&trace.last_four) && trace.last_four.len() == 4);
    }

    #[test]
    fn sec_67_a_key_is_found_in_a_text_even_when_it_was_cut_off() {
        let text = token(5, 1).text();
        for found in [text.clone(), format!("key={text}&x=1"), text[..40].to_owned(), format!("ck_w ä {text}")] {
            assert!(ApiKeyToken::is_in(&found), "{found}");
        }
        for not in
            ["", "ck_w", "ck_", &text[..31], &text[..30], "cns_AAAA", "my ck_words_are_long_and_underscored_here"]
        {
            assert!(!ApiKeyToken::is_in(not), "{not}");
        }
    }

    proptest! {
        #[test]
        fn sec_62_any_key_reads_back(bits: u128, seed: u64) {
            let token = token(bits, seed);
            prop_assert_eq!(ApiKeyToken::parse(&token.text()), Some(token));
        }

        #[test]
        fn sec_62_any_text_at_all_is_read_without_harm(text in ".{0,200}") {
            prop_assert_eq!(ApiKeyToken::parse(&text), None);
            ApiKeyToken::is_in(&text);
        }

        #[test]
        fn sec_62_what_looks_like_a_key_and_is_none_is_refused(text in "ck_w[0-9a-z]{26}_[0-9A-Za-z]{49}") {
            // One in 2^32 of them would be one.
            prop_assert_eq!(ApiKeyToken::parse(&text), None);
        }

        #[test]
        fn sec_62_one_altered_character_is_noticed(seed: u64, place in 0_usize..80, with in "[ -~äß]") {
            let text = token(u128::from(seed), seed).text();
            let altered = format!("{}{with}{}", &text[..place], &text[place + 1..]);
            prop_assume!(altered != text);
            prop_assert_eq!(ApiKeyToken::parse(&altered), None);
        }

        #[test]
        fn sec_62_a_part_of_a_key_is_none(seed: u64, from in 0_usize..80, to in 0_usize..80) {
            let text = token(u128::from(seed), seed).text();
            let (from, to) = (from.min(to), from.max(to));
            prop_assert_eq!(ApiKeyToken::parse(&text[from..to]), None);
            let (doubled, longer) = (format!("{text}{text}"), format!("{text}0"));
            prop_assert_eq!(ApiKeyToken::parse(&doubled), None);
            prop_assert_eq!(ApiKeyToken::parse(&longer), None);
        }
    }
}
