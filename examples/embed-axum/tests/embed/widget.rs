//! The widget on a page of the shop.

use std::time::Duration;

use connect_auth::WidgetKey;
use connect_core::{Clock, SystemClock};
use embed_axum::support;
use hyper::Method;
use serde_json::json;

use crate::world::{ADA, BOB, Browser, SAM, World, key};

const TICKETS: &str = "/support/api/v1/workspaces/shop/tickets";

async fn token(browser: &mut Browser) -> String {
    browser.get("/help/token").await.expect(200)["token"].as_str().expect("a token").to_owned()
}

#[tokio::test]
async fn a_widget_asks_with_a_token_that_the_shop_gives_to_its_own_page() {
    let world = World::new().await;
    let (mut ada, mut sam) = (world.signed_in(ADA).await, world.signed_in(SAM).await);
    ada.send(Method::POST, "/orders/7/problem", &[], "The spout is broken.").await.expect(200);
    let page = ada.get("/help").await;
    assert!(page.text.contains("/help.js") && ada.get("/help.js").await.text.contains(TICKETS), "{}", page.text);
    let token = token(&mut ada).await;
    // What the shop opened for her before is hers.
    let list = ada.with_token(&token, Method::GET, TICKETS, None).await.expect(200);
    assert_eq!(list["data"][0]["subject"], "Order 7: a teapot");
    let ask = json!({"subject": "Gift wrap", "body": "Is there any?"});
    let opened = ada.with_token(&token, Method::POST, TICKETS, Some(&ask)).await.expect(201);
    assert_eq!(opened["number"], 2);
    sam.post(&format!("{TICKETS}/2/messages"), &json!({"kind": "note", "body": "hush"})).await.expect(201);
    let messages = ada.with_token(&token, Method::GET, &format!("{TICKETS}/2/messages"), None).await;
    assert!(messages.expect(200).to_string().contains("Is there any?") && !messages.text.contains("hush"));
    // By the shop's login she is the same.
    assert_eq!(ada.get(TICKETS).await.expect(200)["data"].as_array().map(Vec::len), Some(2));
    let other = self::token(&mut world.signed_in(BOB).await).await;
    assert_eq!(ada.with_token(&other, Method::GET, &format!("{TICKETS}/2"), None).await.status, 404);
    // Nobody else gets one.
    assert_eq!(world.browser().get("/help/token").await.status, 401);
    assert_eq!(sam.get("/help/token").await.status, 401);
}

#[tokio::test]
async fn sec_27_an_altered_or_foreign_token_is_refused_and_so_is_each_where_the_desk_has_no_secret() {
    let world = World::new().await;
    let mut ada = world.signed_in(ADA).await;
    let good = token(&mut ada).await;
    ada.with_token(&good, Method::GET, TICKETS, None).await.expect(200);
    let user = world.login.staff().await.expect("the staff").remove(0);
    let customer = support::customer(&user).expect("a customer");
    let foreign = WidgetKey::new(key().id(), [7; 32]).expect("long enough");
    let late = SystemClock.now().minus(Duration::from_secs(601));
    let mut refusals = std::collections::BTreeSet::new();
    let mut flipped = good.clone().into_bytes();
    let place = good.find("ey").expect("claims") + 20;
    flipped[place] = if flipped[place] == b'A' { b'B' } else { b'A' };
    for token in [
        String::from_utf8(flipped).expect("ASCII"),
        good[..good.len() - 1].to_owned(),
        foreign.mint(&customer, SystemClock.now(), Duration::from_secs(60)),
        key().mint(&customer, late, Duration::from_secs(600)),
    ] {
        let mut refused = ada.with_token(&token, Method::GET, TICKETS, None).await.expect(401);
        refused["request_id"] = json!(null);
        refusals.insert(refused.to_string());
    }
    let without = World::with(None).await;
    for token in [good, key().mint(&customer, SystemClock.now(), Duration::from_secs(60))] {
        let mut refused = without.browser().with_token(&token, Method::GET, TICKETS, None).await.expect(401);
        refused["request_id"] = json!(null);
        refusals.insert(refused.to_string());
    }
    assert_eq!(refusals.len(), 1, "all alike: {refusals:?}");
}

#[tokio::test]
async fn a_token_that_the_shop_mints_now_is_good_for_five_minutes() {
    let world = World::new().await;
    let answer = world.signed_in(ADA).await.get("/help/token").await;
    assert_eq!(answer.expect(200)["seconds"], 300);
    assert_eq!(answer.headers["cache-control"], "no-store");
}
