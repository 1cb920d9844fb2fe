//! What is tried with a sign-in at a provider: callbacks that are forged, replayed, mixed up or entered elsewhere.

use std::collections::BTreeSet;

use hyper::header::LOCATION;

use super::provider_world::{OAUTH, World, pair, person, query, session_of};

#[tokio::test(flavor = "multi_thread")]
async fn sec_43_callbacks_without_their_state_and_replayed_ones_sign_nobody_in() {
    let world = World::start().await;
    let browser = world.browser();
    let address = world.begin(&browser, "%2Fworkspaces").await;
    let good = world.agree(&address, person("ada-1", "ada@acme.example"));
    let (code, state) = (good[0].clone(), good[1].clone());
    let foreign = query(&world.begin(&world.browser(), "%2F").await, "state");
    let kept = browser.cookies();
    let tried = [
        (vec![], "state"),
        (vec![code.clone()], "state"),
        (vec![code.clone(), pair("state", "")], "state"),
        (vec![code.clone(), state.clone(), state.clone()], "repeated"),
        (vec![code.clone(), state.clone(), pair("state", "another")], "repeated"),
        (vec![code.clone(), code.clone(), state.clone()], "repeated"),
        (vec![code.clone(), pair("state", &foreign)], "state"),
        (vec![code.clone(), pair("state", &state.1[1..])], "state"),
        (vec![code.clone(), pair("state", &state.1.to_uppercase())], "state"),
        (vec![code.clone(), pair("State", &state.1)], "state"),
        (vec![code.clone(), pair("state", &"x".repeat(4000))], "state"),
    ];
    for (bad, _) in &tried {
        browser.set_cookies(kept.clone());
        let answer = world.back(&browser, "oidc", bad).await;
        world.refused(&answer);
    }
    assert_eq!(world.reasons().await, tried.iter().map(|(_, reason)| *reason).collect::<Vec<_>>());
    assert_eq!(world.signed_in().await, 0);
    // None of it has used the sign-in up; itself does, once, and from then on even its own browser is refused.
    browser.set_cookies(kept.clone());
    let answer = world.back(&browser, "oidc", &good).await;
    assert_eq!((answer.status.as_u16(), answer.headers[LOCATION].as_bytes()), (303, &b"/workspaces"[..]));
    assert_eq!(browser.who().await.as_deref(), Some("ada@acme.example"));
    for _ in 0..3 {
        browser.set_cookies(kept.clone());
        world.refused(&world.back(&browser, "oidc", &good).await);
    }
    assert_eq!(world.signed_in().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_43_of_many_callbacks_at_once_one_signs_in() {
    let world = World::start().await;
    let browser = world.browser();
    let address = world.begin(&browser, "%2F").await;
    let good = world.agree(&address, person("ada-1", "ada@acme.example"));
    let twins: Vec<_> = (0..20)
        .map(|_| {
            let twin = world.browser();
            twin.set_cookies(browser.cookies());
            twin
        })
        .collect();
    let mut sessions = BTreeSet::new();
    let mut asked = tokio::task::JoinSet::new();
    let mut text = url::form_urlencoded::Serializer::new(String::new());
    let path = format!("{OAUTH}/oidc/callback?{}", text.extend_pairs(&good).finish());
    for twin in twins {
        let path = path.clone();
        asked.spawn(async move { twin.open(&path).await });
    }
    for answer in asked.join_all().await {
        if let Some(session) = session_of(&answer) {
            sessions.insert(session.to_owned());
        } else {
            world.refused(&answer);
        }
    }
    assert_eq!((sessions.len(), world.signed_in().await), (1, 1));
    assert_eq!(world.liar.tokens().len(), 1, "the provider was asked once");
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_44_codes_that_are_mixed_up_between_providers_are_worth_nothing() {
    let world = World::start().await;
    let browser = world.browser();
    // The code of one provider at the address of another; it is no good at its own any more, either.
    let address = world.begin(&browser, "%2F").await;
    assert!(query(&address, "redirect_uri").ends_with("/api/v1/auth/oauth/oidc/callback"));
    let mixed = world.agree(&address, person("ada-1", "ada@acme.example"));
    let kept = browser.cookies();
    for provider in ["github", "oidc"] {
        browser.set_cookies(kept.clone());
        world.refused(&world.back(&browser, provider, &mixed).await);
    }
    browser.open(&format!("{OAUTH}/google/callback?code=x&state=y")).await.expect(404);
    assert_eq!(world.reasons().await, ["provider", "state"]);

    // Whoever says to be another provider, or the right one in other letters.
    let issuer = world.liar.issuer.clone();
    let named = [
        Some("https://accounts.example".to_owned()),
        Some(format!("{issuer}/")),
        Some(issuer.replace("http://", "https://")),
        Some(issuer.replace("http://", "HTTP://")),
        Some(String::new()),
        None,
    ];
    for (place, issuer) in named.iter().enumerate() {
        if issuer.is_none() {
            // From here on the provider always says who it is, so silence is another's.
            world.liar.name_itself();
        }
        let address = world.begin(&browser, "%2F").await;
        let mut back = world.agree(&address, person("ada-1", "ada@acme.example"));
        back.extend(issuer.as_deref().map(|issuer| pair("iss", issuer)));
        world.refused(&world.back(&browser, "oidc", &back).await);
        assert_eq!(world.reasons().await[2..], vec!["issuer"; place + 1], "{issuer:?}");
    }
    assert!(world.liar.tokens().is_empty(), "no code has reached anybody");
    let address = world.begin(&browser, "%2F").await;
    let mut back = world.agree(&address, person("ada-1", "ada@acme.example"));
    back.extend([pair("iss", &issuer), pair("iss", &issuer)]);
    world.refused(&world.back(&browser, "oidc", &back).await);
    let address = world.begin(&browser, "%2F").await;
    let mut back = world.agree(&address, person("ada-1", "ada@acme.example"));
    back.push(pair("iss", &issuer));
    assert_eq!(world.back(&browser, "oidc", &back).await.status, 303);
    assert_eq!(browser.who().await.as_deref(), Some("ada@acme.example"));
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_40_a_callback_in_somebody_elses_browser_signs_nobody_in() {
    let world = World::start().await;
    let (attacker, victim) = (world.browser(), world.browser());
    let mallory = world.begin(&attacker, "%2F").await;
    let planted = world.agree(&mallory, person("mallory-1", "mallory@acme.example"));
    // In a browser that holds nothing, in one that is on its way itself, and in one that is signed in.
    world.refused(&world.back(&victim, "oidc", &planted).await);
    let own = world.begin(&victim, "%2F").await;
    let kept = victim.cookies();
    world.refused(&world.back(&victim, "oidc", &planted).await);
    victim.set_cookies(kept);
    let back = world.agree(&own, person("vera-1", "vera@acme.example"));
    assert_eq!(world.back(&victim, "oidc", &back).await.status, 303, "the victim's own sign-in goes on");
    world.refused(&world.back(&victim, "oidc", &planted).await);
    assert_eq!(victim.who().await.as_deref(), Some("vera@acme.example"), "and stays");
    assert_eq!(world.reasons().await, ["browser", "state", "browser"]);
    // The state of one browser with the cookie of another finds nothing, whatever is put together.
    let mut forged = victim.cookies();
    forged.insert("connect_dev_oauth".to_owned(), "A".repeat(43));
    victim.set_cookies(forged);
    world.refused(&world.back(&victim, "oidc", &planted).await);
    assert_eq!(victim.who().await.as_deref(), Some("vera@acme.example"));
    assert_eq!(world.signed_in().await, 1);
    assert!(world.target.journal("user.account_linked").await.len() == 1, "nobody's account came to the victim");
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_49_whatever_was_asked_for_a_sign_in_leads_to_the_desk() {
    let world = World::start().await;
    for bad in [
        "//evil.example",
        "%2F%2Fevil.example",
        "%2F%5Cevil.example",
        "%5C%5Cevil.example",
        "https:%2F%2Fevil.example",
        "%2F%09%2Fevil.example",
        "%2Fa%0d%0aSet-Cookie:%20x=y",
        "javascript:alert(1)",
        "%2F%252f%252fevil.example",
        "%2F..%2F..%2Fevil.example",
        "evil.example",
        "%2F%E2%80%AEevil",
        "%2F@evil.example%2F%2F..",
    ] {
        let browser = world.browser();
        let address = world.begin(&browser, bad).await;
        assert!(!address.as_str().contains("evil"), "the target is not told to the provider: {address}");
        let mut back = world.agree(&address, person("ada-1", "ada@acme.example"));
        back.extend([pair("to", "https://evil.example"), pair("redirect_uri", "https://evil.example")]);
        let answer = world.back(&browser, "oidc", &back).await;
        assert_eq!((answer.status.as_u16(), answer.headers[LOCATION].as_bytes()), (303, &b"/"[..]), "{bad}");
        assert!(!answer.headers.contains_key("x") && !format!("{:?}", answer.headers).contains("evil"), "{bad}");
    }
    // What a form of the desk asks for, the same way.
    let page = world.browser().open("/sign-in?to=//evil.example").await;
    assert!(page.text.contains("/oidc/start?to=/\"") && !page.text.contains("evil"), "{}", page.text);
}
