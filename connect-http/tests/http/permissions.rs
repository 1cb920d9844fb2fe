//! Every route against the table of permissions.

use axum::http::{Method, Request, header};
use connect_http::{PERMISSIONS, permissions_markdown};

use crate::app::TestApp;
use crate::pages::Browser;

/// The routes of a page of the router, each with its method.
fn routes(table: &str, below: &str) -> Vec<(Method, String)> {
    let mut routes = Vec::new();
    for route in table.split(".route(").skip(1) {
        let path = route.split('"').nth(1).expect("a path");
        for (word, method) in [
            ("get(", Method::GET),
            ("post(", Method::POST),
            ("patch(", Method::PATCH),
            ("put(", Method::PUT),
            ("delete(", Method::DELETE),
        ] {
            let handlers = route.split_once("\",").expect("handlers").1;
            let is_word =
                |(place, _): (usize, &str)| !handlers[..place].ends_with(|c: char| c.is_alphanumeric() || c == '_');
            if handlers.match_indices(word).any(is_word) {
                routes.push((method, format!("{below}{path}")));
            }
        }
    }
    routes
}

#[test]
fn sec_53_every_route_has_a_declared_permission_and_every_permission_a_route() {
    let text = include_str!("../../src/api/mod.rs");
    let (above, below) = text.split_once("fn in_workspace").expect("the table");
    let mut there = routes(above, "");
    there.extend(routes(below, "/workspaces/{workspace}"));
    // Nothing else than these lines adds a route.
    assert_eq!(text.matches(".nest(").count(), 1);
    for other in [".merge(", ".route_service(", ".nest_service(", ".fallback", "any(", "on(Method"] {
        assert!(!text.contains(other), "{other}");
    }
    let mut declared: Vec<(Method, String)> =
        PERMISSIONS.iter().map(|row| (row.method.clone(), row.path.to_owned())).collect();
    let sort = |rows: &mut Vec<(Method, String)>| rows.sort_by_key(|(method, path)| (path.clone(), method.to_string()));
    sort(&mut there);
    sort(&mut declared);
    for route in &there {
        assert!(declared.contains(route), "a route without a permission: {route:?}");
    }
    for row in &declared {
        assert!(there.contains(row), "a permission without a route: {row:?}");
    }
    assert_eq!(there, declared, "each once");
}

#[test]
fn the_table_of_routes_in_the_documents_is_this_one() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/roles.md");
    let documented = std::fs::read_to_string(path).expect("docs/roles.md is there");
    assert!(documented.contains(&permissions_markdown()), "docs/roles.md must hold:\n{}", permissions_markdown());
}

#[tokio::test]
async fn sec_53_every_page_asks_who_comes() {
    let (app, _, owner, _) = TestApp::acme().await;
    let ticket = owner.open("x").await;
    let ticket = ticket.rsplit('/').next().expect("an id");
    // What nobody needs to be signed in for: signing in, how it looks, and the first run, which is over.
    let public = ["/", "/setup", "/assets/desk.css", "/assets/puzzle.js", "/sign-in", "/sign-in/code", "/sign-out"];
    let mut walked = 0;
    for (method, route) in routes(include_str!("../../src/web/mod.rs"), "") {
        if public.contains(&route.as_str()) {
            continue;
        }
        let path = route.replace("{workspace}", "acme").replace("{ticket}", ticket);
        let path: Vec<&str> = path.split('/').map(|part| if part.starts_with('{') { "x" } else { part }).collect();
        let request = Request::builder().method(method.clone()).uri(path.join("/"));
        let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let answer = Browser::new(&app).send(request, String::new()).await;
        let to = answer.headers.get(header::LOCATION).and_then(|to| to.to_str().ok()).unwrap_or_default();
        let is_sent_to_sign_in = answer.status == 303 && to.starts_with("/sign-in");
        assert!(is_sent_to_sign_in || answer.status == 401, "{method} {route}: {} {to}", answer.status);
        walked += 1;
    }
    assert!(walked >= 25, "the table was walked: {walked}");
    app.finish().await;
}
