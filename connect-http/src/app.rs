//! What every handler has at hand.

use std::sync::Arc;
use std::time::Duration;

use connect_auth::Auth;
use connect_core::Desk;

/// How the desk appears over HTTP.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// Whether it is reached over HTTPS. Only then are cookies `Secure` and `__Host-`; without it, only for
    /// development, they have another name.
    pub secure: bool,
    /// Origins, beside the desk's own, whose pages may send forms: exactly `https://host[:port]`.
    pub allowed_origins: Vec<String>,
    /// Most bytes a request body may have. 1 MiB unless said.
    pub max_body: usize,
    /// How long a request may take until it is answered with 503. 30 s unless said.
    pub timeout: Duration,
    /// How long one may take that brings files: those of a slow line, too. 5 minutes unless said.
    pub upload_timeout: Duration,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            secure: true,
            allowed_origins: Vec::new(),
            max_body: 1024 * 1024,
            timeout: Duration::from_secs(30),
            upload_timeout: Duration::from_secs(5 * 60),
        }
    }
}

/// The desk, who is who on it, and how it appears.
#[derive(Debug, Clone)]
pub struct App {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    auth: Auth,
    settings: HttpSettings,
    base: String,
    origin: String,
}

impl App {
    /// A desk that people sign in to, over HTTP. Path and origin follow from the desk's public address.
    pub fn new(auth: Auth, settings: HttpSettings) -> Self {
        let public = &auth.desk().settings().public_url;
        let (base, origin) = match url::Url::parse(public) {
            Ok(url) => (url.path().trim_end_matches('/').to_owned(), url.origin().ascii_serialization()),
            Err(_) => (String::new(), String::new()),
        };
        Self { inner: Arc::new(Inner { auth, settings, base, origin }) }
    }

    /// Who is who.
    pub fn auth(&self) -> &Auth {
        &self.inner.auth
    }

    /// The desk.
    pub fn desk(&self) -> &Desk {
        self.inner.auth.desk()
    }

    /// How it appears.
    pub fn settings(&self) -> &HttpSettings {
        &self.inner.settings
    }

    /// The path it is mounted at, without a slash at the end: empty, or such as `/support`.
    #[cfg_attr(not(feature = "web"), allow(dead_code))]
    pub(crate) fn base(&self) -> &str {
        &self.inner.base
    }

    /// The path of the front page. A nested router does not see its own path with a slash at the end.
    #[cfg_attr(not(feature = "web"), allow(dead_code))]
    pub(crate) fn home(&self) -> &str {
        if self.inner.base.is_empty() { "/" } else { &self.inner.base }
    }

    /// The origin of its public address.
    pub(crate) fn origin(&self) -> &str {
        &self.inner.origin
    }

    /// The name of a cookie.
    pub(crate) fn cookie_name(&self, cookie: Cookie) -> &'static str {
        match (cookie, self.inner.settings.secure) {
            (Cookie::Session, true) => "__Host-connect_session",
            (Cookie::Session, false) => "connect_dev_session",
            (Cookie::Challenge, true) => "__Host-connect_challenge",
            (Cookie::Challenge, false) => "connect_dev_challenge",
        }
    }

    /// A `Set-Cookie` value: for a while, or gone when there is no value.
    pub(crate) fn set_cookie(&self, cookie: Cookie, value: Option<&str>, max_age: Duration) -> String {
        let secure = if self.inner.settings.secure { "; Secure" } else { "" };
        let (value, age) = value.map_or(("", 0), |value| (value, max_age.as_secs()));
        format!("{}={value}; Path=/; Max-Age={age}; HttpOnly; SameSite=Lax{secure}", self.cookie_name(cookie))
    }
}

/// The cookies of the desk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cookie {
    /// The token of a session.
    Session,
    /// A challenge's id and secret.
    Challenge,
}
