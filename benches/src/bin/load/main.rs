//! The load harness: drives the release server and, beside it in the same run, the bare server.
//!
//! `load SERVER BARE [--postgres URL] [--seconds N] [--rounds N] [--tickets N] [--scale N] [--live N] [--dispatch yes] [--pace N]`,
//! where SERVER and BARE are the built programs. Without `--postgres` the store is a SQLite file. `--scale 0` leaves the
//! large database out. `--live N` measures N live streams, and nothing else; `--dispatch yes` what follows a change,
//! with `--pace` answers a second where they come one after the other.
//! `cargo xtask load` builds both, starts PostgreSQL where it is asked for, and calls it. What it prints are medians over
//! the rounds.

mod busy;
mod dispatch;
mod drive;
mod fill;
mod live;
mod report;
mod scale;
mod server;
mod sign_in;
mod smtp;
mod usual;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

/// What was asked for.
pub(crate) struct Options {
    /// The release server.
    pub(crate) server: PathBuf,
    /// The bare server.
    pub(crate) bare: PathBuf,
    /// Where PostgreSQL is; else the store is a SQLite file.
    pub(crate) postgres: Option<String>,
    /// How long a measured stretch is.
    pub(crate) seconds: u64,
    /// How many stretches each figure is the median of.
    pub(crate) rounds: usize,
    /// Tickets that are there before anything is measured.
    pub(crate) tickets: usize,
    /// Tickets of the large database; 0 for none.
    pub(crate) scale: u64,
    /// Live streams; 0 for none. If there are any, nothing else is measured.
    pub(crate) live: usize,
    /// Whether what follows a change is measured, and nothing else.
    pub(crate) dispatch: bool,
    /// Answers a second, where they come one after the other.
    pub(crate) pace: u32,
}

fn options() -> anyhow::Result<Options> {
    let mut arguments = std::env::args().skip(1);
    let mut options = Options {
        server: arguments.next().context("the server's program")?.into(),
        bare: arguments.next().context("the bare server's program")?.into(),
        postgres: None,
        seconds: 4,
        rounds: 5,
        tickets: 10_000,
        scale: 1_000_000,
        live: 0,
        dispatch: false,
        pace: 50,
    };
    while let Some(name) = arguments.next() {
        let value = arguments.next().with_context(|| format!("a value for {name}"))?;
        match name.as_str() {
            "--postgres" => options.postgres = Some(value),
            "--seconds" => options.seconds = value.parse()?,
            "--rounds" => options.rounds = value.parse()?,
            "--tickets" => options.tickets = value.parse()?,
            "--scale" => options.scale = value.parse()?,
            "--dispatch" => options.dispatch = value == "yes",
            "--live" => options.live = value.parse()?,
            "--pace" => options.pace = value.parse()?,
            other => bail!("{other} is no option"),
        }
    }
    if options.seconds == 0 || options.rounds == 0 || options.tickets == 0 || options.pace == 0 {
        bail!("--seconds, --rounds, --tickets and --pace must be at least 1");
    }
    if options.scale > 0 && options.scale < scale::SMALL {
        bail!("--scale must be 0 or at least {}", scale::SMALL);
    }
    Ok(options)
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = options()?;
    let root = std::env::temp_dir().join(format!("connect-load-{}", std::process::id()));
    std::fs::create_dir_all(&root)?;
    let outcome = measure(&options, &root).await;
    std::fs::remove_dir_all(&root)?;
    outcome
}

async fn measure(options: &Options, root: &Path) -> anyhow::Result<()> {
    println!("store: {}", if options.postgres.is_some() { "PostgreSQL" } else { "SQLite" });
    if options.dispatch {
        return dispatch::measure(options, root).await;
    }
    if options.live > 0 {
        return live::measure(options, root).await;
    }
    usual::measure(options, root).await?;
    sign_in::measure(options, root).await?;
    if options.scale > 0 {
        scale::measure(options, root).await?;
    }
    Ok(())
}
