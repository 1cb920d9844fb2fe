//! The pages of passkeys, without the script.

use std::time::Duration;

use crate::app::TestApp;
use crate::pages::Browser;

use super::enrolled;

#[tokio::test]
async fn passkeys_are_renamed_and_removed_on_a_page() {
    let app = TestApp::new();
    let browser = Browser::new(&app);
    let page = browser.get("/sign-in").await.text;
    assert!(page.contains("data-passkey=\"sign-in\"") && page.contains("data-to=\"/\" hidden"), "{page}");
    let page = browser.get("/sign-in?to=/acme/tickets").await.text;
    assert!(page.contains("data-to=\"/acme/tickets\" hidden"), "{page}");
    let (id, _) = enrolled(&app.sign_in("ada@example.org").await).await;
    browser.sign_in("ada@example.org", "/sign-in/passkeys").await;
    let page = browser.get("/sign-in/passkeys").await.text;
    assert!(page.contains("<strong>My phone</strong>") && page.contains("data-passkey=\"create\""), "{page}");
    let page = browser.submit(&format!("/sign-in/passkeys/{id}/rename"), &[("name", "<b>")]).await.text;
    assert!(page.contains("<strong>&#60;b&#62;</strong>"), "sec 79: {page}");
    let bad = browser.submit(&format!("/sign-in/passkeys/{id}/rename"), &[("name", "")]).await;
    assert!(bad.status == 422 && bad.text.contains("role=\"alert\""), "{}", bad.text);
    app.clock.advance(Duration::from_secs(11 * 60));
    let page = browser.submit(&format!("/sign-in/passkeys/{id}/remove"), &[]).await.text;
    assert!(page.contains("<h1>Confirm that it is you</h1>") && page.contains("data-passkey=\"step-up\""), "{page}");
    browser.submit("/step-up", &[("to", "/sign-in/passkeys")]).await;
    app.deliver().await;
    let code = app.code("ada@example.org");
    browser.submit("/step-up/code", &[("code", &code), ("to", "/sign-in/passkeys")]).await;
    let page = browser.submit(&format!("/sign-in/passkeys/{id}/remove"), &[("keep_sessions", "true")]).await.text;
    assert!(page.contains("There are none yet."), "{page}");
    let page = browser.get("/workspaces").await.text;
    assert!(page.contains("href=\"/sign-in/passkeys\""), "{page}");
    app.finish().await;
}

#[tokio::test]
async fn the_script_is_the_desks_own() {
    let app = TestApp::new();
    let answer = Browser::new(&app).get("/assets/passkey.js").await;
    assert_eq!(answer.headers["content-type"], "text/javascript; charset=utf-8");
    let policy = answer.headers["content-security-policy"].to_str().expect("text");
    assert!(policy.contains("script-src 'self'; connect-src 'self'") && !policy.contains("unsafe"), "{policy}");
    app.finish().await;
}
