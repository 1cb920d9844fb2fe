//! A reader of `…/live`, and what such a reader is promised.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::Method;
use serde_json::json;
use tokio::task::JoinHandle;

use crate::http::Client;
use crate::process::{Server, acme, captured, sign_in, ticket};

/// Follows a workspace, and comes back behind the last event when the connection ends.
pub struct Reader {
    seen: Arc<Mutex<Vec<u64>>>,
    connections: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

impl Reader {
    /// Starts behind this event.
    pub fn start(client: Client, after: u64) -> Self {
        let (seen, stop) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let connections = Arc::new(AtomicU64::new(0));
        let (list, ended, count) = (seen.clone(), stop.clone(), connections.clone());
        let task = tokio::spawn(async move {
            let mut last = after;
            while !ended.load(Ordering::SeqCst) {
                let opened = follow(&client, &mut last, &list, &ended).await;
                count.fetch_add(u64::from(opened), Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        Self { seen, connections, stop, task }
    }

    /// How often it was let in.
    pub fn connections(&self) -> u64 {
        self.connections.load(Ordering::SeqCst)
    }

    /// Waits for an event, for so long; then what was seen, in the order it was seen.
    pub async fn until(self, seq: u64) -> Vec<u64> {
        for _ in 0..1200 {
            if self.seen.lock().expect("the list").last().is_some_and(|last| *last >= seq) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        self.stop.store(true, Ordering::SeqCst);
        self.task.abort();
        self.seen.lock().expect("the list").clone()
    }
}

/// One connection; answers whether it was let in.
async fn follow(client: &Client, last: &mut u64, list: &Mutex<Vec<u64>>, ended: &AtomicBool) -> bool {
    let path = "/api/v1/workspaces/acme/live";
    let mut request = client.request(Method::GET, path, None, None);
    request.headers_mut().insert("last-event-id", last.to_string().parse().expect("a header"));
    let Ok(Some(mut body)) = client.stream(request).await else { return false };
    let mut text = String::new();
    while !ended.load(Ordering::SeqCst) {
        let Some(Ok(frame)) = body.frame().await else { return true };
        text.push_str(&String::from_utf8_lossy(frame.data_ref().map_or(&[][..], |data| data)));
        while let Some((block, rest)) = text.split_once("\n\n") {
            let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
            let (id, kind) = (field("id:").and_then(|id| id.parse::<u64>().ok()), field("event:"));
            if let (Some(id), Some(kind)) = (id, kind)
                && kind != "open"
            {
                list.lock().expect("the list").push(id);
                *last = id;
            }
            text = rest.to_owned();
        }
    }
    true
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_sees_every_event_once_and_resumes() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path(), &[]);
    let agent = sign_in(&server, "agent@acme.example", async |email| captured(&server, email).await).await;
    acme(&agent).await;
    let reader = Reader::start(agent.clone(), 0);
    for n in 0..20 {
        agent.post("/api/v1/workspaces/acme/tickets", &ticket(&format!("Ticket {n}"))).await.expect(201);
    }
    let timeline = agent.get("/api/v1/workspaces/acme/tickets/20/timeline").await.expect(200);
    let last = timeline["data"][0]["position"].as_u64().expect("a position");
    let seen = reader.until(last).await;
    assert_eq!(seen, (1..=last).collect::<Vec<_>>(), "every event once, in order");
    // Behind the tenth event.
    let reader = Reader::start(agent.clone(), 10);
    assert_eq!(reader.until(last).await, (11..=last).collect::<Vec<_>>());
    // A number that this workspace has not reached.
    let mut request = agent.request(Method::GET, "/api/v1/workspaces/acme/live", None, None);
    request.headers_mut().insert("last-event-id", "99999".parse().expect("a header"));
    let mut body = agent.stream(request).await.expect("answered").expect("let in");
    let frame = body.frame().await.expect("a frame").expect("whole");
    let text = String::from_utf8_lossy(frame.data_ref().map_or(&[][..], |data| data)).into_owned();
    assert!(text.contains("event: reset"), "{text}");
    agent.get("/api/v1/workspaces/acme/live?after=soon").await.expect(422);
    agent.get("/api/v1/workspaces/other/live").await.expect(404);
}

async fn open(client: &Client) -> hyper::body::Incoming {
    let request = client.request(Method::GET, "/api/v1/workspaces/acme/live", None, None);
    client.stream(request).await.expect("answered").expect("let in")
}

async fn has_ended(mut body: hyper::body::Incoming) -> bool {
    let all = async { while let Some(Ok(_)) = body.frame().await {} };
    tokio::time::timeout(Duration::from_secs(20), all).await.is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_its_session() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path(), &[]);
    let agent = sign_in(&server, "agent@acme.example", async |email| captured(&server, email).await).await;
    acme(&agent).await;
    let body = open(&agent).await;
    agent.post("/api/v1/auth/logout", &json!({})).await;
    assert!(has_ended(body).await, "who has signed out follows no longer");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_the_server() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path(), &[]);
    let agent = sign_in(&server, "agent@acme.example", async |email| captured(&server, email).await).await;
    acme(&agent).await;
    let body = open(&agent).await;
    server.signal("TERM");
    assert!(has_ended(body).await, "a server that stops does not wait for its streams");
    assert_eq!(tokio::task::spawn_blocking(move || server.wait()).await.expect("waited"), Some(0));
}
