//! Challenges, sessions, budgets, flows: counted first, used once, never revived.

mod flows;
mod sessions;

use std::sync::Arc;
use std::time::Duration;

use connect_core::store::{Budget, Challenge, ChallengeSeen, CodeForm, Flow, Resend, Session};
use connect_core::{AuthStore, UserId};

use super::World;
use super::world::address;

use flows::flow;
// A group of cases is one module, however many files it has.
pub use flows::*;
pub use sessions::*;

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
        strong_at: None,
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
