//! Whoever is signed in at the shop is signed in at the desk.

use hyper::Method;
use serde_json::json;

use crate::world::{ADA, BOB, BOSS, SAM, World};

const TICKETS: &str = "/support/api/v1/workspaces/shop/tickets";

#[tokio::test]
async fn somebody_of_the_staff_is_an_agent_on_the_desk_and_a_stranger_is_nobody() {
    let world = World::new().await;
    let mut ada = world.signed_in(ADA).await;
    ada.send(Method::POST, "/orders/7/problem", &[], "The spout is broken.").await.expect(200);
    let mut sam = world.signed_in(SAM).await;
    let me = sam.get("/support/api/v1/me").await.expect(200);
    assert_eq!((&me["user"]["name"], &me["workspaces"][0]["role"]), (&json!("Sam Support"), &json!("member")));
    let note = json!({"kind": "note", "body": "ask the potter"});
    sam.post(&format!("{TICKETS}/1/messages"), &note).await.expect(201);
    let reply = json!({"kind": "reply", "body": "Another one is on its way."});
    sam.post(&format!("{TICKETS}/1/messages"), &reply).await.expect(201);
    let page = sam.get("/support/shop/tickets/1").await;
    assert!(page.status == 200 && page.text.contains("ask the potter"), "{}", page.text);
    let audit = world.signed_in(BOSS).await.get("/support/api/v1/workspaces/shop/audit").await.expect(200);
    assert!(audit.to_string().contains("\"method\":\"host\""), "{audit}");

    // The customer sees her own, without the note; another one and a stranger do not.
    let page = ada.get("/support/shop/requests/1").await;
    assert!(page.text.contains("Another one is on its way.") && !page.text.contains("ask the potter"), "{}", page.text);
    assert_eq!(world.signed_in(BOB).await.get(&format!("{TICKETS}/1")).await.expect(404)["code"], "not_found");
    let mut stranger = world.browser();
    assert_eq!(stranger.get(TICKETS).await.expect(401)["code"], "unauthorized");
    assert_eq!(stranger.get("/support/shop/tickets").await.location(), "/support/sign-in?to=%2Fshop%2Ftickets");
    stranger.cookies.push(("shop_session".to_owned(), "0".repeat(64)));
    assert_eq!(stranger.get(TICKETS).await.expect(401)["code"], "unauthorized");
}

#[tokio::test]
async fn sec_30_signing_out_at_the_shop_ends_the_access_to_the_desk_at_the_next_request() {
    let world = World::new().await;
    for user in [SAM, ADA] {
        let mut browser = world.signed_in(user).await;
        browser.get(TICKETS).await.expect(200);
        let kept = browser.clone();
        assert_eq!(browser.submit("/logout", "").await.location(), "/");
        assert_eq!(browser.get(TICKETS).await.expect(401)["code"], "unauthorized");
        // Nor is a cookie that somebody kept of any use.
        assert_eq!(kept.clone().get(TICKETS).await.expect(401)["code"], "unauthorized");
    }
}

#[tokio::test]
async fn sec_37_a_page_elsewhere_changes_nothing_with_the_shops_cookie() {
    let world = World::new().await;
    let mut sam = world.signed_in(SAM).await;
    for from in [&[][..], &[("sec-fetch-site", "cross-site")], &[("origin", "https://evil.example")]] {
        let headers: Vec<_> = from.iter().copied().chain([("content-type", "application/json")]).collect();
        let path = "/support/api/v1/workspaces/shop/labels";
        let answer = sam.send(Method::POST, path, &headers, r#"{"name": "forged"}"#).await;
        assert_eq!(answer.expect(403)["code"], "cross_site", "{from:?}");
    }
    let labels = sam.get("/support/api/v1/workspaces/shop/labels").await.expect(200);
    assert_eq!(labels["data"], json!([]));
}

#[tokio::test]
async fn what_needs_a_recent_proof_counts_from_the_login_at_the_shop() {
    let world = World::new().await;
    let mut boss = world.signed_in(BOSS).await;
    let invite = json!({"email": "new@shop.example", "role": "admin"});
    boss.post("/support/api/v1/workspaces/shop/invitations", &invite).await.expect(201);
    sqlx::query("UPDATE shop_session SET since = since - 660").execute(world.pool()).await.expect("later");
    let refused = boss.post("/support/api/v1/workspaces/shop/invitations", &invite).await;
    assert_eq!(refused.expect(403)["code"], "step_up_required");
}
