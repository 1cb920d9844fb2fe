//! What pages of other origins may do.

use axum::body::Body;
use axum::http::{Method, Request};
use connect_http::HttpSettings;
use serde_json::json;

use crate::app::{Answer, Made, TestApp, User};

const FRIEND: &str = "https://app.example";

fn with_friend() -> TestApp {
    // What is no origin allows nothing, even where somebody has put it there.
    let allowed_origins = [FRIEND, "*", "null", "https://slash.example/"].map(str::to_owned).to_vec();
    let http = HttpSettings { allowed_origins, ..HttpSettings::default() };
    TestApp::made(Made { http, ..Made::default() }, |desk| desk)
}

fn allowed(answer: &Answer) -> Option<&str> {
    answer.headers.get("access-control-allow-origin").map(|value| value.to_str().expect("text"))
}

fn varies(answer: &Answer) -> bool {
    answer.headers.get_all("vary").iter().any(|value| value.as_bytes().eq_ignore_ascii_case(b"origin"))
}

async fn from(user: &User, origin: &str, path: &str) -> Answer {
    user.call(Method::GET, path, &[("origin", origin)], None).await
}

#[tokio::test]
async fn sec_41_only_origins_that_were_named_may_read() {
    let app = with_friend();
    let user = app.sign_in("ada@example.org").await;
    for path in ["/me", "/nothing", "/workspaces/other"] {
        let answer = from(&user, FRIEND, path).await;
        assert_eq!(allowed(&answer), Some(FRIEND), "{path}: {}", answer.status);
        assert_eq!(answer.headers["access-control-allow-credentials"], "true");
        assert!(varies(&answer));
    }
    for origin in [
        "https://evil.example",
        "https://app.example.evil.example",
        "https://evil-app.example",
        "https://sub.app.example",
        "https://app.example:8443",
        "http://app.example",
        "https://APP.example",
        "https://app.example/",
        "https://app.example, https://evil.example",
        "https://slash.example/",
        "https://slash.example",
        "null",
        "*",
        "",
    ] {
        let answer = from(&user, origin, "/me").await;
        let given: Vec<_> = answer.headers.keys().filter(|name| name.as_str().starts_with("access-control")).collect();
        assert!(given.is_empty(), "{origin:?}: {given:?}");
        assert!(varies(&answer), "a cache must keep it apart all the same");
    }
    let twice = user.call(Method::GET, "/me", &[("origin", FRIEND), ("origin", "https://evil.example")], None).await;
    assert_eq!(allowed(&twice), None);
    let none = user.get("/me").await;
    assert!(allowed(&none).is_none() && varies(&none));
    let page = Request::get("/sign-in").header("origin", FRIEND).body(Body::empty()).expect("a request");
    assert_eq!(allowed(&user.send(page).await), None, "pages are for nobody's programs");
    app.finish().await;
}

#[tokio::test]
async fn sec_41_a_browser_that_asks_first_is_answered_for_named_origins() {
    let app = with_friend();
    let somebody = app.anonymous();
    let ask = async |origin: &str| {
        let headers = [
            ("origin", origin),
            ("access-control-request-method", "PATCH"),
            ("access-control-request-headers", "authorization, content-type, if-match"),
        ];
        somebody.call(Method::OPTIONS, "/me", &headers, None).await
    };
    let answer = ask(FRIEND).await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (204, ""));
    assert_eq!(allowed(&answer), Some(FRIEND));
    let header = |name: &str| answer.headers[name].to_str().expect("text").to_ascii_lowercase();
    assert!(header("access-control-allow-methods").contains("patch"));
    for name in ["authorization", "content-type", "idempotency-key", "if-match"] {
        assert!(header("access-control-allow-headers").contains(name), "{name}");
    }
    for header in ["access-control-allow-methods", "access-control-allow-headers", "access-control-allow-origin"] {
        assert!(!answer.headers[header].as_bytes().contains(&b'*'), "{header}");
    }
    assert!(varies(&answer));
    for origin in ["https://evil.example", "null", "*"] {
        let answer = ask(origin).await;
        assert_eq!(answer.problem(405), "method_not_allowed", "{origin}");
        assert_eq!(allowed(&answer), None);
    }
    app.finish().await;
}

#[tokio::test]
async fn sec_41_a_named_origin_writes_with_the_cookie_and_others_do_not() {
    let app = with_friend();
    let user = app.sign_in("ada@example.org").await;
    let cookie = format!("__Host-connect_session={}", user.token());
    let send = async |origin: &str| {
        let headers = [("cookie", cookie.as_str()), ("origin", origin), ("sec-fetch-site", "same-site")];
        app.anonymous().call(Method::PATCH, "/me", &headers, Some(r#"{"name":"Ada"}"#)).await.status.as_u16()
    };
    assert_eq!(send(FRIEND).await, 200);
    for origin in ["https://evil.example", "null", "*", "https://slash.example/"] {
        assert_eq!(send(origin).await, 403, "{origin}");
    }
    app.finish().await;
}

#[tokio::test]
async fn sec_41_requests_with_an_authorization_header_ignore_cookies() {
    let app = TestApp::new();
    let user = app.sign_in("ada@example.org").await;
    let session = format!("__Host-connect_session={}", user.token());
    for header in ["Bearer wrong", "Basic YTpi", "Bearer", ""] {
        let headers = [("cookie", session.as_str()), ("authorization", header)];
        let answer = app.anonymous().call(Method::GET, "/me", &headers, None).await;
        assert_eq!(answer.problem(401), "unauthorized", "{header:?}");
    }
    // The cookie of a challenge, too: such requests pass the guard against forged ones.
    let issued = app.ask_code("bob@example.org").await;
    let (id, secret) =
        (issued["challenge_id"].as_str().expect("id"), issued["challenge_secret"].as_str().expect("text"));
    let challenge = format!("{session}; __Host-connect_challenge={id}.{secret}");
    let guess = json!({"challenge_id": id, "code": app.code("bob@example.org")}).to_string();
    let headers = [("cookie", challenge.as_str()), ("authorization", "Bearer x"), ("sec-fetch-site", "cross-site")];
    let answer = app.anonymous().call(Method::POST, "/auth/otp/verify", &headers, Some(&guess)).await;
    assert_eq!(answer.problem(401), "code_not_right");
    user.get("/me").await.expect(200);
    let headers = [("cookie", challenge.as_str()), ("sec-fetch-site", "same-origin")];
    app.anonymous().call(Method::POST, "/auth/otp/verify", &headers, Some(&guess)).await.expect(200);
    app.finish().await;
}
