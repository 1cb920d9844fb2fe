//! The shop and its desk, driven through the one router.

#![allow(clippy::expect_used)]

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use connect_core::dispatch::DispatchSettings;
use connect_core::notify::{MailIdentity, Recorder};
use connect_core::user::ProvenMailbox;
use connect_core::workspace::NewWorkspace;
use connect_core::{Desk, DeskSettings, EmailAddress, Name, Slug, SystemClock};
use embed_axum::{shop, support};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use tower::ServiceExt;

struct Embedded {
    router: Router,
    desk: Desk,
    mail: Arc<Recorder>,
    _folder: tempfile::TempDir,
}

async fn embedded() -> Embedded {
    let folder = tempfile::tempdir().expect("a folder");
    let options = SqliteConnectOptions::new().filename(folder.path().join("shop.db")).create_if_missing(true);
    let pool = SqlitePoolOptions::new().connect_with(options).await.expect("a pool");
    shop::prepare(&pool).await.expect("the shop's tables");
    let from = MailIdentity { name: None, address: EmailAddress::parse("from", "desk@shop.example").expect("address") };
    let settings = DeskSettings::new("http://shop.example/support", from);
    let mail = Arc::new(Recorder::new(Arc::new(SystemClock)));
    let secret = "a secret of at least 32 characters";
    let (desk, pages) = support::desk(&pool, secret, mail.clone(), settings).await.expect("a desk");
    let boss = EmailAddress::parse("email", "boss@shop.example").expect("address");
    let boss = desk.users().find_or_create(&boss, None).await.expect("a user");
    let new = NewWorkspace {
        name: Name::parse("name", "The Shop").expect("name"),
        slug: Slug::parse("slug", "shop").expect("slug"),
    };
    desk.workspaces().create(&ProvenMailbox::attest(&boss), new, None).await.expect("a workspace");
    let router = shop::routes(shop::Shop { pool, desk: Arc::new(desk.clone()) }).nest("/support", pages);
    Embedded { router, desk, mail, _folder: folder }
}

impl Embedded {
    async fn send(&self, request: Request<Body>) -> (StatusCode, axum::http::HeaderMap, String) {
        let response = self.router.clone().oneshot(request).await.expect("an answer");
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("a body").to_bytes();
        (parts.status, parts.headers, String::from_utf8(bytes.to_vec()).expect("text"))
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        let request = Request::post(path).header(header::CONTENT_TYPE, "application/json");
        let (_, _, text) = self.send(request.body(Body::from(body.to_string())).expect("a request")).await;
        serde_json::from_str(&text).expect("JSON")
    }

    async fn sign_in(&self, email: &str) -> String {
        let ask = json!({"email": email, "token": true, "workspace": "shop"});
        let issued = self.post("/support/api/v1/auth/otp/request", &ask).await;
        self.desk.dispatcher(DispatchSettings::default()).drain().await.expect("mail leaves");
        let mail = self.mail.mails().into_iter().find(|kept| kept.mail.to.as_str() == email).expect("a mail").mail;
        let code = mail.text.lines().nth(2).expect("the code").to_owned();
        let verify = json!({
            "challenge_id": issued["challenge_id"], "challenge_secret": issued["challenge_secret"], "code": code, "token": true,
        });
        let answer = self.post("/support/api/v1/auth/otp/verify", &verify).await;
        answer["session"]["token"].as_str().expect("a token").to_owned()
    }
}

#[tokio::test]
async fn the_shop_opens_a_ticket_from_its_own_code_and_its_team_answers_under_support() {
    let shop = embedded().await;
    let report = Request::post("/orders/7/problem").body(Body::from("The spout is broken.")).expect("a request");
    let (status, _, text) = shop.send(report).await;
    assert_eq!((status, text.as_str()), (StatusCode::OK, r#"{"ticket":1}"#));

    let token = shop.sign_in("boss@shop.example").await;
    let read =
        Request::get("/support/api/v1/workspaces/shop/tickets/1").header("authorization", format!("Bearer {token}"));
    let (status, _, text) = shop.send(read.body(Body::empty()).expect("a request")).await;
    assert_eq!(status, StatusCode::OK, "{text}");
    let ticket: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!((&ticket["subject"], &ticket["channel"]), (&json!("Order 7: a teapot"), &json!("host")));
    assert_eq!(ticket["contact"]["email"], "ada@shop.example");

    // The shop's customer signs in on the desk and sees the ticket that the shop opened for her.
    let token = shop.sign_in("ada@shop.example").await;
    let read =
        Request::get("/support/api/v1/workspaces/shop/tickets").header("authorization", format!("Bearer {token}"));
    let (_, _, text) = shop.send(read.body(Body::empty()).expect("a request")).await;
    assert!(text.contains("Order 7: a teapot"), "{text}");
}

#[tokio::test]
async fn the_desk_works_below_its_path_and_the_shop_keeps_its_own() {
    let shop = embedded().await;
    let get = |path: &str| Request::get(path).body(Body::empty()).expect("a request");
    assert_eq!(shop.send(get("/")).await.2, "The shop. Help is under /support.");
    let (status, headers, _) = shop.send(get("/support")).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    assert_eq!(headers[header::LOCATION], "/support/sign-in");
    let (status, _, page) = shop.send(get("/support/sign-in")).await;
    assert_eq!(status, StatusCode::OK);
    assert!(
        page.contains("action=\"/support/sign-in\"")
            && page.contains("/support/assets/desk.css")
            && page.contains("href=\"/support\""),
        "{page}"
    );
    let (status, headers, _) = shop.send(get("/support/shop/tickets?q=a")).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    assert_eq!(headers[header::LOCATION], "/support/sign-in?to=%2Fshop%2Ftickets%3Fq%3Da");
    assert_eq!(shop.send(get("/support/healthz")).await.0, StatusCode::OK);
}

#[test]
fn the_glue_is_short() {
    let glue = include_str!("../src/support.rs");
    let lines = |name: &str| {
        let start = glue.find(&format!("pub async fn {name}")).expect("the function");
        glue[start..].lines().take_while(|line| *line != "}").count() + 1
    };
    assert!(lines("desk") + lines("open_ticket") <= 30, "{} lines", lines("desk") + lines("open_ticket"));
}
