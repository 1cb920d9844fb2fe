//! The main job over HTTP and SMTP, with `kill -9` in the middle.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::Method;
use serde_json::json;

use crate::http::Client;
use crate::process::{Server, acme, sign_in, ticket};
use crate::smtp::{Manner, SmtpServer};
use crate::wait::until;

#[tokio::test(flavor = "multi_thread")]
async fn the_main_job_survives_kill_9_and_pending_mail_still_leaves() {
    let folder = tempfile::tempdir().expect("a folder");
    let smtp = SmtpServer::start().await;
    let (url, port) = (smtp.url(), smtp.port);
    let settings = [("CONNECT_SMTP_URL", url.as_str()), ("CONNECT_MAIL_FROM", "Acme <help@acme.example>")];
    let server = Server::start(folder.path(), &settings);
    let agent = sign_in(&server, "agent@acme.example", async |email| smtp.newest(email)).await;
    acme(&agent).await;
    let opened = agent.post("/api/v1/workspaces/acme/tickets", &ticket("Printer on fire")).await.expect(201);
    let messages = "/api/v1/workspaces/acme/tickets/1/messages";
    let first = agent.post(messages, &json!({"kind": "reply", "body": "On my way."})).await.expect(201);
    let mail = until("first answer", async || smtp.to("carla@customer.example").pop()).await;
    let root = format!("<{}@acme.example>", opened["id"].as_str().expect("id"));
    let own = format!("<{}@acme.example>", first["id"].as_str().expect("id"));
    assert_eq!(mail.header("message-id").as_deref(), Some(own.as_str()));
    assert_eq!(mail.header("references").as_deref(), Some(root.as_str()));
    assert_eq!(mail.header("subject").as_deref(), Some("Re: Printer on fire [#1]"));
    assert!(mail.header("from").expect("a sender").ends_with("<help@acme.example>"));
    assert!(mail.raw.contains("text/plain") && mail.raw.contains("text/html"));

    // The mail server goes away; an answer is acknowledged; the desk is killed.
    let before = smtp.stop();
    let second = agent.post(messages, &json!({"kind": "reply", "body": "Still on my way."})).await.expect(201);
    server.kill();

    // Both come back: all is there, and the mail leaves, threaded under the first.
    let smtp = SmtpServer::on(port).await;
    let server = Server::start(folder.path(), &settings);
    let agent = agent.at(server.port);
    let listed = agent.get(messages).await.expect(200);
    assert_eq!(listed["data"].as_array().map(Vec::len), Some(3), "the session and every message outlived the kill");
    assert_eq!(listed["data"][2]["id"], second["id"]);
    let mail = until("pending answer", async || smtp.to("carla@customer.example").pop()).await;
    let own = format!("<{}@acme.example>", second["id"].as_str().expect("id"));
    assert_eq!(mail.header("message-id").as_deref(), Some(own.as_str()));
    assert_eq!(mail.header("in-reply-to"), before.last().and_then(|mail| mail.header("message-id")));
    assert!(mail.header("references").expect("references").starts_with(&root));
    server.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_waits_survives_kill_9_and_one_that_was_taken_back_stays_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let smtp = SmtpServer::start().await;
    let url = smtp.url();
    let settings = [("CONNECT_SMTP_URL", url.as_str())];
    let server = Server::start(folder.path(), &settings);
    let agent = sign_in(&server, "agent@acme.example", async |email| smtp.newest(email)).await;
    acme(&agent).await;
    agent.post("/api/v1/workspaces/acme/tickets", &ticket("Printer on fire")).await.expect(201);
    let wait = async |agent: &Client, seconds: u64| {
        let window = json!({"undo_send_seconds": seconds});
        agent.send(Method::PATCH, "/api/v1/workspaces/acme", None, Some(&window)).await.expect(200);
    };
    wait(&agent, 10).await;
    let (messages, outbox) = ("/api/v1/workspaces/acme/tickets/1/messages", "/api/v1/workspaces/acme/tickets/1/outbox");
    let mut held = Vec::new();
    for body in ["Taken back.", "On my way."] {
        held.push(agent.post(messages, &json!({"kind": "reply", "body": body})).await.expect(201));
    }
    let place = format!("{outbox}/{}", held[0]["id"].as_str().expect("an id"));
    agent.send(Method::DELETE, &place, None, None).await.expect(204);
    server.kill();
    assert_eq!(smtp.to("carla@customer.example").len(), 0, "nothing has left yet");
    let server = Server::start(folder.path(), &settings);
    let agent = agent.at(server.port);
    let mail = until("answer that waited", async || smtp.to("carla@customer.example").pop()).await;
    assert!(mail.raw.contains("On my way."), "{}", mail.raw);
    let listed = agent.get(messages).await.expect(200);
    let bodies: Vec<&str> =
        listed["data"].as_array().expect("a list").iter().filter_map(|message| message["body"].as_str()).collect();
    assert_eq!(bodies, ["It does not work.", "On my way."]);
    assert_eq!(agent.get(outbox).await.expect(200)["data"], json!([]));
    // Whatever is to come of it has come when a later answer has.
    wait(&agent, 0).await;
    agent.post(messages, &json!({"kind": "reply", "body": "A later one."})).await.expect(201);
    let mails = async || Some(smtp.to("carla@customer.example")).filter(|mails| mails.len() > 1);
    let mails = until("later answer", mails).await;
    assert_eq!(mails.iter().filter(|mail| mail.raw.contains("On my way.")).count(), 1, "once");
    server.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_under_load_is_there_after_kill_9() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = Server::start(folder.path(), &[]);
    let agent = {
        let found = &server;
        sign_in(found, "agent@acme.example", async |email| crate::process::captured(found, email).await).await
    };
    acme(&agent).await;
    let mut acknowledged: BTreeSet<String> = BTreeSet::new();
    for round in 0..5 {
        let stop = Arc::new(AtomicBool::new(false));
        let tasks: Vec<_> = (0..8)
            .map(|worker| {
                let (client, stop) = (agent.at(server.port), stop.clone());
                tokio::spawn(async move {
                    let mut kept = Vec::new();
                    for n in 0.. {
                        if stop.load(Ordering::SeqCst) {
                            break;
                        }
                        let subject = format!("r{round} w{worker} n{n}");
                        let request = client.request(
                            Method::POST,
                            "/api/v1/workspaces/acme/tickets",
                            Some(&subject),
                            Some(&ticket(&subject)),
                        );
                        match client.try_send(request).await {
                            Ok(answer) if answer.status == 201 => kept.push(subject),
                            Ok(answer) => panic!("{answer:?}"),
                            Err(_) => break,
                        }
                    }
                    kept
                })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(150 + 90 * round)).await;
        server.kill();
        stop.store(true, Ordering::SeqCst);
        for task in tasks {
            acknowledged.extend(task.await.expect("no client panics"));
        }
        server = Server::start(folder.path(), &[]);
    }
    let client = agent.at(server.port);
    let (mut subjects, mut numbers, mut cursor) = (BTreeSet::new(), Vec::new(), String::new());
    loop {
        let page =
            client.get(&format!("/api/v1/workspaces/acme/tickets?sort=number&limit=200{cursor}")).await.expect(200);
        for row in page["data"].as_array().expect("a list") {
            assert!(subjects.insert(row["subject"].as_str().expect("text").to_owned()), "nothing twice: {row}");
            numbers.push(row["number"].as_u64().expect("a number"));
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert!(acknowledged.len() > 20, "there was load: {}", acknowledged.len());
    let lost: Vec<_> = acknowledged.difference(&subjects).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>(), "numbers are dense");
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_is_tried_again_with_backoff_and_given_up_when_it_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let smtp = SmtpServer::start().await;
    let url = smtp.url();
    let server = Server::start(folder.path(), &[("CONNECT_SMTP_URL", url.as_str())]);
    let agent = sign_in(&server, "agent@acme.example", async |email| smtp.newest(email)).await;
    acme(&agent).await;
    agent.post("/api/v1/workspaces/acme/tickets", &ticket("Greylisted")).await.expect(201);
    let messages = "/api/v1/workspaces/acme/tickets/1/messages";
    let state = async || {
        let listed = agent.get(messages).await.expect(200);
        let newest = listed["data"].as_array().and_then(|list| list.last()).expect("a message").clone();
        newest["deliveries"][0].clone()
    };
    let settled = async |wanted: &str| {
        until(&format!("delivery that is {wanted}"), async || {
            let delivery = state().await;
            (delivery["state"] == wanted).then_some(delivery)
        })
        .await
    };
    smtp.behave(Manner::Later);
    agent.post(messages, &json!({"kind": "reply", "body": "Please wait"})).await.expect(201);
    let waiting = until("attempt", async || {
        let delivery = state().await;
        delivery["detail"].is_string().then_some(delivery)
    })
    .await;
    assert_eq!(waiting["state"], "queued");
    assert!(waiting["detail"].as_str().expect("a cause").contains("451"), "{waiting}");
    smtp.behave(Manner::Accept);
    assert!(settled("sent").await["attempts"].as_u64().expect("a number") >= 2);
    assert_eq!(smtp.to("carla@customer.example").len(), 1, "once");
    smtp.behave(Manner::Reject);
    agent.post(messages, &json!({"kind": "reply", "body": "Nobody there"})).await.expect(201);
    let failed = settled("failed").await;
    assert_eq!(failed["attempts"], 1, "a refusal for good is not tried again: {failed}");
    assert!(failed["detail"].as_str().expect("a cause").contains("550"));
}
