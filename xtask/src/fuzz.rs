//! `cargo xtask fuzz`: everything that reads from outside, tried with what is made of the corpus.

use crate::test::{cargo, must};

/// Builds the targets, with their assertions, and plays them.
pub(crate) fn run(options: &[String]) -> anyhow::Result<()> {
    let mut command = cargo();
    command.args(["run", "--quiet", "--package", "connect-fuzz", "--"]).args(options);
    must("the targets", &mut command)
}
