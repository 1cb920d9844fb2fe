//! A request names one workspace. A second one, wherever it stands, is refused and never read.

use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::{Value, json};

use crate::app::TestApp;

/// The paths below a workspace, from the route table itself, with their methods.
fn below() -> Vec<(Method, String)> {
    let table = include_str!("../../src/api/mod.rs").split_once("fn in_workspace").expect("the table").1;
    let mut routes = vec![(Method::GET, String::new()), (Method::PATCH, String::new())];
    for route in table.split(".route(").skip(1) {
        let path = route.split('"').nth(1).expect("a path");
        let path: Vec<&str> = path.split('/').map(|part| if part.starts_with('{') { "x" } else { part }).collect();
        for (word, method) in [
            ("get(", Method::GET),
            ("post(", Method::POST),
            ("patch(", Method::PATCH),
            ("put(", Method::PUT),
            ("delete(", Method::DELETE),
        ] {
            if route.contains(word) {
                routes.push((method, path.join("/")));
            }
        }
    }
    routes
}

#[tokio::test]
async fn sec_54_a_second_workspace_in_the_query_is_refused_on_every_path() {
    let (app, _, agent, _) = TestApp::acme().await;
    let other = app.sign_in("boss@bolt.example").await;
    let bolt = other.post("/workspaces", &json!({"name": "Bolt", "slug": "bolt"})).await.expect(201);
    let bolt = bolt["id"].as_str().expect("an id");
    let routes = below();
    assert!(routes.len() >= 30, "the table was walked: {}", routes.len());
    for (method, path) in routes {
        for query in [
            "workspace=bolt".to_owned(),
            format!("workspace_id={bolt}"),
            format!("workspace={bolt}"),
            "workspace_id=nowhere".to_owned(),
            "workspace_id=".to_owned(),
            "workspace=acme&workspace=bolt".to_owned(),
            "%77orkspace=bol%74".to_owned(),
            "limit=1&workspace_id=bolt".to_owned(),
        ] {
            // The one path that reads its body before it is asked who comes.
            let body = if path.ends_with("/accept") { r#"{"token":"x"}"# } else { "{}" };
            let answer = agent.call(method.clone(), &format!("/workspaces/acme{path}?{query}"), &[], Some(body)).await;
            let seen = (answer.status.as_u16(), answer.json()["code"].clone());
            assert_eq!(seen, (400, json!("second_workspace")), "{method} {path}?{query}");
        }
    }
    // The same one twice is one: by short name or by id.
    let acme = agent.get("/workspaces/acme").await.expect(200)["id"].clone();
    let acme = acme.as_str().expect("an id");
    for path in [format!("/workspaces/acme?workspace_id={acme}"), format!("/workspaces/{acme}?workspace=acme")] {
        agent.get(&path).await.expect(200);
    }
    app.finish().await;
}

#[tokio::test]
async fn sec_54_a_workspace_in_a_body_is_refused() {
    let (app, _, agent, _) = TestApp::acme().await;
    let ticket = agent.open("x").await.replace("/workspaces/acme", "");
    let bolt = "wsp_00000000000000000000000001";
    let bodies = [
        (Method::PATCH, String::new(), json!({})),
        (Method::POST, "/invitations".to_owned(), json!({"email": "new@acme.example", "role": "viewer"})),
        (Method::POST, "/api-keys".to_owned(), json!({"name": "Robot", "scopes": ["tickets.read"]})),
        (Method::POST, "/contacts".to_owned(), json!({"name": "Some Body", "external_id": "7"})),
        (Method::POST, "/labels".to_owned(), json!({"name": "new"})),
        (
            Method::POST,
            "/tickets".to_owned(),
            json!({"subject": "S", "body": "B", "contact": {"email": "carla@customer.example"}}),
        ),
        (Method::PATCH, ticket.clone(), json!({"priority": "low"})),
        (Method::POST, format!("{ticket}/messages"), json!({"kind": "reply", "body": "x"})),
    ];
    for (method, path, body) in bodies {
        for (name, value) in [("workspace", "bolt"), ("workspace_id", bolt), ("workspace", "acme")] {
            let mut planted = body.clone();
            planted[name] = value.into();
            refused(&agent, &method, &path, &planted, name).await;
            if body.get("contact").is_some() {
                let mut nested = body.clone();
                nested["contact"][name] = value.into();
                refused(&agent, &method, &path, &nested, &format!("contact.{name}")).await;
            }
        }
        // What was refused for it alone is taken without it.
        let taken = agent.call(method.clone(), &format!("/workspaces/acme{path}"), &[], Some(&body.to_string())).await;
        assert!(taken.status.is_success(), "{method} {path}: {}", taken.text);
    }
    let form = "--x\r\ncontent-disposition: form-data; name=\"workspace\"\r\n\r\nbolt\r\n--x--\r\n";
    let request = Request::post("/api/v1/workspaces/acme/attachments")
        .header("authorization", format!("Bearer {}", agent.token()))
        .header("content-type", "multipart/form-data; boundary=x");
    let answer = agent.send(request.body(Body::from(form)).expect("a request")).await;
    assert_eq!(answer.problem(422), "invalid", "nor does a form with a file take one");
    app.finish().await;
}

async fn refused(agent: &crate::app::User, method: &Method, path: &str, body: &Value, field: &str) {
    let path = format!("/workspaces/acme{path}");
    let answer = agent.call(method.clone(), &path, &[], Some(&body.to_string())).await;
    assert_eq!(answer.problem(422), "invalid", "{method} {path} {body}");
    let first = &answer.json()["errors"][0];
    assert_eq!((&first["field"], &first["code"]), (&json!(field), &json!("unknown_field")), "{method} {path}");
}
