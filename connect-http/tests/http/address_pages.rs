//! Another address for an account, on pages that need no script.

use std::time::Duration;

use crate::app::TestApp;
use crate::pages::{Browser, hidden};

const OLD: &str = "ada@example.org";
const NEW: &str = "new@example.org";

async fn ask(app: &TestApp, browser: &Browser<'_>, email: &str) -> String {
    let page = browser.submit("/sign-in/address", &[("email", email)]).await;
    assert!(page.text.contains("action=\"/sign-in/address/code\""), "{}", page.text);
    app.deliver().await;
    app.code(email)
}

fn wrong(code: &str) -> String {
    code.chars().map(|c| if c == '9' { '0' } else { '9' }).collect()
}

#[tokio::test]
async fn sec_23_an_address_is_changed_on_pages_after_a_fresh_proof() {
    let app = TestApp::new();
    let ada = Browser::new(&app);
    let page = ada.sign_in(OLD, "/workspaces").await;
    assert!(page.text.contains("href=\"/sign-in/address\""), "{}", page.text);
    app.clock.advance(Duration::from_secs(11 * 60));
    let page = ada.get("/sign-in/address").await;
    assert!(page.text.contains("<strong>ada@example.org</strong>") && !page.text.contains("<script"), "{}", page.text);
    // The proof is too old: first a code to the old address, and back.
    let page = ada.submit("/sign-in/address", &[("email", NEW)]).await;
    assert!(page.text.contains("<h1>Confirm that it is you</h1>"), "{}", page.text);
    let to = hidden(&page.text, "to");
    assert_eq!(to, "/sign-in/address");
    app.deliver().await;
    assert!(app.mail.mails().iter().all(|kept| kept.mail.to.as_str() == OLD), "no code has left for the new address");
    ada.submit("/step-up", &[("to", &to)]).await;
    app.deliver().await;
    let page = ada.submit("/step-up/code", &[("code", &app.code(OLD)), ("to", &to)]).await;
    assert!(page.text.contains("<h1>Your address</h1>"), "{}", page.text);

    let code = ask(&app, &ada, NEW).await;
    assert!(ada.get("/sign-in/address").await.text.contains("<strong>ada@example.org</strong>"), "until it is entered");
    let page = ada.submit("/sign-in/address/code", &[("code", &wrong(&code))]).await;
    assert_eq!(page.status, 401);
    assert!(page.text.contains("role=\"alert\"") && page.text.contains("2 tries are left"), "{}", page.text);
    let page = ada.submit("/sign-in/address/code", &[("code", &code)]).await;
    assert!(page.text.contains("<strong>new@example.org</strong>"), "{}", page.text);
    app.deliver().await;
    assert_eq!(app.mail_to(OLD).mail.subject, "The address of your account was changed");
    let page = ada.submit("/sign-in/address/code", &[("code", &code)]).await;
    assert!(page.status == 401 && page.text.contains("Ask for another one"), "a code is used once: {}", page.text);
    app.finish().await;
}

#[tokio::test]
async fn sec_33_who_changes_the_address_on_the_page_chooses_whether_other_browsers_stay() {
    let app = TestApp::new();
    let (ada, other) = (Browser::new(&app), Browser::new(&app));
    for browser in [&ada, &other] {
        browser.sign_in(OLD, "/workspaces").await;
    }
    let code = ask(&app, &ada, NEW).await;
    let page = ada.submit("/sign-in/address/code", &[("code", &wrong(&code)), ("keep", "on")]).await;
    assert!(page.text.contains("name=\"keep\" checked"), "what was ticked stays ticked: {}", page.text);
    ada.submit("/sign-in/address/code", &[("code", &code), ("keep", "on")]).await;
    assert!(other.get("/sign-in/address").await.text.contains("<strong>new@example.org</strong>"));
    let code = ask(&app, &ada, "third@example.org").await;
    ada.submit("/sign-in/address/code", &[("code", &code)]).await;
    assert!(other.get("/sign-in/address").await.text.contains("<h1>Sign in</h1>"), "its session has ended");
    assert!(ada.get("/sign-in/address").await.text.contains("<strong>third@example.org</strong>"));
    app.finish().await;
}

#[tokio::test]
async fn sec_23_the_page_refuses_what_is_no_new_address_and_codes_of_others() {
    let app = TestApp::new();
    let (ada, eve) = (Browser::new(&app), Browser::new(&app));
    ada.sign_in(OLD, "/workspaces").await;
    eve.sign_in("eve@example.org", "/workspaces").await;
    for (email, status, told) in [
        ("<b>", 422, "value=\"&#60;b&#62;\""),
        ("ADA@example.org", 409, "is the address of the account already"),
        ("a@b.example, c@d.example", 422, "role=\"alert\""),
    ] {
        let page = ada.submit("/sign-in/address", &[("email", email)]).await;
        assert_eq!(page.status, status, "{email}");
        assert!(page.text.contains(told), "{email}: {}", page.text);
    }
    assert_eq!(ada.submit("/sign-in/address", &[("email", NEW), ("user", "eve")]).await.status, 422);
    assert_eq!(ada.submit("/sign-in/address/code", &[("code", "12345678")]).await.status, 401, "none was asked for");
    // An address that somebody has is theirs; who holds the mailbox is told so, and nobody else.
    let code = ask(&app, &ada, "eve@example.org").await;
    let page = ada.submit("/sign-in/address/code", &[("code", &code)]).await;
    assert_eq!(page.status, 409);
    assert!(page.text.contains("Email is taken"), "{}", page.text);
    // Ada's code does not fit in Eve's browser.
    let code = ask(&app, &ada, NEW).await;
    assert_eq!(eve.submit("/sign-in/address/code", &[("code", &code)]).await.status, 401);
    assert!(eve.get("/sign-in/address").await.text.contains("<strong>eve@example.org</strong>"));
    assert!(Browser::new(&app).get("/sign-in/address").await.text.contains("<h1>Sign in</h1>"), "for who is signed in");
    app.deliver().await;
    app.finish().await;
}
