//! What kinds of bodies are taken.

use axum::body::Body;
use axum::http::{Method, Request};

use crate::app::TestApp;

/// A line of the route table: a path, and the methods with the handlers they lead to.
struct Line<'t> {
    path: &'t str,
    handlers: Vec<(Method, &'t str)>,
}

/// The lines of `src/api/mod.rs`.
fn table(text: &str) -> Vec<Line<'_>> {
    text.split(".route(")
        .skip(1)
        .filter_map(|route| {
            let path = route.split('"').nth(1)?;
            let handlers = [("post(", Method::POST), ("patch(", Method::PATCH), ("put(", Method::PUT)]
                .into_iter()
                .filter_map(|(word, method)| {
                    let before = route.find(word)?;
                    Some((method, route[before + word.len()..].split(')').next()?))
                })
                .collect();
            Some(Line { path, handlers })
        })
        .collect()
}

/// Whether a handler takes a JSON body: its source says so.
fn takes_json(handler: &str) -> bool {
    let mut parts: Vec<&str> = handler.split("::").collect();
    let function = parts.pop().expect("a function");
    let file = format!("{}/src/api/{}.rs", env!("CARGO_MANIFEST_DIR"), parts.join("/"));
    let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file}: {error}"));
    let arguments = text.split(&format!("fn {function}(")).nth(1).and_then(|rest| rest.split("->").next());
    let arguments = arguments.unwrap_or_else(|| panic!("no {function} in {file}"));
    arguments.contains("Command<") && !arguments.contains("Command<()>")
}

#[tokio::test]
async fn sec_38_every_json_endpoint_refuses_any_other_media_type_and_none() {
    let (app, _, agent, _) = TestApp::acme().await;
    let text = include_str!("../../src/api/mod.rs");
    let (above, below) = text.split_once("fn in_workspace").expect("the table");
    let above = table(above).into_iter().map(|line| (String::new(), line));
    let below = table(below).into_iter().map(|line| ("/workspaces/acme".to_owned(), line));
    let mut walked = 0;
    for (place, line) in above.chain(below) {
        for (method, handler) in line.handlers {
            if !takes_json(handler) {
                continue;
            }
            walked += 1;
            let path = line.path.replace("{workspace}", "acme");
            let path = path
                .split('/')
                .map(|part| if part.starts_with('{') { "x" } else { part })
                .collect::<Vec<_>>()
                .join("/");
            for kinds in [
                &[][..],
                &[""],
                &["text/plain"],
                &["text/json"],
                &["application/x-www-form-urlencoded"],
                &["multipart/form-data; boundary=x"],
                &["application/jsonx"],
                &["application/problem+json"],
                &["application/merge-patch+json"],
                &["application/json; charset=latin1"],
                &["application/json, text/plain"],
                &["text/plain; application/json"],
                &["application/json", "text/plain"],
                &["text/plain", "application/json"],
            ] {
                let mut request = Request::builder()
                    .method(method.clone())
                    .uri(format!("/api/v1{place}{path}"))
                    .header("authorization", format!("Bearer {}", agent.token()));
                for kind in kinds {
                    request = request.header("content-type", *kind);
                }
                let answer = agent.send(request.body(Body::from("{}")).expect("a request")).await;
                assert_eq!(answer.problem(415), "unsupported_media_type", "{method} {path} {kinds:?}");
            }
            for kind in ["application/json", "Application/JSON", "application/json;charset=UTF-8", "application/json;"]
            {
                let request = Request::builder()
                    .method(method.clone())
                    .uri(format!("/api/v1{place}{path}"))
                    .header("authorization", format!("Bearer {}", agent.token()))
                    .header("content-type", kind);
                let answer = agent.send(request.body(Body::from("[]")).expect("a request")).await;
                assert_ne!(answer.status, 415, "{method} {path} {kind}");
            }
        }
    }
    assert!(walked >= 14, "the table was walked: {walked}");
    app.finish().await;
}
