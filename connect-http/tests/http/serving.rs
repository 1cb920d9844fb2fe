//! The serving loop: how long a connection may be silent, and how long a request may take.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use connect_http::{ServeSettings, serve};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::app::{TestApp, User};

/// How long a client may take for its headers, here.
const PATIENCE: Duration = Duration::from_millis(300);

/// A server whose one answer takes several times as long as a client may take for its headers.
async fn slow() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let answer = || async {
        tokio::time::sleep(PATIENCE * 4).await;
        "here it is"
    };
    let settings = ServeSettings { header_timeout: PATIENCE, ..ServeSettings::default() };
    tokio::spawn(serve(listener, Router::new().route("/", get(answer)), settings, std::future::pending()));
    address
}

/// What comes until the server closes.
async fn rest(mut stream: TcpStream) -> String {
    let mut text = String::new();
    let read = tokio::time::timeout(Duration::from_secs(60), stream.read_to_string(&mut text)).await;
    read.expect("the connection ends").expect("text");
    text
}

#[tokio::test]
async fn the_first_request_of_a_connection_may_take_longer_than_its_headers() {
    let mut stream = TcpStream::connect(slow().await).await.expect("connected");
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.expect("asked");
    let text = rest(stream).await;
    assert!(text.starts_with("HTTP/1.1 200 ") && text.ends_with("here it is"), "{text:?}");
}

#[tokio::test]
async fn a_connection_on_which_nothing_is_asked_is_closed() {
    let stream = TcpStream::connect(slow().await).await.expect("connected");
    assert_eq!(rest(stream).await, "");
}

/// A desk that is served, with what stops it.
struct Served {
    app: TestApp,
    owner: User,
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<()>,
}

impl Served {
    async fn start() -> Self {
        let (app, _, owner, _) = TestApp::acme().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = async move {
            let _ = stopped.await;
        };
        let ended = tokio::spawn(serve(listener, app.router.clone(), ServeSettings::default(), stopped));
        Self { app, owner, address, stop, ended }
    }

    /// Asks for the live stream with a version of HTTP, and whatever else stands in the same packet behind it.
    async fn follow(&self, method: &str, version: &str, behind: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.expect("connected");
        let token = self.owner.token();
        let head = format!(
            "{method} /api/v1/workspaces/acme/live {version}\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n"
        );
        stream.write_all(format!("{head}{behind}").as_bytes()).await.expect("asked");
        stream
    }

    async fn note(&self, text: &str) {
        let path = self.owner.open(text).await;
        self.owner.post(&format!("{path}/messages"), &json!({"kind": "note", "body": text})).await.expect(201);
    }
}

/// Reads until this has come.
async fn until(stream: &mut TcpStream, text: &mut String, wanted: &str) {
    let reading = async {
        let mut bytes = [0; 4096];
        while !text.contains(wanted) {
            let read = stream.read(&mut bytes).await.expect("it goes on");
            assert!(read > 0, "it ended: {text}");
            text.push_str(&String::from_utf8_lossy(&bytes[..read]));
        }
    };
    tokio::time::timeout(Duration::from_secs(30), reading).await.unwrap_or_else(|_| panic!("no {wanted}: {text}"));
}

/// The content of a body that came in chunks; none if it is not whole.
fn content(body: &str) -> Option<String> {
    let (mut rest, mut content) = (body, String::new());
    loop {
        let (size, behind) = rest.split_once("\r\n")?;
        let size = usize::from_str_radix(size, 16).ok()?;
        if size == 0 {
            return (behind == "\r\n").then_some(content);
        }
        content.push_str(behind.get(..size)?);
        rest = behind.get(size..)?.strip_prefix("\r\n")?;
    }
}

#[tokio::test]
async fn a_live_stream_goes_on_in_whole_chunks_and_ends_well_when_the_server_stops() {
    let served = Served::start().await;
    let mut stream = served.follow("GET", "HTTP/1.1", "").await;
    let mut text = String::new();
    until(&mut stream, &mut text, "event: open").await;
    for n in 0..40 {
        served.note(&format!("note {n}")).await;
    }
    let last = served.owner.get("/workspaces/acme/audit?limit=1").await.expect(200)["data"][0]["position"].clone();
    until(&mut stream, &mut text, &format!("id: {last}")).await;
    let _ = served.stop.send(());
    let rest = rest(stream).await;
    text.push_str(&rest);
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    let head = head.to_lowercase();
    assert!(head.starts_with("http/1.1 200 ") && head.contains("transfer-encoding: chunked"), "{head}");
    assert!(head.contains("connection: close"), "it was handed over: {head}");
    let content = content(body).unwrap_or_else(|| panic!("it is not whole: {body:?}"));
    assert_eq!(content.matches("event: ticket.noted").count(), 40, "{content}");
    served.ended.await.expect("it has stopped");
    served.app.finish().await;
}

#[tokio::test]
async fn a_live_stream_is_over_when_its_client_goes_and_other_kinds_of_requests_get_what_they_ask_for() {
    let served = Served::start().await;
    // By HTTP/1.0 it comes without chunks.
    let mut stream = served.follow("GET", "HTTP/1.0", "").await;
    let mut text = String::new();
    until(&mut stream, &mut text, "event: open").await;
    assert!(!text.to_lowercase().contains("transfer-encoding") && text.contains("\r\n\r\nevent: open"), "{text}");
    drop(stream);
    // What else is asked on the connection is not answered while the stream goes on, and does not disturb it.
    let mut stream = served.follow("GET", "HTTP/1.1", "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let mut text = String::new();
    until(&mut stream, &mut text, "event: open").await;
    served.note("one").await;
    until(&mut stream, &mut text, "event: ticket.noted").await;
    // More than is read of it, and less than the sockets hold.
    for _ in 0..8 {
        stream.write_all(&[b'x'; 10_000]).await.expect("sent");
    }
    served.note("two").await;
    let mut second = String::new();
    until(&mut stream, &mut second, "event: ticket.noted").await;
    text.push_str(&second);
    assert_eq!(text.matches("HTTP/1.1").count(), 1, "{text}");
    // The head alone, and the connection goes on.
    let mut head =
        served.follow("HEAD", "HTTP/1.1", "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    let mut text = String::new();
    until(&mut head, &mut text, "HTTP/1.1 200 OK\r\n").await;
    text.push_str(&rest(head).await);
    assert_eq!(text.matches("HTTP/1.1 200 OK").count(), 2, "{text}");
    // So many as one may have: each that goes makes room for the next.
    drop(stream);
    for _ in 0..60 {
        let mut stream = served.follow("GET", "HTTP/1.1", "").await;
        let mut text = String::new();
        until(&mut stream, &mut text, "\r\n\r\n").await;
        if text.starts_with("HTTP/1.1 503") {
            // The one that has gone is noticed a moment later.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        }
        assert!(text.starts_with("HTTP/1.1 200 "), "{text}");
        drop(stream);
    }
    let mut stream = served.follow("GET", "HTTP/1.1", "").await;
    until(&mut stream, &mut String::new(), "event: open").await;
    let _ = served.stop.send(());
    rest(stream).await;
    served.ended.await.expect("it has stopped");
    served.app.finish().await;
}
