//! Sign-in codes and the secrets that bind them to a browser.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use connect_core::Random;
use connect_core::store::CodeForm;
use sha2::{Digest, Sha256};

/// Base 32 without letters that are read wrongly.
const LONG_ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// A sign-in code. It shows itself to nobody but [`Code::reveal`]; it is never serialised.
#[derive(Clone, PartialEq, Eq)]
pub struct Code(String);

impl std::fmt::Debug for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Code(…)")
    }
}

impl Code {
    /// A code drawn uniformly from all of its form, leading zeros included.
    pub fn draw(form: CodeForm, random: &dyn Random) -> Self {
        match form {
            CodeForm::Digits(count) => Self((0..count).map(|_| char::from(b'0' + draw_below(10, random))).collect()),
            CodeForm::Long(count) => {
                Self((0..count).map(|_| char::from(LONG_ALPHABET[usize::from(draw_below(32, random))])).collect())
            }
        }
    }

    /// Reads what somebody typed: spaces and hyphens are passed over, letters count in either case, and
    /// the letters that look like digits stand for them. None if it cannot be a code of any form.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > 64 {
            return None;
        }
        let code: String = text
            .chars()
            .filter(|c| !matches!(c, ' ' | '-'))
            .map(|c| match c.to_ascii_uppercase() {
                'O' => '0',
                'I' | 'L' => '1',
                c => c,
            })
            .collect();
        let known = |b: u8| LONG_ALPHABET.contains(&b);
        (matches!(code.len(), 4..=32) && code.bytes().all(known)).then_some(Self(code))
    }

    /// The code itself, for the mail and for the keyed hash.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The code in groups that are easy to read: `1234 5678`.
    pub fn grouped(&self) -> String {
        let size = if self.0.len().is_multiple_of(4) {
            4
        } else if self.0.len().is_multiple_of(5) {
            5
        } else {
            3
        };
        let groups: Vec<&str> = self.0.as_bytes().chunks(size).filter_map(|g| std::str::from_utf8(g).ok()).collect();
        groups.join(" ")
    }
}

/// A number below `limit`, without the bias of a remainder: what does not fit is drawn again.
fn draw_below(limit: u8, random: &dyn Random) -> u8 {
    let usable = 256 - 256 % u16::from(limit);
    loop {
        let [byte] = random.bytes::<1>();
        if u16::from(byte) < usable {
            return byte % limit;
        }
    }
}

/// The secret that the asking browser holds beside the code: 256 random bits. Only its hash is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct ChallengeSecret([u8; 32]);

impl std::fmt::Debug for ChallengeSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ChallengeSecret(…)")
    }
}

impl ChallengeSecret {
    pub(crate) fn draw(random: &dyn Random) -> Self {
        Self(random.bytes())
    }

    /// The text that a cookie or a program holds.
    pub fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// Reads that text.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > 64 {
            return None;
        }
        URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok().map(Self)
    }

    pub(crate) fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use connect_core::OsRandom;

    #[test]
    fn sec_01_codes_are_uniform_with_leading_zeros() {
        // A million drawn digits: the chi-square of ten equal bins stays below 33.7 (p = 0.0001, 9 degrees
        // of freedom), for the first digit and for all of them.
        let (mut all, mut first) = ([0_u32; 10], [0_u32; 10]);
        for _ in 0..125_000 {
            let code = Code::draw(CodeForm::Digits(8), &OsRandom);
            assert_eq!(code.reveal().len(), 8);
            for (place, digit) in code.reveal().bytes().enumerate() {
                all[usize::from(digit - b'0')] += 1;
                if place == 0 {
                    first[usize::from(digit - b'0')] += 1;
                }
            }
        }
        for bins in [all, first] {
            let expected = f64::from(bins.iter().sum::<u32>()) / 10.0;
            let chi: f64 = bins.iter().map(|seen| (f64::from(*seen) - expected).powi(2) / expected).sum();
            assert!(chi < 33.7, "chi-square {chi} of {bins:?}");
        }
        assert!(first[0] > 0, "some codes begin with 0");
    }

    #[test]
    fn sec_78_what_is_typed_is_read_kindly_and_nothing_else() {
        let code = |text: &str| Code::parse(text).map(|code| code.0);
        assert_eq!(code(" 0123-4567 ").as_deref(), Some("01234567"));
        assert_eq!(code("abcde fghjk").as_deref(), Some("ABCDEFGHJK"));
        assert_eq!(code("o1l").as_deref(), None);
        assert_eq!(code("OIL0").as_deref(), Some("0110"));
        for bad in ["", "123", "1234567٣", "12345678\n", "１２３４５６７８", "1234_5678", &"1".repeat(65)] {
            assert_eq!(code(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn sec_14_codes_and_secrets_do_not_show_themselves() {
        let code = Code::draw(CodeForm::Digits(8), &OsRandom);
        let secret = ChallengeSecret::draw(&OsRandom);
        assert!(!format!("{code:?}").contains(code.reveal()));
        assert!(!format!("{secret:?}").contains(&secret.text()));
        assert_eq!(ChallengeSecret::parse(&secret.text()), Some(secret));
        assert_eq!(Code("12345678".into()).grouped(), "1234 5678");
        assert_eq!(Code("123456".into()).grouped(), "123 456");
        assert_eq!(Code("ABCDEFGHJK".into()).grouped(), "ABCDE FGHJK");
    }
}
