//! Three servers on one PostgreSQL and one Redis, behind nginx: whichever of them dies, nothing is lost.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use hyper::Method;
use xtask::services::{Nginx, Postgres, Redis};

use crate::http::Client;
use crate::live::Reader;
use crate::process::{Server, acme, captured, sign_in, ticket};

/// Writes until it is told to stop: each ticket is sent again, under its key, until it is acknowledged.
async fn write(client: Client, worker: usize, stop: Arc<AtomicBool>, done: Arc<AtomicUsize>) -> Vec<(String, u64)> {
    let mut acknowledged = Vec::new();
    for n in 0..100_000 {
        if stop.load(Ordering::SeqCst) {
            break;
        }
        let subject = format!("{worker}-{n}");
        let body = ticket(&subject);
        for attempt in 0..600 {
            let key = format!("key-{subject}");
            let path = "/api/v1/workspaces/acme/tickets";
            let request = client.request(Method::POST, path, Some(&key), Some(&body));
            let answer = tokio::time::timeout(Duration::from_secs(30), client.try_send(request)).await;
            match answer {
                Ok(Ok(answer)) if answer.status == 201 => {
                    let number = answer.expect(201)["number"].as_u64().expect("a number");
                    acknowledged.push((subject.clone(), number));
                    done.fetch_add(1, Ordering::SeqCst);
                    break;
                }
                // Whoever stands in between, or a server without its database, says: later.
                Ok(Ok(answer)) => {
                    let status = answer.status.as_u16();
                    assert!(matches!(status, 409 | 502 | 503 | 504), "was {status}: {}", answer.text);
                }
                Ok(Err(_)) | Err(_) => {}
            }
            assert!(attempt < 599, "the ticket {subject} was never acknowledged");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    acknowledged
}

async fn until_more(done: &AtomicUsize, more: usize) {
    let aim = done.load(Ordering::SeqCst) + more;
    for _ in 0..2400 {
        if done.load(Ordering::SeqCst) >= aim {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("a minute went by without {more} more tickets");
}

async fn stored(client: &Client) -> BTreeMap<String, u64> {
    let (mut stored, mut cursor) = (BTreeMap::new(), String::new());
    loop {
        let path = format!("/api/v1/workspaces/acme/tickets?sort=number&limit=200{cursor}");
        let page = client.get(&path).await.expect(200);
        for row in page["data"].as_array().expect("a list") {
            let (subject, number) = (row["subject"].as_str().expect("text"), row["number"].as_u64().expect("a number"));
            assert_eq!(number, stored.len() as u64 + 1, "numbers are dense");
            assert_eq!(stored.insert(subject.to_owned(), number), None, "{subject} is there twice");
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return stored,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn three_nodes_lose_nothing_when_one_dies_and_the_database_restarts() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let mut postgres = Postgres::start(&at("postgres")).expect("PostgreSQL starts");
    let mut redis = Redis::start(&at("redis")).expect("Redis starts");
    let (database, counts) = (postgres.url(), redis.url());
    let blobs = format!("file://{}", at("blobs").display());
    let settings = [
        ("CONNECT_DATABASE_URL", database.as_str()),
        ("CONNECT_REDIS_URL", counts.as_str()),
        ("CONNECT_BLOB_URL", blobs.as_str()),
        ("CONNECT_SECRET_KEY", "a secret that all nodes share, and nobody else"),
        ("CONNECT_TRUSTED_PROXIES", "127.0.0.1, ::1"),
    ];
    let mut nodes: Vec<Server> = (0..3).map(|n| Server::start(&at(&format!("node{n}")), &settings)).collect();
    let ports: Vec<u16> = nodes.iter().map(|node| node.port).collect();
    let nginx = Nginx::start(&at("nginx"), &ports).expect("nginx starts");
    let front = Client::new(nginx.port());

    // Whichever node mails the code keeps it.
    let code = async |email: &str| {
        for node in &nodes {
            if let Some(text) = captured(node, email).await {
                return Some(text);
            }
        }
        None
    };
    let agent = sign_in(&nodes[0], "agent@acme.example", code).await.at(front.port());
    acme(&agent).await;
    for port in &ports {
        agent.at(*port).get("/api/v1/workspaces/acme").await.expect(200);
    }

    let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let writers: Vec<_> =
        (0..6).map(|worker| tokio::spawn(write(agent.clone(), worker, stop.clone(), done.clone()))).collect();
    // Two readers come through nginx, one stays with a node that lives, one with the node that will die.
    let readers = [agent.clone(), agent.clone(), agent.at(ports[0]), agent.at(ports[2])];
    let [first, second, third, fourth] = readers.map(|client| Reader::start(client, 0));
    until_more(&done, 40).await;

    nodes.remove(2).kill();
    until_more(&done, 40).await;
    postgres.kill();
    tokio::time::sleep(Duration::from_millis(500)).await;
    postgres.resume().expect("PostgreSQL starts again");
    until_more(&done, 40).await;
    redis.kill();
    until_more(&done, 10).await;
    redis.resume().expect("Redis starts again");
    until_more(&done, 40).await;

    stop.store(true, Ordering::SeqCst);
    let mut acknowledged = Vec::new();
    for writer in writers {
        acknowledged.extend(writer.await.expect("no writer fails"));
    }
    let there = stored(&agent).await;
    for (subject, number) in &acknowledged {
        assert_eq!(there.get(subject), Some(number), "{subject} was acknowledged as number {number}");
    }
    assert_eq!(there.len(), acknowledged.len(), "nothing that nobody asked for");

    let path = format!("/api/v1/workspaces/acme/tickets/{}/timeline", there.len());
    let timeline = agent.get(&path).await.expect(200);
    let last = timeline["data"][0]["position"].as_u64().expect("a position");
    let expected: Vec<u64> = (1..=last).collect();
    let comebacks = [&first, &second, &third].map(Reader::connections);
    for (name, reader) in [("first", first), ("second", second), ("third", third)] {
        let seen = reader.until(last).await;
        assert_eq!(seen.len(), expected.len(), "the {name} reader saw as many events as there are");
        assert!(seen == expected, "the {name} reader saw every event once, in order");
    }
    let cut: Vec<u64> = fourth.until(0).await;
    assert!(!cut.is_empty() && cut == expected[..cut.len()], "the reader of the dead node saw what came before");
    println!("{} acknowledged, {last} events, readers came back {comebacks:?} times", acknowledged.len());

    // The session goes on, and the dead node's place can be taken.
    let new = Server::start(&at("node3"), &settings);
    agent.at(new.port).get("/api/v1/me").await.expect(200);
    for node in &nodes {
        agent.at(node.port).get("/api/v1/me").await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_nobody_signs_in_and_tickets_go_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut redis = Redis::start(&folder.path().join("redis")).expect("Redis starts");
    let url = redis.url();
    let server = Server::start(&folder.path().join("node"), &[("CONNECT_REDIS_URL", url.as_str())]);
    let agent = sign_in(&server, "agent@acme.example", async |email| captured(&server, email).await).await;
    acme(&agent).await;
    redis.kill();
    let ask = serde_json::json!({"email": "other@acme.example"});
    for n in 0..20 {
        agent.post("/api/v1/workspaces/acme/tickets", &ticket(&format!("Ticket {n}"))).await.expect(201);
        let refused = server.client().post("/api/v1/auth/otp/request", &ask).await;
        refused.expect(503);
        assert!(refused.retry_after.is_some(), "a refusal says when to come back");
    }
    server.client().get("/healthz").await.expect(200);
    redis.resume().expect("Redis starts again");
    for attempt in 0..200 {
        if server.client().post("/api/v1/auth/otp/request", &ask).await.status == 202 {
            break;
        }
        assert!(attempt < 199, "with Redis back, people sign in again");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    drop(server);
    // A server starts without it, too.
    redis.kill();
    let server = Server::start(&folder.path().join("node"), &[("CONNECT_REDIS_URL", url.as_str())]);
    let agent = agent.at(server.port);
    agent.get("/api/v1/workspaces/acme/tickets").await.expect(200);
    server.client().post("/api/v1/auth/otp/request", &ask).await.expect(503);
}
