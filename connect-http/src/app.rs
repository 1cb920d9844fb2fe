//! What every handler has at hand.

use std::sync::Arc;
use std::time::Duration;

use connect_auth::Auth;
#[cfg(feature = "mail-events")]
use connect_core::mail_event::MailEvents;
use connect_core::{Access, Desk, Identify};

use crate::network::Network;
use crate::origin::is_origin;
use crate::problem::Problem;
use crate::slots::{Slot, Slots};

/// Uploads and live streams of one person at once.
const UPLOADS_EACH: usize = 4;
const STREAMS_EACH: usize = 20;

/// How the desk appears over HTTP.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// Whether it is reached over HTTPS. Only then are cookies `Secure` and `__Host-`; without it, only for
    /// development, they have another name.
    pub secure: bool,
    /// Origins, beside the desk's own, whose pages may send forms and use the API, with the cookies of whoever
    /// looks at them: exactly `https://host[:port]`. What is no origin ([`is_origin`]), such as
    /// `*` or `null`, allows nothing.
    pub allowed_origins: Vec<String>,
    /// Proxies that are believed when they say in `X-Forwarded-For` whom they saw. None unless said.
    pub trusted_proxies: Vec<Network>,
    /// Most bytes a request body may have. 1 MiB unless said.
    pub max_body: usize,
    /// How long a request may take until it is answered with 503. 30 s unless said.
    pub timeout: Duration,
    /// How long one may take that brings files: those of a slow line, too. 5 minutes unless said.
    pub upload_timeout: Duration,
    /// Most uploads at once; each holds up to 8 MiB while it lasts. 32 unless said.
    pub max_uploads: usize,
    /// Most live streams at once. 2,000 unless said.
    pub max_streams: usize,
    /// Whether `/metrics` tells figures of the desk to whoever asks. Not unless said: it is for a network of one's own.
    pub metrics: bool,
    /// The public half of the key that browsers subscribe for, where messages are sent to them.
    pub push_key: Option<String>,
    /// Who tells what became of mail. Nobody unless said.
    #[cfg(feature = "mail-events")]
    pub mail_events: Arc<MailEvents>,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            secure: true,
            allowed_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            max_body: 1024 * 1024,
            timeout: Duration::from_secs(30),
            upload_timeout: Duration::from_secs(5 * 60),
            max_uploads: 32,
            max_streams: 2000,
            metrics: false,
            push_key: None,
            #[cfg(feature = "mail-events")]
            mail_events: Arc::default(),
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
    uploads: Slots,
    streams: Slots,
    identify: Option<Arc<dyn Identify>>,
}

impl App {
    /// A desk that people sign in to, over HTTP. Path and origin follow from the desk's public address.
    pub fn new(auth: Auth, settings: HttpSettings) -> Self {
        Self::made(auth, settings, None)
    }

    /// The same, where those who are signed in at the host need not sign in at the desk.
    ///
    /// What a request brings is looked at in this order, and the first that is good counts:
    ///
    /// 1. An `Authorization` header: the token of a session, an API key, or a token for a widget. Whatever it says,
    ///    such a request ignores cookies, and the host is not asked.
    /// 2. The cookie of a session of the desk's own: who has signed in here on purpose is who they are here.
    /// 3. Whom the host vouches for.
    pub fn identified_by(auth: Auth, settings: HttpSettings, identify: Arc<dyn Identify>) -> Self {
        Self::made(auth, settings, Some(identify))
    }

    fn made(auth: Auth, settings: HttpSettings, identify: Option<Arc<dyn Identify>>) -> Self {
        let public = &auth.desk().settings().public_url;
        let (base, origin) = match url::Url::parse(public) {
            Ok(url) => (url.path().trim_end_matches('/').to_owned(), url.origin().ascii_serialization()),
            Err(_) => (String::new(), String::new()),
        };
        let uploads = Slots::new(settings.max_uploads, UPLOADS_EACH);
        let streams = Slots::new(settings.max_streams, STREAMS_EACH);
        Self { inner: Arc::new(Inner { auth, settings, base, origin, uploads, streams, identify }) }
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

    /// Who knows those that are signed in at the host.
    pub(crate) fn identify(&self) -> Option<&dyn Identify> {
        self.inner.identify.as_deref()
    }

    /// A place for an upload. Each holds a few megabytes while it lasts, and may last for minutes. Whoever may bring no
    /// files takes none.
    pub(crate) fn upload_slot(&self, access: &Access) -> Result<Slot, Problem> {
        self.desk().attachments(access).demand_upload()?;
        let detail = "there are too many uploads at once";
        let slot = self.inner.uploads.take(access.actor());
        slot.ok_or_else(|| Problem::unavailable("too_many_uploads", detail, 5))
    }

    /// A place for a live stream.
    pub(crate) fn stream_slot(&self, access: &Access) -> Result<Slot, Problem> {
        let detail = "there are too many live streams at once";
        let slot = self.inner.streams.take(access.actor());
        slot.ok_or_else(|| Problem::unavailable("too_many_streams", detail, 15))
    }

    /// The path it is mounted at, without a slash at the end: empty, or such as `/support`.
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

    /// Whether pages of this origin, which is not the desk's own, may send forms and use the API.
    pub(crate) fn is_allowed_origin(&self, origin: &str) -> bool {
        is_origin(origin) && self.inner.settings.allowed_origins.iter().any(|known| known == origin)
    }

    /// The name of a cookie.
    pub(crate) fn cookie_name(&self, cookie: Cookie) -> &'static str {
        match (cookie, self.inner.settings.secure) {
            (Cookie::Session, true) => "__Host-connect_session",
            (Cookie::Session, false) => "connect_dev_session",
            (Cookie::Challenge, true) => "__Host-connect_challenge",
            (Cookie::Challenge, false) => "connect_dev_challenge",
            (Cookie::Device, true) => "__Host-connect_device",
            (Cookie::Device, false) => "connect_dev_device",
            #[cfg(feature = "oidc")]
            (Cookie::OAuth, true) => "__Host-connect_oauth",
            #[cfg(feature = "oidc")]
            (Cookie::OAuth, false) => "connect_dev_oauth",
            #[cfg(feature = "oidc")]
            (Cookie::Account, true) => "__Host-connect_account",
            #[cfg(feature = "oidc")]
            (Cookie::Account, false) => "connect_dev_account",
            #[cfg(feature = "passkeys")]
            (Cookie::Passkey, true) => "__Host-connect_passkey",
            #[cfg(feature = "passkeys")]
            (Cookie::Passkey, false) => "connect_dev_passkey",
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
    /// By what the browser is known again.
    Device,
    /// What a browser holds while it is at a sign-in provider.
    #[cfg(feature = "oidc")]
    OAuth,
    /// What a browser holds while an account of a provider waits for a code.
    #[cfg(feature = "oidc")]
    Account,
    /// What a browser holds while it is asked for a passkey.
    #[cfg(feature = "passkeys")]
    Passkey,
}
