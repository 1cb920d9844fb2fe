//! A shop with its desk on a port of its own, and people with browsers.

use std::net::SocketAddr;
use std::sync::Arc;

use connect_auth::{KeyRing, WidgetKey};
use connect_core::dispatch::DispatchSettings;
use connect_core::notify::{MailIdentity, Recorder};
use connect_core::{DeskSettings, EmailAddress, SystemClock};
use embed_axum::{login, shop, support};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{HeaderMap, Method, Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};
use tokio::net::TcpStream;

/// The shop's customers and staff, by their ids there.
pub const ADA: i64 = 1;
pub const BOB: i64 = 2;
pub const BOSS: i64 = 3;
pub const SAM: i64 = 4;

pub struct World {
    pub support: Arc<support::Support>,
    pub mail: Arc<Recorder>,
    pub login: login::Login,
    address: SocketAddr,
    server: tokio::task::JoinHandle<()>,
    _folder: tempfile::TempDir,
}

/// The key by which the shop signs.
pub fn key() -> WidgetKey {
    WidgetKey::new("2026-a", "another secret of at least 32 characters").expect("long enough")
}

impl World {
    pub async fn new() -> Self {
        Self::with(Some(key())).await
    }

    /// The shop, where the desk has this key for tokens, or none.
    pub async fn with(widget_key: Option<WidgetKey>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let options = SqliteConnectOptions::new().filename(folder.path().join("shop.db")).create_if_missing(true);
        let pool = SqlitePoolOptions::new().connect_with(options).await.expect("a pool");
        shop::prepare(&pool).await.expect("the shop's tables");
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let from =
            MailIdentity { name: None, address: EmailAddress::parse("from", "desk@shop.example").expect("address") };
        let settings = DeskSettings::new(format!("http://{address}/support"), from);
        let mail = Arc::new(Recorder::new(Arc::new(SystemClock)));
        let keys = KeyRing::new("a secret of at least 32 characters", Vec::new()).expect("long enough");
        let secrets = support::Secrets { keys, widget: widget_key };
        let login = login::Login { pool };
        let (desk, pages) = support::desk(login.clone(), secrets, mail.clone(), settings).await.expect("a desk");
        let staff = login.staff().await.expect("the staff");
        support::set_up(&desk, &staff[0]).await.expect("a workspace");
        support::hire(&desk, &staff[1]).await.expect("an agent");
        let support = Arc::new(desk);
        let router = embed_axum::routes(login.clone(), support.clone(), key(), pages);
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        let server = tokio::spawn(async move { axum::serve(listener, service).await.expect("it serves") });
        Self { support, mail, login, address, server, _folder: folder }
    }

    pub fn pool(&self) -> &SqlitePool {
        &self.login.pool
    }

    /// A browser that nobody has used yet.
    pub fn browser(&self) -> Browser {
        Browser { address: self.address, cookies: Vec::new() }
    }

    /// A browser in which somebody has signed in at the shop.
    pub async fn signed_in(&self, user: i64) -> Browser {
        let mut browser = self.browser();
        let answer = browser.submit("/login", &format!("user={user}")).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
        browser
    }

    pub async fn deliver(&self) {
        self.support.desk.dispatcher(DispatchSettings::default()).drain().await.expect("mail leaves");
    }

    /// The code in the newest mail to an address.
    pub async fn code(&self, email: &str) -> String {
        self.deliver().await;
        let mails = self.mail.mails();
        let mail = mails.into_iter().find(|kept| kept.mail.to.as_str() == email).expect("a mail").mail;
        mail.text.lines().nth(2).expect("the code").to_owned()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// A browser: it keeps cookies, says from which site it asks, and shows pages as they come.
#[derive(Clone)]
pub struct Browser {
    address: SocketAddr,
    pub cookies: Vec<(String, String)>,
}

#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    /// The body, of an answer of this status.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    /// Where it leads.
    #[track_caller]
    pub fn location(&self) -> &str {
        assert_eq!(self.status, StatusCode::SEE_OTHER, "{}", self.text);
        self.headers[header::LOCATION].to_str().expect("text")
    }
}

impl Browser {
    pub async fn send(&mut self, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, self.address.to_string());
        if !self.cookies.is_empty() {
            let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header(header::COOKIE, cookies.join("; "));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(Bytes::from(body.to_owned()))).expect("a request");
        let stream = TcpStream::connect(self.address).await.expect("the shop listens");
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.expect("HTTP");
        let connection = tokio::spawn(connection);
        let response = sender.send_request(request).await.expect("an answer");
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("a body").to_bytes();
        connection.abort();
        for set in parts.headers.get_all(header::SET_COOKIE) {
            let pair = set.to_str().expect("text").split(';').next().expect("a pair");
            let (name, value) = pair.split_once('=').expect("a pair");
            self.cookies.retain(|(known, _)| known != name);
            if !value.is_empty() {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        Answer { status: parts.status, headers: parts.headers, text: String::from_utf8_lossy(&bytes).into_owned() }
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        self.send(Method::GET, path, &[("sec-fetch-site", "same-origin")], "").await
    }

    /// Sends a form from a page of the shop's origin.
    pub async fn submit(&mut self, path: &str, form: &str) -> Answer {
        let headers = [("sec-fetch-site", "same-origin"), ("content-type", "application/x-www-form-urlencoded")];
        self.send(Method::POST, path, &headers, form).await
    }

    /// Sends JSON from a page of the shop's origin.
    pub async fn post(&mut self, path: &str, body: &Value) -> Answer {
        let headers = [("sec-fetch-site", "same-origin"), ("content-type", "application/json")];
        self.send(Method::POST, path, &headers, &body.to_string()).await
    }

    /// Sends what a script of the shop's sends, with a token and no cookie.
    pub async fn with_token(&self, token: &str, method: Method, path: &str, body: Option<&Value>) -> Answer {
        let bearer = format!("Bearer {token}");
        let mut headers = vec![("authorization", bearer.as_str())];
        if body.is_some() {
            headers.push(("content-type", "application/json"));
        }
        let mut bare = Self { address: self.address, cookies: Vec::new() };
        bare.send(method, path, &headers, &body.map(Value::to_string).unwrap_or_default()).await
    }
}
