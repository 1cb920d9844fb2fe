//! `cargo xtask load`: the release server measured beside a bare one.

use std::path::Path;
use std::process::Command;

use crate::test::{cargo, must};

/// Builds both and runs the harness.
pub(crate) fn run(options: &[String]) -> anyhow::Result<()> {
    let build = ["build", "--release", "--package", "connect-server", "--package", "connect-benches"];
    must("the programs", cargo().args(build))?;
    let metadata = cargo().args(["metadata", "--format-version=1", "--no-deps"]).output()?;
    let text = String::from_utf8_lossy(&metadata.stdout).into_owned();
    let target =
        text.split("\"target_directory\":\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or("target");
    let release = Path::new(target).join("release");
    let harness = release.join("load");
    must("the load", Command::new(harness).arg(release.join("connect-server")).arg(release.join("bare")).args(options))
}
