//! The page of a ticket, kept in step by its script: Chromium, and a colleague over HTTP.

use hyper::Method;
use serde_json::json;
use thirtyfour::prelude::*;

use crate::browser::{browser, fill, press, sign_in};
use crate::process::{Server, acme, captured, ticket};
use crate::wait::until;

const TICKET: &str = "/api/v1/workspaces/acme/tickets/1";

/// What a script answers; nothing while one page makes way for another.
async fn ask(browser: &WebDriver, script: &str) -> String {
    let answer = browser.execute(script, Vec::new()).await;
    answer.ok().and_then(|answer| answer.json().as_str().map(str::to_owned)).unwrap_or_default()
}

async fn shown(browser: &WebDriver) -> String {
    ask(browser, "return document.body?.innerText").await
}

async fn until_shown(browser: &WebDriver, wanted: &str) {
    until(&format!("page with {wanted}"), async || shown(browser).await.contains(wanted).then_some(())).await;
}

/// Until this stands in the field for an answer.
async fn until_typed(browser: &WebDriver, wanted: &str) {
    let typed = async || ask(browser, "return document.getElementById('reply')?.value").await;
    until(&format!("form with {wanted}"), async || (typed().await == wanted).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_colleagues_do_is_seen_without_loading_and_what_is_typed_stays() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(&folder.path().join("data"), &[]);
    let mail = async |email: &str| captured(&server, email).await;
    let olivia = crate::process::sign_in(&server, "olivia@acme.example", mail).await;
    acme(&olivia).await;
    olivia.send(Method::PATCH, "/api/v1/me", None, Some(&json!({"name": "Olivia Okafor"}))).await.expect(200);
    olivia.post("/api/v1/workspaces/acme/tickets", &ticket("Printer on fire")).await.expect(201);
    let window = json!({"undo_send_seconds": 20});
    let invited = json!({"email": "ben@acme.example", "role": "member"});
    let invitation = olivia.post("/api/v1/workspaces/acme/invitations", &invited).await.expect(201);
    let subject = until("invitation", async || {
        let mails = server.client().get("/dev/mail.json").await.expect(200);
        let mut mails = mails.as_array().expect("mails").iter();
        let mail = mails.find(|mail| mail["to"] == "ben@acme.example")?;
        mail["text"].as_str().map(str::to_owned)
    })
    .await;
    let token = subject.split("token=").nth(1).and_then(|rest| rest.split_whitespace().next()).expect("a token");

    let (_driver, browser) = browser(&folder.path().join("profile")).await;
    let id = invitation["id"].as_str().expect("an id");
    browser.goto(format!("{}/acme/join/{id}?token={token}", server.url)).await.expect("the invitation");
    sign_in(&browser, &server, "ben@acme.example").await;
    press(&browser, "Accept the invitation").await;
    browser.find(By::LinkText("Tickets")).await.expect("he has come in");
    browser.goto(format!("{}/acme/tickets/1", server.url)).await.expect("the ticket");

    // Olivia sees that he is there, and he that she writes.
    let there = async |wanted: &str| {
        let list = olivia.get(&format!("{TICKET}/presence")).await.expect(200);
        list["data"].as_array().expect("a list").iter().any(|one| one["state"] == wanted).then_some(())
    };
    until("colleague who looks", async || there("viewing").await).await;
    let state = json!({"state": "replying"});
    olivia.send(Method::PUT, &format!("{TICKET}/presence"), None, Some(&state)).await.expect(204);
    until_shown(&browser, "Olivia Okafor is writing").await;
    fill(&browser, "reply", "I am on it").await;
    until("colleague who writes", async || {
        let list = olivia.get(&format!("{TICKET}/presence")).await.expect(200);
        let mut rows = list["data"].as_array().expect("a list").iter();
        rows.any(|one| one["state"] == "replying" && one["user"]["name"] != "Olivia Okafor").then_some(())
    })
    .await;

    // What she writes appears, and what he types is not touched; it counts as seen.
    let note = json!({"kind": "note", "body": "Check the *toner*."});
    olivia.post(&format!("{TICKET}/messages"), &note).await.expect(201);
    until_shown(&browser, "Check the toner.").await;
    until_shown(&browser, "Something new has been added above.").await;
    olivia.send(Method::DELETE, &format!("{TICKET}/presence"), None, None).await.expect(204);
    until("page without her", async || (!shown(&browser).await.contains("is writing")).then_some(())).await;
    until_typed(&browser, "I am on it").await;
    olivia.send(Method::PATCH, TICKET, None, Some(&json!({"status": "pending"}))).await.expect(200);
    until_shown(&browser, "changed the status from new to pending").await;

    // What he is told in the desk is counted beside the link to it.
    let members = olivia.get("/api/v1/workspaces/acme/members").await.expect(200);
    let mut members = members["data"].as_array().expect("a list").iter();
    let ben = members.find(|member| member["email"] == "ben@acme.example").expect("he is a member")["id"].clone();
    olivia.send(Method::PATCH, TICKET, None, Some(&json!({"assignee_id": ben}))).await.expect(200);
    until_shown(&browser, "Notices (1)").await;

    // His answer waits, is taken back into the form, and sent after all.
    olivia.send(Method::PATCH, "/api/v1/workspaces/acme", None, Some(&window)).await.expect(200);
    press(&browser, "Send the answer").await;
    until_shown(&browser, "will be sent in").await;
    assert_eq!(olivia.get(&format!("{TICKET}/outbox")).await.expect(200)["data"][0]["body"], "I am on it");
    press(&browser, "Take it back").await;
    until_typed(&browser, "I am on it").await;
    press(&browser, "Send the answer").await;
    browser.find(By::XPath("//button[. = 'Send it now']")).await.expect("it waits");
    fill(&browser, "reply", "And then").await;
    press(&browser, "Take it back").await;
    until_typed(&browser, "I am on it\n\nAnd then").await;
    press(&browser, "Send the answer").await;
    browser.find(By::XPath("//button[. = 'Send it now']")).await.expect("it waits");
    fill(&browser, "reply", "What I write next").await;
    press(&browser, "Send it now").await;
    browser.find(By::XPath("//li[contains(@class, 'team')][contains(., 'I am on it')]")).await.expect("it is sent");
    until_typed(&browser, "What I write next").await;
    // A colleague's answer that waits is seen as it comes, and so is that it was taken back.
    let body = json!({"kind": "reply", "body": "Something else."});
    let held = olivia.post(&format!("{TICKET}/messages"), &body).await.expect(201);
    until_shown(&browser, "Something else.").await;
    let place = format!("{TICKET}/outbox/{}", held["id"].as_str().expect("an id"));
    olivia.send(Method::DELETE, &place, None, None).await.expect(204);
    until_shown(&browser, "Olivia Okafor took an answer back").await;
    until("page without it", async || (!shown(&browser).await.contains("Something else.")).then_some(())).await;
    // Who leaves the page is gone at once.
    browser.goto(format!("{}/acme/tickets", server.url)).await.expect("the list");
    until("ticket that nobody looks at", async || {
        let list = olivia.get(&format!("{TICKET}/presence")).await.expect(200);
        list["data"].as_array().is_some_and(Vec::is_empty).then_some(())
    })
    .await;
    browser.quit().await.expect("closed");
}
