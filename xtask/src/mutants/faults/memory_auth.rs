//! Faults in the challenges, sessions and budgets in memory.

use super::{Adapter, Fault};

const fn auth(name: &'static str, find: &'static str, replace: &'static str, caught_by: &'static str) -> Fault {
    Fault { name, file: "connect-store/src/memory/auth.rs", find, replace, caught_by, adapter: Adapter::Memory }
}

pub(super) const FAULTS: &[Fault] = &[
    auth(
        "the cap lets one more in",
        "if live.count() >= usize::try_from(cap)",
        "if live.count() > usize::try_from(cap)",
        "auth::live_challenges_are_capped_without_eviction",
    ),
    auth(
        "the cap counts ended challenges",
        "auth_rules::is_live(known, now) && auth_rules::account(&known.email)",
        "auth_rules::account(&known.email)",
        "auth::live_challenges_are_capped_without_eviction",
    ),
    auth(
        "the cap counts every address",
        " && auth_rules::account(&known.email) == account);",
        ");",
        "auth::live_challenges_are_capped_without_eviction",
    ),
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
    auth("a challenge is not used up", "=> challenge.consumed = true,", "=> {}", "auth::a_challenge_is_used_once"),
    auth(
        "a replaced session stays",
        "auth.sessions.remove(&old);",
        "let _ = old;",
        "auth::a_new_session_replaces_the_old",
    ),
    auth(
        "more units are given back than were spent",
        "spent.units = spent.units.saturating_sub(1);",
        "spent.units = spent.units.wrapping_sub(1);",
        "auth::a_budget_unit_can_be_given_back",
    ),
    auth(
        "an ended budget counts as spent",
        "budgets.get(&account).filter(|spent| now < spent.ends_at)",
        "budgets.get(&account).filter(|spent| now < spent.ends_at || true)",
        "auth::a_budget_is_exact",
    ),
    auth(
        "any token is that of a session",
        ".find(|session| session.token_hash == token_hash)",
        ".find(|session| session.token_hash == token_hash || true)",
        "auth::a_session_is_found_by_its_token",
    ),
    auth(
        "a touch revives an ended session",
        "Some(session) if session.is_live(now) => {",
        "Some(session) => {",
        "auth::a_touch_does_not_revive",
    ),
    auth("a touch does not move the end", "session.idle_ends_at = idle_ends_at;", "", "auth::a_touch_does_not_revive"),
    auth(
        "sessions of other users are listed",
        "s.user == user && s.is_live(now)",
        "s.is_live(now)",
        "auth::sessions_are_revoked_one_or_all",
    ),
    auth(
        "sessions of other users are revoked",
        r"session.user != user
                || match which",
        "match which",
        "auth::sessions_are_revoked_one_or_all",
    ),
    auth(
        "all sessions are revoked instead of one",
        "Revoke::One(one) => *id != one,",
        "Revoke::One(_) => false,",
        "auth::sessions_are_revoked_one_or_all",
    ),
    auth(
        "the session that asks is revoked with the others",
        "Revoke::AllBut(kept) => *id == kept,",
        "Revoke::AllBut(_) => false,",
        "auth::sessions_are_revoked_one_or_all",
    ),
    auth(
        "a sweep removes live challenges",
        "auth.challenges.retain(|_, challenge| now < challenge.expires_at);",
        "auth.challenges.clear();",
        "auth::what_has_ended_is_swept",
    ),
    auth(
        "a sweep forgets the sessions",
        "auth.sessions.retain(|_, session| session.is_live(now));",
        "",
        "auth::what_has_ended_is_swept",
    ),
];
