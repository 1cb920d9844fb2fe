//! `connect-server check`: says in words what works and what does not.

use std::process::ExitCode;

use connect_core::Store;

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

/// Checks everything and answers with success only if all of it is well.
pub(crate) async fn check(settings: &Settings) -> anyhow::Result<ExitCode> {
    let mut well = say("settings", Ok(format!("all understood, for {}", settings.public_url)));
    well &= say("secret key", secret::key_ring(settings).map(|_| "present".to_owned()).map_err(|e| format!("{e:#}")));
    let database = async {
        let store = parts::store(settings).await.map_err(|error| format!("{error:#}"))?;
        store.ready().await.map_err(|error| format!("{}: {error}", settings.database.display()))?;
        store.close().await;
        Ok(format!("{} opens, its schema is current, it reads and writes", settings.database.display()))
    };
    well &= say("database", database.await);
    let mail = async {
        let (channel, recorder) = parts::mail(settings).map_err(|error| format!("{error:#}"))?;
        if recorder.is_some() {
            return Ok("captured on /dev/mail (CONNECT_SMTP_URL is not set)".to_owned());
        }
        channel.probe().await.map_err(|error| format!("CONNECT_SMTP_URL: the server does not answer: {error}"))?;
        Ok("the SMTP server answers".to_owned())
    };
    well &= say("mail", mail.await);
    let listen = tokio::net::TcpListener::bind(settings.listen).await;
    let listen = listen.map(|_| format!("{} is free", settings.listen));
    well &= say("listener", listen.map_err(|error| format!("CONNECT_LISTEN: {}: {error}", settings.listen)));
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
