//! The load harness: drives the release server and, beside it in the same run, the bare server.
//!
//! `load SERVER BARE [--seconds N] [--rounds N] [--tickets N]`, where SERVER and BARE are the built
//! programs. `cargo xtask load` builds both and calls it. What it prints are medians over the rounds.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use bytes::Bytes;
use connect_benches::{AGENT, desk, fill};
use connect_store::{SqliteSettings, SqliteStore};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::SendRequest;
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;

const CONNECTIONS: usize = 32;

struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What one measured stretch gave.
struct Stretch {
    per_second: f64,
    p50: Duration,
    p99: Duration,
}

struct Options {
    server: PathBuf,
    bare: PathBuf,
    seconds: u64,
    rounds: usize,
    tickets: usize,
}

fn options() -> anyhow::Result<Options> {
    let mut arguments = std::env::args().skip(1);
    let mut options = Options {
        server: arguments.next().context("the server's program")?.into(),
        bare: arguments.next().context("the bare server's program")?.into(),
        seconds: 4,
        rounds: 5,
        tickets: 10_000,
    };
    while let Some(name) = arguments.next() {
        let value = arguments.next().with_context(|| format!("a value for {name}"))?;
        match name.as_str() {
            "--seconds" => options.seconds = value.parse()?,
            "--rounds" => options.rounds = value.parse()?,
            "--tickets" => options.tickets = value.parse()?,
            other => bail!("{other} is no option"),
        }
    }
    Ok(options)
}

async fn connect(port: u16) -> anyhow::Result<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

async fn send(
    sender: &mut SendRequest<Full<Bytes>>,
    method: Method,
    path: &str,
    token: &str,
    body: Option<&Value>,
) -> anyhow::Result<(u16, Bytes)> {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "127.0.0.1")
        .header("content-type", "application/json")
        .header("authorization", format!("Bearer {token}"))
        .body(Full::new(body.map(|body| Bytes::from(body.to_string())).unwrap_or_default()))?;
    sender.ready().await?;
    let response = sender.send_request(request).await?;
    let status = response.status().as_u16();
    Ok((status, response.into_body().collect().await?.to_bytes()))
}

/// Waits until the port answers; how long that took.
async fn answers(port: u16, path: &str, since: Instant) -> anyhow::Result<Duration> {
    for _ in 0..20_000 {
        if let Ok(mut sender) = connect(port).await
            && let Ok((200, _)) = send(&mut sender, Method::GET, path, "", None).await
        {
            return Ok(since.elapsed());
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    bail!("nothing answers on port {port}")
}

fn free_port() -> anyhow::Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Resident memory of a process, in KiB.
fn resident(process: &Process) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.0.id())).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

async fn sign_in(port: u16) -> anyhow::Result<String> {
    let mut sender = connect(port).await?;
    let ask = json!({"email": AGENT, "token": true});
    let (_, issued) = send(&mut sender, Method::POST, "/api/v1/auth/otp/request", "", Some(&ask)).await?;
    let issued: Value = serde_json::from_slice(&issued)?;
    for _ in 0..200 {
        let (_, mails) = send(&mut sender, Method::GET, "/dev/mail.json", "", None).await?;
        let mails: Value = serde_json::from_slice(&mails)?;
        let code = mails
            .as_array()
            .into_iter()
            .flatten()
            .find(|mail| mail["to"] == AGENT && mail["subject"] == "Your code to sign in");
        if let Some(text) = code.and_then(|mail| mail["text"].as_str()) {
            let code = text.lines().find(|l| l.len() == 9 && l.chars().all(|c| c.is_ascii_digit() || c == ' '));
            let verify = json!({
                "challenge_id": issued["challenge_id"], "challenge_secret": issued["challenge_secret"],
                "code": code.context("a code in the mail")?, "token": true,
            });
            let (status, answer) =
                send(&mut sender, Method::POST, "/api/v1/auth/otp/verify", "", Some(&verify)).await?;
            if status != 200 {
                bail!("signing in answered {status}: {}", String::from_utf8_lossy(&answer));
            }
            let answer: Value = serde_json::from_slice(&answer)?;
            return Ok(answer["session"]["token"].as_str().context("a token")?.to_owned());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    bail!("no code arrived")
}

/// What is asked: method, path and body of the n-th request.
type Ask = Arc<dyn Fn(usize) -> (Method, String, Option<Value>) + Send + Sync>;

async fn drive(port: u16, token: &str, seconds: u64, expected: u16, ask: &Ask) -> anyhow::Result<Stretch> {
    let until = Instant::now() + Duration::from_secs(seconds);
    let mut tasks = tokio::task::JoinSet::new();
    for worker in 0..CONNECTIONS {
        let (token, ask) = (token.to_owned(), ask.clone());
        tasks.spawn(async move {
            let mut sender = connect(port).await?;
            let mut times = Vec::new();
            let mut place = worker;
            while Instant::now() < until {
                let (method, path, body) = ask(place);
                let start = Instant::now();
                let (status, answer) = send(&mut sender, method, &path, &token, body.as_ref()).await?;
                if status != expected {
                    bail!("{path} answered {status}: {}", String::from_utf8_lossy(&answer));
                }
                times.push(start.elapsed());
                place += CONNECTIONS;
            }
            Ok(times)
        });
    }
    let mut times = Vec::new();
    while let Some(done) = tasks.join_next().await {
        times.extend(done??);
    }
    times.sort_unstable();
    let at = |part: usize| times.get(times.len() * part / 100).copied().unwrap_or_default();
    #[allow(clippy::cast_precision_loss)]
    Ok(Stretch { per_second: times.len() as f64 / seconds as f64, p50: at(50), p99: at(99) })
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// Measures the desk and the bare server in turn, and prints medians.
async fn compare(
    name: &str,
    options: &Options,
    ours: (u16, &str, Ask),
    bare: Option<(u16, Ask)>,
    expected: u16,
) -> anyhow::Result<()> {
    let (mut rates, mut p50, mut p99) = (Vec::new(), Vec::new(), Vec::new());
    let (mut bare_rates, mut bare_p50, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        let stretch = drive(ours.0, ours.1, options.seconds, expected, &ours.2).await?;
        rates.push(stretch.per_second);
        p50.push(stretch.p50.as_secs_f64() * 1000.0);
        p99.push(stretch.p99.as_secs_f64() * 1000.0);
        if let Some((port, ask)) = &bare {
            let other = drive(*port, "", options.seconds, expected, ask).await?;
            ratios.push(stretch.per_second / other.per_second);
            bare_rates.push(other.per_second);
            bare_p50.push(other.p50.as_secs_f64() * 1000.0);
        }
    }
    let shown = |values: Vec<f64>, digits: usize| {
        if values.is_empty() { "–".to_owned() } else { format!("{:.digits$}", median(values)) }
    };
    println!(
        "| {name} | {} | {} | {} | {} | {} | {} |",
        shown(rates, 0),
        shown(p50, 2),
        shown(p99, 2),
        shown(bare_rates, 0),
        shown(bare_p50, 2),
        shown(ratios, 2),
    );
    Ok(())
}

fn ask(make: impl Fn(usize) -> (Method, String, Option<Value>) + Send + Sync + 'static) -> Ask {
    Arc::new(make)
}

fn start_server(options: &Options, folder: &std::path::Path, port: u16) -> anyhow::Result<Process> {
    let mut command = Command::new(&options.server);
    command
        .env("CONNECT_DATA_DIR", folder)
        .env("CONNECT_LISTEN", format!("127.0.0.1:{port}"))
        .env("CONNECT_LOG", "warn");
    for limit in
        ["SENDS_PER_ADDRESS", "SENDS_PER_ADDRESS_A_DAY", "SENDS_PER_IP", "FAILURES_PER_IP", "REQUESTS", "MAILS"]
    {
        command.env(format!("CONNECT_LIMIT_{limit}"), "100000000/1m");
    }
    Ok(Process(command.stdout(Stdio::null()).spawn()?))
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = options()?;
    let folder = std::env::temp_dir().join(format!("connect-load-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let outcome = measure(&options, &folder).await;
    std::fs::remove_dir_all(&folder)?;
    outcome
}

async fn measure(options: &Options, folder: &std::path::Path) -> anyhow::Result<()> {
    let store = SqliteStore::open(folder.join("connect.db"), SqliteSettings::default()).await?;
    let filled = Instant::now();
    let desk = desk(Arc::new(store.clone()))?;
    let access = fill(&desk, options.tickets).await?;
    let list = connect_core::ticket::TicketList { limit: connect_core::Limit::MAX, ..Default::default() };
    let rows = desk.tickets(&access).list(list, None).await?.rows;
    let ids: Arc<Vec<String>> = Arc::new(rows.iter().map(|row| row.ticket.id.to_string()).collect());
    store.close().await;
    println!("{} tickets of 3 messages written in {:.1} s", options.tickets, filled.elapsed().as_secs_f64());

    // The first start routes the journal that was just written; what is measured is a start after that.
    let port = free_port()?;
    let first = start_server(options, folder, port)?;
    answers(port, "/healthz", Instant::now()).await?;
    tokio::time::sleep(Duration::from_secs(10)).await;
    drop(first);
    let mut starts = Vec::new();
    for _ in 0..5 {
        let (port, begun) = (free_port()?, Instant::now());
        let server = start_server(options, folder, port)?;
        starts.push(answers(port, "/readyz", begun).await?.as_secs_f64() * 1000.0);
        drop(server);
    }
    let port = free_port()?;
    let server = start_server(options, folder, port)?;
    answers(port, "/healthz", Instant::now()).await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let idle = resident(&server).unwrap_or_default();
    let token = sign_in(port).await?;

    let bare_port = free_port()?;
    let bare = Command::new(&options.bare)
        .arg(folder.join("bare.db"))
        .arg(format!("127.0.0.1:{bare_port}"))
        .stdout(Stdio::null())
        .spawn()?;
    let _bare = Process(bare);
    answers(bare_port, "/list", Instant::now()).await?;

    println!("first answer after a start on this database: {:.0} ms (median of 5)", median(starts));
    println!("resident when idle: {:.1} MiB\n", kib(idle));
    println!("{CONNECTIONS} connections, {} rounds of {} s each, medians\n", options.rounds, options.seconds);
    println!("| what | requests/s | p50 ms | p99 ms | bare requests/s | bare p50 ms | ratio |");
    println!("|---|---|---|---|---|---|---|");
    let api = "/api/v1/workspaces/load";
    let ours = ask(move |_| (Method::GET, format!("{api}/tickets?limit=50"), None));
    let other = ask(|_| (Method::GET, "/list".to_owned(), None));
    compare("list 50", options, (port, &token, ours), Some((bare_port, other)), 200).await?;
    let known = ids.clone();
    let ours = ask(move |n| (Method::GET, format!("{api}/tickets/{}", known[n % known.len()]), None));
    let other = ask(|n| (Method::GET, format!("/read/tkt_{:026}", n % 9_999 + 1), None));
    compare("read", options, (port, &token, ours), Some((bare_port, other)), 200).await?;
    let body = "The parcel was to come on Monday and it is not here yet. ".repeat(4);
    let text = body.clone();
    let ours = ask(move |n| {
        let new = json!({
            "subject": format!("Order {n} has not arrived"), "body": text,
            "contact": {"email": format!("customer{}@load.example", n % 500)},
        });
        (Method::POST, format!("{api}/tickets"), Some(new))
    });
    let text = body.clone();
    let other = ask(move |n| {
        let new = json!({"subject": format!("Order {n} has not arrived"), "body": text});
        (Method::POST, "/create".to_owned(), Some(new))
    });
    compare("create", options, (port, &token, ours), Some((bare_port, other)), 201).await?;
    let known = ids.clone();
    let ours = ask(move |n| {
        let path = format!("{api}/tickets/{}/messages", known[n % known.len()]);
        (Method::POST, path, Some(json!({"kind": "note", "body": "Asked the carrier again."})))
    });
    compare("note", options, (port, &token, ours), None, 201).await?;
    println!("\nresident after load: {:.1} MiB", kib(resident(&server).unwrap_or_default()));
    Ok(())
}

fn kib(count: u64) -> f64 {
    #[allow(clippy::cast_precision_loss)]
    let count = count as f64;
    count / 1024.0
}
