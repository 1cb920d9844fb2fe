//! Requests over kept connections, and how long they take.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::bail;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::SendRequest;
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::Options;

/// How many connections drive a server at once.
pub(crate) const CONNECTIONS: usize = 32;

/// What one measured stretch gave.
pub(crate) struct Stretch {
    pub(crate) per_second: f64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
}

impl Stretch {
    /// So many answers in so long, each with the time it took.
    pub(crate) fn of(mut times: Vec<Duration>, seconds: u64) -> Self {
        times.sort_unstable();
        let at = |part: usize| times.get(times.len() * part / 100).copied().unwrap_or_default();
        #[allow(clippy::cast_precision_loss)]
        Self { per_second: times.len() as f64 / seconds as f64, p50: at(50), p99: at(99) }
    }
}

/// What is asked: method, path and body of the n-th request.
pub(crate) type Ask = Arc<dyn Fn(usize) -> (Method, String, Option<Value>) + Send + Sync>;

/// A server, and what it is asked.
pub(crate) struct Side {
    pub(crate) port: u16,
    pub(crate) token: String,
    pub(crate) ask: Ask,
}

impl Side {
    pub(crate) fn new(
        port: u16,
        token: &str,
        ask: impl Fn(usize) -> (Method, String, Option<Value>) + Send + Sync + 'static,
    ) -> Self {
        Self { port, token: token.to_owned(), ask: Arc::new(ask) }
    }
}

pub(crate) async fn connect(port: u16) -> anyhow::Result<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

pub(crate) async fn send(
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

/// Drives a server for so long; every answer must have this status.
pub(crate) async fn drive(side: &Side, seconds: u64, expected: u16) -> anyhow::Result<Stretch> {
    let until = Instant::now() + Duration::from_secs(seconds);
    let mut tasks = tokio::task::JoinSet::new();
    for worker in 0..CONNECTIONS {
        let (port, token, ask) = (side.port, side.token.clone(), side.ask.clone());
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
    Ok(Stretch::of(times, seconds))
}

/// Drives the sides one after the other, as many rounds as were asked for. The stretches of each side.
pub(crate) async fn in_turn(options: &Options, expected: u16, sides: &[&Side]) -> anyhow::Result<Vec<Vec<Stretch>>> {
    let mut stretches: Vec<Vec<Stretch>> = sides.iter().map(|_| Vec::new()).collect();
    for _ in 0..options.rounds {
        for (side, list) in sides.iter().zip(&mut stretches) {
            list.push(drive(side, options.seconds, expected).await?);
        }
    }
    Ok(stretches)
}
