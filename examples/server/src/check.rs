//! `connect-server check`: says in words what works and what does not.

use std::process::ExitCode;
use std::sync::Arc;

use connect_core::fetch::HttpsClient;
use connect_core::notify::Channel;
use connect_core::push::{OneSignal, VapidKey};
use connect_core::store::Quota;
use connect_core::{BlobStore, Clock, OsRandom, RateLimiter, SystemClock};

use crate::settings::Settings;
use crate::{parts, secret};

fn say(what: &str, outcome: Result<String, String>) -> bool {
    match outcome {
        Ok(detail) => {
            println!("ok      {what}: {detail}");
            true
        }
        Err(detail) => {
            println!("FAILED  {what}: {detail}");
            false
        }
    }
}

/// Prints a new key for messages to browsers, as the setting takes it.
pub(crate) fn vapid_key() -> anyhow::Result<ExitCode> {
    // Whom push services can reach is no part of the key.
    let key = VapidKey::generate(&OsRandom, String::new())?;
    println!("CONNECT_VAPID_KEY={}", key.secret());
    Ok(ExitCode::SUCCESS)
}

/// Checks everything and answers with success only if all of it is well.
pub(crate) async fn check(settings: &Settings) -> anyhow::Result<ExitCode> {
    let mut well = say("settings", Ok(format!("all understood, for {}", settings.public_url)));
    well &= say("secret key", secret::key_ring(settings).map(|_| "present".to_owned()).map_err(|e| format!("{e:#}")));
    let auth = &settings.auth;
    let codes = format!(
        "{:?}, {} minutes, {} guesses each; after {} wrong ones in a day {:?}; {}",
        auth.code_form,
        auth.code_lifetime.as_secs() / 60,
        auth.max_attempts,
        auth.failures_a_day,
        auth.long_form,
        auth.bound()
    );
    well &= say("codes", auth.check().map(|()| codes).map_err(|error| error.to_string()));
    let database = async {
        let storage = &settings.storage;
        let opened = parts::open(storage).await.map_err(|error| format!("{error:#}"))?;
        opened.store().ready().await.map_err(|error| format!("{}: {error}", storage.database))?;
        opened.close().await;
        Ok(format!("{} opens, its schema is current, it reads and writes", storage.database))
    };
    well &= say("database", database.await);
    if let Some(url) = &settings.storage.redis_url {
        let redis = async {
            let redis = parts::redis(&url.0).map_err(|error| format!("{error:#}"))?;
            let quota = Quota::per_seconds(1000, 60);
            let taken = redis.take("check:connect".to_owned(), quota, SystemClock.now()).await;
            taken.map(|_| "it answers and counts".to_owned()).map_err(|error| format!("CONNECT_REDIS_URL: {error}"))
        };
        well &= say("redis", redis.await);
    }
    let blobs = async {
        let blobs = parts::blobs(&settings.storage).map_err(|error| format!("{error:#}"))?;
        let ready = blobs.ready().await;
        ready.map_err(|error| format!("CONNECT_BLOB_URL: {}: {error}", settings.storage.blob_url))?;
        Ok(format!("{} answers", settings.storage.blob_url))
    };
    well &= say("attachments", blobs.await);
    let mail = async {
        let (channel, recorder) = parts::mail(settings).map_err(|error| format!("{error:#}"))?;
        if recorder.is_some() {
            return Ok("captured on /dev/mail (CONNECT_SMTP_URL is not set)".to_owned());
        }
        channel.probe().await.map_err(|error| format!("CONNECT_SMTP_URL: the server does not answer: {error}"))?;
        Ok("the SMTP server answers".to_owned())
    };
    well &= say("mail", mail.await);
    if let Some(onesignal) = &settings.sending.onesignal {
        let push = async {
            let fetch = HttpsClient::new(settings.sending.push_fetch.clone()).map_err(|error| error.to_string())?;
            let probed = OneSignal::new(onesignal.clone(), Arc::new(fetch)).probe().await;
            probed
                .map(|()| "OneSignal knows the app".to_owned())
                .map_err(|error| format!("CONNECT_ONESIGNAL_APP_ID: {error}"))
        };
        well &= say("push", push.await);
    }
    let listen = tokio::net::TcpListener::bind(settings.listen).await;
    let listen = listen.map(|_| format!("{} is free", settings.listen));
    well &= say("listener", listen.map_err(|error| format!("CONNECT_LISTEN: {}: {error}", settings.listen)));
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
