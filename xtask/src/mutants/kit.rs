//! The conformance kit of the copy: built, and run for one adapter.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;

use super::Fault;
use super::tree::{self, Tree};
use crate::test::cargo;

/// A run that takes longer hangs. The whole kit takes seconds.
const LONGEST: Duration = Duration::from_secs(120);
/// Lines of a failed build that are shown.
const SHOWN: usize = 30;

/// The kit of one copy of the workspace.
pub(super) struct Kit<'a> {
    tree: &'a Tree,
    target: PathBuf,
    output: PathBuf,
    temporary: PathBuf,
    features: &'a str,
    environment: &'a [(&'static str, String)],
}

/// How a run ended.
pub(super) enum Run {
    Passes,
    /// The names of the cases that failed.
    Fails(Vec<String>),
    Hangs,
}

impl<'a> Kit<'a> {
    /// The kit of a tree; whatever it builds and writes is in the folder.
    pub(super) fn new(
        tree: &'a Tree,
        folder: &Path,
        features: &'a str,
        environment: &'a [(&'static str, String)],
    ) -> anyhow::Result<Self> {
        let temporary = folder.join("tmp");
        fs::create_dir_all(&temporary)?;
        Ok(Self {
            tree,
            target: folder.join("target"),
            output: folder.join("output.txt"),
            temporary,
            features,
            environment,
        })
    }

    /// Builds the test program; the inner error is what the compiler says.
    pub(super) fn build(&self) -> anyhow::Result<Result<PathBuf, String>> {
        let built = cargo()
            .args(["test", "--package", "connect-store", "--test", "conformance", "--no-run"])
            .args(["--no-default-features", "--features", self.features])
            .arg("--message-format=json-render-diagnostics")
            .current_dir(self.tree.folder())
            .env("CARGO_TARGET_DIR", &self.target)
            .env("CARGO_PROFILE_DEV_DEBUG", "0")
            .env("CARGO_INCREMENTAL", "1")
            // A fault may leave something unused: that must not keep it from being built.
            .env("RUSTFLAGS", "--cap-lints=warn")
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .output()
            .context("cargo test --no-run")?;
        if !built.status.success() {
            return Ok(Err(errors(&String::from_utf8_lossy(&built.stderr))));
        }
        let messages = String::from_utf8_lossy(&built.stdout);
        let program = messages
            .lines()
            .filter(|line| line.contains("\"name\":\"conformance\""))
            .find_map(|line| line.split("\"executable\":\"").nth(1)?.split('"').next());
        Ok(Ok(program.map(PathBuf::from).context("cargo does not name the test program")?))
    }

    /// Runs the cases whose names contain one of these, with a fault in a statement if there is one.
    pub(super) fn run(&self, program: &Path, filters: &[&str], fault: Option<&Fault>) -> anyhow::Result<Run> {
        let planted = fault.map(|fault| [(tree::FIND, fault.find), (tree::REPLACE, fault.replace)]);
        let child = Command::new(program)
            .args(filters)
            .current_dir(self.tree.folder().join("connect-store"))
            .envs(self.environment.iter().map(|(name, value)| (*name, value.as_str())))
            .envs(planted.into_iter().flatten())
            .env("RUST_BACKTRACE", "0")
            // A program that is killed leaves its files behind: here they can be found.
            .env("TMPDIR", &self.temporary)
            .stdin(Stdio::null())
            .stdout(File::create(&self.output)?)
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| program.display().to_string())?;
        let ended = wait(child)?;
        fs::remove_dir_all(&self.temporary)?;
        fs::create_dir_all(&self.temporary)?;
        let Some(status) = ended else { return Ok(Run::Hangs) };
        if status.success() {
            return Ok(Run::Passes);
        }
        // What a case prints need not be text.
        let output = fs::read(&self.output)?;
        Ok(Run::Fails(failed(&String::from_utf8_lossy(&output))))
    }
}

/// Waits until the program ends; one that takes too long is killed, and has no status.
fn wait(mut child: Child) -> anyhow::Result<Option<ExitStatus>> {
    let begin = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if begin.elapsed() >= LONGEST {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The names of the cases that failed.
pub(super) fn failed(output: &str) -> Vec<String> {
    let name = |line: &str| Some(line.strip_prefix("test ")?.strip_suffix(" ... FAILED")?.to_owned());
    output.lines().filter_map(name).collect()
}

/// The compiler's words from its first error on.
fn errors(said: &str) -> String {
    let lines: Vec<&str> = said.lines().skip_while(|line| !line.starts_with("error")).take(SHOWN).collect();
    if lines.is_empty() { said.to_owned() } else { lines.join("\n") }
}
