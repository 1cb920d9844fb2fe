//! The parts of the desk, put together as the settings say.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use connect_auth::{Auth, RoleMatrix};
use connect_core::notify::{Channel, Recorder, SmtpChannel, SmtpSettings};
use connect_core::{Desk, DeskSettings, SystemClock};
use connect_http::{App, HttpSettings};
use connect_store::{MemoryLimiter, SqliteSettings, SqliteStore};

use crate::secret;
use crate::settings::Settings;

/// The desk and what the process needs to know of it.
pub(crate) struct Parts {
    pub(crate) store: Arc<SqliteStore>,
    pub(crate) desk: Desk,
    pub(crate) app: App,
    pub(crate) recorder: Option<Arc<Recorder>>,
}

/// Opens the database.
pub(crate) async fn store(settings: &Settings) -> anyhow::Result<SqliteStore> {
    let path = &settings.database;
    SqliteStore::open(path, SqliteSettings::default())
        .await
        .with_context(|| format!("CONNECT_DATABASE_URL: {} cannot be used", path.display()))
}

/// The channel for mail: SMTP, or a recorder that keeps it.
pub(crate) fn mail(settings: &Settings) -> anyhow::Result<(Arc<dyn Channel>, Option<Arc<Recorder>>)> {
    match &settings.smtp_url {
        Some(url) => {
            let smtp = SmtpSettings { url: url.0.clone(), timeout: Duration::from_secs(20) };
            Ok((Arc::new(SmtpChannel::new(&smtp).context("CONNECT_SMTP_URL")?), None))
        }
        None => {
            let recorder = Arc::new(Recorder::new(Arc::new(SystemClock)));
            Ok((recorder.clone(), Some(recorder)))
        }
    }
}

/// Puts everything together.
pub(crate) async fn parts(settings: &Settings) -> anyhow::Result<Parts> {
    let store = Arc::new(store(settings).await?);
    let keys = secret::key_ring(settings)?;
    let (channel, recorder) = mail(settings)?;
    let auth = Auth::builder(store.clone(), Arc::new(MemoryLimiter::new()), keys, settings.auth.clone())?;
    let desk = Desk::builder(store.clone(), Arc::new(RoleMatrix))
        .subscriber(auth.mail())
        .channel(channel)
        .build(DeskSettings { public_url: settings.public_url.clone(), mail_from: settings.mail_from.clone() });
    let http = HttpSettings {
        secure: settings.is_secure(),
        allowed_origins: settings.allowed_origins.clone(),
        ..HttpSettings::default()
    };
    let app = App::new(auth.build(desk.clone()), http);
    Ok(Parts { store, desk, app, recorder })
}
