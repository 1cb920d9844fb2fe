//! Addresses that do not work: errors in words, and never a password in them.

use std::net::TcpListener;
use std::time::Duration;

use connect_store::postgres::PostgresError;
use connect_store::{PostgresSettings, PostgresStore};
use xtask::services::Postgres;

use crate::database::url;
use crate::world::bounded;

const SECRET: &str = "s3cret-Pa55word";

/// What opening an address that cannot work answers.
async fn refused(url: &str, settings: PostgresSettings) -> PostgresError {
    let opened = bounded("opening a database that cannot be used", PostgresStore::connect(url, settings)).await;
    let error = opened.map(|_| ()).expect_err("it must be refused");
    for text in [error.to_string(), format!("{error:?}")] {
        assert!(!text.contains(SECRET), "an error must not tell the password; it reads: {text}");
    }
    error
}

/// The error names the place, and why.
fn tells(error: &PostgresError, host: &str, port: u16, why: &str) {
    let text = error.to_string();
    assert!(matches!(error, PostgresError::Unreachable { .. }), "it must be unreachable; it is {error:?}");
    for part in [host, &port.to_string(), why] {
        assert!(text.contains(part), "the error must say {part:?}; it reads: {text}");
    }
}

fn quick() -> PostgresSettings {
    PostgresSettings { timeout: Duration::from_millis(500), ..PostgresSettings::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_told_without_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("password");
    std::fs::write(&file, "the-right-one\n").expect("written");
    // The server's user may be another one than this program's.
    let readable = <std::fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o644);
    std::fs::set_permissions(&file, readable).expect("readable");
    let password_file = format!("--pwfile={}", file.display());
    let arguments = ["--auth-host=scram-sha-256", password_file.as_str()];
    let server = Postgres::start_with(&folder.path().join("postgres"), &arguments, &[]).expect("a server");
    let address = |password: &str| format!("postgres://connect:{password}@127.0.0.1:{}/postgres", server.port());
    let store = PostgresStore::connect(&address("the-right-one"), PostgresSettings::default()).await;
    store.expect("the right password opens it").close().await;
    let error = refused(&address(SECRET), PostgresSettings::default()).await;
    tells(&error, "127.0.0.1", server.port(), "password authentication failed");
    let error = refused(&server.url(), PostgresSettings::default()).await;
    assert!(matches!(error, PostgresError::Unreachable { .. }), "no password where one is needed: {error:?}");
}

#[tokio::test]
async fn a_role_that_does_not_exist_is_told() {
    let address = url();
    let (_, place) = address.split_once('@').expect("an address with a user");
    let (host, rest) = place.split_once(':').expect("an address with a port");
    let port = rest.split('/').next().and_then(|port| port.parse().ok()).expect("a port");
    let error = refused(&format!("postgres://nobody_at_all:{SECRET}@{place}"), PostgresSettings::default()).await;
    tells(&error, host, port, "nobody_at_all");
}

#[tokio::test]
async fn a_server_that_is_not_there_or_is_mute_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its address").port();
    let address = format!("postgres://connect:{SECRET}@127.0.0.1:{port}/postgres");
    // Connections wait in the queue of the listener, and nobody ever answers.
    tells(&refused(&address, quick()).await, "127.0.0.1", port, "no answer in time");
    drop(listener);
    tells(&refused(&address, quick()).await, "127.0.0.1", port, "refused");
    let error = refused(&format!("postgres://connect:{SECRET}@does-not-exist.invalid:5432/postgres"), quick()).await;
    let text = error.to_string();
    assert!(text.contains("does-not-exist.invalid:5432"), "the error must name the host and port; it reads: {text}");
}

#[tokio::test]
async fn what_is_no_address_is_told_without_its_password() {
    let addresses = [
        String::new(),
        "database".to_owned(),
        format!("host=127.0.0.1 user=connect password={SECRET}"),
        format!("postgres://connect:{SECRET}@127.0.0.1:port/postgres"),
        format!("postgres://connect:{SECRET}@[::1/postgres"),
        format!("postgres://connect:{SECRET}@127.0.0.1:5432/postgres?sslmode=perhaps"),
    ];
    for address in addresses {
        let error = refused(&address, quick()).await;
        assert!(matches!(error, PostgresError::BadUrl(_)), "{address:?} is no address; it was answered {error:?}");
        let text = error.to_string();
        assert!(text.contains("postgres://"), "the error must say what an address looks like; it reads: {text}");
    }
}

#[tokio::test]
async fn a_bad_name_of_the_schema_is_told_before_anything_is_done() {
    let long = "a".repeat(41);
    for name in ["", "A", "1a", "_a", "a b", "a-b", "a.b", "x;DROP TABLE y", "\"a\"", "pg_mine", "ä", "{s}", &long] {
        let settings = PostgresSettings { schema: name.to_owned(), ..quick() };
        // Nothing listens there: an attempt to connect would be another error.
        let error = refused("postgres://connect@127.0.0.1:1/postgres", settings).await;
        assert!(matches!(error, PostgresError::BadSchema), "{name:?} is no name; it was answered {error:?}");
    }
}
