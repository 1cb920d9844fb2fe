//! One lie each: the same answer to all, nobody signed in, and the journal says what it was.

use std::sync::Arc;
use std::time::Duration;

use connect_core::event::Fact;
use connect_store::{SqliteSettings, SqliteStore};

use super::liar::{ACCESS_TOKEN, Lie};
use super::world::{World, open, person, who};
use crate::app::settings;

/// Goes there and back while the provider lies; the word in the journal.
async fn told(world: &World, lie: Lie) -> String {
    let browser = world.browser();
    // Of one client's refusals so many a minute are kept.
    world.app.clock.advance(Duration::from_secs(5));
    world.acme.tell(lie);
    let started = open(&browser, "/api/v1/auth/oauth/acme/start").await;
    let answer = if started.status == 303 {
        let address = url::Url::parse(started.headers["location"].to_str().expect("text")).expect("an address");
        let back = world.agree("acme", &address, person("ada-1", "ada@acme.example"));
        world.back(&browser, "acme", &back).await
    } else {
        started
    };
    world.refused(&answer);
    assert_eq!(who(&browser).await, None, "{lie:?}");
    assert!(open(&browser, "/api/v1/auth/sessions").await.status == 401);
    world.reason().await
}

/// Nobody came to be, and whoever tells the truth gets in: it was the lie.
async fn truth(world: World) {
    let facts = world.facts().await;
    assert!(facts.iter().all(|fact| matches!(fact, Fact::AuthProviderRefused { .. })), "{facts:?}");
    let browser = world.browser();
    world.acme.tell(Lie::Nothing);
    let answer = world.sign_in(&browser, "acme", person("ada-1", "ada@acme.example")).await;
    assert_eq!(answer.status, 303, "{}", answer.text);
    assert!(who(&browser).await.is_some());
    world.finish().await;
}

#[tokio::test]
async fn sec_45_an_id_token_that_lies_in_any_field_is_refused() {
    let world = World::new().await;
    for lie in [
        Lie::Issuer,
        Lie::IssuerWithSlash,
        Lie::Audience,
        Lie::FurtherAudience,
        Lie::NoAudience,
        Lie::Party,
        Lie::Nonce,
        Lie::NoNonce,
        Lie::Expired,
        Lie::ExpiresNow,
        Lie::IssuedTomorrow,
        Lie::AlgNone,
        Lie::AlgNoneWithoutSignature,
        Lie::AlgHs256WithThePublicKey,
        Lie::AlgHs256WithTheClientSecret,
        Lie::ForeignKey,
        Lie::ForeignKid,
        Lie::OldKeysGone,
        Lie::BrokenSignature,
        Lie::Critical,
        Lie::NoIdToken,
    ] {
        assert_eq!(told(&world, lie).await, "id_token", "{lie:?}");
    }
    for lie in [Lie::NoSubject, Lie::LongSubject] {
        assert_eq!(told(&world, lie).await, "subject", "{lie:?}");
    }
    assert_eq!(told(&world, Lie::DocumentIssuer).await, "discovery_issuer", "the issuer is the configured one");
    truth(world).await;
}

#[tokio::test]
async fn sec_50_redirects_large_slow_and_private_answers_of_a_provider_are_refused() {
    let world = World::new().await;
    for (lie, reason) in [
        (Lie::DocumentRedirect, "provider_answer"),
        (Lie::DocumentBroken, "provider_answer"),
        (Lie::KeysRedirect, "provider_answer"),
        (Lie::DocumentHuge, "provider_unreachable"),
        (Lie::KeysHuge, "provider_unreachable"),
        (Lie::TokenRedirect, "code_exchange"),
        (Lie::TokenHuge, "code_exchange"),
        (Lie::TokenSlow, "code_exchange"),
        (Lie::TokenError, "code_exchange"),
        (Lie::PlainEndpoint, "code_exchange"),
        (Lie::PrivateEndpoint, "code_exchange"),
    ] {
        assert_eq!(told(&world, lie).await, reason, "{lie:?}");
    }
    truth(world).await;
}

#[tokio::test]
async fn sec_52_a_provider_that_refuses_or_fails_signs_nobody_in() {
    let world = World::new().await;
    for refusal in [
        vec![("error", "access_denied"), ("error_description", "provider-said no")],
        vec![("error", "server_error"), ("code", "code-number-1-of-the-provider")],
        vec![("code", "")],
        vec![],
    ] {
        let browser = world.browser();
        let address = world.start(&browser, "acme", "/").await;
        world.agree("acme", &address, person("ada-1", "ada@acme.example"));
        let mut back = vec![("state".to_owned(), super::world::query(&address, "state"))];
        back.extend(refusal.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        world.refused(&world.back(&browser, "acme", &back).await);
        assert_eq!(world.reason().await, "denied");
        assert_eq!(who(&browser).await, None);
    }
    truth(world).await;
}

#[tokio::test]
async fn sec_52_the_tokens_of_a_provider_are_kept_nowhere() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("desk.db");
    let store = Arc::new(SqliteStore::open(&path, SqliteSettings::default()).await.expect("a store"));
    let world = World::over(store.clone(), store.clone(), settings()).await;
    let (known, waiting) = (world.browser(), world.browser());
    assert_eq!(world.sign_in(&known, "acme", person("ada-1", "ada@acme.example")).await.status, 303);
    assert_eq!(world.sign_in(&waiting, "other", person("bob-1", "bob@else.example")).await.status, 303);
    assert_eq!(who(&known).await.as_deref(), Some("ada@acme.example"));
    let mut secrets = [world.acme.tokens(), world.other.tokens()].concat();
    assert_eq!(secrets.len(), 2, "both providers gave tokens out");
    secrets.extend([ACCESS_TOKEN.to_owned(), "code-number-1-of-the-provider".to_owned()]);
    // The parts of a token, each by itself, and what an unsealed sign-in would show.
    let parts: Vec<String> = secrets.iter().flat_map(|secret| secret.split('.')).map(str::to_owned).collect();
    secrets.extend(parts.into_iter().filter(|part| part.len() > 30));
    secrets.push("code_challenge".to_owned());
    secrets.push("bob@else.example\",\"verified".to_owned());
    world.finish().await;
    store.close().await;
    let mut stored = Vec::new();
    for file in std::fs::read_dir(folder.path()).expect("the folder").flatten() {
        stored.extend(std::fs::read(file.path()).expect("a file"));
    }
    let holds = |text: &str| stored.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(holds("ada@acme.example") && holds("ada-1"), "what is kept is found");
    for secret in &secrets {
        assert!(!holds(secret), "{secret}");
    }
}
