//! Work instead of silence. Strangers can use up the codes that an address may be sent in a day; whoever
//! then does a second of work for the mail gets it all the same.
//!
//! Nobody is told whether the work is needed, or that would tell who is under attack: every answer offers a
//! puzzle, and every request may bring one that was solved.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use connect_core::store::Flow;
use connect_core::{Random, Result, Timestamp};
use sha2::{Digest, Sha256};

use crate::KeyRing;
use crate::auth::Auth;

const LABEL: &str = "puzzle";
/// How long a puzzle can be solved.
const LIFETIME: Duration = Duration::from_secs(10 * 60);

/// A puzzle: a random text, its end and the number of bits, and what only the desk can make.
fn draw(keys: &KeyRing, random: &dyn Random, bits: u8, now: Timestamp) -> String {
    let ends = now.plus(LIFETIME).as_micros() / 1_000_000;
    let text = format!("{}.{ends}.{bits}", URL_SAFE_NO_PAD.encode(random.bytes::<16>()));
    let tag = keys.tag(LABEL, &[text.as_bytes()]);
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(tag))
}

/// How many bits at the beginning are zero.
fn leading_zeros(hash: &[u8]) -> u32 {
    let zeros = hash.iter().take_while(|byte| **byte == 0).count();
    let next = hash.get(zeros).map_or(0, |byte| byte.leading_zeros());
    u32::try_from(zeros).unwrap_or(0) * 8 + next
}

/// The puzzle that a proof solves for an address, and its end. A proof is the puzzle, a dot and a number such
/// that the hash of the proof, a space and the address as it was typed begins with so many zero bits.
fn solved<'p>(keys: &KeyRing, proof: &'p str, email: &str, now: Timestamp) -> Option<(&'p str, Timestamp)> {
    let (puzzle, number) = proof.rsplit_once('.')?;
    let (text, tag) = puzzle.rsplit_once('.')?;
    let tag: [u8; 32] = URL_SAFE_NO_PAD.decode(tag).ok()?.try_into().ok()?;
    let mut fields = text.split('.').skip(1);
    let (ends, bits) = (fields.next()?.parse::<i64>().ok()?, fields.next()?.parse::<u32>().ok()?);
    let ends = Timestamp::from_micros(ends.checked_mul(1_000_000)?);
    let is_number = (1..=16).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
    let is_ours = keys.verify(LABEL, &[text.as_bytes()], &tag);
    let hash = Sha256::digest(format!("{proof} {email}"));
    (is_ours && is_number && now < ends && leading_zeros(&hash) >= bits).then_some((puzzle, ends))
}

impl Auth {
    /// A puzzle for whoever may need one later.
    pub fn puzzle(&self) -> String {
        draw(&self.inner.keys, self.inner.desk.random(), self.inner.settings.puzzle_bits, self.inner.desk.now())
    }

    /// Whether a proof solves a puzzle of ours for this address, for the first time.
    pub(crate) async fn is_paid(&self, proof: Option<&str>, email: &str) -> Result<bool> {
        let now = self.inner.desk.now();
        let proof = proof.filter(|proof| proof.len() <= 200);
        let Some((puzzle, ends)) = proof.and_then(|proof| solved(&self.inner.keys, proof, email, now)) else {
            return Ok(false);
        };
        let id_hash = Sha256::digest(puzzle).into();
        let flow = Flow { id_hash, kind: LABEL.to_owned(), data: Vec::new(), expires_at: ends };
        Ok(self.inner.store.put_flow(flow, now).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use connect_core::OsRandom;

    fn solve(puzzle: &str, email: &str, bits: u32) -> String {
        let fits = |proof: &String| leading_zeros(&Sha256::digest(format!("{proof} {email}"))) >= bits;
        (0_u64..1 << 32).map(|number| format!("{puzzle}.{number}")).find(fits).expect("there is one")
    }

    #[test]
    fn only_our_puzzles_solved_for_the_address_in_time_count() {
        let keys = |byte| KeyRing::new(vec![byte; 32], Vec::new()).expect("long enough");
        let now = Timestamp::from_micros(1_767_258_000_000_000);
        let puzzle = draw(&keys(1), &OsRandom, 8, now);
        let proof = solve(&puzzle, "ada@example.org", 8);
        let ends = now.plus(LIFETIME);
        assert_eq!(solved(&keys(1), &proof, "ada@example.org", now), Some((puzzle.as_str(), ends)));
        assert_eq!(solved(&keys(2), &proof, "ada@example.org", now), None, "another secret");
        assert_eq!(solved(&keys(1), &proof, "ada@example.org", ends), None, "it ends");
        let easier = puzzle.replacen(".8.", ".0.", 1);
        assert_eq!(solved(&keys(1), &format!("{easier}.1"), "a", now), None, "nobody makes it easier");
        let hard = draw(&keys(1), &OsRandom, 64, now);
        assert_eq!(solved(&keys(1), &format!("{hard}.1"), "a", now), None, "work that was not done");
        for bad in ["", ".", "a.b.c.d.e", &puzzle, &format!("{puzzle}.x"), &format!("{puzzle}.")] {
            assert_eq!(solved(&keys(1), bad, "ada@example.org", now), None, "{bad:?}");
        }
        assert_eq!(leading_zeros(&[0, 0x0f, 0]), 12);
        assert_eq!(leading_zeros(&[0x80]), 0);
    }
}
