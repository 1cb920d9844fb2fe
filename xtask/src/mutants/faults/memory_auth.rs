//! Faults in the challenges, sessions and budgets in memory.

use super::{Adapter, Fault};

const fn auth(name: &'static str, find: &'static str, replace: &'static str, caught_by: &'static str) -> Fault {
    Fault { name, file: "connect-store/src/memory/auth.rs", find, replace, caught_by, adapter: Adapter::Memory }
}

pub(super) const FAULTS: &[Fault] = &[
    auth(
        "a guess is counted and not kept",
        "auth.challenges.insert(id, challenge.clone());",
        "let _ = challenge;",
        "auth::guesses_are_counted_exactly",
    ),
    auth(
        "another code is not kept",
        "auth.challenges.insert(challenge.id, challenge.clone());",
        "let _ = challenge;",
        "auth::another_code_keeps_the_count_and_the_end",
    ),
    auth(
        "a replaced session stays",
        "self.sessions.remove(&old));",
        "self.sessions.get(&old).cloned());",
        "auth::a_new_session_replaces_the_old",
    ),
    auth(
        "any token is that of a session",
        ".find(|session| session.token_hash == token_hash)",
        ".find(|session| session.token_hash == token_hash || true)",
        "auth::a_session_is_found_by_its_token",
    ),
];
