//! Challenges, sessions, budgets, flows: counted first, used once, never revived.

use std::sync::Arc;
use std::time::Duration;

use connect_core::store::{Budget, Challenge, ChallengeSeen, CodeForm, Flow, Resend, Revoke, Session};
use connect_core::{AuthStore, UserId};

use super::World;
use super::world::address;

const SECRET: [u8; 32] = [1; 32];
const MINUTE: Duration = Duration::from_secs(60);

fn challenge(world: &World, email: &str) -> Challenge {
    Challenge {
        id: world.ids.challenge(),
        email: address(email),
        purpose: "sign_in".into(),
        secret_hash: SECRET,
        code_mac: [2; 32],
        sealed_code: vec![3; 40],
        form: CodeForm::Digits(8),
        attempts: 0,
        max_attempts: 3,
        sends: 1,
        created_at: world.now(),
        expires_at: world.now().plus(5 * MINUTE),
        consumed: false,
        workspace: None,
    }
}

fn session(world: &World, user: UserId, token: u8) -> Session {
    Session {
        id: world.ids.session(),
        user,
        token_hash: [token; 32],
        method: "email_code".into(),
        ip: Some("192.0.2.1".into()),
        agent: None,
        created_at: world.now(),
        proven_at: world.now(),
        device: None,
        seen_at: world.now(),
        idle_ends_at: world.now().plus(30 * MINUTE),
        ends_at: world.now().plus(24 * 60 * MINUTE),
    }
}

const USER: UserId = UserId::from_bits(11);

async fn kept(world: &World) -> Challenge {
    let challenge = challenge(world, "ada@example.org");
    assert!(world.auth().put_challenge(challenge.clone(), 5).await.expect("kept"));
    challenge
}

async fn signed_in(world: &World, user: UserId, token: u8) -> Session {
    let challenge = challenge(world, &format!("t{token}@example.org"));
    assert!(world.auth().put_challenge(challenge.clone(), 5).await.expect("kept"));
    let session = session(world, user, token);
    assert!(world.auth().consume(challenge.id, session.clone(), None, world.now()).await.expect("consumed"));
    session
}

async fn is_counted(world: &World, challenge: &Challenge, secret: [u8; 32]) -> bool {
    let seen = world.auth().attempt(challenge.id, secret, world.now()).await.expect("answered");
    matches!(seen, ChallengeSeen::Counted(_))
}

/// Of 200 parallel guesses exactly `max_attempts` are counted.
pub async fn guesses_are_counted_exactly(world: World) {
    let challenge = kept(&world).await;
    let now = world.now();
    let tasks: Vec<_> = (0..200)
        .map(|_| {
            let (auth, id) = (world.auth(), challenge.id);
            tokio::spawn(async move { auth.attempt(id, SECRET, now).await.expect("answered") })
        })
        .collect();
    let mut counted = Vec::new();
    for task in tasks {
        if let ChallengeSeen::Counted(challenge) = task.await.expect("no task panics") {
            counted.push(challenge.attempts);
        }
    }
    counted.sort_unstable();
    assert_eq!(counted, [1, 2, 3], "three guesses are counted, each with its own number");
}

/// Guesses without the secret neither count nor end anything.
pub async fn a_wrong_secret_costs_nothing(world: World) {
    let challenge = kept(&world).await;
    for _ in 0..10 {
        assert!(!is_counted(&world, &challenge, [9; 32]).await);
    }
    assert!(is_counted(&world, &challenge, SECRET).await);
    let row = world.auth().challenge(challenge.id).await.expect("read").expect("there");
    assert_eq!(row.attempts, 1);
}

/// After its end nothing is counted, nothing consumed.
pub async fn an_ended_challenge_is_refused(world: World) {
    let challenge = kept(&world).await;
    world.clock.advance(5 * MINUTE);
    assert!(!is_counted(&world, &challenge, SECRET).await);
    let session = session(&world, USER, 1);
    assert!(!world.auth().consume(challenge.id, session.clone(), None, world.now()).await.expect("answered"));
    assert!(world.auth().session(session.token_hash).await.expect("read").is_none());
}

/// Of 50 parallel uses one succeeds, and one session exists.
pub async fn a_challenge_is_used_once(world: World) {
    let challenge = kept(&world).await;
    let now = world.now();
    let tasks: Vec<_> = (0..50)
        .map(|n| {
            let (auth, session) = (world.auth(), session(&world, USER, n));
            tokio::spawn(async move { auth.consume(challenge.id, session, None, now).await.expect("answered") })
        })
        .collect();
    let mut used = 0;
    for task in tasks {
        used += u32::from(task.await.expect("no task panics"));
    }
    assert_eq!(used, 1);
    assert_eq!(world.auth().sessions(USER, now).await.expect("read").len(), 1);
    assert!(!is_counted(&world, &challenge, SECRET).await, "a used challenge takes no guesses");
}

/// A guess does not move the end.
pub async fn a_wrong_guess_does_not_prolong(world: World) {
    let challenge = kept(&world).await;
    world.clock.advance(4 * MINUTE);
    assert!(is_counted(&world, &challenge, SECRET).await);
    let row = world.auth().challenge(challenge.id).await.expect("read").expect("there");
    assert_eq!(row.expires_at, challenge.expires_at);
    world.clock.advance(MINUTE);
    assert!(!is_counted(&world, &challenge, SECRET).await);
}

fn resend(challenge: &Challenge, secret_hash: [u8; 32]) -> Resend {
    Resend { id: challenge.id, secret_hash, code_mac: [5; 32], sealed_code: vec![6; 40], max_sends: 3 }
}

/// Another code replaces the old one and nothing else.
pub async fn another_code_keeps_the_count_and_the_end(world: World) {
    let challenge = kept(&world).await;
    assert!(is_counted(&world, &challenge, SECRET).await);
    world.clock.advance(MINUTE);
    let resent = world.auth().resend(resend(&challenge, SECRET), world.now()).await.expect("answered").expect("resent");
    assert_eq!((resent.attempts, resent.expires_at, resent.code_mac), (1, challenge.expires_at, [5; 32]));
    assert_eq!(world.auth().challenge(challenge.id).await.expect("read"), Some(resent));
    let stranger = world.auth().resend(resend(&challenge, [9; 32]), world.now()).await.expect("answered");
    assert!(stranger.is_none(), "only who holds the secret gets another code");
}

/// So many codes and no more.
pub async fn codes_are_resent_so_often(world: World) {
    let challenge = kept(&world).await;
    for expected in [true, true, false] {
        let resent = world.auth().resend(resend(&challenge, SECRET), world.now()).await.expect("answered");
        assert_eq!(resent.is_some(), expected);
    }
}

/// The cap refuses newcomers and leaves the others.
pub async fn live_challenges_are_capped_without_eviction(world: World) {
    let mut first = Vec::new();
    for _ in 0..3 {
        let challenge = challenge(&world, "ada@example.org");
        assert!(world.auth().put_challenge(challenge.clone(), 3).await.expect("answered"));
        first.push(challenge);
    }
    let fourth = challenge(&world, "ADA@example.org");
    assert!(!world.auth().put_challenge(fourth, 3).await.expect("answered"), "the cap counts the canonical address");
    let other = challenge(&world, "bob@example.org");
    assert!(world.auth().put_challenge(other, 3).await.expect("answered"), "others have their own cap");
    for challenge in &first {
        assert!(is_counted(&world, challenge, SECRET).await, "none was evicted");
    }
    world.clock.advance(5 * MINUTE);
    let later = challenge(&world, "ada@example.org");
    assert!(world.auth().put_challenge(later, 3).await.expect("answered"), "ended ones do not count");
}

/// A guess stays counted when its caller goes away.
pub async fn a_guess_survives_a_caller_that_goes_away(world: World) {
    let challenge = kept(&world).await;
    let now = world.now();
    for _ in 0..20 {
        let (auth, id): (Arc<dyn AuthStore>, _) = (world.auth(), challenge.id);
        let guess = tokio::spawn(async move { auth.attempt(id, SECRET, now).await });
        tokio::task::yield_now().await;
        guess.abort();
        let _ = guess.await;
    }
    let mut counted = 0;
    for _ in 0..5 {
        counted += u32::from(is_counted(&world, &challenge, SECRET).await);
    }
    let row = world.auth().challenge(challenge.id).await.expect("read").expect("there");
    assert_eq!(row.attempts, 3, "no guess was given back, none was counted beyond the limit");
    assert!(counted <= 3);
}

const BUDGET: Budget = Budget { limit: 5, window: Duration::from_secs(24 * 3600) };

/// Of many parallel spenders exactly the limit succeed, and the window begins with the first.
pub async fn a_budget_is_exact(world: World) {
    let now = world.now();
    let tasks: Vec<_> = (0..60)
        .map(|_| {
            let auth = world.auth();
            tokio::spawn(async move { auth.spend("ada".into(), BUDGET, now).await.expect("answered") })
        })
        .collect();
    let mut spent = 0;
    for task in tasks {
        spent += u32::from(task.await.expect("no task panics"));
    }
    assert_eq!(spent, 5);
    assert_eq!(world.auth().spent("ada".into(), world.now()).await.expect("read"), 5);
    assert!(world.auth().spend("bob".into(), BUDGET, now).await.expect("answered"), "others have their own");
    world.clock.advance(BUDGET.window);
    assert_eq!(world.auth().spent("ada".into(), world.now()).await.expect("read"), 0);
    assert!(world.auth().spend("ada".into(), BUDGET, world.now()).await.expect("answered"));
}

/// What is given back can be spent again, and never more than was spent.
pub async fn a_budget_unit_can_be_given_back(world: World) {
    let one = Budget { limit: 1, ..BUDGET };
    let spend = async || world.auth().spend("ada".into(), one, world.now()).await.expect("answered");
    assert!(spend().await && !spend().await);
    for _ in 0..3 {
        world.auth().give_back("ada".into(), 1, world.now()).await.expect("given back");
    }
    assert!(spend().await && !spend().await);
}

/// By the hash of its token, and no other.
pub async fn a_session_is_found_by_its_token(world: World) {
    let session = signed_in(&world, USER, 1).await;
    assert_eq!(world.auth().session([1; 32]).await.expect("read"), Some(session));
    assert!(world.auth().session([2; 32]).await.expect("read").is_none());
}

/// A late touch brings nothing back.
pub async fn a_touch_does_not_revive(world: World) {
    let auth = world.auth();
    let session = signed_in(&world, USER, 1).await;
    let later = world.now().plus(60 * MINUTE);
    assert!(auth.touch(session.id, world.now(), later).await.expect("touched"));
    assert_eq!(auth.session([1; 32]).await.expect("read").expect("there").idle_ends_at, later);
    assert_eq!(auth.revoke(USER, Revoke::One(session.id)).await.expect("revoked"), 1);
    assert!(!auth.touch(session.id, world.now(), later).await.expect("answered"));
    assert!(auth.session([1; 32]).await.expect("read").is_none());
    let ended = signed_in(&world, USER, 2).await;
    world.clock.advance(31 * MINUTE);
    assert!(!auth.touch(ended.id, world.now(), world.now().plus(MINUTE)).await.expect("answered"), "it has ended");
}

/// One, all others, all; never another user's.
pub async fn sessions_are_revoked_one_or_all(world: World) {
    let auth = world.auth();
    let other = UserId::from_bits(12);
    let mut sessions = Vec::new();
    for token in 1..=4 {
        sessions.push(signed_in(&world, USER, token).await);
    }
    signed_in(&world, other, 9).await;
    let count = async |user| auth.sessions(user, world.now()).await.expect("read").len();
    assert_eq!(auth.revoke(other, Revoke::One(sessions[0].id)).await.expect("answered"), 0, "not another user's");
    assert_eq!(auth.revoke(USER, Revoke::One(sessions[0].id)).await.expect("answered"), 1);
    assert_eq!(count(USER).await, 3);
    assert_eq!(auth.revoke(USER, Revoke::AllBut(sessions[2].id)).await.expect("answered"), 2);
    assert_eq!(auth.sessions(USER, world.now()).await.expect("read")[0].id, sessions[2].id);
    assert_eq!(auth.revoke(USER, Revoke::All).await.expect("answered"), 1);
    assert_eq!((count(USER).await, count(other).await), (0, 1));
}

/// Signing in again ends the session that asked.
pub async fn a_new_session_replaces_the_old(world: World) {
    let old = signed_in(&world, USER, 1).await;
    let challenge = kept(&world).await;
    let new = session(&world, USER, 2);
    assert!(world.auth().consume(challenge.id, new, Some(old.id), world.now()).await.expect("consumed"));
    assert!(world.auth().session([1; 32]).await.expect("read").is_none());
    assert!(world.auth().session([2; 32]).await.expect("read").is_some());
}

/// What has ended goes, what lives stays.
pub async fn what_has_ended_is_swept(world: World) {
    let old = kept(&world).await;
    signed_in(&world, USER, 1).await;
    world.auth().spend("ada".into(), Budget { limit: 1, window: MINUTE }, world.now()).await.expect("spent");
    assert!(world.auth().put_flow(flow(&world, 1), world.now()).await.expect("kept"));
    world.clock.advance(31 * MINUTE);
    let live = kept(&world).await;
    assert_eq!(world.auth().sweep(world.now()).await.expect("swept"), 5, "two challenges, a session, a budget, a flow");
    assert!(world.auth().challenge(old.id).await.expect("read").is_none());
    assert!(world.auth().challenge(live.id).await.expect("read").is_some());
}

/// What lives stays, also what was used and may not be used again, and a session that was used meanwhile.
pub async fn what_lives_is_not_swept(world: World) {
    let auth = world.auth();
    let open = kept(&world).await;
    let used = challenge(&world, "bob@example.org");
    assert!(auth.put_challenge(used.clone(), 5).await.expect("answered"));
    let session = session(&world, USER, 1);
    assert!(auth.consume(used.id, session.clone(), None, world.now()).await.expect("consumed"));
    assert!(auth.spend("ada".into(), BUDGET, world.now()).await.expect("spent"));
    assert!(auth.put_flow(Flow { expires_at: session.ends_at, ..flow(&world, 1) }, world.now()).await.expect("kept"));
    assert_eq!(auth.sweep(world.now()).await.expect("swept"), 0, "nothing has ended yet");
    assert_eq!(auth.challenge(open.id).await.expect("read"), Some(open), "a live challenge stays as it is");
    let used = auth.challenge(used.id).await.expect("read");
    assert_eq!(used.map(|used| used.consumed), Some(true), "a used challenge stays until its end");
    let later = world.now().plus(60 * MINUTE);
    assert!(auth.touch(session.id, world.now(), later).await.expect("touched"));
    world.clock.advance(31 * MINUTE);
    assert_eq!(auth.sweep(world.now()).await.expect("swept"), 2, "the two challenges have ended, nothing else");
    let kept = auth.session(session.token_hash).await.expect("read");
    assert_eq!(kept.map(|kept| kept.id), Some(session.id), "a session that was used lives longer");
    assert_eq!(auth.spent("ada".into(), world.now()).await.expect("read"), 1, "a budget stays for its window");
    assert!(auth.take_flow([1; 32], world.now()).await.expect("read").is_some(), "a flow stays until its end");
}

/// After its end, or once it was used, a challenge gets no other code and stays as it is.
pub async fn an_ended_challenge_gets_no_code(world: World) {
    let auth = world.auth();
    let used = challenge(&world, "bob@example.org");
    assert!(auth.put_challenge(used.clone(), 5).await.expect("answered"));
    let ended = kept(&world).await;
    assert!(auth.consume(used.id, session(&world, USER, 1), None, world.now()).await.expect("consumed"));
    let again = auth.resend(resend(&used, SECRET), world.now()).await.expect("answered");
    assert!(again.is_none(), "a used challenge gets no code, was {again:?}");
    world.clock.advance(5 * MINUTE);
    let again = auth.resend(resend(&ended, SECRET), world.now()).await.expect("answered");
    assert!(again.is_none(), "an ended challenge gets no code, was {again:?}");
    for challenge in [used, ended] {
        // What has ended may be gone.
        let row = auth.challenge(challenge.id).await.expect("read");
        let codes = row.map(|row| (row.code_mac, row.sends));
        assert!(codes.is_none_or(|codes| codes == (challenge.code_mac, 1)), "its code is the old one, was {codes:?}");
    }
}

/// The window is that of the first unit: neither another unit nor one that is given back moves its end.
pub async fn a_budget_window_does_not_slide(world: World) {
    let auth = world.auth();
    let spent = async || auth.spent("ada".into(), world.now()).await.expect("read");
    let half = BUDGET.window / 2;
    assert!(auth.spend("ada".into(), BUDGET, world.now()).await.expect("answered"));
    world.clock.advance(half);
    for _ in 0..2 {
        assert!(auth.spend("ada".into(), BUDGET, world.now()).await.expect("answered"));
    }
    auth.give_back("ada".into(), 1, world.now()).await.expect("given back");
    assert_eq!(spent().await, 2, "of three units one was given back");
    world.clock.advance(half);
    assert_eq!(spent().await, 0, "the window of the first unit has ended, and all others with it");
    assert!(auth.spend("ada".into(), BUDGET, world.now()).await.expect("answered"));
    world.clock.advance(half);
    assert_eq!(spent().await, 1, "the next window begins with its own first unit");
}

/// Live ones only, newest first; idle or over, a session is not among them.
pub async fn ended_sessions_are_not_listed(world: World) {
    let auth = world.auth();
    let listed = async || {
        let sessions = auth.sessions(USER, world.now()).await.expect("read");
        sessions.iter().map(|session| session.id).collect::<Vec<_>>()
    };
    let first = signed_in(&world, USER, 1).await;
    world.clock.advance(10 * MINUTE);
    let second = signed_in(&world, USER, 2).await;
    world.clock.advance(10 * MINUTE);
    assert_eq!(listed().await, [second.id, first.id], "both live, the newest first");
    world.clock.advance(10 * MINUTE);
    assert_eq!(listed().await, [second.id], "the first was not used for half an hour");
    assert!(auth.touch(second.id, world.now(), second.ends_at.plus(MINUTE)).await.expect("touched"));
    world.clock.advance(12 * 60 * MINUTE);
    assert_eq!(listed().await, [second.id], "the second was used");
    world.clock.advance(12 * 60 * MINUTE);
    assert!(listed().await.is_empty(), "a day after it began it is over, however much it was used");
}

/// As many as are asked for, and never more than were spent.
pub async fn units_are_given_back_together(world: World) {
    let auth = world.auth();
    for _ in 0..5 {
        assert!(auth.spend("ada".into(), BUDGET, world.now()).await.expect("answered"));
    }
    auth.give_back("ada".into(), 3, world.now()).await.expect("given back");
    assert_eq!(auth.spent("ada".into(), world.now()).await.expect("read"), 2);
    auth.give_back("ada".into(), u32::MAX, world.now()).await.expect("given back");
    assert_eq!(auth.spent("ada".into(), world.now()).await.expect("read"), 0);
    assert!(auth.spend("ada".into(), BUDGET, world.now()).await.expect("answered"));
    assert_eq!(auth.spent("ada".into(), world.now()).await.expect("read"), 1);
}

/// A new session takes the place of a live one; one that replaces none just begins.
pub async fn a_session_is_renewed(world: World) {
    let auth = world.auth();
    let first = session(&world, USER, 1);
    assert!(auth.renew(first.clone(), None, world.now()).await.expect("answered"), "it replaces none");
    assert_eq!(auth.session([1; 32]).await.expect("read").as_ref(), Some(&first));
    world.clock.advance(MINUTE);
    let mut second = session(&world, USER, 2);
    (second.proven_at, second.ends_at) = (world.now(), first.ends_at);
    assert!(auth.renew(second.clone(), Some(first.id), world.now()).await.expect("answered"));
    assert!(auth.session([1; 32]).await.expect("read").is_none(), "the replaced one has ended");
    assert_eq!(auth.session([2; 32]).await.expect("read").as_ref(), Some(&second), "as it was given");
    assert_eq!(auth.sessions(USER, world.now()).await.expect("read"), [second], "listed once");
}

/// What was revoked or has ended does not come back under another token.
pub async fn a_revoked_session_is_not_renewed(world: World) {
    let auth = world.auth();
    let revoked = signed_in(&world, USER, 1).await;
    assert_eq!(auth.revoke(USER, Revoke::One(revoked.id)).await.expect("revoked"), 1);
    let new = session(&world, USER, 2);
    assert!(!auth.renew(new, Some(revoked.id), world.now()).await.expect("answered"), "it was revoked");
    let idle = signed_in(&world, USER, 3).await;
    world.clock.advance(30 * MINUTE);
    let new = session(&world, USER, 4);
    assert!(!auth.renew(new, Some(idle.id), world.now()).await.expect("answered"), "it was idle for too long");
    assert!(auth.sessions(USER, world.now()).await.expect("read").is_empty(), "nothing was kept");
    for token in [2, 4] {
        assert!(auth.session([token; 32]).await.expect("read").is_none(), "nothing was kept");
    }
}

/// Of parallel renewals of a session one holds, so that one session stays one.
pub async fn a_session_is_renewed_once(world: World) {
    let old = signed_in(&world, USER, 99).await;
    let now = world.now();
    let tasks: Vec<_> = (0..30)
        .map(|n| {
            let (auth, new) = (world.auth(), session(&world, USER, n));
            tokio::spawn(async move { auth.renew(new, Some(old.id), now).await.expect("answered") })
        })
        .collect();
    let mut renewed = 0;
    for task in tasks {
        renewed += u32::from(task.await.expect("no task panics"));
    }
    assert_eq!(renewed, 1);
    assert_eq!(world.auth().sessions(USER, now).await.expect("read").len(), 1);
}

/// While a session is renewed again and again, all are ended: whichever of them lives at that moment ends, and
/// with it the row of renewals. One that is kept stays.
pub async fn ending_all_sessions_ends_those_that_are_being_renewed(world: World) {
    let now = world.now();
    for round in 0..20_u8 {
        let user = UserId::from_bits(100 + u128::from(round));
        let mut sessions: Vec<Session> = (0..30).map(|step| session(&world, user, step)).collect();
        for session in &mut sessions {
            session.token_hash[0] = round;
        }
        let (kept, first) = (sessions.remove(0), sessions.remove(0));
        for session in [&kept, &first] {
            assert!(world.auth().renew(session.clone(), None, now).await.expect("answered"), "it replaces none");
        }
        let (auth, mut old) = (world.auth(), first.id);
        let renewing = tokio::spawn(async move {
            for session in sessions {
                let id = session.id;
                if !auth.renew(session, Some(old), now).await.expect("answered") {
                    return;
                }
                old = id;
            }
        });
        let auth = world.auth();
        let ending = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(5)).await;
            auth.revoke(user, Revoke::AllBut(kept.id)).await.expect("answered")
        });
        renewing.await.expect("no panic");
        assert_eq!(ending.await.expect("no panic"), 1, "one of them lived, in round {round}");
        let left = world.auth().sessions(user, now).await.expect("read");
        assert_eq!(left.iter().map(|session| session.id).collect::<Vec<_>>(), [kept.id], "in round {round}");
    }
}

fn flow(world: &World, id: u8) -> Flow {
    Flow { id_hash: [id; 32], kind: "test".into(), data: vec![0, 255, id], expires_at: world.now().plus(10 * MINUTE) }
}

/// Of 50 parallel takers one gets it, whole; afterwards its id is free.
pub async fn a_flow_is_taken_once(world: World) {
    let (kept, other) = (flow(&world, 1), flow(&world, 2));
    for flow in [&kept, &other] {
        assert!(world.auth().put_flow(flow.clone(), world.now()).await.expect("kept"));
    }
    let now = world.now();
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let auth = world.auth();
            tokio::spawn(async move { auth.take_flow([1; 32], now).await.expect("answered") })
        })
        .collect();
    let mut taken = Vec::new();
    for task in tasks {
        taken.extend(task.await.expect("no task panics"));
    }
    assert_eq!(taken, std::slice::from_ref(&kept), "one taker gets it, as it was kept");
    assert!(world.auth().put_flow(kept, now).await.expect("answered"), "its id is free again");
    assert_eq!(world.auth().take_flow([2; 32], now).await.expect("read"), Some(other), "others are left alone");
    assert_eq!(world.auth().take_flow([3; 32], now).await.expect("read"), None, "what was never kept is not given");
}

/// Of 50 parallel keepers of one id one succeeds; what is there stays as it is.
pub async fn a_flow_is_kept_once(world: World) {
    let now = world.now();
    let tasks: Vec<_> = (0..50)
        .map(|n| {
            let (auth, flow) = (world.auth(), Flow { data: vec![n], ..flow(&world, 1) });
            tokio::spawn(async move { auth.put_flow(flow, now).await.expect("answered").then_some(n) })
        })
        .collect();
    let mut kept = Vec::new();
    for task in tasks {
        kept.extend(task.await.expect("no task panics"));
    }
    assert_eq!(kept.len(), 1, "one is kept");
    let taken = world.auth().take_flow([1; 32], now).await.expect("read");
    assert_eq!(taken.map(|flow| flow.data), Some(kept), "and it is the one that was told so");
}

/// After its end it is as good as gone, and its id may be used again.
pub async fn an_ended_flow_is_never_given(world: World) {
    let auth = world.auth();
    for id in [1, 2] {
        assert!(auth.put_flow(flow(&world, id), world.now()).await.expect("kept"));
    }
    world.clock.advance(10 * MINUTE);
    assert!(auth.take_flow([1; 32], world.now()).await.expect("answered").is_none(), "it has ended");
    assert!(auth.put_flow(flow(&world, 2), world.now()).await.expect("answered"), "the ended one is not in the way");
    assert!(!auth.put_flow(flow(&world, 2), world.now()).await.expect("answered"), "the new one is");
    assert!(auth.take_flow([2; 32], world.now()).await.expect("answered").is_some());
}

/// A code whose session was revoked meanwhile begins none, and stays unused.
pub async fn a_code_replaces_no_revoked_session(world: World) {
    let auth = world.auth();
    let revoked = signed_in(&world, USER, 1).await;
    assert_eq!(auth.revoke(USER, Revoke::All).await.expect("revoked"), 1);
    let challenge = kept(&world).await;
    let new = session(&world, USER, 2);
    let begun = auth.consume(challenge.id, new.clone(), Some(revoked.id), world.now()).await.expect("answered");
    assert!(!begun, "there is no session to replace");
    assert!(auth.session([2; 32]).await.expect("read").is_none(), "nothing was kept");
    let known = auth.challenge(challenge.id).await.expect("read");
    assert_eq!(known.map(|known| known.consumed), Some(false), "the code was not used up");
    assert!(auth.consume(challenge.id, new, None, world.now()).await.expect("answered"), "it still signs in");
}
