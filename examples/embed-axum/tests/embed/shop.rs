//! The shop's own code, and the desk beside it.

use hyper::Method;
use serde_json::{Value, json};

use crate::world::{ADA, BOB, BOSS, World};

#[tokio::test]
async fn an_order_is_marked_and_its_ticket_opened_in_one_transaction_or_neither_is() {
    let world = World::new().await;
    let mut ada = world.signed_in(ADA).await;
    let problems = async || -> i64 {
        let sql = "SELECT problems FROM shop_order WHERE id = 7";
        sqlx::query_scalar(sql).fetch_one(world.pool()).await.expect("the order")
    };
    let tickets = "/support/api/v1/workspaces/shop/tickets";
    // The desk takes no empty message: the mark goes with it.
    let refused = ada.send(Method::POST, "/orders/7/problem", &[], " ").await;
    assert_eq!((refused.status.as_u16(), problems().await), (422, 0));
    let mut boss = world.signed_in(BOSS).await;
    assert_eq!(boss.get(tickets).await.expect(200)["data"], json!([]));
    let report = ada.send(Method::POST, "/orders/7/problem", &[], "The spout is broken.").await;
    assert_eq!((report.expect(200), problems().await), (json!({"ticket": 1}), 1));
    let ticket = boss.get(&format!("{tickets}/1")).await.expect(200);
    assert_eq!((&ticket["subject"], &ticket["channel"]), (&json!("Order 7: a teapot"), &json!("host")));
    assert_eq!(ticket["contact"]["email"], "ada@shop.example");
    // Another one's order is none, and nobody's neither.
    let mut bob = world.signed_in(BOB).await;
    assert_eq!(bob.send(Method::POST, "/orders/7/problem", &[], "x").await.status, 404);
    assert_eq!(world.browser().send(Method::POST, "/orders/7/problem", &[], "x").await.status, 401);
    assert_eq!(problems().await, 1);
}

#[tokio::test]
async fn orders_that_go_wrong_at_once_open_a_ticket_each() {
    let world = World::new().await;
    let (ada, bob) = (world.signed_in(ADA).await, world.signed_in(BOB).await);
    let reports = (0..12).map(|n| {
        let (mut browser, path) =
            if n % 2 == 0 { (ada.clone(), "/orders/7/problem") } else { (bob.clone(), "/orders/8/problem") };
        tokio::spawn(
            async move { browser.send(Method::POST, path, &[], "Broken.").await.expect(200)["ticket"].clone() },
        )
    });
    let reports: Vec<_> = reports.collect();
    let mut numbers = Vec::new();
    for report in reports {
        numbers.push(report.await.expect("a ticket").as_u64().expect("a number"));
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=12).collect::<Vec<u64>>());
}

#[tokio::test]
async fn a_code_by_mail_is_a_way_in_beside_the_shops_login() {
    let world = World::new().await;
    let mut ada = world.signed_in(ADA).await;
    ada.send(Method::POST, "/orders/7/problem", &[], "The spout is broken.").await.expect(200);
    let mut browser = world.browser();
    let ask = json!({"email": "ada@shop.example", "token": true, "workspace": "shop"});
    let issued = browser.post("/support/api/v1/auth/otp/request", &ask).await.expect(202);
    let verify = json!({
        "challenge_id": issued["challenge_id"], "challenge_secret": issued["challenge_secret"],
        "code": world.code("ada@shop.example").await, "token": true,
    });
    let answer: Value = browser.post("/support/api/v1/auth/otp/verify", &verify).await.expect(200);
    let token = answer["session"]["token"].as_str().expect("a token");
    let list = browser.with_token(token, Method::GET, "/support/api/v1/workspaces/shop/tickets", None).await;
    assert!(list.expect(200).to_string().contains("Order 7: a teapot"), "{}", list.text);
}

#[test]
fn the_glue_is_short() {
    let glue = include_str!("../../src/support.rs");
    let lines = |start: &str| {
        let start = glue.find(start).unwrap_or_else(|| panic!("{start} is there"));
        glue[start..].lines().take_while(|line| *line != "}").count() + 1
    };
    let all: usize = ["pub async fn desk", "impl Identify for Login"].into_iter().map(lines).sum();
    assert!(all <= 40, "{all} lines");
}
