//! SIGTERM drains: no accepted request is dropped, then exit 0.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use hyper::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::process::{Server, acme, captured, sign_in, ticket};

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_drains_and_exits_with_0() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path(), &[]);
    let agent = sign_in(&server, "agent@acme.example", async |email| captured(&server, email).await).await;
    acme(&agent).await;
    let (stop, accepted) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let tasks: Vec<_> = (0..8)
        .map(|worker| {
            let (client, stop, accepted) = (agent.clone(), stop.clone(), accepted.clone());
            tokio::spawn(async move {
                for n in 0.. {
                    if stop.load(Ordering::SeqCst) {
                        return Ok(());
                    }
                    let request = client.request(
                        Method::POST,
                        "/api/v1/workspaces/acme/tickets",
                        None,
                        Some(&ticket(&format!("{worker}-{n}"))),
                    );
                    match client.try_send(request).await {
                        Ok(answer) if answer.status == 201 => accepted.fetch_add(1, Ordering::SeqCst),
                        Ok(answer) => return Err(format!("{answer:?}")),
                        // A connection that nobody accepted any more is no accepted request.
                        Err(error) if error.to_string().contains("refused") => return Ok(()),
                        Err(error) => return Err(format!("an accepted request was dropped: {error}")),
                    };
                }
                Ok(())
            })
        })
        .collect();
    // A request whose body is still on its way when the signal comes.
    let mut slow = TcpStream::connect(("127.0.0.1", server.port)).await.expect("connected");
    let body = serde_json::json!({"email": "slow@customer.example"}).to_string();
    let head = format!(
        "POST /api/v1/auth/otp/request HTTP/1.1\r\nhost: desk\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    slow.write_all(head.as_bytes()).await.expect("sent");
    tokio::time::sleep(Duration::from_millis(300)).await;
    server.signal("TERM");
    tokio::time::sleep(Duration::from_millis(200)).await;
    slow.write_all(body.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    slow.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
    stop.store(true, Ordering::SeqCst);
    for task in tasks {
        task.await.expect("no client panics").expect("no accepted request is dropped");
    }
    assert_eq!(tokio::task::spawn_blocking(move || server.wait()).await.expect("waited"), Some(0));
    assert!(accepted.load(Ordering::SeqCst) > 10);
    let server = Server::start(folder.path(), &[]);
    let page = agent.at(server.port).get("/api/v1/workspaces/acme/tickets?sort=-number&limit=1").await.expect(200);
    assert_eq!(page["data"][0]["number"].as_u64().map(|n| n >= accepted.load(Ordering::SeqCst) as u64), Some(true));
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_clients_are_let_go_and_do_not_hold_others_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path(), &[("CONNECT_MAX_CONNECTIONS", "200")]);
    let mut slow = Vec::new();
    for n in 0..100 {
        let mut stream = TcpStream::connect(("127.0.0.1", server.port)).await.expect("connected");
        let halves =
            ["GET / HTTP/1.1\r\nhost: d", "POST /api/v1/me HTTP/1.1\r\ncontent-length: 10\r\n\r\n{", "", "PRI * HT"];
        let half = halves[n % halves.len()];
        stream.write_all(half.as_bytes()).await.expect("sent");
        slow.push(stream);
    }
    server.client().get("/healthz").await.expect(200);
    // Headers that never end and bodies that stop arriving are given up within their ten seconds.
    for mut stream in slow {
        let mut rest = Vec::new();
        let ended = tokio::time::timeout(Duration::from_secs(30), stream.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "the server lets a slow client go");
    }
    server.client().get("/healthz").await.expect(200);
}
