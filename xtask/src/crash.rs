//! `cargo xtask crash`: the server is killed again and again under load, and everything is looked for afterwards.

use xtask::services::Services;
use xtask::tools;

use crate::test::{cargo, must};

/// How it is played.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// How often the server is killed, on each store.
    #[arg(long, default_value_t = 200)]
    kills: u64,
    /// Where the dice for the moments begin; the same seed makes the same moments.
    #[arg(long, default_value_t = 20_261_129)]
    seed: u64,
}

/// Builds the server, and plays the proof on SQLite and on PostgreSQL.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    tools::ensure()?;
    let services = Services::start()?;
    let mut proof = cargo();
    proof.args(["test", "--package", "connect-server", "--all-features", "--test", "server", "--"]);
    proof.args(["proof::", "--nocapture", "--test-threads=1"]);
    proof.envs(services.environment.iter().map(|(name, value)| (*name, value.as_str())));
    proof.env("CONNECT_CRASH_KILLS", options.kills.to_string()).env("CONNECT_CRASH_SEED", options.seed.to_string());
    must("the proof by killing", &mut proof)
}
