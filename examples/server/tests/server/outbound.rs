//! What the built server sends out, looked at by strangers: signed mail, and messages to devices.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use xtask::services::OutboundVerifier;

use crate::http::Client;
use crate::process::{Server, acme, captured, sign_in, ticket};
use crate::smtp::SmtpServer;
use crate::stand_in::{Answered, Asked, StandIn};
use crate::wait::until;

const DEVICES: &str = "/api/v1/workspaces/acme/push-devices";

#[tokio::test(flavor = "multi_thread")]
async fn mail_is_signed_and_a_stranger_believes_it_as_it_left_and_not_altered() {
    let folder = tempfile::tempdir().expect("a folder");
    let verifier = OutboundVerifier::start(&folder.path().join("verifier")).expect("a verifier");
    let smtp = SmtpServer::start().await;
    let stranger = Client::new(verifier.port());
    let key = stranger.post("/key", &json!({})).await.expect(200);
    let file = folder.path().join("dkim.pem");
    std::fs::write(&file, key["pem"].as_str().expect("a key")).expect("written");
    let settings = [
        ("CONNECT_SMTP_URL", smtp.url()),
        ("CONNECT_MAIL_FROM", "Acme Support <help@acme.example>".to_owned()),
        ("CONNECT_MAIL_PROVIDER", "postmark".to_owned()),
        ("CONNECT_DKIM_SELECTOR", "s2026".to_owned()),
        ("CONNECT_DKIM_KEY_FILE", file.display().to_string()),
    ];
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let server = Server::start(&folder.path().join("data"), &settings);
    let agent = sign_in(&server, "agent@acme.example", async |email| smtp.newest(email)).await;
    acme(&agent).await;
    let mut opened = ticket("Grüße aus Wien");
    opened["contact"]["name"] = json!("Carla Čapková");
    agent.post("/api/v1/workspaces/acme/tickets", &opened).await.expect(201);
    let body = json!({"kind": "reply", "body": "Žluťoučký kůň.  \n\n.\nA line that is longer than any line of a mail may be. ".repeat(9)});
    agent.post("/api/v1/workspaces/acme/tickets/1/messages", &body).await.expect(201);
    let mail = until("mail", async || smtp.to("carla@customer.example").pop()).await;
    let verify = async |raw: &str, record: &Value| {
        let asked = json!({"raw": raw, "name": "s2026._domainkey.acme.example", "record": record});
        stranger.post("/dkim", &asked).await.expect(200)[0].clone()
    };
    let found = verify(&mail.raw, &key["record"]).await;
    assert_eq!(
        (&found["result"], &found["domain"], &found["selector"]),
        (&json!("pass"), &json!("acme.example"), &json!("s2026")),
        "{found}"
    );
    let signature = mail.header("DKIM-Signature").expect("a signature").replace(' ', "");
    let signed = signature.split("h=").nth(1).and_then(|rest| rest.split(';').next()).expect("names").to_owned();
    for header in ["from", "to", "subject", "message-id", "references", "list-unsubscribe", "list-unsubscribe-post"] {
        assert!(signed.split(':').any(|known| known == header), "{header} of {signed}");
    }
    for altered in [
        mail.raw.replacen("Subject: ", "Subject: Fwd: ", 1),
        mail.raw.replace("A line that", "Another line that"),
        format!("List-Unsubscribe: <https://evil.example/>\r\n{}", mail.raw),
    ] {
        assert_ne!(verify(&altered, &key["record"]).await["result"], "pass");
    }
    let other = stranger.post("/key", &json!({})).await.expect(200);
    assert_ne!(verify(&mail.raw, &other["record"]).await["result"], "pass");
    // What the provider is to hand back.
    let reference = mail.header("X-Connect-Delivery").expect("a reference");
    assert_eq!(mail.header("X-PM-Metadata-connect").as_deref(), Some(reference.as_str()));
    assert!(reference.starts_with("wsp_") && reference.contains("-dlv_"), "{reference}");
}

/// OneSignal as its documentation has it: which subscriptions there are, and what was sent under which idempotency key.
#[derive(Default)]
struct OneSignal {
    subscribed: Vec<&'static str>,
    made: HashMap<String, String>,
    /// Sent messages: whose subscription, and its first line.
    sent: Vec<(String, String)>,
    /// Statuses to be answered first, whatever is asked.
    trouble: Vec<(u16, Option<u64>)>,
}

impl OneSignal {
    fn answer(&mut self, asked: &Asked) -> Answered {
        let errors = |status: u16, error: &str| (status, None, json!({"errors": [error]}).to_string());
        if let Some((status, again)) = self.trouble.pop() {
            return (status, again, json!({"errors": ["API rate limit exceeded"]}).to_string());
        }
        if asked.header("authorization") != "Key the-api-key" {
            return errors(403, "Access denied.");
        }
        let body = asked.json();
        if asked.path != "/notifications" || body["app_id"] != "the-app" {
            return errors(404, "There is no such app.");
        }
        if !body["contents"]["en"].is_string() {
            return errors(400, "Message Notifications must have English language content");
        }
        let key = body["idempotency_key"].as_str().unwrap_or_default();
        let is_key = key.len() == 36 && key.as_bytes()[14] == b'4';
        if !is_key {
            return errors(400, "idempotency_key must be a UUID");
        }
        if let Some(earlier) = self.made.get(key) {
            return (200, None, earlier.clone());
        }
        let ids: Vec<String> = serde_json::from_value(body["include_subscription_ids"].clone()).unwrap_or_default();
        let (known, unknown): (Vec<_>, Vec<_>) = ids.into_iter().partition(|id| self.subscribed.contains(&id.as_str()));
        let answer = match (known.is_empty(), unknown.is_empty()) {
            (true, _) => json!({"id": "", "errors": ["All included players are not subscribed"]}),
            (false, true) => json!({"id": key, "external_id": null}),
            (false, false) => json!({"id": key, "errors": {"invalid_player_ids": unknown}}),
        };
        let title = body["headings"]["en"].as_str().unwrap_or_default();
        self.sent.extend(known.into_iter().map(|id| (id, title.to_owned())));
        self.made.insert(key.to_owned(), answer.to_string());
        (200, None, answer.to_string())
    }
}

/// A desk with acme, where the agent works on a ticket of Carla's.
async fn desk(server: &Server) -> (Client, Client) {
    let mail = async |email: &str| captured(server, email).await;
    let agent = sign_in(server, "agent@acme.example", mail).await;
    acme(&agent).await;
    let opened = agent.post("/api/v1/workspaces/acme/tickets", &ticket("Printer on fire")).await.expect(201);
    let me = agent.get("/api/v1/me").await.expect(200)["user"]["id"].clone();
    let path = format!("/api/v1/workspaces/acme/tickets/{}", opened["number"]);
    agent.send(hyper::Method::PATCH, &path, None, Some(&json!({"assignee_id": me}))).await.expect(200);
    let carla = sign_in(server, "carla@customer.example", mail).await;
    (agent, carla)
}

async fn write(carla: &Client, text: &str) {
    let body = json!({"kind": "reply", "body": text});
    carla.post("/api/v1/workspaces/acme/tickets/1/messages", &body).await.expect(201);
}

async fn devices(agent: &Client) -> usize {
    agent.get(DEVICES).await.expect(200)["data"].as_array().map_or(0, Vec::len)
}

#[tokio::test(flavor = "multi_thread")]
async fn onesignal_is_asked_once_for_all_devices_again_when_it_says_so_and_gone_ones_are_forgotten() {
    const ONE: &str = "0b0d5a8e-1f6e-4b2a-9c3d-000000000001";
    const TWO: &str = "0b0d5a8e-1f6e-4b2a-9c3d-000000000002";
    let state = Arc::new(Mutex::new(OneSignal { subscribed: vec![ONE, TWO], ..OneSignal::default() }));
    let answering = state.clone();
    let service = StandIn::start(move |asked| answering.lock().expect("state").answer(asked)).await;
    let folder = tempfile::tempdir().expect("a folder");
    let api = format!("http://127.0.0.1:{}", service.port);
    let settings = [
        ("CONNECT_ONESIGNAL_APP_ID", "the-app"),
        ("CONNECT_ONESIGNAL_API_KEY", "the-api-key"),
        ("CONNECT_ONESIGNAL_API_URL", api.as_str()),
        ("CONNECT_PUSH_ALLOW_PRIVATE", "yes"),
    ];
    let server = Server::start(&folder.path().join("data"), &settings);
    let (agent, carla) = desk(&server).await;
    for id in [ONE, TWO] {
        agent.post(DEVICES, &json!({"service": "onesignal", "subscription_id": id})).await.expect(201);
    }
    // First it is busy, then broken, then it takes it.
    state.lock().expect("state").trouble = vec![(503, None), (429, Some(1))];
    write(&carla, "It still burns.").await;
    let sent = until("push", async || {
        let sent = state.lock().expect("state").sent.clone();
        (!sent.is_empty()).then_some(sent)
    })
    .await;
    let title = "An answer on ticket #1".to_owned();
    assert_eq!(sent, [(ONE.to_owned(), title.clone()), (TWO.to_owned(), title)], "one request for both");
    let asked = service.asked();
    let keys: Vec<Value> = asked.iter().map(|asked| asked.json()["idempotency_key"].clone()).collect();
    assert!(keys.len() == 3 && keys.iter().all(|key| *key == keys[0]), "the same at every attempt: {keys:?}");
    assert!(asked[0].json()["url"].as_str().expect("a link").ends_with("/acme/tickets/1"));

    // One was uninstalled.
    state.lock().expect("state").subscribed = vec![ONE];
    write(&carla, "Hello?").await;
    until("second push", async || (state.lock().expect("state").sent.len() == 3).then_some(())).await;
    until("device that is gone", async || (devices(&agent).await == 1).then_some(())).await;
    // Then the other.
    state.lock().expect("state").subscribed.clear();
    write(&carla, "Hello??").await;
    until("device that is left", async || (devices(&agent).await == 0).then_some(())).await;
    assert_eq!(state.lock().expect("state").sent.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_reads_what_it_is_sent_and_is_forgotten_when_it_is_gone() {
    let folder = tempfile::tempdir().expect("a folder");
    let verifier = OutboundVerifier::start(&folder.path().join("verifier")).expect("a verifier");
    let status = Arc::new(Mutex::new(201));
    let answering = status.clone();
    let service = StandIn::start(move |_| (*answering.lock().expect("status"), None, String::new())).await;
    let printed = crate::process::command(&folder.path().join("data")).arg("vapid-key").output().expect("a key");
    let printed = String::from_utf8(printed.stdout).expect("text");
    let key = printed.trim().strip_prefix("CONNECT_VAPID_KEY=").expect("a setting").to_owned();
    let settings = [("CONNECT_VAPID_KEY", key.as_str()), ("CONNECT_PUSH_ALLOW_PRIVATE", "yes")];
    let server = Server::start(&folder.path().join("data"), &settings);
    let (agent, carla) = desk(&server).await;
    let public = agent.get("/api/v1/workspaces/acme/push-key").await.expect(200)["public_key"].clone();
    let public = public.as_str().expect("a key").to_owned();

    // The browser's keys: a pair of the signing kind is one on the same curve, and its secret half can be read.
    let random = SystemRandom::new();
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key");
    let pair =
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random).expect("it reads");
    // In the PKCS #8 that it makes, the secret stands at this place, whole.
    let secret = &document.as_ref()[36..68];
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let auth = encode(&[7; 16]);
    let device = json!({
        "service": "web_push", "name": "Laptop", "endpoint": format!("http://127.0.0.1:{}/push/abc", service.port),
        "keys": {"p256dh": encode(pair.public_key().as_ref()), "auth": auth},
    });
    let added = agent.post(DEVICES, &device).await.expect(201);
    assert!(added.get("endpoint").is_none() && added["service"] == "web_push", "{added}");
    assert_eq!(agent.post(DEVICES, &device).await.expect(201)["id"], added["id"], "the same browser");
    write(&carla, "It still burns.").await;
    let asked = until("push", async || service.asked().pop()).await;
    assert_eq!((asked.path.as_str(), asked.header("content-encoding")), ("/push/abc", "aes128gcm"));
    let authorization = asked.header("authorization");
    assert!(
        authorization.starts_with("vapid t=") && authorization.ends_with(&format!("k={public}")),
        "{authorization}"
    );
    assert!(asked.header("ttl").parse::<u32>().is_ok_and(|ttl| ttl > 0));
    let stranger = Client::new(verifier.port());
    let body = json!({"body": encode(&asked.body), "private": encode(secret), "auth": auth});
    let read = stranger.post("/push", &body).await.expect(200);
    let read: Value = serde_json::from_str(read["read"].as_str().expect("text")).expect("JSON");
    assert_eq!((&read["title"], &read["body"]), (&json!("An answer on ticket #1"), &json!("Printer on fire")));
    assert!(read["link"].as_str().expect("a link").ends_with("/acme/tickets/1"));

    *status.lock().expect("status") = 410;
    write(&carla, "Hello?").await;
    until("device that is gone", async || (devices(&agent).await == 0).then_some(())).await;
}
