//! A plain HTTP client over a socket.

use std::net::Ipv4Addr;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::{TcpSocket, TcpStream};

#[derive(Clone)]
pub struct Client {
    port: u16,
    ip: Ipv4Addr,
    forwarded_for: Option<String>,
    token: Option<String>,
}

#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub text: String,
    pub headers: hyper::HeaderMap,
    /// `Retry-After`, in seconds.
    pub retry_after: Option<u64>,
}

impl Answer {
    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }
}

impl Client {
    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn new(port: u16) -> Self {
        Self { port, ip: Ipv4Addr::LOCALHOST, forwarded_for: None, token: None }
    }

    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// The same person at another server.
    pub fn at(&self, port: u16) -> Self {
        Self { port, ..self.clone() }
    }

    /// The same person, who comes from another address of this machine.
    pub fn from(&self, ip: Ipv4Addr) -> Self {
        Self { ip, ..self.clone() }
    }

    /// The same person, who says to have come from elsewhere.
    pub fn forwarded_for(&self, list: &str) -> Self {
        Self { forwarded_for: Some(list.to_owned()), ..self.clone() }
    }

    async fn connect(&self) -> std::io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((self.ip, 0).into())?;
        socket.connect((Ipv4Addr::LOCALHOST, self.port).into()).await
    }

    pub fn request(&self, method: Method, path: &str, key: Option<&str>, body: Option<&Value>) -> Request<Full<Bytes>> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "desk")
            .header("content-type", "application/json");
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        if let Some(list) = &self.forwarded_for {
            request = request.header("x-forwarded-for", list);
        }
        let body = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
        request.body(Full::new(body)).expect("a request")
    }

    /// One request on a connection of its own; an error when the connection broke.
    pub async fn try_send(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<Answer, Box<dyn std::error::Error + Send + Sync>> {
        let stream = self.connect().await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let connection = tokio::spawn(connection);
        let response = sender.send_request(request).await?;
        let status = response.status();
        let headers = response.headers().clone();
        let retry_after = headers.get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
        let bytes = response.into_body().collect().await?.to_bytes();
        drop(sender);
        connection.abort();
        Ok(Answer { status, text: String::from_utf8_lossy(&bytes).into_owned(), headers, retry_after })
    }

    /// A request whose answer has no end; none when it is refused.
    pub async fn stream(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<Option<hyper::body::Incoming>, Box<dyn std::error::Error + Send + Sync>> {
        let stream = self.connect().await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let response = sender.send_request(request).await?;
        Ok((response.status() == 200).then(|| response.into_body()))
    }

    pub async fn send(&self, method: Method, path: &str, key: Option<&str>, body: Option<&Value>) -> Answer {
        self.try_send(self.request(method, path, key, body)).await.expect("an answer")
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None, None).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, None, Some(body)).await
    }
}
