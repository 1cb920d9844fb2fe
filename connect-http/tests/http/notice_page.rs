//! The page of notices: what one was told of, and choosing what and when.

use serde_json::json;

use crate::app::TestApp;
use crate::pages::Browser;
use crate::teams::me;

#[tokio::test]
async fn notices_are_shown_read_and_chosen_on_their_page() {
    let (app, _, owner, customer) = TestApp::acme().await;
    let ada = app.member(&owner, "ada@acme.example", "member").await;
    let ticket = owner.open("Printer <on> fire").await;
    owner.patch(&ticket, &json!({"assignee_id": me(&ada).await})).await.expect(200);
    app.deliver().await;
    let browser = Browser::new(&app);
    let page = browser.sign_in("ada@acme.example", "/acme/notices").await;
    assert!(
        page.text.contains("gave you <a href=\"/acme/tickets/1\">#1 Printer &#60;on&#62; fire</a>"),
        "{}",
        page.text
    );
    assert!(page.text.contains("class=\"new\"") && page.text.contains("All of it is read"), "{}", page.text);
    let page = browser.submit("/acme/notices/read", &[]).await;
    assert!(!page.text.contains("class=\"new\"") && !page.text.contains("All of it is read"), "{}", page.text);

    // A box that is not ticked is not sent: what is left out is not wanted.
    let ticked = [("assigned.in_app", "on"), ("customer_replied.in_app", "on"), ("customer_replied.mail", "on")];
    let page = browser.submit("/acme/notices/topics", &ticked).await;
    assert!(
        page.text.contains("name=\"customer_replied.mail\" aria-labelledby=\"customer_replied\" checked"),
        "{}",
        page.text
    );
    assert!(!page.text.contains("name=\"assigned.mail\" aria-labelledby=\"assigned\" checked"), "{}", page.text);
    let settings = ada.get("/workspaces/acme/notification-settings").await.expect(200);
    assert_eq!(settings["topics"]["assigned"], json!(["in_app"]));
    assert_eq!(settings["topics"]["mentioned"], json!([]));
    for wrong in ["assigned.pigeon", "moon.mail", "assigned"] {
        assert_eq!(browser.submit("/acme/notices/topics", &[(wrong, "on")]).await.status, 422, "{wrong}");
    }

    let hours = |zone, from, until, digest, at| {
        [("time_zone", zone), ("quiet_from", from), ("quiet_until", until), ("digest", digest), ("digest_at", at)]
    };
    let page = browser.submit("/acme/notices/hours", &hours("Europe/Vienna", "22:00", "07:00", "day", "08:30")).await;
    assert!(page.status == 200 && page.text.contains("value=\"22:00\""), "{}", page.text);
    let settings = ada.get("/workspaces/acme/notification-settings").await.expect(200);
    assert_eq!(settings["quiet_hours"], json!({"from": "22:00", "until": "07:00"}));
    assert_eq!((&settings["time_zone"], &settings["digest"]["at"]), (&json!("Europe/Vienna"), &json!("08:30")));
    for wrong in [
        hours("Mars/Olympus", "22:00", "07:00", "", ""),
        hours("UTC", "22:00", "", "", ""),
        hours("UTC", "25:00", "07:00", "", ""),
        hours("UTC", "", "", "day", ""),
    ] {
        let page = browser.submit("/acme/notices/hours", &wrong).await;
        assert!(page.status == 422 && page.text.contains("role=\"alert\""), "{wrong:?}: {}", page.text);
    }
    let settings = ada.get("/workspaces/acme/notification-settings").await.expect(200);
    assert_eq!(settings["time_zone"], "Europe/Vienna", "what is wrong changes nothing");
    let page = browser.submit("/acme/notices/hours", &hours("UTC", "", "", "", "")).await;
    assert_eq!(page.status, 200);
    let settings = ada.get("/workspaces/acme/notification-settings").await.expect(200);
    assert_eq!((&settings["quiet_hours"], &settings["digest"]), (&json!(null), &json!(null)));

    // It is the team's; what one does not see any more is not named.
    customer.get("/workspaces/acme/notifications").await.problem(403);
    let theirs = Browser::new(&app);
    assert_eq!(theirs.sign_in("carla@customer.example", "/acme/notices").await.status, 403);
    owner.patch(&ticket, &json!({"assignee_id": null})).await.expect(200);
    let member = format!("/workspaces/acme/members/{}", me(&ada).await);
    owner.patch(&member, &json!({"narrowed": true})).await.expect(200);
    let page = browser.get("/acme/notices").await;
    assert!(
        !page.text.contains("Printer") && page.text.contains("a ticket that you do not see any more"),
        "{}",
        page.text
    );
    app.finish().await;
}
