//! The parts of the desk, put together as the settings say.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use connect_auth::fetch::HttpsClient;
use connect_auth::{Auth, RoleMatrix};
use connect_core::fetch::{Fetch, FetchSettings};
use connect_core::mail_event::{MailEventSource, MailEvents, MailProvider};
use connect_core::notify::{Channel, Recorder, SmtpChannel, SmtpSettings};
use connect_core::push::{OneSignal, WebPush};
use connect_core::store::LocalFeed;
use connect_core::webhook::{WebhookCalls, WebhookChannel};
use connect_core::{AuthStore, Clock, Desk, DeskSettings, LiveFeed, RateLimiter, Store, SystemClock};
use connect_http::{App, HttpSettings};
use connect_store::postgres::PostgresFeed;
use connect_store::{
    FallbackLimiter, MemoryLimiter, ObjectBlobs, PostgresSettings, PostgresStore, RedisFeed, RedisSettings, RedisStore,
    SqliteSettings, SqliteStore,
};

use crate::secret;
use crate::settings::{Database, Sending, Settings, Storage};

/// The desk and what the process needs to know of it.
pub(crate) struct Parts {
    pub(crate) store: Opened,
    pub(crate) desk: Desk,
    pub(crate) app: App,
    pub(crate) recorder: Option<Arc<Recorder>>,
}

/// The database that was opened.
#[derive(Clone)]
pub(crate) enum Opened {
    Sqlite(Arc<SqliteStore>),
    Postgres(Arc<PostgresStore>),
}

impl Opened {
    pub(crate) fn store(&self) -> Arc<dyn Store> {
        match self {
            Self::Sqlite(store) => store.clone(),
            Self::Postgres(store) => store.clone(),
        }
    }

    fn auth(&self) -> Arc<dyn AuthStore> {
        match self {
            Self::Sqlite(store) => store.clone(),
            Self::Postgres(store) => store.clone(),
        }
    }

    /// The time that all nodes of the desk agree on.
    pub(crate) fn clock(&self) -> Arc<dyn Clock> {
        match self {
            Self::Sqlite(_) => Arc::new(SystemClock),
            Self::Postgres(store) => store.clock(),
        }
    }

    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite(store) => store.close().await,
            Self::Postgres(store) => store.close().await,
        }
    }
}

/// Opens the database.
pub(crate) async fn open(storage: &Storage) -> anyhow::Result<Opened> {
    let opened = match &storage.database {
        Database::Sqlite(path) => SqliteStore::open(path, SqliteSettings::default())
            .await
            .map(|s| Opened::Sqlite(Arc::new(s)))
            .map_err(Into::into),
        Database::Postgres { url, schema, connections } => {
            let settings =
                PostgresSettings { schema: schema.clone(), readers: *connections, ..PostgresSettings::default() };
            PostgresStore::connect(&url.0, settings)
                .await
                .map(|s| Opened::Postgres(Arc::new(s)))
                .map_err(anyhow::Error::from)
        }
    };
    opened.with_context(|| format!("CONNECT_DATABASE_URL: {} cannot be used", storage.database))
}

/// What limits are counted by: what must be exact over all nodes, and requests.
struct Limiters {
    sign_in: Arc<dyn RateLimiter>,
    requests: Arc<dyn RateLimiter>,
}

fn limiters(storage: &Storage, opened: &Opened) -> anyhow::Result<Limiters> {
    let own: Arc<dyn RateLimiter> = Arc::new(MemoryLimiter::new());
    Ok(match (&storage.redis_url, opened) {
        (Some(url), _) => {
            let redis: Arc<dyn RateLimiter> = Arc::new(redis(&url.0)?);
            // Without Redis nobody signs in, but whoever is signed in goes on working.
            Limiters { sign_in: redis.clone(), requests: Arc::new(FallbackLimiter::new(redis, own)) }
        }
        // A write for every request would cost more than the request: those are counted by each node.
        (None, Opened::Postgres(store)) => Limiters { sign_in: store.clone(), requests: own },
        (None, Opened::Sqlite(_)) => Limiters { sign_in: own.clone(), requests: own },
    })
}

/// The part of Redis that counts. It need not answer yet.
pub(crate) fn redis(url: &str) -> anyhow::Result<RedisStore> {
    RedisStore::open(url, RedisSettings::default()).context("CONNECT_REDIS_URL")
}

fn feed(storage: &Storage, opened: &Opened) -> anyhow::Result<Arc<dyn LiveFeed>> {
    Ok(match (&storage.redis_url, opened) {
        (Some(url), _) => Arc::new(RedisFeed::connect(&url.0, RedisSettings::default()).context("CONNECT_REDIS_URL")?),
        (None, Opened::Postgres(store)) => Arc::new(PostgresFeed::start(store)),
        (None, Opened::Sqlite(_)) => Arc::new(LocalFeed::new()),
    })
}

/// Where attachments are kept.
pub(crate) fn blobs(storage: &Storage) -> anyhow::Result<ObjectBlobs> {
    ObjectBlobs::open(&storage.blob_url, storage.blobs.clone())
        .with_context(|| format!("CONNECT_BLOB_URL: {} cannot be used", storage.blob_url))
}

/// The channel for mail: SMTP, or a recorder that keeps it.
pub(crate) fn mail(settings: &Settings) -> anyhow::Result<(Arc<dyn Channel>, Option<Arc<Recorder>>)> {
    match &settings.smtp_url {
        Some(url) => {
            let smtp = SmtpSettings {
                url: url.0.clone(),
                timeout: Duration::from_secs(20),
                dkim: settings.sending.dkim.clone(),
                provider: settings.sending.provider,
            };
            Ok((Arc::new(SmtpChannel::new(&smtp).context("CONNECT_SMTP_URL")?), None))
        }
        None => {
            let recorder = Arc::new(Recorder::new(Arc::new(SystemClock)));
            Ok((recorder.clone(), Some(recorder)))
        }
    }
}

/// Who may tell what became of mail.
fn mail_event_sources(sending: &Sending, certificates: &Arc<dyn Fetch>) -> Vec<MailEventSource> {
    let secret = sending.event_secret.as_ref().map(|secret| secret.0.clone());
    let provider = sending.provider.zip(secret).map(|(provider, secret)| match provider {
        MailProvider::Postmark => MailEventSource::Postmark { token: secret },
        MailProvider::Mailgun => MailEventSource::Mailgun { signing_key: secret },
        MailProvider::SendGrid => MailEventSource::SendGrid { public_key: secret },
        MailProvider::Ses => MailEventSource::Ses { topic_arn: secret, fetch: certificates.clone() },
    });
    let reports =
        sending.report_password.as_ref().map(|password| MailEventSource::Reports { token: password.0.clone() });
    provider.into_iter().chain(reports).collect()
}

/// Puts everything together.
pub(crate) async fn parts(settings: &Settings) -> anyhow::Result<Parts> {
    let store = open(&settings.storage).await?;
    let keys = secret::key_ring(settings)?;
    let (channel, recorder) = mail(settings)?;
    let limiters = limiters(&settings.storage, &store)?;
    let auth = Auth::builder(store.auth(), limiters.sign_in, keys, settings.auth.clone())?;
    let fetch = Arc::new(HttpsClient::new(settings.providers.fetch.clone())?);
    let auth = auth.providers(settings.providers.all.clone(), fetch)?;
    let mut desk = Desk::builder(store.store(), Arc::new(RoleMatrix))
        .clock(store.clock())
        .feed(feed(&settings.storage, &store)?)
        .blobs(Arc::new(blobs(&settings.storage)?))
        .subscriber(auth.mail())
        .sealer(auth.sealer())
        .signer(auth.signer())
        .subscriber(Arc::new(WebhookCalls::new(auth.webhook_keys())))
        .channel(channel)
        .channel(Arc::new(WebhookChannel::new(Arc::new(HttpsClient::new(settings.webhook_fetch.clone())?))));
    let push_fetch = Arc::new(HttpsClient::new(settings.sending.push_fetch.clone())?);
    if let Some(key) = &settings.sending.vapid {
        desk = desk.channel(Arc::new(WebPush::new(key.clone(), push_fetch.clone(), store.clock())));
    }
    if let Some(onesignal) = &settings.sending.onesignal {
        desk = desk.channel(Arc::new(OneSignal::new(onesignal.clone(), push_fetch)));
    }
    let desk = desk.build(DeskSettings {
        attachment_limit: settings.storage.attachment_limit,
        ..DeskSettings::new(settings.public_url.clone(), settings.mail_from.clone())
    });
    let certificates: Arc<dyn Fetch> = Arc::new(HttpsClient::new(FetchSettings::default())?);
    let http = HttpSettings {
        mail_events: Arc::new(MailEvents::new(mail_event_sources(&settings.sending, &certificates))),
        secure: settings.is_secure(),
        allowed_origins: settings.allowed_origins.clone(),
        trusted_proxies: settings.trusted_proxies.clone(),
        metrics: settings.metrics,
        max_streams: settings.max_streams,
        push_key: settings.sending.vapid.as_ref().map(|key| key.public().to_owned()),
        ..HttpSettings::default()
    };
    let app = App::new(auth.request_limiter(limiters.requests).build(desk.clone()), http);
    Ok(Parts { store, desk, app, recorder })
}
