//! Where links and redirects lead: to the public address of the settings, whatever a request says.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Method, Request};
use connect_store::{BlobSettings, ObjectBlobs};
use serde_json::json;

use crate::app::{Made, TestApp, User};

/// What a request may say of where it was sent.
const HOSTILE: [(&str, &str); 13] = [
    ("host", "evil.example"),
    ("x-forwarded-host", "evil.example"),
    ("x-forwarded-server", "evil.example"),
    ("x-forwarded-proto", "http"),
    ("x-forwarded-scheme", "http"),
    ("x-forwarded-port", "4711"),
    ("x-forwarded-prefix", "//evil.example"),
    ("x-host", "evil.example"),
    ("x-original-url", "//evil.example/"),
    ("x-rewrite-url", "//evil.example/"),
    ("x-original-host", "evil.example"),
    ("forwarded", "host=evil.example;proto=http"),
    ("origin", "https://evil.example"),
];

fn request(user: Option<&User>, method: Method, uri: &str, body: Option<&str>) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(uri);
    if let Some(user) = user {
        request = request.header("authorization", format!("Bearer {}", user.token()));
    }
    for (name, value) in HOSTILE {
        request = request.header(name, value);
    }
    request
        .header("content-type", "application/json")
        .body(Body::from(body.unwrap_or("").to_owned()))
        .expect("a request")
}

#[tokio::test]
async fn sec_76_links_in_mail_and_answers_come_from_the_settings() {
    for public_url in ["https://desk.example", "https://shop.example/support"] {
        let blobs = ObjectBlobs::open("memory://", BlobSettings::default()).expect("memory");
        let made = Made { public_url, ..Made::default() };
        let made = TestApp::made(made, |desk| desk.blobs(Arc::new(blobs)));
        let (app, anonymous, agent, _) = made.with_acme().await;
        let send = async |user: Option<&User>, path: &str, body: &serde_json::Value| {
            let uri = format!("/api/v1{path}");
            let answer = anonymous.send(request(user, Method::POST, &uri, Some(&body.to_string()))).await;
            assert!(answer.status.is_success(), "{path}: {}", answer.text);
            let told = format!("{:?} {}", answer.headers, answer.text);
            assert!(!told.contains("evil.example"), "{path}: {told}");
            answer
        };
        // Mail with a code, with an invitation, with an answer.
        send(None, "/auth/otp/request", &json!({"email": "new@acme.example", "token": true})).await;
        let invited = json!({"email": "hana@acme.example", "role": "member"});
        send(Some(&agent), "/workspaces/acme/invitations", &invited).await;
        let opened = json!({"subject": "S", "body": "B", "contact": {"email": "carla@customer.example"}});
        let ticket = send(Some(&agent), "/workspaces/acme/tickets", &opened).await.json();
        let path = format!("/workspaces/acme/tickets/{}/messages", ticket["id"].as_str().expect("an id"));
        send(Some(&agent), &path, &json!({"kind": "reply", "body": "An answer"})).await;
        app.deliver().await;
        let mut links = 0;
        for kept in app.mail.mails() {
            // Namespaces of the markup are no links.
            let html = kept.mail.html.replace("=\"http://www.w3.org/1999/xhtml\"", "");
            let said = format!("{:?} {} {html:?} {}", kept.mail.from, kept.mail.text, kept.mail.message_id);
            assert!(!said.contains("evil.example"), "{said}");
            for address in said.split("http").skip(1).filter(|rest| rest.starts_with("://") || rest.starts_with("s://"))
            {
                assert!(format!("http{address}").starts_with(&format!("{public_url}/")), "http{address}");
                links += 1;
            }
        }
        assert!(links >= 3, "an invitation and an answer have links: {links}");
        // An address that somebody else may read an attachment at.
        let uri = "/api/v1/workspaces/acme/attachments?name=a.txt";
        let uploaded = anonymous.send(request(Some(&agent), Method::POST, uri, Some("plain"))).await.expect(201);
        let id = uploaded["id"].as_str().expect("an id");
        let link = send(Some(&agent), &format!("/workspaces/acme/attachments/{id}/link"), &json!({})).await.json();
        assert!(link["url"].as_str().expect("an address").starts_with(&format!("{public_url}/")), "{link}");
        app.finish().await;
    }
}

#[tokio::test]
async fn sec_76_redirects_stay_on_the_desk() {
    for (public_url, base) in [("https://desk.example", ""), ("https://shop.example/support", "/support")] {
        let made = TestApp::made(Made { public_url, ..Made::default() }, |desk| desk);
        let (app, anonymous, agent, _) = made.with_acme().await;
        // A path alone, and with an address before it as a proxy would be asked.
        for uri in ["/", "/workspaces", "/acme", "/acme/tickets?q=x", "/acme/join/inv_x?token=y", "/setup"] {
            for uri in [uri.to_owned(), format!("http://evil.example{uri}")] {
                for user in [None, Some(&agent)] {
                    let answer = anonymous.send(request(user, Method::GET, &uri, None)).await;
                    let told = format!("{:?} {}", answer.headers, answer.text);
                    assert!(!told.contains("evil.example"), "{uri}: {told}");
                    if let Some(location) = answer.headers.get("location") {
                        let location = location.to_str().expect("text");
                        let is_path = location.starts_with('/') && !location.starts_with("//");
                        assert!(is_path && location.starts_with(base), "{uri}: {location}");
                    }
                }
            }
        }
        let mut form = request(None, Method::POST, "/sign-in", Some("email=a%40b.example&to=%2F%2Fevil.example"));
        form.headers_mut().insert("content-type", "application/x-www-form-urlencoded".parse().expect("a value"));
        form.headers_mut().insert("sec-fetch-site", "same-origin".parse().expect("a value"));
        let answer = anonymous.send(form).await;
        assert_eq!(answer.headers["location"], format!("{base}/sign-in/code?to=%2F"));
        let cookie = answer.headers["set-cookie"].to_str().expect("text");
        assert!(!cookie.to_ascii_lowercase().contains("domain"), "{cookie}");
        app.deliver().await;
        app.finish().await;
    }
}
