use serde_json::json;

use crate::app::TestApp;

#[tokio::test]
async fn a_ticket_from_opening_to_resolution() {
    let (app, _, agent, customer) = TestApp::acme().await;
    let body = json!({
        "subject": "Printer on fire", "body": "It **burns**.", "priority": "high", "labels": ["Hardware"],
        "contact": {"email": "CARLA@customer.example"},
    });
    let opened = agent.post("/workspaces/acme/tickets", &body).await;
    let ticket = opened.expect(201);
    assert_eq!(ticket["number"], 1);
    assert_eq!(ticket["status"], "new");
    assert_eq!(ticket["labels"], json!(["hardware"]));
    assert_eq!(ticket["contact"]["name"], "Carla Customer", "the contact was known by this address");
    assert_eq!(opened.headers["etag"], "\"1\"");
    let path = format!("/workspaces/acme/tickets/{}", ticket["id"].as_str().expect("an id"));

    let reply =
        agent.post(&format!("{path}/messages"), &json!({"kind": "reply", "body": "On my *way*."})).await.expect(201);
    assert_eq!(reply["direction"], "outbound");
    assert_eq!(reply["html"], "<p>On my <em>way</em>.</p>\n");
    assert_eq!(app.deliver().await, 1);
    let mail = app.mail_to("carla@customer.example").mail;
    assert_eq!(mail.subject, "Re: Printer on fire [#1]");
    assert!(
        mail.text.starts_with("On my *way*.") && mail.text.contains("https://desk.example/acme/requests/1"),
        "{}",
        mail.text
    );
    assert_eq!(mail.references, [format!("{}@desk.example", ticket["id"].as_str().expect("id"))]);

    let answer =
        customer.post(&format!("{path}/messages"), &json!({"kind": "reply", "body": "Thank you"})).await.expect(201);
    assert_eq!((&answer["direction"], &answer["author"]["type"]), (&json!("inbound"), &json!("contact")));
    assert_eq!(app.deliver().await, 0, "nobody is mailed for their own answer");

    agent
        .post(&format!("{path}/messages"), &json!({"kind": "reply", "body": "Out.", "status": "resolved"}))
        .await
        .expect(201);
    app.deliver().await;
    let second = app.mail_to("carla@customer.example").mail;
    assert_eq!(
        second.references,
        [mail.references[0].clone(), mail.message_id.clone()],
        "the second answer is in the thread"
    );
    assert_eq!(second.in_reply_to.as_deref(), Some(mail.message_id.as_str()));

    let messages = agent.get(&format!("{path}/messages")).await.expect(200);
    assert_eq!(messages["data"].as_array().map(Vec::len), Some(4));
    assert_eq!(messages["data"][1]["deliveries"][0]["state"], "sent");
    let timeline = agent.get(&format!("{path}/timeline")).await.expect(200);
    let types: Vec<&str> =
        timeline["data"].as_array().expect("a list").iter().map(|e| e["type"].as_str().expect("text")).collect();
    assert_eq!(
        types,
        [
            "ticket.opened",
            "ticket.labelled",
            "ticket.replied",
            "ticket.status_changed",
            "ticket.replied",
            "ticket.replied",
            "ticket.status_changed"
        ]
    );
    assert_eq!(timeline["data"][6]["changes"], json!([{"field": "status", "from": "open", "to": "resolved"}]));
    assert_eq!(agent.get(&path).await.expect(200)["status"], "resolved");
    app.finish().await;
}

#[tokio::test]
async fn changes_name_the_version_they_saw() {
    let (app, _, agent, _) = TestApp::acme().await;
    let path = agent.open("Versions").await;
    let stale =
        agent.call(axum::http::Method::PATCH, &path, &[("if-match", "\"1\"")], Some(r#"{"priority":"high"}"#)).await;
    assert_eq!(stale.expect(200)["version"], 2);
    let refused =
        agent.call(axum::http::Method::PATCH, &path, &[("if-match", "\"1\"")], Some(r#"{"priority":"low"}"#)).await;
    assert_eq!(refused.problem(412), "version_mismatch");
    assert_eq!(
        (&refused.json()["current"]["version"], &refused.json()["current"]["priority"]),
        (&json!(2), &json!("high"))
    );
    assert_eq!(agent.patch(&path, &json!({"priority": "low", "version": 1})).await.problem(412), "version_mismatch");
    assert_eq!(agent.patch(&path, &json!({"priority": null, "version": 2})).await.expect(200)["priority"], "none");
    let same = agent.patch(&path, &json!({"subject": "Versions"})).await.expect(200);
    assert_eq!(same["version"], 3, "a change that changes nothing writes nothing");
    let bad = agent.call(axum::http::Method::PATCH, &path, &[("if-match", "banana")], Some("{}")).await;
    assert_eq!(bad.problem(422), "invalid");
    app.finish().await;
}

#[tokio::test]
async fn an_idempotency_key_is_carried_out_once() {
    let (app, _, agent, _) = TestApp::acme().await;
    let path = "/workspaces/acme/tickets";
    let body = json!({"subject": "Once", "body": "Only", "contact": {"email": "new@customer.example"}});
    let first = agent.post_once(path, "key-1", &body).await;
    let again = agent.post_once(path, "key-1", &body).await;
    assert_eq!(first.expect(201), again.expect(201));
    let other = json!({"subject": "Twice", "body": "Only", "contact": {"email": "new@customer.example"}});
    assert_eq!(agent.post_once(path, "key-1", &other).await.problem(422), "idempotency_key_reused");
    assert_eq!(agent.get(path).await.expect(200)["data"].as_array().map(Vec::len), Some(1));

    let ticket = format!("{path}/{}", first.json()["id"].as_str().expect("an id"));
    let reply = json!({"kind": "reply", "body": "One answer"});
    let (one, two) = (
        agent.post_once(&format!("{ticket}/messages"), "key-2", &reply).await.expect(201),
        agent.post_once(&format!("{ticket}/messages"), "key-2", &reply).await.expect(201),
    );
    assert_eq!(one["id"], two["id"]);
    agent.patch(&ticket, &json!({"priority": "high"})).await.expect(200);
    let replayed = agent.post_once(path, "key-1", &body).await.expect(201);
    assert_eq!(replayed, first.json(), "the answer is that of then, whatever happened since");
    assert_eq!(app.deliver().await, 1, "one answer, one mail");
    app.clock.advance(std::time::Duration::from_secs(24 * 3600 + 1));
    let later = app.sign_in("agent@acme.example").await;
    let fresh = later.post_once(path, "key-1", &other).await.expect(201);
    assert_eq!(fresh["number"], 2, "after a day the key is free");

    let workspace = json!({"name": "Bolt", "slug": "bolt"});
    let (one, two) = (
        later.post_once("/workspaces", "w", &workspace).await.expect(201),
        later.post_once("/workspaces", "w", &workspace).await.expect(201),
    );
    assert_eq!(one["id"], two["id"]);
    assert_eq!(later.post("/workspaces", &workspace).await.problem(409), "taken");
    app.finish().await;
}

#[tokio::test]
async fn lists_filter_sort_and_page() {
    let (app, _, agent, customer) = TestApp::acme().await;
    for n in 0..12 {
        let path = agent.open(&format!("Ticket {n}")).await;
        if n % 2 == 0 {
            agent
                .patch(&path, &json!({"status": "pending", "priority": if n % 4 == 0 { "urgent" } else { "low" }}))
                .await
                .expect(200);
        }
    }
    let me = agent.get("/me").await.expect(200)["user"]["id"].clone();
    let first = agent.get("/workspaces/acme/tickets?sort=number&limit=1").await.expect(200)["data"][0]["id"].clone();
    let first = format!("/workspaces/acme/tickets/{}", first.as_str().expect("an id"));
    agent.patch(&first, &json!({"assignee_id": me})).await.expect(200);
    let count = async |query: &str| {
        let answer = agent.get(&format!("/workspaces/acme/tickets?{query}")).await.expect(200);
        answer["data"].as_array().expect("a list").len()
    };
    assert_eq!(count("limit=200").await, 12);
    assert_eq!(count("status=pending").await, 6);
    assert_eq!(count("q=status:new").await, 6);
    assert_eq!(count("assignee=me").await, 1);
    assert_eq!(count("q=assignee:none+priority:%3E%3Dhigh").await, 2);
    assert_eq!(count("q=%22Ticket%22+7").await, 2, "the one that says so, and the one of that number");
    assert_eq!(count("q=%2311").await, 1);
    let (mut numbers, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = agent.get(&format!("/workspaces/acme/tickets?sort=-number&limit=5{cursor}")).await.expect(200);
        numbers
            .extend(page["data"].as_array().expect("a list").iter().map(|t| t["number"].as_u64().expect("a number")));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(numbers, (1..=12).rev().collect::<Vec<_>>());
    assert_eq!(
        customer.get("/workspaces/acme/tickets?limit=200").await.expect(200)["data"].as_array().map(Vec::len),
        Some(12)
    );
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("sort=colour", "sort"),
        ("cursor=%21%21", "cursor"),
        ("q=colour:red", "q"),
        ("status=lost", "status"),
        ("page=2", "page"),
        ("limit=1&limit=2", "limit"),
    ] {
        let answer = agent.get(&format!("/workspaces/acme/tickets?{query}")).await;
        assert_eq!(answer.problem(422), "invalid", "{query}");
        assert_eq!(answer.json()["errors"][0]["field"], field, "{query}: {}", answer.text);
    }
    app.finish().await;
}

#[tokio::test]
async fn an_assignment_mails_the_member_and_nobody_is_told_of_their_own() {
    let (app, _, agent, _) = TestApp::acme().await;
    let helper = app.member(&agent, "helper@acme.example", "member").await;
    let path = agent.open("Who?").await;
    let helper_id = helper.get("/me").await.expect(200)["user"]["id"].clone();
    let own_id = agent.get("/me").await.expect(200)["user"]["id"].clone();
    agent.patch(&path, &json!({"assignee_id": own_id})).await.expect(200);
    assert_eq!(app.deliver().await, 0, "nobody is told of their own act");
    agent.patch(&path, &json!({"assignee_id": helper_id})).await.expect(200);
    assert_eq!(app.deliver().await, 1);
    let mail = app.mail_to("helper@acme.example").mail;
    assert_eq!(mail.subject, "[#1] assigned to you: Who?");
    assert_eq!(mail.auto_submitted, Some("auto-generated"));
    agent.patch(&path, &json!({"assignee_id": null})).await.expect(200);
    let stranger = app.sign_in("stranger@else.example").await.get("/me").await.expect(200)["user"]["id"].clone();
    let refused = agent.patch(&path, &json!({"assignee_id": stranger})).await;
    assert_eq!(refused.problem(422), "invalid");
    assert_eq!(refused.json()["errors"][0]["field"], "assignee_id");
    app.finish().await;
}

#[tokio::test]
async fn labels_are_put_on_and_taken_off() {
    let (app, _, agent, _) = TestApp::acme().await;
    let path = agent.open("Labels").await;
    assert_eq!(agent.put(&format!("{path}/labels/Two%20Words")).await.expect(200)["labels"], json!(["two words"]));
    assert_eq!(agent.put(&format!("{path}/labels/urgent")).await.expect(200)["version"], 3);
    assert_eq!(agent.put(&format!("{path}/labels/urgent")).await.expect(200)["version"], 3, "again changes nothing");
    assert_eq!(agent.delete(&format!("{path}/labels/two%20words")).await.expect(200)["labels"], json!(["urgent"]));
    let labels = agent.get("/workspaces/acme/labels").await.expect(200);
    assert_eq!(labels["data"].as_array().map(Vec::len), Some(2), "labels are made by their first use");
    agent.post("/workspaces/acme/labels", &json!({"name": "new", "color": "#AA00BB"})).await.expect(201);
    assert_eq!(agent.post("/workspaces/acme/labels", &json!({"name": "NEW"})).await.problem(409), "taken");
    assert_eq!(
        agent.post("/workspaces/acme/labels", &json!({"name": "x", "color": "red"})).await.problem(422),
        "invalid"
    );
    let many: Vec<String> = (0..21).map(|n| format!("l{n}")).collect();
    assert_eq!(agent.patch(&path, &json!({"labels": many})).await.problem(422), "invalid");
    app.finish().await;
}

#[tokio::test]
async fn customers_open_their_own_tickets_and_see_no_notes() {
    let (app, _, agent, customer) = TestApp::acme().await;
    let opened =
        customer.post("/workspaces/acme/tickets", &json!({"subject": "Mine", "body": "Help"})).await.expect(201);
    let path = format!("/workspaces/acme/tickets/{}", opened["id"].as_str().expect("an id"));
    assert_eq!(opened["contact"]["email"], "carla@customer.example");
    let note = agent
        .post(&format!("{path}/messages"), &json!({"kind": "note", "body": "careful, secretword"}))
        .await
        .expect(201);
    agent.patch(&path, &json!({"priority": "high"})).await.expect(200);
    let messages = customer.get(&format!("{path}/messages")).await;
    assert_eq!(messages.expect(200)["data"].as_array().map(Vec::len), Some(1));
    assert!(!messages.text.contains("secretword") && !messages.text.contains("deliveries"));
    let timeline = customer.get(&format!("{path}/timeline")).await;
    assert!(
        !timeline.text.contains("secretword")
            && !timeline.text.contains("noted")
            && !timeline.text.contains("priority")
    );
    let by_id = format!("{path}/messages/{}", note["id"].as_str().expect("an id"));
    assert_eq!(customer.get(&by_id).await.problem(404), "not_found");
    agent.get(&by_id).await.expect(200);
    let found = customer.get("/workspaces/acme/tickets?q=secretword").await.expect(200);
    assert_eq!(found["data"], json!([]), "not even by searching");
    assert_eq!(
        agent.get("/workspaces/acme/tickets?q=secretword").await.expect(200)["data"].as_array().map(Vec::len),
        Some(1)
    );
    assert_eq!(
        customer.post(&format!("{path}/messages"), &json!({"kind": "note", "body": "x"})).await.problem(403),
        "forbidden"
    );
    assert_eq!(customer.patch(&path, &json!({"priority": "low"})).await.problem(403), "forbidden");
    let for_others = json!({"subject": "S", "body": "B", "contact": {"email": "other@customer.example"}});
    assert_eq!(customer.post("/workspaces/acme/tickets", &for_others).await.problem(403), "forbidden");
    app.finish().await;
}

#[tokio::test]
async fn an_answer_to_an_old_state_is_refused() {
    let (app, _, agent, customer) = TestApp::acme().await;
    let path = agent.open("Stale").await;
    let messages = format!("{path}/messages");
    let seen = agent.get(&messages).await.expect(200)["data"][0]["id"].clone();
    customer.post(&messages, &json!({"kind": "reply", "body": "One more thing"})).await.expect(201);
    let stale = json!({"kind": "reply", "body": "Here", "last_seen_message_id": seen});
    assert_eq!(agent.post(&messages, &stale).await.problem(409), "newer_messages");
    agent.patch(&path, &json!({"status": "closed"})).await.expect(200);
    assert_eq!(customer.post(&messages, &json!({"kind": "reply", "body": "?"})).await.problem(409), "ticket_closed");
    app.finish().await;
}
