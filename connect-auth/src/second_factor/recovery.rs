//! Recovery codes: ten, each of 80 random bits, shown once and kept as keyed hashes.

use connect_core::store::CodeForm;
use connect_core::{Error, Result, UserId};

use crate::KeyRing;
use crate::auth::{Auth, Identity};
use crate::code::Code;

/// How many there are.
const COUNT: usize = 10;
/// How many characters of base 32 each has.
const CHARACTERS: u8 = 16;
const LABEL: &str = "recovery code";

/// Whether this can be a recovery code.
pub(super) fn is_one(code: &Code) -> bool {
    code.reveal().len() == usize::from(CHARACTERS)
}

/// What is kept of a code.
fn hash(keys: &KeyRing, user: UserId, code: &Code) -> [u8; 32] {
    keys.tag(LABEL, &[user.to_string().as_bytes(), code.reveal().as_bytes()])
}

/// The hash among these that is that of the code, whichever of the secrets made it. All are looked at.
pub(super) fn matching(keys: &KeyRing, user: UserId, code: &Code, hashes: &[[u8; 32]]) -> Option<[u8; 32]> {
    let user = user.to_string();
    let parts = [user.as_bytes(), code.reveal().as_bytes()];
    hashes.iter().fold(None, |found, known| keys.verify(LABEL, &parts, known).then_some(*known).or(found))
}

impl Auth {
    /// Codes that were just drawn, and what is to be kept of them.
    pub(super) fn draw_recovery(&self, user: UserId) -> (Vec<Code>, Vec<[u8; 32]>) {
        let draw = || Code::draw(CodeForm::Long(CHARACTERS), self.inner.desk.random());
        let codes: Vec<Code> = std::iter::repeat_with(draw).take(COUNT).collect();
        let hashes = codes.iter().map(|code| hash(&self.inner.keys, user, code)).collect();
        (codes, hashes)
    }

    /// Gives the person other recovery codes; all older ones count no more. They are known nowhere else afterwards.
    pub async fn replace_recovery_codes(&self, identity: &Identity) -> Result<Vec<Code>> {
        self.require_recent_strong(identity).await?;
        let (users, user) = (self.inner.desk.users().because(identity.cause.clone()), identity.user.id);
        if users.shown_methods(user).await?.is_empty() {
            return Err(Error::refused("no_second_factor", "recovery codes are for who has a second factor"));
        }
        let (codes, hashes) = self.draw_recovery(user);
        users.change_second_factor(user, |factor, _| Some(factor.replace_recovery(&hashes))).await?;
        Ok(codes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use connect_core::OsRandom;

    #[test]
    fn sec_87_a_recovery_code_is_kept_as_a_keyed_hash_of_its_user() {
        let ring = |newest: u8, older: Vec<Vec<u8>>| KeyRing::new(vec![newest; 32], older).expect("long enough");
        let (ada, bob) = (UserId::from_bits(1), UserId::from_bits(2));
        let draw = || Code::draw(CodeForm::Long(CHARACTERS), &OsRandom);
        let (code, other) = (draw(), draw());
        assert!(is_one(&code) && 5 * usize::from(CHARACTERS) >= 64, "at least 64 bits");
        let keys = ring(1, vec![]);
        let kept = hash(&keys, ada, &code);
        assert_eq!(matching(&keys, ada, &code, &[[0; 32], kept]), Some(kept));
        assert_eq!(matching(&keys, ada, &other, &[kept]), None);
        assert_eq!(matching(&keys, bob, &code, &[kept]), None, "somebody else's");
        assert_eq!(matching(&ring(2, vec![]), ada, &code, &[kept]), None, "a dump of the store is of no use");
        assert_eq!(matching(&ring(2, vec![vec![1; 32]]), ada, &code, &[kept]), Some(kept), "the secret was replaced");
        let typed = Code::parse(&code.grouped().to_lowercase()).expect("as it is shown");
        assert_eq!(matching(&keys, ada, &typed, &[kept]), Some(kept));
    }
}
