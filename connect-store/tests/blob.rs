//! Large content in memory, in a folder and in buckets: the contract, and what is told when a store fails.

#![cfg(feature = "blob")]
#![allow(clippy::expect_used)]

mod s3;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use connect_core::BlobStore;
use connect_core::store::{BlobError, BlobInfo, BlobKey, BlobRead, BlobStream, verified};
use connect_store::conformance::FreshBlobs;
use connect_store::{BlobSettings, GcsSettings, ObjectBlobs, S3Settings};
use futures::{StreamExt, stream};
use s3::{ACCESS_KEY, BUCKET, S3Server};

const SECRET: &str = "the_secret_half";
const TOKEN: &str = "a_session_token";
const MIB: usize = 1024 * 1024;
const ENOUGH: u64 = 64 * MIB as u64;

fn settings_for(address: &str) -> BlobSettings {
    let s3 = S3Settings {
        endpoint: Some(address.to_owned()),
        access_key_id: ACCESS_KEY.to_owned(),
        secret_access_key: SECRET.to_owned(),
        session_token: Some(TOKEN.to_owned()),
        allow_http: true,
        ..S3Settings::default()
    };
    BlobSettings { s3, ..BlobSettings::default() }
}

fn in_bucket(settings: BlobSettings) -> ObjectBlobs {
    ObjectBlobs::open(&format!("s3://{BUCKET}/some/prefix"), settings).expect("the bucket opens")
}

fn in_folder(folder: &Path) -> ObjectBlobs {
    ObjectBlobs::open(&format!("file://{}", folder.display()), BlobSettings::default()).expect("the folder opens")
}

mod memory {
    use super::{Arc, BlobSettings, FreshBlobs, ObjectBlobs};

    async fn fresh() -> FreshBlobs {
        let blobs = ObjectBlobs::open("memory://", BlobSettings::default()).expect("memory opens");
        FreshBlobs { blobs: Arc::new(blobs), guard: Box::new(()) }
    }

    connect_store::blob_conformance!(fresh);
}

mod folder {
    use super::{Arc, FreshBlobs, in_folder};

    async fn fresh() -> FreshBlobs {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let blobs = in_folder(&folder.path().join("made if absent"));
        FreshBlobs { blobs: Arc::new(blobs), guard: Box::new(folder) }
    }

    connect_store::blob_conformance!(fresh);
}

mod bucket {
    use super::{Arc, FreshBlobs, S3Server, in_bucket, settings_for};

    async fn fresh() -> FreshBlobs {
        let server = S3Server::start().await;
        let blobs = in_bucket(settings_for(&server.address()));
        FreshBlobs { blobs: Arc::new(blobs), guard: Box::new(server) }
    }

    connect_store::blob_conformance!(fresh);
}

mod google {
    use super::{Arc, BUCKET, BlobSettings, FreshBlobs, GcsSettings, ObjectBlobs, S3Server};

    async fn fresh() -> FreshBlobs {
        let server = S3Server::start_open().await;
        let gcs = GcsSettings { base_url: Some(server.address()), ..GcsSettings::default() };
        let settings = BlobSettings { gcs, ..BlobSettings::default() };
        let blobs = ObjectBlobs::open(&format!("gs://{BUCKET}/prefix/"), settings).expect("the bucket opens");
        FreshBlobs { blobs: Arc::new(blobs), guard: Box::new(server) }
    }

    connect_store::blob_conformance!(fresh);
}

fn key() -> BlobKey {
    BlobKey::parse("acct_1/file_1").expect("a key")
}

/// The key as the server has it.
const KEY_ON_SERVER: &str = "some/prefix/acct_1/file_1";

/// Content of 64 KiB pieces.
fn content(size: usize) -> BlobStream {
    let pieces = (0..size.div_ceil(65_536)).map(move |index| {
        let length = (size - index * 65_536).min(65_536);
        Ok(Bytes::from(vec![u8::try_from(index % 251).expect("a byte"); length]))
    });
    stream::iter(pieces).boxed()
}

async fn kept(blobs: &ObjectBlobs, size: usize) -> BlobInfo {
    blobs.put(key(), content(size), ENOUGH).await.expect("the content is kept")
}

/// What a reader gets until the content ends or breaks off.
async fn read(read: BlobRead, expected: BlobInfo) -> (u64, Option<BlobError>) {
    let mut content = verified(read.content, expected);
    let mut size = 0;
    while let Some(piece) = content.next().await {
        match piece {
            Ok(piece) => size += piece.len() as u64,
            Err(error) => return (size, Some(error)),
        }
    }
    (size, None)
}

fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the folder reads") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path.display().to_string()) }
    }
    found
}

/// Content of 12 MiB that then breaks off.
fn broken() -> BlobStream {
    let end = stream::once(async { Err(BlobError::CutOff("the line went dead".to_owned())) });
    content(12 * MIB).chain(end).boxed()
}

fn assert_hides_secrets(text: &str) {
    assert!(!text.contains(SECRET) && !text.contains(TOKEN), "a secret is shown: {text}");
}

#[tokio::test]
async fn wrong_credentials_are_told_without_the_secret() {
    let server = S3Server::start().await;
    let mut settings = settings_for(&server.address());
    settings.s3.access_key_id = "somebody_else".to_owned();
    assert_hides_secrets(&format!("{settings:?}"));
    let blobs = in_bucket(settings);
    assert_hides_secrets(&format!("{blobs:?}"));
    let answers = [
        blobs.ready().await.expect_err("not ready"),
        blobs.put(key(), content(10), ENOUGH).await.expect_err("not kept"),
        blobs.put(key(), content(6 * MIB), ENOUGH).await.expect_err("not kept"),
        blobs.get(key(), None).await.expect_err("not read"),
        blobs.get(key(), Some(0..1)).await.expect_err("not read"),
        blobs.delete(key()).await.expect_err("not removed"),
    ];
    for error in answers {
        let text = format!("{error} {error:?}");
        assert!(text.contains("refused the credentials"), "{text}");
        assert_hides_secrets(&text);
    }
}

#[tokio::test]
async fn a_bucket_that_does_not_exist_is_not_missing_content() {
    let server = S3Server::start().await;
    let blobs = ObjectBlobs::open("s3://another", settings_for(&server.address())).expect("opens");
    let error = blobs.get(key(), None).await.expect_err("not read");
    assert!(error.to_string().contains("NoSuchBucket"), "{error}");
    blobs.ready().await.expect_err("not ready");
}

#[tokio::test]
async fn a_store_that_cannot_be_reached_is_told_in_bounded_time() {
    // Once nobody listens, once somebody listens and never answers.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let addresses = [&silent, &closed].map(|listener| listener.local_addr().expect("an address"));
    drop(closed);
    for address in addresses {
        let mut settings = settings_for(&format!("http://{address}"));
        settings.timeout = Duration::from_secs(1);
        let blobs = in_bucket(settings);
        let began = Instant::now();
        for error in [
            blobs.ready().await.expect_err("not ready"),
            blobs.put(key(), content(6 * MIB), ENOUGH).await.expect_err("not kept"),
            blobs.get(key(), None).await.expect_err("not read"),
        ] {
            assert!(matches!(error, BlobError::Store(_)), "{error:?}");
            assert_hides_secrets(&error.to_string());
        }
        assert!(began.elapsed() < Duration::from_secs(10), "three calls took {:?}", began.elapsed());
    }
}

#[tokio::test]
async fn a_refused_connection_says_so() {
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = closed.local_addr().expect("an address");
    drop(closed);
    let error = in_bucket(settings_for(&format!("http://{address}"))).ready().await.expect_err("not ready");
    assert!(error.to_string().to_lowercase().contains("connection refused"), "{error}");
}

#[tokio::test]
async fn content_altered_in_the_folder_is_noticed_and_its_end_withheld() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let blobs = in_folder(folder.path());
    let info = kept(&blobs, 300_000).await;
    let whole = read(blobs.get(key(), None).await.expect("there"), info).await;
    assert!(matches!(whole, (300_000, None)), "{whole:?}");

    let file = folder.path().join("acct_1/file_1");
    let mut bytes = std::fs::read(&file).expect("the file reads");
    bytes[7] ^= 1;
    std::fs::write(&file, &bytes).expect("the file is written");
    let (size, error) = read(blobs.get(key(), None).await.expect("there"), info).await;
    assert!(matches!(error, Some(BlobError::Altered)), "{error:?}");
    assert!(size < info.size, "the last piece is withheld");

    std::fs::remove_file(&file).expect("the file is removed");
    let error = blobs.get(key(), None).await.expect_err("not there");
    assert!(matches!(error, BlobError::Missing), "{error:?}");
}

#[tokio::test]
async fn content_altered_in_a_bucket_is_noticed() {
    let server = S3Server::start().await;
    let blobs = in_bucket(settings_for(&server.address()));
    let info = kept(&blobs, 6 * MIB).await;
    assert_eq!(server.keys(), [KEY_ON_SERVER]);
    server.alter(KEY_ON_SERVER, |mut bytes| {
        bytes[5 * MIB] ^= 1;
        bytes
    });
    let (size, error) = read(blobs.get(key(), None).await.expect("there"), info).await;
    assert!(matches!(error, Some(BlobError::Altered)) && size < info.size, "{size} {error:?}");
}

#[tokio::test]
async fn an_upload_that_is_cut_leaves_nothing_behind() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    in_folder(folder.path()).put(key(), broken(), ENOUGH).await.expect_err("not kept");
    assert_eq!(files(folder.path()), Vec::<String>::new(), "no stray file");

    let server = S3Server::start().await;
    let blobs = in_bucket(settings_for(&server.address()));
    blobs.put(key(), broken(), ENOUGH).await.expect_err("not kept");
    assert_eq!((server.keys().len(), server.open_uploads()), (0, 0));
}

#[tokio::test]
async fn a_caller_that_goes_away_leaves_no_open_upload() {
    let server = S3Server::start().await;
    let blobs = in_bucket(settings_for(&server.address()));
    let endless = content(12 * MIB).chain(stream::pending()).boxed();
    let put = tokio::spawn({
        let blobs = blobs.clone();
        async move { blobs.put(key(), endless, ENOUGH).await }
    });
    while server.open_uploads() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    put.abort();
    let began = Instant::now();
    while server.open_uploads() > 0 {
        assert!(began.elapsed() < Duration::from_secs(5), "the upload is aborted soon");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(server.keys().len(), 0);
}

#[tokio::test]
async fn a_store_that_fails_for_a_while_is_tried_again() {
    let server = S3Server::start().await;
    let blobs = in_bucket(settings_for(&server.address()));
    server.fail(503, 2);
    let small = kept(&blobs, 1_000).await;
    assert_eq!((small.size, server.requests()), (1_000, 3));
    server.fail(500, 2);
    let info = kept(&blobs, 6 * MIB).await;
    server.fail(503, 1);
    let seen = read(blobs.get(key(), None).await.expect("there"), info).await;
    assert!(matches!(seen, (_, None)), "{seen:?}");

    server.fail(503, 1_000);
    let error = blobs.get(key(), None).await.expect_err("not read").to_string();
    assert!(error.contains("503") && error.contains("SlowDown") && !error.contains('<'), "{error}");
}

#[tokio::test]
async fn a_read_that_is_cut_goes_on_where_it_was() {
    let server = S3Server::start().await;
    let blobs = in_bucket(settings_for(&server.address()));
    let info = kept(&blobs, 6 * MIB).await;
    server.cut_next_read(2 * MIB);
    let seen = read(blobs.get(key(), None).await.expect("there"), info).await;
    assert!(matches!(seen, (size, None) if size == info.size), "{seen:?}");
}

#[test]
fn a_url_that_names_no_store_is_told_what_is_allowed() {
    let all =
        ["data/blobs", "file://data/blobs", "file:///", "file:///x?y", "http://bucket/", "memory://here", "s3://"];
    let more = ["s3://key:SECRET@bucket/x", "s3://bucket/../x", "gs:///x", "s3://bucket/a//b", ""];
    for url in all.into_iter().chain(more) {
        let error = ObjectBlobs::open(url, settings_for("http://127.0.0.1:1")).expect_err(url).to_string();
        let allowed = ["file:///", "s3://", "gs://", "memory://"];
        assert!(allowed.iter().all(|form| error.contains(form)), "{url}: {error}");
        assert!(!error.contains("SECRET"), "{error}");
    }
}

#[test]
fn settings_that_cannot_work_are_told() {
    let told = |change: fn(&mut BlobSettings), url: &str| {
        let mut settings = settings_for("http://127.0.0.1:1");
        change(&mut settings);
        let text = ObjectBlobs::open(url, settings).expect_err("not opened").to_string();
        assert_hides_secrets(&text);
        text
    };
    assert!(told(|s| s.s3.secret_access_key = String::new(), "s3://bucket").contains("secret access key"));
    assert!(told(|s| s.s3.session_token = Some("two\nlines".to_owned()), "s3://bucket").contains("special sign"));
    assert!(told(|s| s.s3.allow_http = false, "s3://bucket").contains("http://"));
    assert!(told(|s| s.s3.endpoint = Some("https://me:pw@host".to_owned()), "s3://bucket").contains("no user name"));
    assert!(told(|s| s.gcs.service_account_key = Some("{}".to_owned()), "gs://bucket").contains("service account"));
    assert!(told(|s| s.extra_roots = Some("no roots".to_owned()), "s3://bucket").contains("roots"));
}
