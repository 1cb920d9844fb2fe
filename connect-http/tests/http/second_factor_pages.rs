//! Second factors on pages.

use std::time::Duration;

use connect_auth::{AppSecret, step_at};

use crate::app::TestApp;
use crate::enrolled::LATER;
use crate::pages::{Browser, hidden};

/// Sets an app up on the pages; answers its secret and the recovery codes.
async fn set_up(app: &TestApp, browser: &Browser<'_>) -> (AppSecret, Vec<String>) {
    let page = browser.submit("/sign-in/factors/app", &[]).await;
    assert!(page.text.contains("<svg ") && page.text.contains("otpauth://totp/"), "{}", page.text);
    let key = page.text.split("Key: <code>").nth(1).and_then(|rest| rest.split('<').next()).expect("a key");
    let secret = AppSecret::parse(&key.replace(' ', "")).expect("base 32");
    let bad = browser.submit("/sign-in/factors/app/confirm", &[("code", "1")]).await;
    assert_eq!(bad.status, 401);
    assert!(bad.text.contains("That code is not right") && !bad.text.contains(key), "{}", bad.text);
    let code = secret.code(step_at(app.desk.now()));
    let page = browser.submit("/sign-in/factors/app/confirm", &[("code", &code)]).await;
    assert!(page.text.contains("<h1>Your recovery codes</h1>"), "{}", page.text);
    let codes = page.text.split("<li><code>").skip(1);
    let codes = codes.map(|rest| rest.split('<').next().expect("a code").to_owned()).collect();
    app.clock.advance(Duration::from_secs(60));
    (secret, codes)
}

#[tokio::test]
async fn an_app_is_set_up_shown_replaced_and_taken_away_on_pages() {
    let (app, ..) = TestApp::acme().await;
    let browser = Browser::new(&app);
    browser.sign_in("agent@acme.example", "/acme/members").await;
    let page = browser.get("/workspaces").await;
    assert!(page.text.contains("/sign-in/factors"), "{}", page.text);
    app.clock.advance(LATER);
    let page = browser.submit("/sign-in/factors/app", &[]).await;
    assert!(page.text.contains("<h1>Confirm that it is you</h1>"), "sec 87: {}", page.text);
    assert_eq!(hidden(&page.text, "to"), "/sign-in/factors");
    browser.submit("/sign-out", &[]).await;
    browser.sign_in("agent@acme.example", "/workspaces").await;
    let (secret, codes) = set_up(&app, &browser).await;
    assert_eq!(codes.len(), 10);
    let page = browser.get("/sign-in/factors").await;
    assert!(page.text.contains("10 are left"), "{}", page.text);

    browser.submit("/sign-out", &[]).await;
    let page = browser.sign_in("agent@acme.example", "/acme/tickets?q=status%3Aopen").await;
    assert!(page.text.contains("<h1>Show your second factor</h1>"), "{}", page.text);
    let to = hidden(&page.text, "to");
    assert_eq!(to, "/acme/tickets?q=status%3Aopen");
    let page = browser.submit("/sign-in/second-factor", &[("code", "000 000x"), ("to", &to)]).await;
    assert_eq!(page.status, 401);
    assert!(page.text.contains("role=\"alert\""), "{}", page.text);
    let code = secret.code(step_at(app.desk.now()));
    let page = browser.submit("/sign-in/second-factor", &[("code", &code), ("to", &to)]).await;
    assert!(page.text.contains("No tickets here"), "{}", page.text);
    let page = browser.submit("/sign-in/second-factor", &[("code", "1"), ("to", "//evil.example")]).await;
    assert!(page.text.contains("name=\"to\" value=\"/\""), "sec 49: {}", page.text);

    app.clock.advance(LATER);
    let page = browser.submit("/sign-in/factors/codes", &[]).await;
    assert!(page.text.contains("<h1>Show your second factor</h1>"), "sec 87: {}", page.text);
    let to = hidden(&page.text, "to");
    browser.submit("/sign-in/second-factor", &[("code", &codes[0]), ("to", &to)]).await;
    let page = browser.submit("/sign-in/factors/codes", &[]).await;
    assert!(page.text.contains("<h1>Your recovery codes</h1>") && !page.text.contains(&codes[1]), "{}", page.text);
    let page = browser.submit("/sign-in/factors/app/remove", &[]).await;
    assert!(page.text.contains("Set it up"), "{}", page.text);
    app.finish().await;
}

#[tokio::test]
async fn the_team_is_asked_for_a_second_factor_on_the_page_of_members() {
    let (app, _, agent, _) = TestApp::acme().await;
    app.member(&agent, "hana@acme.example", "member").await;
    let (owner, member) = (Browser::new(&app), Browser::new(&app));
    owner.sign_in("agent@acme.example", "/acme/members").await;
    let page = owner.submit("/acme/members/second-factor", &[("ask", "yes")]).await;
    assert!(page.text.contains("Set it up"), "who asks has one: {}", page.text);
    set_up(&app, &owner).await;
    let page = owner.submit("/acme/members/second-factor", &[("ask", "yes")]).await;
    assert!(page.text.contains("Ask for none"), "{}", page.text);
    let page = member.sign_in("hana@acme.example", "/acme/tickets").await;
    assert!(page.text.contains("A workspace you work in asks for a second factor"), "{}", page.text);
    set_up(&app, &member).await;
    assert!(member.get("/acme/tickets").await.text.contains("No tickets here"));
    let page = member.get("/acme/members").await;
    assert!(!page.text.contains("Ask for none"), "it is not hers to say");
    let page = member.submit("/sign-in/factors/app/remove", &[]).await;
    assert_eq!(page.status, 409);
    assert!(page.text.contains("This is your last second factor"), "sec 87: {}", page.text);
    app.finish().await;
}

#[tokio::test]
async fn the_way_back_by_e_mail_is_offered_on_the_page() {
    let app = TestApp::new();
    let owner = Browser::new(&app);
    owner.sign_in("ada@example.org", "/workspaces").await;
    set_up(&app, &owner).await;
    let browser = Browser::new(&app);
    let page = browser.sign_in("ada@example.org", "/workspaces").await;
    assert!(page.text.contains("Nothing left to show?"), "{}", page.text);
    let page = browser.submit("/sign-in/second-factor/reset", &[]).await;
    assert!(page.text.contains("A mail has been sent to you"), "{}", page.text);
    app.clock.advance(Duration::from_secs(3 * 24 * 3600));
    browser.sign_in("ada@example.org", "/workspaces").await;
    let page = browser.submit("/sign-in/second-factor/reset", &[]).await;
    assert!(page.text.contains("Set it up"), "{}", page.text);
    app.finish().await;
}
