//! Sessions: found by their token, replaced one by one, ended for good.

use std::time::Duration;

use connect_core::UserId;
use connect_core::store::{Revoke, Session};

use super::{MINUTE, USER, World, kept, session, signed_in};

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
