use axum::http::{Method, Request};
use serde_json::json;

use crate::app::TestApp;

#[tokio::test]
async fn what_is_wrong_is_named_field_by_field() {
    let (app, _, agent, _) = TestApp::acme().await;
    let tickets = "/workspaces/acme/tickets";
    let long = "x".repeat(201);
    let huge = "x".repeat(100_001);
    let contact = json!({"email": "carla@customer.example"});
    for (body, field, code) in [
        (json!({"body": "b", "contact": contact}), "subject", "required"),
        (json!({"subject": "", "body": "b", "contact": contact}), "subject", "empty"),
        (json!({"subject": long, "body": "b", "contact": contact}), "subject", "too_long"),
        (json!({"subject": "a\nb", "body": "b", "contact": contact}), "subject", "bad_character"),
        (json!({"subject": "s", "body": huge, "contact": contact}), "body", "too_long"),
        (json!({"subject": "s", "body": "  ", "contact": contact}), "body", "empty"),
        (json!({"subject": "s", "body": "a\u{0}b", "contact": contact}), "body", "bad_character"),
        (json!({"subject": 7, "body": "b", "contact": contact}), "subject", "wrong_type"),
        (json!({"subject": "s", "body": "b"}), "contact", "required"),
        (json!({"subject": "s", "body": "b", "contact": {}}), "contact", "ambiguous"),
        (
            json!({"subject": "s", "body": "b", "contact": {"email": "a@b.example,c@d.example"}}),
            "contact.email",
            "bad_address",
        ),
        (json!({"subject": "s", "body": "b", "contact": {"email": ["a@b.example"]}}), "contact.email", "wrong_type"),
        (
            json!({"subject": "s", "body": "b", "contact": {"id": "usr_00000000000000000000000000"}}),
            "contact.id",
            "bad_id",
        ),
        (
            json!({"subject": "s", "body": "b", "contact": {"id": "ctc_00000000000000000000000000"}}),
            "contact.id",
            "missing",
        ),
        (json!({"subject": "s", "body": "b", "contact": contact, "priority": "asap"}), "priority", "unknown"),
        (json!({"subject": "s", "body": "b", "contact": contact, "labels": ["ok", ""]}), "labels[1]", "empty"),
        (json!({"subject": "s", "body": "b", "contact": contact, "owner": 1}), "owner", "unknown_field"),
    ] {
        let answer = agent.post(tickets, &body).await;
        assert_eq!(answer.problem(422), "invalid", "{field} {code}");
        let first = &answer.json()["errors"][0];
        assert_eq!((first["field"].as_str(), first["code"].as_str()), (Some(field), Some(code)), "{}", answer.text);
    }
    let both = agent.post(tickets, &json!({"subject": "", "body": "", "contact": contact})).await.expect(422);
    assert_eq!(both["errors"].as_array().map(Vec::len), Some(2), "all that is wrong is told at once");
    assert_eq!(agent.get(tickets).await.expect(200)["data"], json!([]), "nothing was half-written");
    app.finish().await;
}

#[tokio::test]
async fn bodies_that_are_no_json_are_refused() {
    let (app, _, agent, _) = TestApp::acme().await;
    let path = "/workspaces/acme/contacts";
    for (body, status, code) in [
        ("", 400, "malformed_json"),
        ("{", 400, "malformed_json"),
        ("{\"name\":\"a\" \"b\"}", 400, "malformed_json"),
        ("null", 422, "invalid"),
        ("[]", 422, "invalid"),
        ("{\"name\":\"Ada\",\"name\":\"Bob\"}", 422, "invalid"),
        ("{\"name\":\"Ada\",\"email\":\"a@b.example\",\"traits\":{\"a\":1,\"a\":2}}", 422, "invalid"),
    ] {
        let answer = agent.call(Method::POST, path, &[], Some(body)).await;
        assert_eq!(answer.problem(status), code, "{body}");
    }
    let deep = format!("{{\"name\":\"Ada\",\"traits\":{}1{}}}", "{\"a\":".repeat(5000), "}".repeat(5000));
    assert_eq!(agent.call(Method::POST, path, &[], Some(&deep)).await.problem(400), "malformed_json");
    let large = format!("{{\"name\":\"{}\"}}", "x".repeat(1024 * 1024));
    assert_eq!(agent.call(Method::POST, path, &[], Some(&large)).await.problem(413), "too_large");
    for kind in
        ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1", "", "application/jsonx"]
    {
        let request = Request::post(format!("/api/v1{path}"))
            .header("authorization", format!("Bearer {}", agent.token()))
            .header("content-type", kind)
            .body(axum::body::Body::from("{\"name\":\"Ada\"}"))
            .expect("a request");
        assert_eq!(agent.send(request).await.problem(415), "unsupported_media_type", "sec 38: {kind:?}");
    }
    app.finish().await;
}

#[tokio::test]
async fn sec_77_hostile_addresses_are_refused_everywhere_alike() {
    let app = TestApp::new();
    for email in [
        "",
        "a",
        "a@",
        "@b.example",
        "a@b",
        "A <a@b.example>",
        "a@b.example\r\nBcc: c@d.example",
        "\"a\"@b.example",
        "a@b.example, c@d.example",
        "ａ@b.example",
        "a\u{0}@b.example",
    ] {
        let answer = app.anonymous().post("/auth/otp/request", &json!({"email": email})).await;
        assert_eq!(answer.problem(422), "invalid", "{email:?}");
        assert_eq!(answer.json()["errors"][0]["field"], "email");
    }
    app.finish().await;
}

#[tokio::test]
async fn ids_and_paths_that_are_none_are_not_found() {
    let (app, anonymous, agent, _) = TestApp::acme().await;
    for path in [
        "/workspaces/acme/tickets/banana",
        "/workspaces/acme/tickets/-1",
        "/workspaces/acme/tickets/99999999999999999999999",
        "/workspaces/acme/tickets/%00",
        "/workspaces/acme/contacts/tkt_x",
        "/workspaces/%2e%2e/tickets",
        "/workspaces/ACME",
        "/nothing",
        "/workspaces/acme/nothing",
    ] {
        assert_eq!(agent.get(path).await.problem(404), "not_found", "{path}");
    }
    assert_eq!(agent.delete("/workspaces/acme/tickets").await.problem(405), "method_not_allowed");
    assert_eq!(anonymous.get("").await.problem(404), "not_found");
    for (key, status) in [("", 422), (" ", 422), (&"k".repeat(256), 422)] {
        let answer =
            agent.post_once("/workspaces/acme/contacts", key, &json!({"name": "Ada", "email": "a@b.example"})).await;
        assert_eq!(answer.status.as_u16(), status, "key {key:?}");
    }
    app.finish().await;
}

#[tokio::test]
async fn sec_75_every_answer_has_the_security_headers() {
    let (app, anonymous, agent, _) = TestApp::acme().await;
    for answer in [
        agent.get("/workspaces/acme").await,
        anonymous.get("/me").await,
        anonymous.get("/nothing").await,
        agent.call(Method::POST, "/workspaces/acme/contacts", &[], Some("{")).await,
        anonymous.send(Request::get("/sign-in").body(axum::body::Body::empty()).expect("a request")).await,
        anonymous.send(Request::get("/healthz").body(axum::body::Body::empty()).expect("a request")).await,
    ] {
        for (name, part) in [
            ("strict-transport-security", "max-age=31536000; includeSubDomains"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "same-origin"),
            ("content-security-policy", "default-src 'none'"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("permissions-policy", "camera=()"),
            ("cache-control", "no-store"),
            ("x-request-id", "req_"),
        ] {
            let value = answer.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
            assert!(value.contains(part), "{name}: {value:?} in {answer:?}");
        }
        let policy = answer.headers["content-security-policy"].to_str().expect("text");
        assert!(
            !policy.contains("unsafe")
                && policy.contains("frame-ancestors 'none'")
                && policy.contains("object-src 'none'")
        );
        assert!(!answer.headers.contains_key("x-xss-protection"));
    }
    app.finish().await;
}

#[tokio::test]
async fn a_cursor_of_records_is_an_id_of_theirs() {
    let (app, _, agent, _) = TestApp::acme().await;
    for list in ["contacts", "labels", "members", "invitations", "teams", "roles"] {
        for bad in ["", "x", "\0", "ctc_\0", "tkt_00000000000000000000000001"] {
            let path = format!("/workspaces/acme/{list}?cursor={}", connect_core::encode_cursor(&bad));
            let answer = agent.get(&path).await;
            assert_eq!(answer.problem(422), "invalid", "{list} {bad:?}");
            assert_eq!(answer.json()["errors"][0]["code"], "bad_cursor", "{list} {bad:?}");
        }
    }
    app.finish().await;
}
