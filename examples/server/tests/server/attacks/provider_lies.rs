//! A provider that lies: in a field of its token, in its answers, in what it says of a person.

use serde_json::{Value, json};

use super::liar::Lie;
use super::provider_world::{OAUTH, World, person, session_of};

/// Lies and the word of the journal for each.
const LIES: [(Lie, &str); 32] = [
    (Lie::Issuer, "id_token"),
    (Lie::IssuerWithSlash, "id_token"),
    (Lie::Audience, "id_token"),
    (Lie::FurtherAudience, "id_token"),
    (Lie::NoAudience, "id_token"),
    (Lie::Party, "id_token"),
    (Lie::Nonce, "id_token"),
    (Lie::NoNonce, "id_token"),
    (Lie::Expired, "id_token"),
    (Lie::ExpiresNow, "id_token"),
    (Lie::IssuedTomorrow, "id_token"),
    (Lie::AlgNone, "id_token"),
    (Lie::AlgNoneWithoutSignature, "id_token"),
    (Lie::AlgHs256WithThePublicKey, "id_token"),
    (Lie::AlgHs256WithTheClientSecret, "id_token"),
    (Lie::ForeignKey, "id_token"),
    (Lie::ForeignKid, "id_token"),
    (Lie::OldKeysGone, "id_token"),
    (Lie::BrokenSignature, "id_token"),
    (Lie::Critical, "id_token"),
    (Lie::NoIdToken, "id_token"),
    (Lie::NoSubject, "subject"),
    (Lie::LongSubject, "subject"),
    (Lie::DocumentIssuer, "discovery_issuer"),
    (Lie::DocumentRedirect, "provider_answer"),
    (Lie::DocumentHuge, "provider_unreachable"),
    (Lie::DocumentBroken, "provider_answer"),
    (Lie::KeysRedirect, "provider_answer"),
    (Lie::KeysHuge, "provider_unreachable"),
    (Lie::TokenRedirect, "code_exchange"),
    (Lie::TokenHuge, "code_exchange"),
    (Lie::TokenError, "code_exchange"),
];

/// Endpoints that the desk must not go to, and an answer that does not come.
const DETOURS: [Lie; 3] = [Lie::PlainEndpoint, Lie::PrivateEndpoint, Lie::TokenSlow];

async fn told(world: &World, lie: Lie) {
    let browser = world.browser();
    world.liar.tell(lie);
    let started = browser.open(&format!("{OAUTH}/oidc/start?to=%2F")).await;
    let answer = if started.status == 303 {
        let address = started.headers["location"].to_str().expect("text");
        let address = url::Url::parse(address).expect("an address");
        world.back(&browser, "oidc", &world.agree(&address, person("ada-1", "ada@acme.example"))).await
    } else {
        started
    };
    world.refused(&answer);
    assert_eq!(browser.who().await, None, "{lie:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_45_a_provider_that_lies_in_any_field_signs_nobody_in() {
    // Of one client's refusals twenty a minute are kept one by one.
    for lies in LIES.chunks(16) {
        let world = World::start().await;
        for (lie, _) in lies {
            told(&world, *lie).await;
        }
        assert_eq!(world.reasons().await, lies.iter().map(|(_, reason)| *reason).collect::<Vec<_>>());
        assert!(world.target.journal("user.created").await.is_empty(), "nobody came to be");
        world.liar.tell(Lie::Nothing);
        let browser = world.browser();
        assert_eq!(world.sign_in(&browser, person("ada-1", "ada@acme.example")).await.status, 303, "it was the lies");
        assert_eq!(browser.who().await.as_deref(), Some("ada@acme.example"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_50_a_provider_leads_the_desk_nowhere_and_does_not_keep_it_waiting() {
    let world = World::start().await;
    for lie in DETOURS {
        let begun = std::time::Instant::now();
        told(&world, lie).await;
        assert!(begun.elapsed().as_secs() < 20, "{lie:?} took {:?}", begun.elapsed());
    }
    assert_eq!(world.reasons().await, ["code_exchange"; 3]);
    world.target.stranger().get("/readyz").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_47_what_a_provider_says_of_addresses_gives_it_nobodys_account() {
    let world = World::start().await;
    world.target.sign_in("victim@acme.example").await;
    world.target.sign_in("victor@else.example").await;
    let told = [
        // Not verified, or of a domain that is not this provider's to give out.
        json!({"sub": "m-1", "email": "victim@acme.example", "email_verified": false}),
        json!({"sub": "m-2", "email": "victim@acme.example"}),
        json!({"sub": "m-3", "email": "victor@else.example", "email_verified": true}),
        json!({"sub": "m-4", "email": "VICTOR@else.example", "email_verified": true}),
    ];
    for claims in &told {
        let browser = world.browser();
        let answer = world.sign_in(&browser, claims.clone()).await;
        let target = answer.headers["location"].to_str().expect("text");
        assert_eq!((answer.status.as_u16(), target), (303, "/sign-in/code?to=%2Fworkspaces"), "{claims}");
        assert!(session_of(&answer).is_none() && browser.who().await.is_none(), "{claims}");
    }
    let nothing: Vec<Value> = vec![
        json!({"sub": "m-5"}),
        json!({"sub": "m-6", "email": "victim@acme.example, mallory@acme.example", "email_verified": true}),
        json!({"sub": "m-7", "email": "victim@acme.example\r\nBcc: m@evil.example", "email_verified": true}),
        json!({"sub": "m-8", "email": "Victim <victim@acme.example>", "email_verified": true}),
    ];
    for claims in &nothing {
        let browser = world.browser();
        let answer = world.sign_in(&browser, claims.clone()).await;
        assert_eq!(answer.status, 401, "{claims}: {}", answer.text);
        assert!(answer.text.contains("tells no address of yours"), "{claims}: {}", answer.text);
        assert_eq!(browser.who().await, None);
    }
    assert!(world.target.journal("user.account_linked").await.is_empty());
    assert_eq!(world.signed_in().await, 2, "the two by their codes");
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_48_a_provider_that_lies_about_a_person_changes_name_picture_and_language_at_most() {
    let world = World::start().await;
    let owner = world.target.owner().await;
    let claims = json!({
        "sub": "eve-1", "email": "eve@acme.example", "email_verified": true,
        "name": format!("<script>alert(1)</script>\u{202e}\r\n{}", "x".repeat(5000)),
        "picture": "javascript:alert(1)", "locale": "x\r\ny", "role": "owner", "roles": ["owner"], "groups": ["owner"],
        "id": "usr_00000000000000000000000001", "proven": true, "disabled": false, "workspace": "acme",
    });
    let browser = world.browser();
    assert_eq!(world.sign_in(&browser, claims).await.status, 303);
    let me = browser.open("/api/v1/me").await.expect(200);
    assert_eq!(me["user"]["email"], "eve@acme.example");
    assert_eq!((&me["user"]["avatar_url"], &me["user"]["locale"]), (&Value::Null, &Value::Null));
    assert_eq!((&me["workspaces"], &me["customer_of"]), (&json!([]), &json!([])), "nothing is given by a claim");
    let name = me["user"]["name"].as_str().expect("a name");
    assert!(name.len() <= 100 && !name.contains('\u{202e}') && !name.contains('\n'), "{name}");
    browser.open("/api/v1/workspaces/acme").await.expect(404);
    let page = browser.open("/workspaces").await;
    assert!(page.status == 200 && !page.text.contains("<script>alert"), "{}", page.text);
    owner.get("/api/v1/workspaces/acme").await.expect(200);
}
