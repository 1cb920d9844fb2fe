//! One-time codes by time: RFC 6238 with SHA-1, six digits and steps of 30 seconds, which is what all apps expect.

use connect_core::{Random, Timestamp};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use subtle::ConstantTimeEq;

/// The length of a step in seconds.
const STEP: u64 = 30;
/// How many digits a code has.
pub(crate) const DIGITS: usize = 6;
/// How many steps a clock may be wrong, either way.
const SKEW: u64 = 1;
/// The alphabet of base 32 in RFC 4648.
const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// What an app and the desk share: 160 random bits, as RFC 4226 recommends.
#[derive(Clone, PartialEq, Eq)]
pub struct AppSecret(Vec<u8>);

impl std::fmt::Debug for AppSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AppSecret(…)")
    }
}

impl AppSecret {
    pub(crate) fn draw(random: &dyn Random) -> Self {
        Self(random.bytes::<20>().to_vec())
    }

    /// The text that people type into an app: base 32 without padding.
    pub fn text(&self) -> String {
        let (mut text, mut bits, mut held) = (String::with_capacity(32), 0_u32, 0_u32);
        for byte in &self.0 {
            (bits, held) = ((bits << 8) | u32::from(*byte), held + 8);
            while held >= 5 {
                held -= 5;
                text.push(char::from(ALPHABET[((bits >> held) & 31) as usize]));
            }
        }
        if held > 0 {
            text.push(char::from(ALPHABET[((bits << (5 - held)) & 31) as usize]));
        }
        text
    }

    /// Reads that text.
    pub fn parse(text: &str) -> Option<Self> {
        let (mut bytes, mut bits, mut held) = (Vec::with_capacity(20), 0_u32, 0_u32);
        for byte in text.bytes() {
            let value = ALPHABET.iter().position(|known| *known == byte)?;
            (bits, held) = ((bits << 5) | u32::try_from(value).ok()?, held + 5);
            if held >= 8 {
                held -= 8;
                bytes.push(u8::try_from((bits >> held) & 255).ok()?);
            }
        }
        (bytes.len() >= 16).then_some(Self(bytes))
    }

    /// The code of a step.
    pub fn code(&self, step: u64) -> String {
        let number = truncated(&self.0, step) % 1_000_000;
        format!("{number:0DIGITS$}")
    }

    /// The step near this instant whose code this is, and which is newer than the last one that was used. Looks at
    /// all of them, so that nobody learns from the time it takes which one was near.
    pub(crate) fn step_of(&self, code: &str, last: Option<u64>, now: Timestamp) -> Option<u64> {
        let present = step_at(now);
        (present.saturating_sub(SKEW)..=present + SKEW).fold(None, |found, step| {
            let fits = bool::from(self.code(step).as_bytes().ct_eq(code.as_bytes()));
            let is_new = last.is_none_or(|last| last < step);
            found.or((fits && is_new).then_some(step))
        })
    }
}

/// The step of an instant.
pub fn step_at(now: Timestamp) -> u64 {
    u64::try_from(now.as_micros() / 1_000_000).unwrap_or(0) / STEP
}

/// The number of a step, as RFC 4226 cuts it out of the keyed hash.
fn truncated(secret: &[u8], step: u64) -> u32 {
    // A key of HMAC's own block length: setting it up cannot fail. Shorter ones are filled with zeros anyway.
    let mut key = [0_u8; 64];
    for (place, byte) in key.iter_mut().zip(secret) {
        *place = *byte;
    }
    let mut mac = Hmac::<Sha1>::new(&key.into());
    mac.update(&step.to_be_bytes());
    let hash: [u8; 20] = mac.finalize().into_bytes().into();
    let offset = usize::from(hash[19] & 15);
    let cut = [hash[offset] & 0x7f, hash[offset + 1], hash[offset + 2], hash[offset + 3]];
    u32::from_be_bytes(cut)
}

#[cfg(test)]
mod tests {
    use super::*;
    use connect_core::OsRandom;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn the_codes_are_those_of_rfc_6238_and_rfc_4226() {
        let secret = AppSecret(b"12345678901234567890".to_vec());
        // Appendix B of RFC 6238 has eight digits: the last six of them.
        for (seconds, code) in [
            (59, "94287082"),
            (1_111_111_109, "07081804"),
            (1_111_111_111, "14050471"),
            (1_234_567_890, "89005924"),
            (2_000_000_000, "69279037"),
            (20_000_000_000, "65353130"),
        ] {
            assert_eq!(secret.code(step_at(at(seconds))), code[2..], "{seconds}");
        }
        // Appendix D of RFC 4226.
        let counted =
            ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"];
        for (step, code) in (0..).zip(counted) {
            assert_eq!(secret.code(step), code, "{step}");
        }
    }

    #[test]
    fn secrets_are_written_and_read_in_base_32_of_rfc_4648() {
        let secret = AppSecret(b"12345678901234567890".to_vec());
        assert_eq!(secret.text(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        assert_eq!(AppSecret(b"foob".to_vec()).text(), "MZXW6YQ");
        let drawn = AppSecret::draw(&OsRandom);
        assert_eq!(AppSecret::parse(&drawn.text()), Some(drawn.clone()));
        assert_ne!(drawn, AppSecret::draw(&OsRandom));
        for bad in ["", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJ1", "gezdgnbvgy3tqojqgezdgnbvgy3tqojq", "GEZDGNBV"] {
            assert_eq!(AppSecret::parse(bad), None, "{bad:?}");
        }
        assert_eq!(format!("{drawn:?}"), "AppSecret(…)");
    }

    #[test]
    fn a_clock_may_be_wrong_by_one_step_and_a_used_step_is_none() {
        let secret = AppSecret::draw(&OsRandom);
        let (now, step) = (at(3_000_000), 100_000);
        for (shown, fits) in [(step - 2, false), (step - 1, true), (step, true), (step + 1, true), (step + 2, false)] {
            let found = secret.step_of(&secret.code(shown), None, now);
            // Two steps may have one code by chance, one time in some hundred thousand.
            assert_eq!(found.is_some(), fits, "{shown}");
        }
        let code = secret.code(step);
        assert_eq!(secret.step_of(&code, Some(step - 1), now), Some(step));
        assert_eq!(secret.step_of(&code, Some(step), now), None, "used");
        assert_eq!(secret.step_of(&code, Some(step + 1), now), None, "and none before it");
        for bad in ["", "12345", "1234567", "abcdef"] {
            assert_eq!(secret.step_of(bad, None, now), None, "{bad:?}");
        }
    }
}
