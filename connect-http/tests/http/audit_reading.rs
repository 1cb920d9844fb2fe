//! Reading the journal: who may, by which filter, as a page, as JSON and as a table.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, Method, Request};
use connect_core::Actor;
use connect_core::event::{Event, Fact};
use serde_json::json;

use crate::app::{TestApp, User};
use crate::audit::{acme_id, assert_from_somewhere, journal, named, request, send};

#[tokio::test]
async fn sec_82_owners_and_admins_of_the_workspace_read_it_and_nobody_else() {
    let (app, anonymous, owner, customer) = TestApp::acme().await;
    let path = "/workspaces/acme/audit";
    assert!(!owner.get(path).await.expect(200)["data"].as_array().expect("rows").is_empty());
    let admin = app.member(&owner, "admin@acme.example", "admin").await;
    admin.get(path).await.expect(200);
    for (who, email) in [("member", "member@acme.example"), ("viewer", "viewer@acme.example")] {
        let user = app.member(&owner, email, who).await;
        assert_eq!(user.get(path).await.problem(403), "forbidden", "{who}");
        let csv = user.call(Method::GET, path, &[("accept", "text/csv")], None).await;
        assert_eq!(csv.problem(403), "forbidden", "{who}");
        assert_eq!(user.get(&format!("{path}?ticket=1")).await.problem(403), "forbidden", "{who}");
        let page = user
            .send(
                user.request(Method::GET, "/../../acme/audit")
                    .uri("/acme/audit")
                    .body(Body::empty())
                    .expect("a request"),
            )
            .await;
        assert_eq!(page.status, 403, "{who}");
    }
    assert_eq!(customer.get(path).await.problem(403), "forbidden");
    assert_eq!(anonymous.get(path).await.problem(401), "unauthorized");
    let stranger = app.sign_in("stranger@else.example").await;
    assert_eq!(stranger.get(path).await.problem(404), "not_found");
    stranger.post("/workspaces", &json!({"name": "Bolt", "slug": "bolt"})).await.expect(201);
    assert_eq!(stranger.get(path).await.problem(404), "not_found", "an owner of another workspace is nobody here");
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        let answer = owner.call(method.clone(), path, &[], Some("{}")).await;
        assert_eq!(answer.problem(405), "method_not_allowed", "{method}: it can be read only");
    }
    app.finish().await;
}

/// Positions and the next cursor of a page.
async fn page(owner: &User, query: &str) -> (Vec<u64>, Option<String>) {
    let page = owner.get(&format!("/workspaces/acme/audit?{query}")).await.expect(200);
    let positions = page["data"].as_array().expect("rows").iter().filter_map(|row| row["position"].as_u64()).collect();
    (positions, page["next_cursor"].as_str().map(str::to_owned))
}

/// Positions over all pages.
async fn walk(owner: &User, query: &str) -> Vec<u64> {
    let (mut all, mut next) = page(owner, query).await;
    while let Some(cursor) = next {
        let (rows, after) = page(owner, &format!("{query}&cursor={cursor}")).await;
        all.extend(rows);
        next = after;
    }
    all
}

#[tokio::test]
async fn the_audit_log_is_filtered_and_paged_both_ways() {
    let (app, _, owner, _) = TestApp::acme().await;
    let started = app.desk.now();
    let mut tickets = Vec::new();
    for n in 0..12 {
        app.clock.advance(Duration::from_secs(600));
        tickets.push(owner.open(&format!("T{n}")).await);
    }
    owner.post(&format!("{}/messages", tickets[0]), &json!({"kind": "note", "body": "later"})).await.expect(201);
    let events = journal(&app, acme_id(&app).await).await;
    let fits = |wanted: &dyn Fn(&Event) -> bool| {
        events.iter().filter(|event| wanted(event)).map(|event| event.seq).collect::<Vec<_>>()
    };
    let me = owner.get("/me").await.expect(200)["user"]["id"].as_str().expect("an id").to_owned();
    let ticket = tickets[0].rsplit('/').next().expect("an id").to_owned();
    let (from, to) = (started.plus(Duration::from_secs(3 * 600)), started.plus(Duration::from_secs(6 * 600)));
    let type_of = |event: &Event| event.fact.name();
    for (query, expected) in [
        (String::new(), fits(&|_| true)),
        (format!("actor={me}"), fits(&|event| event.actor.to_string() == me)),
        ("actor=me".to_owned(), fits(&|event| event.actor.to_string() == me)),
        ("actor=system".to_owned(), fits(&|event| event.actor == Actor::System)),
        ("type=ticket.opened".to_owned(), fits(&|event| type_of(event) == "ticket.opened")),
        ("type=ticket.".to_owned(), fits(&|event| type_of(event).starts_with("ticket."))),
        ("type=ticket".to_owned(), Vec::new()),
        (format!("ticket={ticket}"), fits(&|event| event.ticket.is_some_and(|id| id.to_string() == ticket))),
        ("ticket=1".to_owned(), fits(&|event| event.ticket.is_some_and(|id| id.to_string() == ticket))),
        (format!("after={from}&before={to}"), fits(&|event| event.at >= from && event.at < to)),
        (format!("ticket=1&type=ticket.noted&after={from}"), fits(&|event| type_of(event) == "ticket.noted")),
    ] {
        for limit in [1, 4, 200] {
            let ascending = walk(&owner, &format!("{query}&order=oldest&limit={limit}")).await;
            assert_eq!(ascending, expected, "{query}, oldest first, {limit} a page");
            let mut descending = walk(&owner, &format!("{query}&limit={limit}")).await;
            descending.reverse();
            assert_eq!(descending, expected, "{query}, newest first, {limit} a page");
        }
    }
    for (query, field) in [
        ("actor=nobody", "actor"),
        ("type=%3Cb%3E", "type"),
        ("after=yesterday", "after"),
        ("order=up", "order"),
        ("limit=201", "limit"),
        ("limit=0", "limit"),
        ("cursor=AAAA", "cursor"),
        ("format=xml", "format"),
        ("who=me", "who"),
    ] {
        let answer = owner.get(&format!("/workspaces/acme/audit?{query}")).await;
        assert_eq!(answer.expect(422)["errors"][0]["field"], field, "{query}: {}", answer.text);
    }
    assert_eq!(owner.get("/workspaces/acme/audit?ticket=999").await.problem(404), "not_found");
    let (_, newest) = page(&owner, "limit=1").await;
    let turned = format!("/workspaces/acme/audit?order=oldest&cursor={}", newest.expect("more"));
    owner.get(&turned).await.problem(422);
    app.finish().await;
}

/// The work of one page has an end: a filter that fits nothing answers an empty page and where to look on.
#[tokio::test]
async fn a_filter_that_fits_little_makes_progress() {
    let (app, _, owner, _) = TestApp::acme().await;
    let mut expected = Vec::new();
    let access = app.desk.host("acme").await.expect("let in");
    for n in 0..4300_u32 {
        let moment = app.desk.moment_of(Actor::Host);
        let fact =
            if n == 10 { Fact::TicketSubjectChanged {} } else { Fact::LabelCreated { label: app.desk.ids().label() } };
        let changes = connect_core::ChangeSet::new(&moment).fact(fact, &moment);
        app.desk.commit_facts(access.workspace_id(), changes).await.expect("kept");
    }
    expected.extend(named(&app, access.workspace_id(), "ticket.subject_changed").await.iter().map(|event| event.seq));
    let (rows, next) = page(&owner, "type=ticket.subject_changed").await;
    assert!(rows.is_empty() && next.is_some(), "nothing among the newest 4,000, but there are older ones");
    assert_eq!(walk(&owner, "type=ticket.subject_changed").await, expected);
    assert_eq!(walk(&owner, "type=ticket.subject_changed&order=oldest").await, expected);
    app.finish().await;
}

#[tokio::test]
async fn the_audit_log_is_a_table_too() {
    let (app, _, owner, _) = TestApp::acme().await;
    for n in 0..450 {
        owner.post("/workspaces/acme/labels", &json!({"name": format!("label-{n}")})).await.expect(201);
    }
    let mut count = journal(&app, acme_id(&app).await).await.len();
    for (path, headers) in [
        ("/workspaces/acme/audit?format=csv&order=oldest", &[][..]),
        ("/workspaces/acme/audit?order=oldest", &[("accept", "text/html, text/csv;q=0.9")][..]),
    ] {
        let answer = owner.call(Method::GET, path, headers, None).await;
        assert_eq!(answer.status, 200);
        // The last page, which is read after the first was given out, tells of this table itself.
        count += 1;
        assert_eq!(answer.headers["content-type"], "text/csv; charset=utf-8");
        assert_eq!(answer.headers["content-disposition"], "attachment; filename=\"audit-acme.csv\"");
        let lines: Vec<&str> = answer.text.split_terminator("\r\n").collect();
        assert_eq!(lines.len(), count + 1, "all of it, over several pages");
        assert!(lines[0].starts_with("position,at,type,result,actor,"), "{}", lines[0]);
        assert!(lines[1].starts_with("\"1\",\"2026-"), "{}", lines[1]);
        assert!(lines.last().expect("lines").starts_with(&format!("\"{count}\"")));
    }
    let part = owner.get("/workspaces/acme/audit?format=csv&limit=5").await;
    assert_eq!(part.text.split_terminator("\r\n").count(), 6, "one page where a limit is given");
    app.finish().await;
}

#[tokio::test]
async fn sec_34_the_whole_journal_needs_a_recent_proof_and_its_export_is_told() {
    let (app, _, owner, _) = TestApp::acme().await;
    let member = app.member(&owner, "member@acme.example", "member").await;
    let acme = acme_id(&app).await;
    let page = async |path: &str| {
        let request = Request::get(path).header("authorization", format!("Bearer {}", owner.token()));
        owner.send(request.body(Body::empty()).expect("a request")).await.text
    };
    assert!(page("/acme/audit").await.contains("/api/v1/workspaces/acme/audit?format=csv"));
    app.clock.advance(Duration::from_secs(10 * 60 + 1));
    for headers in [&[][..], &[("accept", "text/csv")][..]] {
        let path = if headers.is_empty() { "/workspaces/acme/audit?format=csv" } else { "/workspaces/acme/audit" };
        let late = owner.call(Method::GET, path, headers, None).await;
        assert_eq!(late.problem(403), "step_up_required", "a session that was stolen takes no journal along");
    }
    let none = member.get("/workspaces/acme/audit?format=csv").await;
    assert_eq!(none.problem(403), "forbidden", "no code helps who may not read it");
    assert!(page("/acme/audit?type=label.").await.contains("/step-up?to=%2Facme%2Faudit%3Ftype%3Dlabel."));
    assert_eq!(
        owner.get("/workspaces/acme/audit?format=csv&limit=5").await.status,
        200,
        "a page is what is seen anyway"
    );
    assert!(named(&app, acme, "audit.exported").await.is_empty());
    let owner = app.sign_in("agent@acme.example").await;
    let table = send(&app, Method::GET, "/workspaces/acme/audit?format=csv", Some(&owner), None).await;
    assert_eq!(table.status, 200);
    let told = named(&app, acme, "audit.exported").await;
    assert_eq!(told.len(), 1);
    assert_from_somewhere(&told[0], Some(&table));
    app.finish().await;
}

#[tokio::test]
async fn sec_83_what_comes_from_headers_breaks_no_line_anywhere() {
    let (app, _, owner, _) = TestApp::acme().await;
    let hostile = "=cmd\t|\u{85}\u{2028}x\u{202e}<b>\"";
    let mut asking =
        request(Method::POST, "/api/v1/workspaces/acme/labels", Some(owner.token()), Some(&json!({"name": "x"})));
    asking.headers_mut().insert("user-agent", HeaderValue::from_bytes(hostile.as_bytes()).expect("a header"));
    asking.headers_mut().insert("x-request-id", HeaderValue::from_static("mine\tforged"));
    let made = app.anonymous().send(asking).await;
    made.expect(201);
    assert!(made.headers["x-request-id"].to_str().expect("text").starts_with("req_"), "the desk names requests itself");
    let event = &named(&app, acme_id(&app).await, "label.created").await[0];
    let written = r#"=cmd\u{9}|\u{85}\u{2028}x\u{202e}<b>""#;
    assert_eq!(event.origin.as_ref().and_then(|origin| origin.agent.as_deref()), Some(written));
    assert_eq!(event.request_id.as_deref(), made.headers["x-request-id"].to_str().ok());
    let hidden = |text: &str| {
        text.chars().any(|c| (c.is_control() && c != '\n' && c != '\r') || "\u{2028}\u{202e}\u{85}".contains(c))
    };

    let json = owner.get("/workspaces/acme/audit?type=label.created").await;
    assert_eq!(json.expect(200)["data"][0]["agent"], written);
    assert!(!hidden(&json.text), "{}", json.text);
    let csv = owner.get("/workspaces/acme/audit?type=label.created&format=csv").await;
    assert_eq!(csv.text.lines().count(), 2);
    assert!(csv.text.contains(r#""'=cmd\u{9}|\u{85}\u{2028}x\u{202e}<b>"""#), "{}", csv.text);
    assert!(!hidden(&csv.text));
    let page = Request::get("/acme/audit?type=label.created")
        .header("authorization", format!("Bearer {}", owner.token()))
        .body(Body::empty())
        .expect("a request");
    let page = owner.send(page).await;
    assert_eq!(page.status, 200);
    assert!(
        page.text.contains(r"=cmd\u{9}|\u{85}\u{2028}x\u{202e}&#60;b&#62;") && !page.text.contains("<b>"),
        "{}",
        page.text
    );
    assert!(!hidden(&page.text));
    app.finish().await;
}
