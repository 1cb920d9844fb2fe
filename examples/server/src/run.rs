//! Serving, until asked to stop.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use connect_core::audit::Forgotten;
use connect_core::dispatch::DispatchSettings;
use connect_http::ServeSettings;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{info, warn};
use tracing_subscriber::EnvFilter;

use crate::settings::{Database, Environment, Settings};
use crate::{demo, dev_mail, parts};

/// How often what has ended is removed.
const SWEEP_EVERY: Duration = Duration::from_secs(600);
/// Sweeps until old origins are looked for again: a day. Days matter here, not minutes.
const SWEEPS_A_DAY: u32 = 144;

fn log(settings: &Settings) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&settings.log).with_context(|| format!("CONNECT_LOG is {:?}", settings.log))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if settings.log_json {
        builder.json().init()
    } else {
        builder.init()
    }
    Ok(())
}

/// Unused attachments removed at once.
const SWEPT_AT_ONCE: usize = 200;
const SWEEPS: usize = 100;

/// Brings the database up to date, or prints how.
pub(crate) async fn migrate(settings: &Settings, print: bool) -> anyhow::Result<ExitCode> {
    if print {
        match &settings.storage.database {
            Database::Sqlite(_) => print!("{}", connect_store::sqlite::script("connect_")),
            Database::Postgres { schema, .. } => print!("{}", connect_store::postgres::script(schema)),
        }
    } else {
        parts::open(&settings.storage).await?.close().await;
        println!("{} is up to date", settings.storage.database);
    }
    Ok(ExitCode::SUCCESS)
}

/// Serves.
pub(crate) async fn run(settings: &Settings, with_demo: bool) -> anyhow::Result<ExitCode> {
    log(settings)?;
    let listener = TcpListener::bind(settings.listen)
        .await
        .with_context(|| format!("CONNECT_LISTEN is {}, which cannot be served on", settings.listen))?;
    let address = listener.local_addr()?;
    let mut settings = settings.clone();
    if settings.listen.port() == 0 {
        // A free port was asked for: the address people use follows from the one that was found.
        let asked = format!("http://{}", settings.listen);
        if settings.public_url == asked {
            settings.public_url = format!("http://{address}");
        }
    }
    let parts = parts::parts(&settings).await?;
    if with_demo {
        demo::fill(&parts.desk).await?;
    }
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let dispatcher = parts.desk.dispatcher(DispatchSettings::default()).start();
    let (auth, desk) = (parts.app.auth().clone(), parts.desk.clone());
    let origins = settings.origins;
    let sweeper = tokio::spawn(async move {
        let mut rest = 0;
        loop {
            if rest == 0 {
                rest = sweeps_until_next(&desk.forget_origins(desk.now().minus(origins)).await);
            }
            rest -= 1;
            tokio::time::sleep(SWEEP_EVERY).await;
            if let Err(error) = auth.sweep().await {
                warn!(%error, "what has ended could not be removed");
            }
            // As long as whole batches are found there is more.
            for _ in 0..SWEEPS {
                match desk.sweep_attachments(SWEPT_AT_ONCE).await {
                    Ok(removed) if removed < SWEPT_AT_ONCE => break,
                    Ok(_) => {}
                    Err(error) => {
                        warn!(%error, "attachments that nobody used could not be removed");
                        break;
                    }
                }
            }
        }
    });
    let mut router = connect_http::router(parts.app.clone());
    if let Some(recorder) = &parts.recorder {
        let mailbox = connect_http::guarded(parts.app.clone(), dev_mail::routes(recorder.clone()));
        router = mailbox.fallback_service(router);
    }
    greet(&settings, &parts).await?;
    let serve = ServeSettings { max_connections: settings.max_connections, ..ServeSettings::default() };
    connect_http::serve(listener, router, serve, async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        info!("stopping");
    })
    .await;
    sweeper.abort();
    dispatcher.stop().await;
    parts.store.close().await;
    info!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// After how many sweeps old origins are looked for again: soon, where some are left.
fn sweeps_until_next(forgotten: &connect_core::Result<Forgotten>) -> u32 {
    match forgotten {
        Ok(Forgotten { left: false, .. }) => SWEEPS_A_DAY,
        Ok(_) => 1,
        Err(error) => {
            warn!(%error, "the origins of old events could not all be removed");
            1
        }
    }
}

/// Says where to go and how to get in.
async fn greet(settings: &Settings, parts: &parts::Parts) -> anyhow::Result<()> {
    let url = &settings.public_url;
    println!("Connect serves {url}");
    if !parts.desk.workspaces().any().await? {
        println!(
            "There is no workspace yet: open {url}/setup, sign in with your e-mail address, and make the first one."
        );
    }
    if settings.captures_mail() {
        println!("Mail is captured: your sign-in code is on {url}/dev/mail");
    } else {
        println!("Sign-in codes are sent by mail.");
    }
    if settings.environment == Environment::Development && !settings.is_secure() {
        println!("This is a development server: no HTTPS, open sign-up.");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_origins_are_looked_for_again_soon_while_some_are_left() {
        let forgotten = |left| Ok(Forgotten { origins: 7, left });
        assert_eq!(sweeps_until_next(&forgotten(false)), SWEEPS_A_DAY);
        assert_eq!(SWEEP_EVERY * SWEEPS_A_DAY, Duration::from_secs(24 * 3600));
        assert_eq!(sweeps_until_next(&forgotten(true)), 1);
        assert_eq!(sweeps_until_next(&Err(connect_core::Error::Unavailable("away".to_owned()))), 1);
    }
}
