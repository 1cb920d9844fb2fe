//! `cargo xtask load`: the release server measured beside a bare one, on SQLite or on PostgreSQL.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};

use xtask::services::{Folder, Postgres};

use crate::test::{cargo, must};

/// Which store is measured, and the options that are for the harness.
fn store(options: &[String]) -> anyhow::Result<(String, Vec<String>)> {
    let (mut store, mut others) = ("sqlite".to_owned(), Vec::new());
    let mut options = options.iter();
    while let Some(option) = options.next() {
        if option == "--store" {
            store.clone_from(options.next().context("--store sqlite or --store postgres")?);
        } else if let Some(named) = option.strip_prefix("--store=") {
            named.clone_into(&mut store);
        } else {
            others.push(option.clone());
        }
    }
    if !["sqlite", "postgres"].contains(&store.as_str()) {
        bail!("--store is {store:?}, but must be sqlite or postgres");
    }
    Ok((store, others))
}

/// Builds both and runs the harness; for PostgreSQL on a throwaway server with its usual settings.
pub(crate) fn run(options: &[String]) -> anyhow::Result<()> {
    let (store, options) = store(options)?;
    let build = ["build", "--release", "--package", "connect-server", "--package", "connect-benches"];
    must("the programs", cargo().args(build))?;
    let metadata = cargo().args(["metadata", "--format-version=1", "--no-deps"]).output()?;
    let text = String::from_utf8_lossy(&metadata.stdout).into_owned();
    let target =
        text.split("\"target_directory\":\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or("target");
    let release = Path::new(target).join("release");
    let mut harness = Command::new(release.join("load"));
    harness.arg(release.join("connect-server")).arg(release.join("bare"));
    // The server is stopped before its folder is removed: the parts of a pair end in their order.
    let mut running = None;
    if store == "postgres" {
        let folder = Folder::new()?;
        let server = Postgres::start(&folder.path().join("postgres"))?;
        harness.args(["--postgres", &server.url()]);
        running = Some((server, folder));
    }
    let outcome = must("the load", harness.args(options));
    drop(running);
    outcome
}
