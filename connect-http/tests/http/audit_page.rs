//! The page of the journal.

use axum::body::Body;
use axum::http::Request;
use serde_json::json;

use crate::app::{Answer, TestApp, User};

/// A page, as somebody who is signed in sees it.
async fn page(user: &User, path: &str) -> Answer {
    let request = Request::get(path).header("authorization", format!("Bearer {}", user.token()));
    user.send(request.body(Body::empty()).expect("a request")).await
}

#[tokio::test]
async fn the_audit_page_is_in_the_navigation_of_whom_it_is_for_and_shows_ids_short() {
    let (app, _, owner, customer) = TestApp::acme().await;
    let ticket = owner.open("Printer on fire").await;
    let id = ticket.rsplit('/').next().expect("an id").to_owned();
    let viewer = app.member(&owner, "viewer@acme.example", "viewer").await;
    for (user, path, may) in
        [(&owner, "/acme/tickets", true), (&viewer, "/acme/tickets", false), (&customer, "/acme/requests", false)]
    {
        let page = page(user, path).await;
        let nav = page.text.split("<nav").nth(1).and_then(|rest| rest.split("</nav>").next()).expect("a navigation");
        assert_eq!((page.status.as_u16(), nav.contains("href=\"/acme/audit\">Audit log<")), (200, may), "{nav}");
    }
    let opened = page(&owner, "/acme/audit?type=ticket.opened").await.text;
    let short = format!("<span title=\"{id}\">tkt_…{}</span>", &id[id.len() - 8..]);
    assert!(opened.contains(&short), "{short} in {opened}");
    assert_eq!(opened.matches(&id).count(), 1, "in full only where it is pointed at");
    app.finish().await;
}

#[tokio::test]
async fn the_audit_page_filters_pages_and_says_what_is_wrong() {
    let (app, _, owner, _) = TestApp::acme().await;
    for n in 0..60 {
        owner.post("/workspaces/acme/labels", &json!({"name": format!("label-{n}")})).await.expect(201);
    }
    let get = async |path: &str| page(&owner, path).await;
    let members = get("/acme/members").await;
    assert!(members.text.contains("href=\"/acme/audit\""), "{}", members.text);
    let first = get("/acme/audit?actor=&type=label.&ticket=&after=&before=&order=oldest").await;
    assert_eq!(first.status, 200);
    assert_eq!(first.text.matches("label.created").count(), 50);
    let next =
        first.text.split("rel=\"next\" href=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a next page");
    let next = next.replace("&#38;", "&").replace("&amp;", "&");
    assert!(next.contains("order=oldest") && next.contains("type=label."), "{next}");
    assert_eq!(get(&next).await.text.matches("label.created").count(), 10);
    let wrong = get("/acme/audit?after=yesterday").await;
    assert!(wrong.text.contains("must be a time"), "{}", wrong.text);
    app.finish().await;
}
