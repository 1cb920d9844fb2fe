//! The desk below a path of the shop's: every link, form and redirect stays there.

use std::collections::BTreeSet;

use hyper::{Method, StatusCode, header};

use crate::world::{ADA, BOSS, Browser, World};

/// What a page leads to: its links, forms, style sheets and scripts.
fn targets(page: &str) -> Vec<String> {
    let mut found = Vec::new();
    for mark in [" href=\"", " action=\"", " src=\"", " formaction=\""] {
        found.extend(page.split(mark).skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned));
    }
    found.iter().map(|target| target.replace("&#38;", "&").replace("&amp;", "&")).collect()
}

/// Follows every link from a page on; answers the pages and the targets of forms.
async fn walk(browser: &mut Browser, from: &str) -> BTreeSet<String> {
    let (mut seen, mut waiting) = (BTreeSet::new(), vec![from.to_owned()]);
    while let Some(path) = waiting.pop() {
        let at = url::Url::parse("http://shop.example").and_then(|base| base.join(&path)).expect("an address");
        let here = match at.query() {
            Some(query) => format!("{}?{query}", at.path()),
            None => at.path().to_owned(),
        };
        if !seen.insert(here.clone()) || seen.len() > 200 {
            continue;
        }
        let answer = browser.get(&here).await;
        let is_there = !matches!(answer.status, StatusCode::NOT_FOUND | StatusCode::TOO_MANY_REQUESTS);
        assert!(is_there, "{here}: {}", answer.status);
        if let Some(to) = answer.headers.get(header::LOCATION) {
            let to = to.to_str().expect("text").to_owned();
            assert!(to == "/support" || to.starts_with("/support/"), "{here} leads to {to}");
            waiting.push(to);
            continue;
        }
        for target in targets(&answer.text) {
            if target.starts_with('#') || target.starts_with("mailto:") {
                continue;
            }
            let joined = at.join(&target).expect("an address");
            assert_eq!(joined.host_str(), Some("shop.example"), "{here} leads away, to {target}");
            let path = joined.path();
            assert!(path == "/support" || path.starts_with("/support/"), "{here} leads to {target}");
            // A form's own path may take nothing but forms.
            if !path.ends_with("/sign-out") && !path.ends_with("/revoke") && !path.ends_with("/update") {
                let is_form = path.ends_with("/reply") || path.ends_with("/note");
                if !is_form {
                    waiting.push(joined.to_string().replace("http://shop.example", ""));
                }
            }
        }
    }
    seen
}

#[tokio::test]
async fn every_link_form_and_redirect_of_the_pages_stays_below_the_path() {
    let world = World::new().await;
    let mut ada = world.signed_in(ADA).await;
    ada.send(Method::POST, "/orders/7/problem", &[], "The spout is broken.").await.expect(200);
    let mut boss = world.signed_in(BOSS).await;
    let seen = walk(&mut boss, "/support/shop/tickets/1").await;
    for page in [
        "/support",
        "/support/workspaces",
        "/support/shop/tickets",
        "/support/shop/tickets/new",
        "/support/shop/members",
        "/support/shop/api-keys",
        "/support/assets/desk.css",
    ] {
        assert!(seen.iter().any(|path| path.split('?').next() == Some(page)), "{page} was not come by: {seen:?}");
    }
    let seen = walk(&mut ada, "/support/shop/requests/1").await;
    assert!(seen.contains("/support/shop/requests/new"), "{seen:?}");
    let seen = walk(&mut world.browser(), "/support").await;
    assert!(seen.contains("/support/sign-in") && seen.contains("/support/assets/puzzle.js"), "{seen:?}");
}

#[tokio::test]
async fn signing_in_with_a_code_leads_back_below_the_path_and_its_cookies_are_the_whole_hosts() {
    let world = World::new().await;
    let mut browser = world.browser();
    let to = browser.get("/support/shop/tickets?q=a").await.location().to_owned();
    assert_eq!(to, "/support/sign-in?to=%2Fshop%2Ftickets%3Fq%3Da");
    let form = "email=boss%40shop.example&to=%2Fshop%2Ftickets%3Fq%3Da";
    let sent = browser.submit("/support/sign-in", form).await;
    assert_eq!(sent.location(), "/support/sign-in/code?to=%2Fshop%2Ftickets%3Fq%3Da");
    let code = world.code("boss@shop.example").await.replace(' ', "+");
    let entered = browser.submit("/support/sign-in/code", &format!("code={code}&to=%2Fshop%2Ftickets%3Fq%3Da")).await;
    assert_eq!(entered.location(), "/support/shop/tickets?q=a");
    let set: Vec<&str> = entered.headers.get_all(header::SET_COOKIE).iter().filter_map(|v| v.to_str().ok()).collect();
    assert!(set.iter().any(|cookie| cookie.starts_with("connect_dev_session=cns_")), "{set:?}");
    assert!(set.iter().all(|cookie| cookie.contains("; Path=/; ") && !cookie.contains("Domain")), "{set:?}");
    assert_eq!(browser.get("/support/shop/tickets?q=a").await.status, StatusCode::OK);
    assert_eq!(browser.submit("/support/sign-out", "").await.location(), "/support/sign-in");
    assert_eq!(browser.get("/support/shop/tickets").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn the_desk_is_there_with_and_without_a_slash_and_the_shop_keeps_its_own() {
    let world = World::new().await;
    let mut browser = world.browser();
    assert!(browser.get("/").await.text.contains("<h1>The shop</h1>"));
    assert_eq!(browser.get("/support").await.location(), "/support/sign-in");
    assert_eq!(browser.get("/support/").await.location(), "/support");
    assert_eq!(browser.get("/support/healthz").await.status, StatusCode::OK);
    assert_eq!(browser.get("/support/api/v1/nothing").await.expect(404)["code"], "not_found");
    let missing = browser.get("/support/no/such/page/at/all").await;
    assert!(missing.status == StatusCode::NOT_FOUND && missing.text.contains("href=\"/support\""), "{}", missing.text);
    assert_eq!(browser.get("/supporters").await.status, StatusCode::NOT_FOUND);
    assert_eq!(browser.get("/api/v1/me").await.status, StatusCode::NOT_FOUND, "nothing of the desk's is outside");
}

#[tokio::test]
async fn links_in_mail_lead_below_the_path() {
    let world = World::new().await;
    let mut ada = world.signed_in(ADA).await;
    ada.send(Method::POST, "/orders/7/problem", &[], "The spout is broken.").await.expect(200);
    let mut boss = world.signed_in(BOSS).await;
    let reply = serde_json::json!({"kind": "reply", "body": "Another one is on its way."});
    boss.post("/support/api/v1/workspaces/shop/tickets/1/messages", &reply).await.expect(201);
    world.deliver().await;
    let mails = world.mail.mails();
    let mail = mails.iter().find(|kept| kept.mail.to.as_str() == "ada@shop.example").expect("a mail");
    let link = mail.mail.text.split_whitespace().find(|word| word.starts_with("http://")).expect("a link");
    let path = link.split_once("//").and_then(|(_, rest)| rest.split_once('/')).expect("a path").1;
    assert!(path.starts_with("support/shop/requests/"), "{link}");
    assert_eq!(ada.get(&format!("/{path}")).await.status, StatusCode::OK);
}
