//! The way there and back.

use std::time::Duration;

use axum::http::{HeaderValue, Method, Request};
use connect_auth::{AuthSettings, Quotas, SignUp};
use connect_core::EmailAddress;
use connect_core::event::Fact;
use connect_core::store::Quota;
use serde_json::json;

use super::world::{World, open, person, query, who};
use crate::app::settings;

#[tokio::test]
async fn somebody_signs_in_with_a_provider_and_comes_back_to_where_they_were() {
    let world = World::new().await;
    let browser = world.browser();
    let page = open(&browser, "/sign-in?to=%2Facme%2Ftickets").await;
    assert!(page.text.contains("/api/v1/auth/oauth/acme/start?to=/acme/tickets\">Sign in with Acme"), "{}", page.text);
    let address = world.start(&browser, "acme", "/acme/requests/7").await;
    let claims = json!({"sub": "ada-1", "email": "ada@acme.example", "email_verified": true, "name": "Ada Lovelace"});
    let mut back = world.agree("acme", &address, claims);
    // Providers send things of their own along.
    back.push(("session_state".to_owned(), "provider-said".to_owned()));
    let answer = world.back(&browser, "acme", &back).await;
    assert_eq!(
        (answer.status.as_u16(), &answer.headers["location"]),
        (303, &HeaderValue::from_static("/acme/requests/7"))
    );
    assert_eq!(who(&browser).await.as_deref(), Some("ada@acme.example"));
    let me = open(&browser, "/api/v1/me").await.expect(200);
    assert_eq!(me["user"]["name"], "Ada Lovelace");
    let sessions = open(&browser, "/api/v1/auth/sessions").await.expect(200);
    assert_eq!(sessions["data"][0]["method"], "oauth:acme");
    world.finish().await;
}

#[tokio::test]
async fn sec_42_each_sign_in_has_pkce_state_and_nonce_of_its_own_and_is_taken_once_within_ten_minutes() {
    let world = World::new().await;
    let browser = world.browser();
    let asked = open(&browser, "/api/v1/auth/oauth/acme/start").await;
    let cookie = asked.headers["set-cookie"].to_str().expect("text");
    for part in ["__Host-connect_oauth=", "; Path=/", "; HttpOnly", "; SameSite=Lax", "; Secure", "; Max-Age=600"] {
        assert!(cookie.contains(part), "{part} in {cookie}");
    }
    let (one, two) = (world.start(&browser, "acme", "/").await, world.start(&browser, "acme", "/").await);
    for address in [&one, &two] {
        assert_eq!(query(address, "response_type"), "code");
        assert_eq!(query(address, "code_challenge_method"), "S256");
        assert_eq!(query(address, "scope"), "openid email profile");
        assert_eq!(query(address, "redirect_uri"), "https://desk.example/api/v1/auth/oauth/acme/callback");
        assert!(!address.query_pairs().any(|(name, _)| name == "client_secret"));
    }
    for name in ["state", "nonce", "code_challenge"] {
        assert_eq!(query(&one, name).len(), 43, "256 bits");
        assert_ne!(query(&one, name), query(&two, name), "{name} is of one sign-in");
    }
    // The browser holds what belongs to the second sign-in: the first can no longer be finished.
    let late = world.agree("acme", &one, person("ada-1", "ada@acme.example"));
    world.refused(&world.back(&browser, "acme", &late).await);

    let address = world.start(&browser, "acme", "/").await;
    let back = world.agree("acme", &address, person("ada-1", "ada@acme.example"));
    world.app.clock.advance(Duration::from_secs(600));
    world.refused(&world.back(&browser, "acme", &back).await);
    assert_eq!(world.reason().await, "state", "after ten minutes it is gone");
    assert_eq!(who(&browser).await, None);

    let address = world.start(&browser, "acme", "/").await;
    let back = world.agree("acme", &address, person("ada-1", "ada@acme.example"));
    world.app.clock.advance(Duration::from_secs(599));
    let claims_have_ended = world.back(&browser, "acme", &back).await;
    world.refused(&claims_have_ended);
    assert_eq!(world.reason().await, "id_token", "one second before, the sign-in is there, but its token has ended");
    world.finish().await;
}

#[tokio::test]
async fn sec_43_absent_empty_repeated_foreign_and_replayed_states_fail() {
    let world = World::new().await;
    let browser = world.browser();
    let address = world.start(&browser, "acme", "/").await;
    let good = world.agree("acme", &address, person("ada-1", "ada@acme.example"));
    let (code, state) = (good[0].clone(), good[1].clone());
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let stranger = world.browser();
    let foreign = query(&world.start(&stranger, "acme", "/").await, "state");
    for bad in [
        vec![code.clone()],
        vec![code.clone(), pair("state", "")],
        vec![code.clone(), state.clone(), state.clone()],
        vec![code.clone(), state.clone(), pair("state", "another")],
        vec![code.clone(), code.clone(), state.clone()],
        vec![code.clone(), state.clone(), pair("iss", &world.acme.issuer), pair("iss", "https://x.example")],
        vec![code.clone(), pair("state", &foreign)],
        vec![code.clone(), pair("state", &state.1[1..])],
        vec![code.clone(), pair("State", &state.1)],
        vec![],
    ] {
        // The cookie is gone after each: it is put back, as a browser that was tricked would still have it.
        let kept = browser.cookies();
        world.refused(&world.back(&browser, "acme", &bad).await);
        browser.set_cookies(kept);
    }
    assert_eq!(who(&browser).await, None);
    // None of it has used up the sign-in itself.
    let kept = browser.cookies();
    assert_eq!(world.back(&browser, "acme", &good).await.status, 303);
    assert!(who(&browser).await.is_some());
    browser.set_cookies(kept);
    world.refused(&world.back(&browser, "acme", &good).await);
    assert_eq!(world.reason().await, "state", "a callback that is replayed finds nothing");
    world.finish().await;
}

#[tokio::test]
async fn sec_40_a_sign_in_cannot_be_finished_in_another_browser() {
    let world = World::new().await;
    let (attacker, victim) = (world.browser(), world.browser());
    let address = world.start(&attacker, "acme", "/").await;
    let back = world.agree("acme", &address, person("eve-1", "eve@acme.example"));
    world.refused(&world.back(&victim, "acme", &back).await);
    assert_eq!(world.reason().await, "browser");
    world.start(&victim, "acme", "/").await;
    world.refused(&world.back(&victim, "acme", &back).await);
    assert_eq!(who(&victim).await, None, "also with a sign-in of the victim's own under way");
    world.finish().await;
}

#[tokio::test]
async fn sec_44_answers_of_one_provider_are_nothing_at_another() {
    let world = World::new().await;
    let browser = world.browser();
    let mut addresses = std::collections::BTreeSet::new();
    for provider in ["acme", "other", "microsoft", "github"] {
        addresses.insert(query(&world.start(&browser, provider, "/").await, "redirect_uri"));
    }
    assert_eq!(addresses.len(), 4, "each has an address of its own: {addresses:?}");

    // A browser that was sent to `other` comes back to `acme`, with a code of `acme`'s.
    let address = world.start(&browser, "other", "/").await;
    let back = world.agree("acme", &address, person("ada-1", "ada@acme.example"));
    world.refused(&world.back(&browser, "acme", &back).await);
    assert_eq!(world.reason().await, "provider");

    let pair = |value: &str| ("iss".to_owned(), value.to_owned());
    for (issuer, reason) in [
        (Some("https://accounts.example".to_owned()), "issuer"),
        (Some(world.other.issuer.clone()), "issuer"),
        (Some(format!("{}/", world.acme.issuer)), "issuer"),
        (Some(String::new()), "issuer"),
    ] {
        let address = world.start(&browser, "acme", "/").await;
        let mut back = world.agree("acme", &address, person("ada-1", "ada@acme.example"));
        back.extend(issuer.as_deref().map(pair));
        world.refused(&world.back(&browser, "acme", &back).await);
        assert_eq!(world.reason().await, reason, "{issuer:?}");
    }
    world.acme.name_itself();
    let address = world.start(&browser, "acme", "/").await;
    let back = world.agree("acme", &address, person("ada-1", "ada@acme.example"));
    world.refused(&world.back(&browser, "acme", &back).await);
    assert_eq!(world.reason().await, "issuer", "a provider that always names itself is not silent");
    assert_eq!(who(&browser).await, None);
    let address = world.start(&browser, "acme", "/").await;
    let mut back = world.agree("acme", &address, person("ada-1", "ada@acme.example"));
    back.push(pair(&world.acme.issuer));
    assert_eq!(world.back(&browser, "acme", &back).await.status, 303);
    assert!(who(&browser).await.is_some());
    world.finish().await;
}

#[tokio::test]
async fn sec_49_after_signing_in_only_paths_of_the_desk_are_gone_to() {
    let world = World::new().await;
    for bad in
        ["%2F%2Fevil.example", "https:%2F%2Fevil.example", "%2F%5Cevil.example", "%2Fa%0d%0ab", "javascript:alert(1)"]
    {
        let browser = world.browser();
        let address = world.start(&browser, "acme", bad).await;
        let back = world.agree("acme", &address, person("ada-1", "ada@acme.example"));
        let answer = world.back(&browser, "acme", &back).await;
        assert_eq!(answer.headers["location"], "/", "{bad}");
    }
    world.finish().await;
}

#[tokio::test]
async fn sec_72_starts_are_limited_by_client() {
    let quotas = Quotas { oauth_starts: Quota::per_seconds(5, 900), ..settings().quotas };
    assert_eq!(quotas.oauth_starts, Quotas::default().oauth_starts);
    let world = World::with(AuthSettings { quotas, ..settings() }).await;
    let browser = world.browser();
    for _ in 0..5 {
        world.start(&browser, "acme", "/").await;
    }
    let limited = open(&browser, "/api/v1/auth/oauth/other/start").await;
    assert_eq!(limited.problem(429), "rate_limited");
    assert!(limited.headers.contains_key("retry-after"));
    world.app.clock.advance(Duration::from_secs(900));
    world.start(&browser, "acme", "/").await;
    world.finish().await;
}

#[tokio::test]
async fn sec_72_failures_are_limited_by_client_so_that_the_journal_is_not_flooded() {
    let quotas = Quotas { failures_per_ip: Quota::per_seconds(2, 600), ..settings().quotas };
    let world = World::with(AuthSettings { quotas, ..settings() }).await;
    let browser = world.browser();
    for _ in 0..3 {
        assert_eq!(world.sign_in(&browser, "acme", person("ada-1", "ada@acme.example")).await.status, 303);
    }
    for _ in 0..2 {
        world.refused(&world.back(&browser, "acme", &[]).await);
    }
    assert_eq!(world.back(&browser, "acme", &[]).await.problem(429), "rate_limited");
    world.finish().await;
}

#[tokio::test]
async fn only_a_page_of_its_own_starts_and_only_by_get() {
    let world = World::new().await;
    let start = "/api/v1/auth/oauth/acme/start";
    let send = async |method: Method, headers: &[(&str, &str)]| {
        let mut request = Request::builder().method(method).uri(start);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        world.app.anonymous().send(request.body(axum::body::Body::empty()).expect("a request")).await.status.as_u16()
    };
    assert_eq!(send(Method::GET, &[("sec-fetch-site", "cross-site"), ("sec-fetch-dest", "document")]).await, 303);
    for dest in ["iframe", "image", "empty", "script"] {
        assert_eq!(
            send(Method::GET, &[("sec-fetch-site", "cross-site"), ("sec-fetch-dest", dest)]).await,
            403,
            "{dest}"
        );
    }
    assert_eq!(send(Method::HEAD, &[]).await, 405, "looking starts nothing");
    assert_eq!(send(Method::POST, &[]).await, 405);
    let browser = world.browser();
    assert_eq!(open(&browser, "/api/v1/auth/oauth/nobody/start").await.problem(404), "not_found");
    assert_eq!(open(&browser, "/api/v1/auth/oauth/nobody/callback?code=x&state=y").await.problem(404), "not_found");
    assert_eq!(open(&browser, "/api/v1/auth/oauth/acme/start?to=%2F&x=1").await.problem(422), "invalid");
    world.finish().await;
}

#[tokio::test]
async fn disabled_users_and_strangers_where_sign_up_is_closed_are_refused_alike() {
    let world = World::with(AuthSettings { sign_up: SignUp::Invited, ..settings() }).await;
    let owner = world.app.sign_in("owner@acme.example").await;
    owner.post("/workspaces", &json!({"name": "Acme", "slug": "acme"})).await.expect(201);
    let browser = world.browser();
    world.refused(&world.sign_in(&browser, "acme", person("eve-1", "eve@acme.example")).await);
    assert_eq!(world.reason().await, "sign_up");
    let email = EmailAddress::parse("email", "eve@acme.example").expect("an address");
    assert!(world.app.desk.users().find(&email).await.expect("read").is_none(), "nobody came to be");
    // At a workspace that anyone may ask, they may come in as a customer.
    let address = world.start(&browser, "acme", "%2Facme%2Frequests").await;
    let back = world.agree("acme", &address, person("eve-1", "eve@acme.example"));
    assert_eq!(world.back(&browser, "acme", &back).await.status, 303);
    assert!(who(&browser).await.is_some());

    let user = world.app.desk.users().find(&email).await.expect("read").expect("a user");
    world.app.desk.users().set_disabled(user.id, true).await.expect("disabled");
    let other = world.browser();
    world.refused(&world.sign_in(&other, "acme", person("eve-1", "eve@acme.example")).await);
    assert_eq!(world.reason().await, "disabled", "by the account");
    world.refused(&world.sign_in(&other, "acme", person("eve-2", "eve@acme.example")).await);
    assert_eq!(world.reason().await, "sign_up", "by the address");
    world.finish().await;
}

#[tokio::test]
async fn sec_26_signing_in_with_a_provider_ends_the_session_that_was_there() {
    let world = World::new().await;
    let browser = world.browser();
    world.sign_in(&browser, "acme", person("ada-1", "ada@acme.example")).await;
    let old = browser.cookies();
    world.sign_in(&browser, "acme", person("ada-1", "ada@acme.example")).await;
    assert!(who(&browser).await.is_some());
    browser.set_cookies(old);
    assert_eq!(who(&browser).await, None);
    let signed_in = world.facts().await.into_iter().filter(|fact| matches!(fact, Fact::AuthSignedIn { .. })).count();
    assert_eq!(signed_in, 2, "sec 80: the journal tells of both");
    world.finish().await;
}
