//! Live streams: what one that is idle costs, and how long it takes until a change has reached all of them.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use connect_benches::{desk, fill};
use connect_core::{EmailAddress, Role};
use hyper::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::Options;
use crate::drive::{connect, send};
use crate::report::{header, median, row};
use crate::server::{Place, answers, free_port, sign_in, sign_in_as};

/// Streams of one person; a desk lets one have 20.
const EACH: usize = 20;
/// Clients of the smaller measurement.
const FEW: usize = 1_000;
/// Changes that are followed, for each count of clients.
const CHANGES: usize = 20;

/// That a client has seen an event of this number, and when.
type Seen = mpsc::UnboundedSender<(u64, Instant)>;

/// Follows until the end, and tells of each event.
async fn follow(port: u16, token: String, seen: Seen) -> anyhow::Result<()> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let asked = format!(
        "GET /api/v1/workspaces/load/live HTTP/1.1\r\nhost: desk\r\nauthorization: Bearer {token}\r\naccept: text/event-stream\r\n\r\n"
    );
    stream.write_all(asked.as_bytes()).await?;
    let mut lines = BufReader::with_capacity(1024, stream).lines();
    let status = lines.next_line().await?.unwrap_or_default();
    if !status.starts_with("HTTP/1.1 200") {
        bail!("a stream answered {status}");
    }
    // The first event says from where; that it is there, that the client follows.
    while let Some(line) = lines.next_line().await? {
        if let Some(id) = line.strip_prefix("id: ").or_else(|| line.strip_prefix("id:")) {
            let _ = seen.send((id.trim().parse()?, Instant::now()));
        }
    }
    bail!("a stream ended")
}

/// Times from a change's answer until each client had it, in milliseconds, sorted.
struct Reached {
    times: Vec<f64>,
    all_after: f64,
}

fn at(times: &[f64], part: usize) -> f64 {
    times.get((times.len() * part / 100).min(times.len().saturating_sub(1))).copied().unwrap_or_default()
}

/// Makes one change, and waits until every client has seen it.
async fn change(
    sender: &mut hyper::client::conn::http1::SendRequest<http_body_util::Full<bytes::Bytes>>,
    (token, ticket): (&str, &str),
    clients: usize,
    seen: &mut mpsc::UnboundedReceiver<(u64, Instant)>,
) -> anyhow::Result<Reached> {
    while seen.try_recv().is_ok() {}
    let path = format!("/api/v1/workspaces/load/tickets/{ticket}/messages");
    let note = json!({"kind": "note", "body": "Asked the carrier again."});
    let (status, answer) = send(sender, Method::POST, &path, token, Some(&note)).await?;
    let committed = Instant::now();
    if status != 201 {
        bail!("a note answered {status}: {}", String::from_utf8_lossy(&answer));
    }
    let mut times = Vec::with_capacity(clients);
    while times.len() < clients {
        let next = tokio::time::timeout(Duration::from_secs(30), seen.recv()).await;
        let (_, when) = next.context("a client has not seen a change within 30 s")?.context("the clients are gone")?;
        times.push(when.saturating_duration_since(committed).as_secs_f64() * 1000.0);
    }
    times.sort_by(f64::total_cmp);
    let all_after = times.last().copied().unwrap_or_default();
    Ok(Reached { times, all_after })
}

/// Measures and prints it.
pub(crate) async fn measure(options: &Options, root: &Path) -> anyhow::Result<()> {
    let place = Place::new(options, root, "live")?;
    let people = options.live.div_ceil(EACH);
    let emails: Vec<String> = (0..people).map(|n| format!("agent{n}@live.example")).collect();
    let opened = place.open().await?;
    let filling = desk(opened.store())?;
    fill(&filling, 200).await?;
    let host = filling.host("load").await?;
    for email in &emails {
        let user = filling.users().find_or_create(&EmailAddress::parse("email", email)?, None).await?;
        filling.add_member(&host, user.id, Role::Member).await?;
    }
    opened.close().await;
    let port = free_port()?;
    let limit = (options.live + 200).to_string();
    let settings = [("CONNECT_MAX_CONNECTIONS", limit.as_str()), ("CONNECT_MAX_STREAMS", limit.as_str())];
    let server = place.start_with(options, port, &settings)?;
    answers(port, "/healthz", Instant::now()).await?;
    let agent = sign_in(port).await?;
    let mut tokens = Vec::with_capacity(people);
    for email in &emails {
        tokens.push(sign_in_as(port, email).await?);
    }
    let mut sender = connect(port).await?;
    let (_, listed) = send(&mut sender, Method::GET, "/api/v1/workspaces/load/tickets?limit=1", &agent, None).await?;
    let listed: Value = serde_json::from_slice(&listed)?;
    let ticket = listed["data"][0]["id"].as_str().context("a ticket")?.to_owned();
    tokio::time::sleep(Duration::from_secs(2)).await;

    let before = server.resident();
    let (seen, mut events) = mpsc::unbounded_channel();
    let (tokens, mut clients) = (Arc::new(tokens), JoinSet::new());
    println!("{} streams of {people} people, one workspace, {CHANGES} changes each time, medians\n", options.live);
    header(&["clients", "KiB each", "p50 ms", "p99 ms", "all after ms", "worst ms"]);
    let mut sizes = vec![FEW.min(options.live), options.live];
    sizes.dedup();
    for wanted in sizes {
        while clients.len() < wanted {
            let token = tokens[clients.len() / EACH].clone();
            clients.spawn(follow(port, token, seen.clone()));
            // As fast as they come would be a storm; here it is what they cost once they are there.
            if clients.len().is_multiple_of(50) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        // Each says once that it follows.
        let mut there = 0;
        while events.try_recv().is_ok() {
            there += 1;
        }
        tokio::time::sleep(Duration::from_secs(8)).await;
        while events.try_recv().is_ok() {
            there += 1;
        }
        if let Some(ended) = clients.try_join_next() {
            ended??;
        }
        #[allow(clippy::cast_precision_loss)]
        let each = server.resident().saturating_sub(before) as f64 / wanted as f64;
        let mut all = Vec::new();
        // A connection on which nothing is asked for a while is closed.
        let mut sender = connect(port).await?;
        for _ in 0..CHANGES {
            all.push(change(&mut sender, (&agent, &ticket), wanted, &mut events).await?);
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        let middle = |of: &dyn Fn(&Reached) -> f64| format!("{:.1}", median(all.iter().map(of).collect()));
        let worst = all.iter().map(|one| one.all_after).fold(0.0, f64::max);
        row(&[
            &wanted.to_string(),
            &format!("{each:.1}"),
            &middle(&|one| at(&one.times, 50)),
            &middle(&|one| at(&one.times, 99)),
            &middle(&|one| one.all_after),
            &format!("{worst:.0}"),
        ]);
        if there == 0 {
            bail!("no stream has said that it follows");
        }
        if let Some(ended) = clients.try_join_next() {
            ended??;
        }
    }
    Ok(())
}
