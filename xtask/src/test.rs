//! `cargo xtask test`: every test there is.

use std::process::Command;

use anyhow::{Context, bail};

use xtask::services::Services;
use xtask::tools;

use crate::mutants;

/// Cargo, as the one that runs this, and as a user's shell would run it: some crates are built anew when what
/// cargo tells the programs it runs about themselves is different, and then the README's command would wait
/// for minutes.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(env!("CARGO"));
    #[allow(clippy::disallowed_methods)]
    let told = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    told.filter(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")).for_each(|name| {
        command.env_remove(name);
    });
    command
}

/// Runs a command and fails if it does.
pub(crate) fn must(what: &str, command: &mut Command) -> anyhow::Result<()> {
    println!("== {what}");
    let status = command.status().with_context(|| what.to_owned())?;
    if status.success() { Ok(()) } else { bail!("{what}: {status}") }
}

/// Runs all of it.
pub(crate) fn run() -> anyhow::Result<()> {
    tools::ensure()?;
    let services = Services::start()?;
    let environment = services.environment.iter().map(|(name, value)| (*name, value.as_str()));
    // The README promises `cargo run --release`: the test that follows it word for word finds it built.
    must("the release server", cargo().args(["build", "--release", "--package", "connect-server"]))?;
    let has_nextest = cargo().args(["nextest", "--version"]).output().is_ok_and(|out| out.status.success());
    let mut tests = cargo();
    if has_nextest {
        tests.args(["nextest", "run", "--workspace", "--all-features", "--no-fail-fast"]);
    } else {
        tests.args(["test", "--workspace", "--all-features", "--no-fail-fast", "--lib", "--bins", "--tests"]);
    }
    must("tests", tests.envs(environment.clone()))?;
    let mut documents = cargo();
    documents.args(["test", "--workspace", "--all-features", "--doc", "--quiet"]);
    must("tests in documents", documents.envs(environment))?;
    drop(services);
    // Not only that the kit passes, but that it would fail.
    mutants::run(&mutants::Options::QUICK)?;
    println!("== all tests passed");
    Ok(())
}
