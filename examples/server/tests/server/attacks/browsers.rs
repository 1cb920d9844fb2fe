//! What is tried with somebody else's browser: sessions that were planted in it, forms of other sites.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Method, Request, header};
use serde_json::json;

use super::{Target, VERIFY};
use crate::http::{Answer, Client};

const FORM: &str = "application/x-www-form-urlencoded";

/// A request of a browser: with a cookie, and what the browser says of where it comes from.
async fn browse(client: &Client, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut request: Request<Full<Bytes>> =
        client.request(method, path, None, None).map(|_| Full::new(Bytes::from(body.to_owned())));
    for (name, value) in headers {
        let name = header::HeaderName::from_bytes(name.as_bytes()).expect("a name");
        request.headers_mut().insert(name, value.parse().expect("a value"));
    }
    client.try_send(request).await.expect("an answer")
}

fn session_of(answer: &Answer) -> Option<String> {
    let set = answer.headers.get_all("set-cookie").iter().filter_map(|value| value.to_str().ok());
    set.filter_map(|cookie| cookie.split(';').next())
        .find_map(|pair| pair.strip_prefix("connect_dev_session="))
        .map(str::to_owned)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_was_planted_is_not_the_victims() {
    let target = Target::start(&[]);
    let mallory = target.sign_in("mallory@example.org").await;
    // A session of the attacker's own, and one that they made up: both in the victim's browser.
    let own = target.token("mallory@example.org").await;
    let made_up = format!("cns_{}", "A".repeat(43));
    for planted in [own, made_up] {
        let email = if planted.ends_with("AAAA") { "vera@example.org" } else { "victor@example.org" };
        let (issued, code) = target.challenge(email).await;
        let body = json!({
            "challenge_id": issued["challenge_id"], "challenge_secret": issued["challenge_secret"], "code": code,
        });
        let cookie = format!("connect_dev_session={planted}");
        let headers = [("cookie", cookie.as_str()), ("sec-fetch-site", "same-origin")];
        let signed_in = browse(&target.stranger(), Method::POST, VERIFY, &headers, &body.to_string()).await;
        signed_in.expect(200);
        let new = session_of(&signed_in).expect("a session of its own");
        assert_ne!(new, planted);
        let me = target.stranger().with_token(&new).get("/api/v1/me").await.expect(200);
        assert_eq!(me["user"]["email"], email);
        target.stranger().with_token(&planted).get("/api/v1/me").await.expect(401);
    }
    mallory.get("/api/v1/me").await.expect(200);
    assert_eq!(target.journal("auth.session_replaced").await.len(), 1, "the one that there was");
    assert_eq!(target.journal("auth.signed_in").await.len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_in_a_link_or_a_form_signs_nobody_in() {
    let target = Target::start(&[]);
    let mallory = target.sign_in("mallory@example.org").await;
    let token = target.token("mallory@example.org").await;
    for path in [
        format!("/?session={token}"),
        format!("/workspaces?connect_dev_session={token}"),
        format!("/api/v1/me?token={token}"),
        format!("/api/v1/me?access_token={token}"),
        format!("/sign-in?token={token}"),
    ] {
        let answer = target.stranger().get(&path).await;
        assert!(session_of(&answer).is_none(), "{path}");
        assert!(!answer.text.contains("mallory@example.org"), "{path}");
    }
    mallory.get("/api/v1/me").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn forms_of_other_sites_do_nothing() {
    let target = Target::start(&[]);
    let owner = target.owner().await;
    let cookie = format!("connect_dev_session={}", target.token("owner@acme.example").await);
    let tried = [
        (Method::POST, "/acme/members", FORM, "email=mole%40evil.example&role=owner"),
        (Method::POST, "/acme/tickets/new", FORM, "subject=S&body=B&email=a%40b.example"),
        (Method::POST, "/acme/api-keys", FORM, "name=Mole&scopes=tickets.read"),
        (Method::POST, "/sign-out", FORM, ""),
        (Method::POST, "/sign-in", FORM, "email=mallory%40evil.example"),
        (Method::POST, "/sign-in/code", FORM, "code=12345678"),
        (Method::POST, "/api/v1/auth/logout", "text/plain", ""),
        (Method::POST, "/api/v1/workspaces", "text/plain", r#"{"name":"Bolt","slug":"bolt"}"#),
        (Method::PATCH, "/api/v1/me", "application/json", r#"{"name":"Mallory"}"#),
        (Method::POST, "/api/v1/workspaces/acme/labels", FORM, r#"{"name":"x"}="#),
        (Method::DELETE, "/api/v1/auth/sessions", "application/json", ""),
    ];
    let sites: [&[(&str, &str)]; 5] = [
        &[("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")],
        &[("sec-fetch-site", "same-site"), ("origin", "http://evil.127.0.0.1:8080")],
        &[("origin", "null")],
        &[("origin", "http://127.0.0.1")],
        &[],
    ];
    let before = target.changes().await.len();
    for (method, path, kind, body) in &tried {
        for site in sites {
            let mut headers = vec![("cookie", cookie.as_str()), ("content-type", *kind)];
            headers.extend_from_slice(site);
            let answer = browse(&target.stranger(), method.clone(), path, &headers, body).await;
            assert_eq!(answer.status, 403, "{method} {path} {site:?}: {}", answer.text);
            assert!(session_of(&answer).is_none());
        }
    }
    assert_eq!(target.changes().await.len(), before);
    let forged = target.journal("access.cross_site").await;
    assert_eq!(forged.len(), 20, "so many of one client in a minute");
    assert!(forged.iter().all(|entry| entry.event["fact"]["route"].is_string()));
    for kind in ["member.added", "invitation.created", "ticket.opened", "api_key.created", "label.created"] {
        let made = target.journal(kind).await;
        assert!(made.len() <= usize::from(kind == "member.added"), "{kind}: {}", made.len());
    }
    target.stranger().with_token(cookie.split('=').nth(1).expect("a token")).get("/api/v1/me").await.expect(200);
    owner.get("/api/v1/me").await.expect(200);
}
