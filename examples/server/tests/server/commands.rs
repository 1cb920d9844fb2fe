//! `--help`, `check`, `migrate`, and starts that must not succeed.

use std::path::Path;
use std::process::{Command, Output};

use crate::process::{Server, captured, command, sign_in};

fn run(command: &mut Command) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = command.output().expect("the server runs");
    (status.code(), format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr)))
}

fn start(folder: &Path, arguments: &[&str], settings: &[(&str, &str)]) -> (Option<i32>, String) {
    run(command(folder).args(arguments).envs(settings.iter().copied()))
}

#[test]
fn help_tells_every_setting_and_check_says_what_is_wrong() {
    let folder = tempfile::tempdir().expect("a folder");
    let (code, help) = start(folder.path(), &["--help"], &[]);
    assert_eq!(code, Some(0));
    for part in ["--demo", "check", "CONNECT_LISTEN", "CONNECT_SMTP_URL", "CONNECT_LIMIT_REQUESTS", "127.0.0.1:8080"] {
        assert!(help.contains(part), "{part} in {help}");
    }
    let (code, told) = start(folder.path(), &["check"], &[]);
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("ok      database") && told.contains("captured on /dev/mail"), "{told}");
    assert!(told.contains("ok      codes: Digits(8), 5 minutes, 3 guesses each"), "sec 17: {told}");
    assert!(told.contains("at most 5.0e-8 per account and day"), "sec 17: {told}");
    let dead = [("CONNECT_SMTP_URL", "smtp://127.0.0.1:1")];
    let (code, told) = start(folder.path(), &["check"], &dead);
    assert_eq!(code, Some(1));
    assert!(told.contains("FAILED  mail: CONNECT_SMTP_URL: the server does not answer"), "{told}");
    let (code, told) = start(folder.path(), &[], &[("CONNECT_LISTEN", "here"), ("CONNECT_ENVIRONMENT", "moon")]);
    assert_eq!(code, Some(2));
    assert!(told.contains("CONNECT_LISTEN is \"here\"") && told.contains("CONNECT_ENVIRONMENT is \"moon\""), "{told}");
    let (code, sql) = start(folder.path(), &["migrate", "--print"], &[]);
    assert_eq!(code, Some(0));
    assert!(sql.contains("CREATE TABLE connect_ticket"), "{sql}");
}

#[test]
fn settings_come_from_file_environment_and_arguments_in_growing_strength() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("connect.toml");
    std::fs::write(&file, "listen = \"file\"\nlog = \"debug\"\n").expect("written");
    let file = file.to_str().expect("text");
    let (_, told) = run(command(folder.path()).env_remove("CONNECT_LISTEN").args(["check", "--config", file]));
    assert!(told.contains("CONNECT_LISTEN is \"file\""), "{told}");
    let (_, told) = start(folder.path(), &["check", "--config", file], &[("CONNECT_LISTEN", "environment")]);
    assert!(told.contains("CONNECT_LISTEN is \"environment\""), "{told}");
    let (_, told) = start(
        folder.path(),
        &["check", "--config", file, "--listen", "argument"],
        &[("CONNECT_LISTEN", "environment")],
    );
    assert!(told.contains("CONNECT_LISTEN is \"argument\""), "{told}");
    std::fs::write(folder.path().join("connect.toml"), "listn = \"x\"\n").expect("written");
    let (_, told) = start(folder.path(), &["check", "--config", file], &[]);
    assert!(told.contains("\"listn\", which is no setting"), "{told}");
}

#[test]
fn the_development_secret_is_kept_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let (code, told) = start(folder.path(), &["check"], &[]);
    assert_eq!(code, Some(0), "{told}");
    let path = folder.path().join("secret.key");
    let secret = std::fs::read_to_string(&path).expect("a secret");
    assert_eq!(std::fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
    start(folder.path(), &["check"], &[]);
    assert_eq!(std::fs::read_to_string(&path).expect("a secret"), secret, "it is made once");
    assert!(!told.contains(&secret));
}

#[test]
fn a_database_that_cannot_be_used_stops_the_start_with_a_sentence() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("connect.db");
    std::fs::write(&path, vec![b'x'; 8192]).expect("written");
    let (code, told) = start(folder.path(), &[], &[]);
    assert_eq!(code, Some(1));
    assert!(told.contains("CONNECT_DATABASE_URL") && told.contains("not a database"), "{told}");
    assert!(!told.contains("panicked"), "{told}");
    let (code, told) = start(folder.path(), &[], &[("CONNECT_DATABASE_URL", "sqlite:///proc/nowhere/connect.db")]);
    assert_eq!(code, Some(1));
    assert!(told.contains("/proc/nowhere"), "{told}");
    let (code, told) = start(folder.path(), &[], &[("CONNECT_DATABASE_URL", "mysql://x")]);
    assert_eq!(code, Some(2));
    assert!(told.contains("must be sqlite://PATH"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demonstration_fills_an_empty_desk_once() {
    let folder = tempfile::tempdir().expect("a folder");
    for _ in 0..2 {
        let server = Server::start_with(folder.path(), &[], &["--demo"]);
        let hana = sign_in(&server, "hana@northwind.example", async |email| captured(&server, email).await).await;
        let tickets = hana.get("/api/v1/workspaces/northwind/tickets?limit=200").await.expect(200);
        assert_eq!(tickets["data"].as_array().map(Vec::len), Some(12));
        let members = hana.get("/api/v1/workspaces/northwind/members").await.expect(200);
        assert_eq!(members["data"].as_array().map(Vec::len), Some(4));
        server.kill();
    }
}
