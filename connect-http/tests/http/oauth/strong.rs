//! Providers that say of an account that a second factor was shown there.

use serde_json::{Value, json};

use super::world::{World, open, person, who};
use crate::app::User;
use crate::enrolled::enrol;

fn said(acr: Option<&str>, amr: &[&str]) -> Value {
    let mut claims = person("ada-1", "ada@acme.example");
    if let Some(acr) = acr {
        claims["acr"] = acr.into();
    }
    if !amr.is_empty() {
        claims["amr"] = json!(amr);
    }
    claims
}

async fn ada(world: &World) -> User {
    world.app.sign_in("ada@acme.example").await
}

#[tokio::test]
async fn sec_86_a_provider_vouches_in_configured_words_only_and_else_is_one_factor() {
    let world = World::new().await;
    let browser = world.browser();
    world.sign_in(&browser, "acme", said(None, &[])).await;
    assert_eq!(who(&browser).await.as_deref(), Some("ada@acme.example"), "one factor is enough so far");
    enrol(&world.app, &ada(&world).await).await;
    for (acr, amr, is_strong) in [
        (None, &[][..], false),
        (Some("urn:acme:silver"), &["pwd"][..], false),
        (Some("mfa"), &["urn:acme:gold"][..], false),
        (Some("urn:acme:gold"), &[][..], true),
        (None, &["pwd", "mfa"][..], true),
    ] {
        let browser = world.browser();
        world.sign_in(&browser, "acme", said(acr, amr)).await;
        assert_eq!(who(&browser).await.is_some(), is_strong, "{acr:?} {amr:?}");
        let page = browser.get("/workspaces").await.text;
        assert_eq!(page.contains("<h1>Show your second factor</h1>"), !is_strong, "{acr:?} {amr:?}");
    }
    world.finish().await;
}

#[tokio::test]
async fn sec_86_a_provider_of_which_no_words_are_configured_is_one_factor_whatever_it_says() {
    let world = World::new().await;
    let user = ada(&world).await;
    enrol(&world.app, &user).await;
    let browser = world.browser();
    world.sign_in(&browser, "other", said(Some("urn:acme:gold"), &["mfa"])).await;
    world.app.deliver().await;
    let code = world.app.code("ada@acme.example");
    browser.submit("/sign-in/code", &[("code", &code), ("to", "/workspaces")]).await;
    assert_eq!(who(&browser).await, None, "after the code by e-mail the second factor is asked for");
    let linked = world.facts().await.iter().any(|fact| fact.name() == "user.account_linked");
    assert!(!linked, "and nothing is linked before it was shown");
    world.finish().await;
}

#[tokio::test]
async fn sec_86_a_workspace_takes_the_word_of_the_provider_and_keys_follow_it() {
    let world = World::new().await;
    let owner = world.app.sign_in("boss@acme.example").await;
    owner.post("/workspaces", &json!({"name": "Acme", "slug": "acme"})).await.expect(201);
    let ada = world.app.member(&owner, "ada@acme.example", "admin").await;
    let key = json!({"name": "Robot", "scopes": ["tickets.read"]});
    let key = ada.post("/workspaces/acme/api-keys", &key).await.expect(201);
    let program = world.app.bearer(key["token"].as_str().expect("a token"));
    let owner = enrol(&world.app, &owner).await.user;
    owner.patch("/workspaces/acme", &json!({"require_second_factor": true})).await.expect(200);
    let tickets = "/api/v1/workspaces/acme/tickets";
    let plain = world.browser();
    world.sign_in(&plain, "acme", said(None, &["pwd"])).await;
    assert_eq!(open(&plain, tickets).await.problem(403), "second_factor_enrolment_required");
    let refused = program.get("/workspaces/acme/tickets").await;
    assert_eq!(refused.problem(403), "second_factor_enrolment_required");
    let strong = world.browser();
    world.sign_in(&strong, "acme", said(None, &["mfa"])).await;
    assert_eq!(open(&strong, tickets).await.status, 200);
    assert_eq!(program.get("/workspaces/acme/tickets").await.status, 200, "her key is as strong as her account");
    assert_eq!(open(&plain, tickets).await.problem(403), "second_factor_enrolment_required", "each session for itself");
    // It is her last one: it stays while a workspace asks for one.
    let kept = strong.send(
        axum::http::Request::delete("/api/v1/me/accounts/acme").header("content-type", "application/json"),
        String::new(),
    );
    assert_eq!(kept.await.problem(409), "last_strong_method", "sec 87");
    world.finish().await;
}
