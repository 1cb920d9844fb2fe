use serde_json::json;

use crate::app::TestApp;

#[tokio::test]
async fn sec_55_an_id_of_another_workspace_answers_as_a_missing_one() {
    let (app, anonymous, agent, customer) = TestApp::acme().await;
    let path = agent.open("Secret").await;
    let ticket = agent.get(&path).await.expect(200);
    let message = agent.get(&format!("{path}/messages")).await.expect(200)["data"][0]["id"].clone();
    let other = app.sign_in("boss@bolt.example").await;
    other.post("/workspaces", &json!({"name": "Bolt", "slug": "bolt"})).await.expect(201);
    let (ticket_id, contact_id) = (ticket["id"].as_str().expect("id"), ticket["contact"]["id"].as_str().expect("id"));
    let member_id = agent.get("/me").await.expect(200)["user"]["id"].clone();
    let member_id = member_id.as_str().expect("id");
    let message_id = message.as_str().expect("id");
    let missing_ticket = "tkt_00000000000000000000000000";
    let missing_contact = "ctc_00000000000000000000000000";

    // The workspace itself: a foreign one, one that is not there, and no name at all look alike.
    let strip = |text: &str| text.split("\"request_id\"").next().map(str::to_owned);
    let foreign = other.get("/workspaces/acme").await;
    let missing = other.get("/workspaces/nowhere").await;
    assert_eq!(foreign.problem(404), "not_found");
    assert_eq!(strip(&foreign.text), strip(&missing.text));

    for (foreign, missing) in [
        (format!("tickets/{ticket_id}"), format!("tickets/{missing_ticket}")),
        (format!("tickets/{ticket_id}/messages"), format!("tickets/{missing_ticket}/messages")),
        (
            format!("tickets/{ticket_id}/messages/{message_id}"),
            format!("tickets/{missing_ticket}/messages/{message_id}"),
        ),
        (format!("tickets/{ticket_id}/timeline"), format!("tickets/{missing_ticket}/timeline")),
        ("tickets/1".to_owned(), "tickets/999".to_owned()),
        (format!("contacts/{contact_id}"), format!("contacts/{missing_contact}")),
        (format!("members/{member_id}"), "members/usr_00000000000000000000000000".to_owned()),
    ] {
        let (foreign, missing) = (
            other.get(&format!("/workspaces/bolt/{foreign}")).await,
            other.get(&format!("/workspaces/bolt/{missing}")).await,
        );
        assert_eq!(foreign.problem(404), "not_found");
        assert_eq!(strip(&foreign.text), strip(&missing.text));
        assert_eq!(foreign.headers.len(), missing.headers.len());
    }
    let ticket_path = format!("/workspaces/bolt/tickets/{ticket_id}");
    assert_eq!(other.patch(&ticket_path, &json!({"status": "closed"})).await.problem(404), "not_found");
    assert_eq!(
        other.post(&format!("{ticket_path}/messages"), &json!({"kind": "reply", "body": "x"})).await.problem(404),
        "not_found"
    );
    assert_eq!(other.put(&format!("{ticket_path}/labels/x")).await.problem(404), "not_found");
    assert_eq!(
        other
            .patch(&format!("/workspaces/bolt/contacts/{contact_id}"), &json!({"name": "Mine now"}))
            .await
            .problem(404),
        "not_found"
    );
    assert_eq!(other.delete(&format!("/workspaces/bolt/members/{member_id}")).await.problem(404), "not_found");

    // sec 56: ids in bodies are resolved in the workspace.
    let planted = json!({"subject": "S", "body": "B", "contact": {"id": contact_id}});
    assert_eq!(other.post("/workspaces/bolt/tickets", &planted).await.problem(422), "invalid");
    let own = json!({"subject": "S", "body": "B", "contact": {"email": "x@y.example"}, "assignee_id": member_id});
    assert_eq!(other.post("/workspaces/bolt/tickets", &own).await.problem(422), "invalid");
    assert_eq!(other.get("/workspaces/bolt/tickets?q=secret").await.expect(200)["data"], json!([]));
    let by_contact = format!("/workspaces/bolt/tickets?q=contact:{contact_id}");
    assert_eq!(other.get(&by_contact).await.expect(200)["data"], json!([]));

    // A customer of acme sees their own tickets and no one else's.
    agent
        .post("/workspaces/acme/contacts", &json!({"name": "Other", "email": "other@customer.example"}))
        .await
        .expect(201);
    let stranger = app.sign_in("other@customer.example").await;
    customer.get(&path).await.expect(200);
    assert_eq!(stranger.get(&path).await.problem(404), "not_found");
    assert_eq!(stranger.get("/workspaces/acme/tickets").await.expect(200)["data"], json!([]));
    assert_eq!(
        stranger.post(&format!("{path}/messages"), &json!({"kind": "reply", "body": "x"})).await.problem(404),
        "not_found"
    );
    assert_eq!(anonymous.get(&path).await.problem(401), "unauthorized");
    app.finish().await;
}

#[tokio::test]
async fn every_path_below_a_workspace_asks_who_comes() {
    let (app, anonymous, agent, _) = TestApp::acme().await;
    let stranger = app.sign_in("stranger@else.example").await;
    let path = agent.open("x").await;
    // The route table itself is the list.
    let table = include_str!("../../src/api/mod.rs");
    let below = table.split("fn in_workspace").nth(1).expect("the table");
    let mut routes = 0;
    for route in below.split('"').filter(|text| text.starts_with('/')) {
        let ticket = path.rsplit('/').next().expect("an id");
        let filled = route.replace("{ticket}", ticket).replace("{label}", "x");
        let filled =
            filled.split('/').map(|part| if part.starts_with('{') { "x" } else { part }).collect::<Vec<_>>().join("/");
        for method in [
            axum::http::Method::GET,
            axum::http::Method::POST,
            axum::http::Method::PATCH,
            axum::http::Method::PUT,
            axum::http::Method::DELETE,
        ] {
            let path = format!("/workspaces/acme{filled}");
            let nobody = anonymous.call(method.clone(), &path, &[], Some("{}")).await;
            if nobody.status == 405 {
                continue;
            }
            routes += 1;
            assert_eq!(nobody.problem(401), "unauthorized", "{method} {route}");
            let outsider = stranger.call(method.clone(), &path, &[], Some("{}")).await;
            // Accepting an invitation is for somebody who is not let in yet; it says what it needs.
            if !route.ends_with("/accept") {
                assert_eq!(outsider.problem(404), "not_found", "{method} {route}");
            }
        }
    }
    assert!(routes >= 22, "the table was walked: {routes}");
    app.finish().await;
}

#[tokio::test]
async fn sec_60_search_lists_exports_events_numbers_cursors_and_repeats_stay_in_their_workspace() {
    let (app, _, owner, _) = TestApp::acme().await;
    // The same person owns both, so that nothing but the workspace tells them apart.
    owner.post("/workspaces", &json!({"name": "Bolt", "slug": "bolt"})).await.expect(201);
    for subject in ["Secret one", "Secret two", "Secret three"] {
        owner.open(subject).await;
    }
    owner.post("/workspaces/acme/labels", &json!({"name": "secret"})).await.expect(201);
    let page = owner.get("/workspaces/acme/tickets?limit=1").await.expect(200);
    let cursor = page["next_cursor"].as_str().expect("more").to_owned();
    let acme = page["data"][0]["id"].as_str().expect("an id").to_owned();
    for list in [
        "tickets?q=secret",
        "tickets?assignee=none",
        "contacts?email=carla@customer.example",
        "contacts",
        "labels",
        "invitations",
        "api-keys",
    ] {
        let bolt = owner.get(&format!("/workspaces/bolt/{list}")).await.expect(200);
        assert_eq!(bolt["data"], json!([]), "{list}");
    }
    let borrowed = owner.get(&format!("/workspaces/bolt/tickets?limit=1&cursor={cursor}")).await;
    assert!(!borrowed.text.contains("Secret"), "a cursor is a place and no key: {}", borrowed.text);
    for export in ["audit?format=csv", "audit?format=json"] {
        let bolt = owner.get(&format!("/workspaces/bolt/{export}")).await;
        assert!(bolt.status == 200 && !bolt.text.contains(&acme) && !bolt.text.contains("ticket."), "{}", bolt.text);
        assert!(owner.get(&format!("/workspaces/acme/{export}")).await.text.contains("ticket."), "{export}");
    }
    // The same idempotency key in both is two commands, and numbers begin anew.
    let body = json!({"subject": "Ours", "body": "B", "contact": {"email": "dan@customer.example"}});
    let mut opened = Vec::new();
    for workspace in ["acme", "bolt"] {
        opened.push(owner.post_once(&format!("/workspaces/{workspace}/tickets"), "k", &body).await.expect(201));
    }
    assert_ne!(opened[0]["id"], opened[1]["id"]);
    assert_eq!((&opened[0]["number"], &opened[1]["number"]), (&json!(4), &json!(1)));
    // Who follows the events of one hears nothing of the other.
    let host = app.desk.host("bolt").await.expect("bolt");
    let mut follower = app.desk.follow(&host, Some(0)).await.expect("events").expect("from the first one");
    let heard = follower.next().await.expect("events");
    assert!(heard.iter().any(|event| event.ticket.map(|id| id.to_string()).as_deref() == opened[1]["id"].as_str()));
    assert!(heard.iter().all(|event| event.ticket.is_none_or(|id| opened[1]["id"] == id.to_string())), "{heard:?}");
    app.finish().await;
}
