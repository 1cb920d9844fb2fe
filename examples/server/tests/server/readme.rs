//! The README, word for word.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use xtask::services::free_port;

use crate::database::Schema;

/// The blocks of the README that are marked with a word after `sh`.
fn blocks(mark: &str) -> Vec<String> {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md")).expect("README.md");
    let opening = format!("```sh {mark}\n");
    readme.split(&opening).skip(1).map(|rest| rest.split("```").next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn every_command_of_the_readme_works() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md")).expect("README.md");
    let marked = ["run", "test", "session", "move"].map(|mark| blocks(mark).len()).iter().sum::<usize>();
    assert_eq!(readme.matches("```sh").count(), marked, "every block of commands is run by a test");
    assert_eq!(blocks("test"), ["cargo xtask test\n"], "which is what runs this test");

    // The run command as it stands, in a folder of its own; cargo finds the project by its manifest.
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = tempfile::tempdir().expect("a folder");
    let run = blocks("run").remove(0);
    assert!(run.trim().starts_with("cargo run --release -p connect-server"));
    let port = free_port().expect("a free port");
    let mut server = bash(&format!("exec {run}"))
        .current_dir(&root)
        .env("CONNECT_DATA_DIR", folder.path())
        .env("CONNECT_LISTEN", format!("127.0.0.1:{port}"))
        .stdout(Stdio::null())
        .spawn()
        .expect("the server");
    let address = format!("127.0.0.1:{port}");
    let up = (0..9000).any(|_| {
        std::thread::sleep(Duration::from_millis(100));
        std::net::TcpStream::connect(&address).is_ok() || server.try_wait().is_ok_and(|ended| ended.is_some())
    });
    assert!(up, "the server answers");

    let session = blocks("session").join("\n").replace("127.0.0.1:8080", &address);
    let script = format!("set -euo pipefail\n{session}");
    let output = Command::new("bash").args(["-c", &script]).output().expect("bash");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let _ = Command::new("kill").arg(server.id().to_string()).status();
    let ended = server.wait().expect("ended");
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    for part in [
        "\"role\": \"owner\"",
        "\"number\": 1",
        "Printer on fire",
        "Help is on its way.",
        "\"ticket.opened\"",
        "\"ticket.replied\"",
    ] {
        assert!(told.contains(part), "{part} in {told}");
    }
    assert!(ended.success(), "it stops when it is asked to: {ended}");

    // What was made above moves to PostgreSQL.
    let schema = Schema::new("readme");
    let [(_, url), (variable, name)] = schema.settings();
    let file = folder.path().join("acme.jsonl");
    let script = blocks("move").join("\n").replace("acme.jsonl", file.to_str().expect("a path"));
    let script = script.replace("postgres://user:password@host/database", url);
    let output = bash(&format!("set -euo pipefail\n{script}"))
        .current_dir(&root)
        .env("CONNECT_DATA_DIR", folder.path())
        .env(variable, name)
        .output()
        .expect("bash");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && told.contains("the workspace is open"), "{told}");
}

/// A shell as a user has it: cargo tells its tests about themselves, and told the same, the cargo of the README
/// would build anew.
fn bash(script: &str) -> Command {
    let mut command = Command::new("bash");
    command.args(["-c", script]);
    #[allow(clippy::disallowed_methods)]
    let told = std::env::vars().map(|(name, _)| name).filter(|name| name.starts_with("CARGO_"));
    told.filter(|name| name != "CARGO_HOME" && name != "CARGO_TARGET_DIR").for_each(|name| {
        command.env_remove(name);
    });
    command
}
