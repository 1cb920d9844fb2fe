//! What became of mail: told by providers and mail servers in their own shapes, believed by their own proofs.

use std::sync::Arc;

use async_trait::async_trait;
use axum::body::Body;
use axum::http::{Method, Request};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use connect_core::fetch::{Fetch, FetchError, FetchRequest, Fetched};
use connect_core::mail_event::{MailEventSource, MailEvents};
use connect_http::HttpSettings;
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};

use crate::app::{Answer, Made, TestApp, User};

const PASSWORD: &str = "a password of some length";
const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:mail";

/// Knows the certificate of SNS, and nothing else.
#[derive(Debug)]
struct Certificates;

#[async_trait]
impl Fetch for Certificates {
    async fn fetch(&self, request: FetchRequest) -> Result<Fetched, FetchError> {
        assert_eq!(request.url, "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem");
        let body = include_bytes!("../../../connect-core/src/mail_event/fixtures/certificate.pem").to_vec();
        Ok(Fetched { status: 200, content_type: None, body, retry_after: None })
    }
}

fn key_pair() -> EcdsaKeyPair {
    let random = SystemRandom::new();
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).expect("a key");
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, document.as_ref(), &random).expect("it reads")
}

/// A desk with acme, and a ticket whose answer was mailed; what the mail is called where it is told of.
async fn world(pair: &EcdsaKeyPair) -> (TestApp, User, String, String) {
    let point = pair.public_key().as_ref();
    let info = [
        &[
            0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
            0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
        ][..],
        point,
    ]
    .concat();
    let sources = vec![
        MailEventSource::Postmark { token: PASSWORD.to_owned() },
        MailEventSource::Reports { token: PASSWORD.to_owned() },
        MailEventSource::Mailgun { signing_key: PASSWORD.to_owned() },
        MailEventSource::SendGrid { public_key: STANDARD.encode(info) },
        MailEventSource::Ses { topic_arn: TOPIC.to_owned(), fetch: Arc::new(Certificates) },
    ];
    let http = HttpSettings { mail_events: Arc::new(MailEvents::new(sources)), ..HttpSettings::default() };
    let (app, _, owner, _) = TestApp::made(Made { http, ..Made::default() }, |desk| desk).with_acme().await;
    let path = owner.open("Printer on fire").await;
    let reference = answered(&app, &owner, &path).await;
    (app, owner, path, reference)
}

/// Answers the ticket; what the mail is called.
async fn answered(app: &TestApp, owner: &User, path: &str) -> String {
    owner.post(&format!("{path}/messages"), &json!({"kind": "reply", "body": "Unplug it."})).await.expect(201);
    app.deliver().await;
    app.mail_to("carla@customer.example").mail.reference.expect("a reference").to_string()
}

async fn call(app: &TestApp, source: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut request = Request::builder().method(Method::POST).uri(format!("/api/v1/mail-events/{source}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    app.anonymous().send(request.body(Body::from(body.to_owned())).expect("a request")).await
}

fn basic(password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("connect:{password}")))
}

async fn postmark(app: &TestApp, body: &Value) -> Answer {
    call(app, "postmark", &[("authorization", &basic(PASSWORD))], &body.to_string()).await
}

/// The state of the newest answer's mail.
async fn state(owner: &User, path: &str) -> Value {
    let messages = owner.get(&format!("{path}/messages")).await.expect(200);
    let newest = messages["data"].as_array().and_then(|all| all.last()).expect("a message").clone();
    assert_eq!(newest["deliveries"].as_array().map(Vec::len), Some(1), "{newest}");
    newest["deliveries"][0]["state"].clone()
}

#[tokio::test]
async fn what_became_of_a_mail_is_shown_and_a_bounce_is_told_once_and_suppresses() {
    let (app, owner, path, reference) = world(&key_pair()).await;
    assert_eq!(state(&owner, &path).await, "sent");
    let delivered =
        json!({"RecordType": "Delivery", "Recipient": "carla@customer.example", "Metadata": {"connect": reference}});
    postmark(&app, &delivered).await.expect(204);
    assert_eq!(state(&owner, &path).await, "delivered");
    let bounce = json!({
        "RecordType": "Bounce", "Type": "HardBounce", "Email": "carla@customer.example", "Description": "No such mailbox",
        "Metadata": {"connect": reference},
    });
    for _ in 0..3 {
        postmark(&app, &bounce).await.expect(204);
    }
    postmark(&app, &delivered).await.expect(204);
    assert_eq!(state(&owner, &path).await, "bounced", "what is better is not believed later");
    app.deliver().await;
    let notices = owner.get("/workspaces/acme/notifications").await.expect(200);
    let topics: Vec<&Value> = notices["data"].as_array().expect("a list").iter().map(|one| &one["topic"]).collect();
    assert_eq!(topics, ["mail_came_back"], "whoever wrote is told, once");
    let list = owner.get("/workspaces/acme/suppressions").await.expect(200);
    let entry = &list["data"][0];
    assert_eq!((&entry["email"], &entry["reason"]), (&json!("carla@customer.example"), &json!("hard_bounce")));
    assert_eq!(list["data"].as_array().map(Vec::len), Some(1));

    // Nothing more is mailed there, and that is seen; signing in still is.
    owner.post(&format!("{path}/messages"), &json!({"kind": "reply", "body": "Hello?"})).await.expect(201);
    app.deliver().await;
    assert_eq!(state(&owner, &path).await, "dropped");
    app.deliver().await;
    let notices = owner.get("/workspaces/acme/notifications").await.expect(200);
    assert_eq!(notices["data"].as_array().map(Vec::len), Some(2), "and whoever writes is told that nothing leaves");
    app.sign_in("carla@customer.example").await;
    let found = "/workspaces/acme/suppressions?email=Carla%40customer.example";
    let id = owner.get(found).await.expect(200)["data"][0]["id"].as_str().expect("an id").to_owned();
    owner.delete(&format!("/workspaces/acme/suppressions/{id}")).await.expect(204);
    answered(&app, &owner, &path).await;
    assert_eq!(state(&owner, &path).await, "sent", "taken off by hand, it is mailed to again");
    owner.post("/workspaces/acme/suppressions", &json!({"email": "carla@customer.example"})).await.expect(201);
    let again = owner.post("/workspaces/acme/suppressions", &json!({"email": "CARLA@customer.example"})).await;
    assert_eq!(again.problem(409), "taken");
    app.finish().await;
}

#[tokio::test]
async fn each_source_tells_in_its_own_shape() {
    let pair = key_pair();
    let (app, owner, path, first) = world(&pair).await;
    let sendgrid = async |events: &Value| {
        let (body, at) = (events.to_string(), "1767258000");
        let signed = pair.sign(&SystemRandom::new(), format!("{at}{body}").as_bytes()).expect("signed");
        let signature = STANDARD.encode(signed.as_ref());
        let headers = [
            ("x-twilio-email-event-webhook-timestamp", at),
            ("x-twilio-email-event-webhook-signature", signature.as_str()),
        ];
        call(&app, "sendgrid", &headers, &body).await
    };
    let event = |event: &str, reference: &str| json!({"email": "carla@customer.example", "event": event, "connect": reference, "timestamp": 1});
    sendgrid(&json!([event("processed", &first), event("deferred", &first), event("open", &first)])).await.expect(204);
    assert_eq!(state(&owner, &path).await, "deferred");
    sendgrid(&json!([event("delivered", &first), {"email": "x", "event": "delivered"}])).await.expect(204);
    assert_eq!(state(&owner, &path).await, "delivered");

    let second = answered(&app, &owner, &path).await;
    let mailgun = async |event: Value| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, PASSWORD.as_bytes());
        let tag = hmac::sign(&key, b"1767258000token");
        let signature = tag.as_ref().iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        let body = json!({
            "signature": {"timestamp": "1767258000", "token": "token", "signature": signature}, "event-data": event,
        });
        call(&app, "mailgun", &[], &body.to_string()).await
    };
    let failed = json!({
        "event": "failed", "severity": "temporary", "recipient": "carla@customer.example",
        "delivery-status": {"code": 421, "message": "busy"}, "user-variables": {"connect": second},
    });
    mailgun(failed).await.expect(204);
    assert_eq!(state(&owner, &path).await, "deferred");
    mailgun(
        json!({"event": "complained", "recipient": "other@customer.example", "user-variables": {"connect": second}}),
    )
    .await
    .expect(204);
    assert_eq!(state(&owner, &path).await, "complained");
    let found = owner.get("/workspaces/acme/suppressions").await.expect(200);
    assert_eq!(found["data"], json!([]), "a report about somebody else's address suppresses nobody's");

    let third = answered(&app, &owner, &path).await;
    let report = format!(
        "From: <>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n\
         --b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx\r\n\r\nFinal-Recipient: rfc822; carla@customer.example\r\n\
         Action: failed\r\nStatus: 5.2.2\r\n\r\n--b\r\nContent-Type: text/rfc822-headers\r\n\r\nX-Connect-Delivery: {third}\r\n\r\n--b--\r\n"
    );
    call(&app, "reports", &[("authorization", &basic(PASSWORD))], &report).await.expect(204);
    assert_eq!(state(&owner, &path).await, "bounced");
    let found = owner.get("/workspaces/acme/suppressions?email=carla%40customer.example").await.expect(200);
    assert_eq!(found["data"], json!([]), "a full mailbox is emptied some day");

    let told = include_str!("../../../connect-core/src/mail_event/fixtures/notification.json");
    call(&app, "ses", &[], told).await.expect(204);
    app.finish().await;
}

#[tokio::test]
async fn what_is_not_genuine_is_not_heard() {
    let (app, owner, path, reference) = world(&key_pair()).await;
    let bounce = json!({"RecordType": "Bounce", "Type": "HardBounce", "Email": "carla@customer.example", "Metadata": {"connect": reference}}).to_string();
    for headers in
        [vec![], vec![("authorization", basic("another"))], vec![("authorization", format!("Bearer {PASSWORD}"))]]
    {
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        for source in ["postmark", "reports"] {
            assert_eq!(call(&app, source, &headers, &bounce).await.problem(403), "not_genuine");
        }
    }
    let forged = json!({
        "signature": {"timestamp": "1767258000", "token": "t", "signature": "00".repeat(32)},
        "event-data": {"event": "failed", "severity": "permanent", "user-variables": {"connect": reference}},
    });
    assert_eq!(call(&app, "mailgun", &[], &forged.to_string()).await.problem(403), "not_genuine");
    let events = json!([{"event": "bounce", "connect": reference}]).to_string();
    assert_eq!(call(&app, "sendgrid", &[], &events).await.problem(403), "not_genuine");
    let signature =
        [("x-twilio-email-event-webhook-timestamp", "1767258000"), ("x-twilio-email-event-webhook-signature", "AAAA")];
    assert_eq!(call(&app, "sendgrid", &signature, &events).await.problem(403), "not_genuine");
    let told = include_str!("../../../connect-core/src/mail_event/fixtures/notification.json");
    for altered in [
        told.replace("Permanent", "Transient"),
        told.replace(":mail\"", ":other\""),
        told.replace("sns.eu-west-1.amazonaws.com", "evil.example"),
    ] {
        assert_eq!(call(&app, "ses", &[], &altered).await.problem(403), "not_genuine");
    }
    // Genuine once, and told again when it is old.
    app.clock.advance(std::time::Duration::from_secs(4 * 24 * 3600));
    assert_eq!(call(&app, "ses", &[], told).await.problem(403), "not_genuine");
    let right = basic(PASSWORD);
    for rubbish in ["", "[]", "{", "null", "{\"RecordType\": 7}"] {
        assert_eq!(
            call(&app, "postmark", &[("authorization", &right)], rubbish).await.problem(422),
            "malformed",
            "{rubbish}"
        );
    }
    let huge = "x".repeat(2 * 1024 * 1024);
    assert_eq!(call(&app, "postmark", &[("authorization", &right)], &huge).await.problem(413), "bad_body");
    assert_eq!(call(&app, "fax", &[], "{}").await.problem(404), "not_found");
    let owner = {
        drop(owner);
        app.sign_in("agent@acme.example").await
    };
    assert_eq!(state(&owner, &path).await, "sent");
    assert_eq!(owner.get("/workspaces/acme/suppressions").await.expect(200)["data"], json!([]));
    app.finish().await;
}
