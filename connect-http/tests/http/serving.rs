//! The serving loop: how long a connection may be silent, and how long a request may take.

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use connect_http::{ServeSettings, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// How long a client may take for its headers, here.
const PATIENCE: Duration = Duration::from_millis(300);

/// A server whose one answer takes several times as long as a client may take for its headers.
async fn slow() -> std::net::SocketAddr {
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
