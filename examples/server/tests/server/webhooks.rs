//! Webhooks of the built server: believed by a stranger's library, repeated until they are taken, and replayed by hand.

use hyper::Method;
use serde_json::{Value, json};
use xtask::services::WebhookReceiver;

use crate::http::Client;
use crate::process::{Server, acme, captured, command, sign_in, ticket};
use crate::receiver::Receiver;
use crate::wait::until;

const WEBHOOKS: &str = "/api/v1/workspaces/acme/webhooks";

async fn webhook(agent: &Client, url: &str) -> Value {
    agent.post(WEBHOOKS, &json!({"url": url, "types": ["ticket.*"]})).await.expect(201)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_public_library_of_standard_webhooks_believes_our_calls_and_no_others() {
    let folder = tempfile::tempdir().expect("a folder");
    let receiver = WebhookReceiver::start(&folder.path().join("receiver")).expect("a receiver");
    let server = Server::start(&folder.path().join("data"), &[]);
    let agent = sign_in(&server, "agent@acme.example", async |email| captured(&server, email).await).await;
    acme(&agent).await;
    let made = webhook(&agent, &format!("http://127.0.0.1:{}/hook", receiver.port())).await;
    let stranger = agent.at(receiver.port());
    let knows = async |secret: &str| {
        let mut request = stranger.request(Method::POST, "/secret", None, None);
        *request.body_mut() = http_body_util::Full::new(secret.to_owned().into_bytes().into());
        stranger.try_send(request).await.expect("an answer");
    };
    let last = async |wanted: bool| {
        until(&format!("call that is verified: {wanted}"), async || {
            let last = stranger.get("/last").await.expect(200);
            (last["verified"] == wanted && last["error"] != "there was no call yet").then_some(last)
        })
        .await
    };
    knows("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=").await;
    agent.post("/api/v1/workspaces/acme/tickets", &ticket("Printer on fire")).await.expect(201);
    let refused = last(false).await;
    assert!(refused["error"].as_str().expect("text").contains("No matching signature"), "{refused}");
    knows(made["secret"].as_str().expect("a secret")).await;
    // The call that was refused comes again, within seconds, and is believed now.
    let believed = last(true).await;
    assert_eq!(believed["payload"]["type"], "ticket.opened");
    let path = format!("{WEBHOOKS}/{}/deliveries", made["id"].as_str().expect("an id"));
    let row = until("call that is known to be sent", async || {
        let row = agent.get(&path).await.expect(200)["data"][0].clone();
        (row["state"] == "sent").then_some(row)
    })
    .await;
    assert_eq!((&row["attempts"], &row["id"]), (&json!(2), &believed["id"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn deliveries_are_listed_retried_and_dropped_by_command() {
    let folder = tempfile::tempdir().expect("a folder");
    let receiver = Receiver::start().await;
    receiver.answer(410);
    let data = folder.path().join("data");
    let server = Server::start(&data, &[("CONNECT_METRICS", "yes")]);
    let agent = sign_in(&server, "agent@acme.example", async |email| captured(&server, email).await).await;
    acme(&agent).await;
    let made = webhook(&agent, &receiver.url).await;
    agent.post("/api/v1/workspaces/acme/tickets", &ticket("Printer on fire")).await.expect(201);
    let path = format!("{WEBHOOKS}/{}", made["id"].as_str().expect("an id"));
    let off = async || (agent.get(&path).await.expect(200)["enabled"] == false).then_some(());
    until("webhook that is switched off", off).await;
    let metrics = agent.send(Method::GET, "/metrics", None, None).await;
    for line in [
        "connect_delivery_attempts_total{channel=\"webhook\",outcome=\"failed\"} 1",
        "connect_deliveries_failed{channel=\"webhook\"} 1",
    ] {
        assert!(metrics.text.contains(line), "{line} in {}", metrics.text);
    }
    agent.send(Method::PATCH, &path, None, Some(&json!({"enabled": true}))).await.expect(200);
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
    let run = |arguments: &[&str]| {
        let output = command(&data).env_remove("CONNECT_LISTEN").args(arguments).output().expect("runs");
        (
            output.status.success(),
            String::from_utf8_lossy(&output.stdout).into_owned() + String::from_utf8_lossy(&output.stderr).as_ref(),
        )
    };
    let (good, told) = run(&["deliveries", "list", "--state", "failed", "--workspace", "acme"]);
    assert!(good && told.contains("webhook.event\tfailed\t1") && told.contains("the receiver answered 410"), "{told}");
    for wrong in [
        &["deliveries", "retry"][..],
        &["deliveries", "drop"],
        &["deliveries", "list", "--state", "lost"],
        &["deliveries", "list", "--workspace", "nowhere"],
        &["deliveries", "retry", "dlv_x"],
        &["deliveries"],
    ] {
        let (good, told) = run(wrong);
        assert!(!good && !told.contains("panicked"), "{wrong:?}: {told}");
    }
    let (good, told) = run(&["deliveries", "retry", "--channel", "webhook"]);
    assert!(good && told.contains("1 deliveries are queued again"), "{told}");
    receiver.answer(200);
    let server = Server::start(&data, &[]);
    until("second call", async || (receiver.calls().len() > 1).then_some(())).await;
    let calls = receiver.calls();
    assert!(calls.len() == 2 && calls[0].id == calls[1].id, "sent again under its id: {calls:?}");
    assert!(calls.iter().all(|call| call.signature.starts_with("v1,") && call.timestamp.len() == 10));
    agent.at(server.port).get("/metrics").await.expect(404);
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
    let (good, told) = run(&["deliveries", "drop", "--all"]);
    assert!(good && told.contains("0 deliveries are dropped"), "{told}");
}
