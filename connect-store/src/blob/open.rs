//! From a URL to a store.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::AmazonS3Builder;
use object_store::gcp::{GcpCredential, GoogleCloudStorageBuilder};
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::{ClientOptions, ObjectStore, StaticCredentialProvider};
use url::Url;

use super::ObjectBlobs;
use super::net::{Connector, retries};

/// What a URL may be, for every message about one that is not.
const ALLOWED: &str = "allowed are file:///absolute/folder, s3://bucket/prefix, gs://bucket/prefix and memory://";

/// Why a store was not opened. No text repeats the URL or a setting that may hold a secret.
#[derive(Debug, thiserror::Error)]
pub enum BlobOpenError {
    /// The URL names no store that there is.
    #[error("the URL for content {0}; {allowed}", allowed = ALLOWED)]
    Url(&'static str),
    /// A setting is missing or not usable.
    #[error("{0}")]
    Settings(String),
    /// The folder can neither be found nor made.
    #[error("the folder {path} for content cannot be used: {cause}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why not.
        cause: String,
    },
    /// No client for the store could be made.
    #[error("no client for the store of content: {0}")]
    Client(String),
}

/// What a URL does not say.
#[derive(Debug, Clone)]
pub struct BlobSettings {
    /// For `s3://`.
    pub s3: S3Settings,
    /// For `gs://`.
    pub gcs: GcsSettings,
    /// How long a request may wait for its answer, or for the next piece of one. An operation with all its
    /// retries may take half as long again.
    pub timeout: Duration,
    /// Certificates to be trusted besides Mozilla's list, as PEM text: for a store of one's own.
    pub extra_roots: Option<String>,
}

impl Default for BlobSettings {
    fn default() -> Self {
        let timeout = Duration::from_secs(10);
        Self { s3: S3Settings::default(), gcs: GcsSettings::default(), timeout, extra_roots: None }
    }
}

/// Where a bucket of S3's kind is, and who asks.
#[derive(Clone, Default)]
pub struct S3Settings {
    /// The address of a store that is not Amazon's, such as `https://minio.example.org:9000`.
    pub endpoint: Option<String>,
    /// The region; `us-east-1` if empty, which most other stores take.
    pub region: String,
    /// The public half of the credentials.
    pub access_key_id: String,
    /// The secret half.
    pub secret_access_key: String,
    /// The token of temporary credentials.
    pub session_token: Option<String>,
    /// Whether the endpoint may be `http://`.
    pub allow_http: bool,
    /// Whether the bucket is a part of the host name rather than of the path.
    pub virtual_hosted: bool,
}

impl fmt::Debug for S3Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Settings")
            .field("endpoint", &self.endpoint)
            .field("region", &self.region)
            .field("access_key_id", &self.access_key_id)
            .field("allow_http", &self.allow_http)
            .field("virtual_hosted", &self.virtual_hosted)
            .finish_non_exhaustive()
    }
}

/// Who asks Google's storage.
#[derive(Clone, Default)]
pub struct GcsSettings {
    /// The JSON text of a service account's key. Without one, Google's own rules find an identity: that of
    /// the machine, or of the person who has logged in with gcloud.
    pub service_account_key: Option<String>,
    /// Another address, for an emulator. Without a key, requests to it carry no identity. May be `http://`.
    pub base_url: Option<String>,
}

impl fmt::Debug for GcsSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GcsSettings")
            .field("service_account_key", &self.service_account_key.as_ref().map(|_| "***"))
            .field("base_url", &self.base_url)
            .finish()
    }
}

impl ObjectBlobs {
    /// Opens the store that a URL names: `file:///absolute/folder` (made if it is absent), `memory://`,
    /// `s3://bucket/prefix` or `gs://bucket/prefix` (Firebase's storage is such a bucket). Nothing is asked
    /// over the network: [`ready`](connect_core::BlobStore::ready) tells whether the store answers.
    pub fn open(url: &str, settings: BlobSettings) -> Result<Self, BlobOpenError> {
        let (scheme, rest) = url.split_once("://").ok_or(BlobOpenError::Url("has no scheme"))?;
        match scheme {
            "file" => folder(url),
            "memory" if rest.trim_matches('/').is_empty() => Ok(Self::new(Arc::new(InMemory::new()), "")),
            "memory" => Err(BlobOpenError::Url("names a place in memory, but there is only one")),
            "s3" => {
                let (bucket, prefix) = bucket(rest)?;
                let mut opened = Self::new(s3(bucket, &settings)?, prefix);
                opened.patience = settings.timeout.saturating_mul(3) / 2;
                let secrets = [Some(settings.s3.secret_access_key), settings.s3.session_token];
                opened.secrets = secrets.into_iter().flatten().collect();
                Ok(opened)
            }
            "gs" => {
                let (bucket, prefix) = bucket(rest)?;
                let mut opened = Self::new(gcs(bucket, &settings)?, prefix);
                opened.patience = settings.timeout.saturating_mul(3) / 2;
                Ok(opened)
            }
            _ => Err(BlobOpenError::Url("has an unknown scheme")),
        }
    }
}

fn folder(url: &str) -> Result<ObjectBlobs, BlobOpenError> {
    if !url.starts_with("file:///") {
        return Err(BlobOpenError::Url("names a relative folder, which depends on where the process was started"));
    }
    let parsed = Url::parse(url).map_err(|_| BlobOpenError::Url("does not read"))?;
    if parsed.query().is_some() || parsed.fragment().is_some() {
        return Err(BlobOpenError::Url("has a '?' or '#', which a folder must have as %3F or %23"));
    }
    let path = parsed.to_file_path().map_err(|()| BlobOpenError::Url("names no folder"))?;
    if path.parent().is_none() {
        return Err(BlobOpenError::Url("names no folder of its own, but the root of all files"));
    }
    let unusable = |cause: String| BlobOpenError::Folder { path: path.clone(), cause };
    std::fs::create_dir_all(&path).map_err(|error| unusable(error.to_string()))?;
    let store = LocalFileSystem::new_with_prefix(&path).map_err(|error| unusable(error.to_string()))?;
    // Rows in the database refer to the content as soon as it is kept, and they are synced too.
    let mut opened = ObjectBlobs::new(Arc::new(store.with_fsync(true)), "");
    opened.folder = Some(Arc::new(path));
    Ok(opened)
}

/// The bucket and the prefix. A name with other signs, such as `key:secret@bucket`, is refused, not sent.
fn bucket(rest: &str) -> Result<(&str, &str), BlobOpenError> {
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let plain = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
    if bucket.is_empty() || !plain(bucket) {
        return Err(BlobOpenError::Url("names no bucket of letters, digits, '.', '-' and '_'"));
    }
    let prefix = prefix.trim_end_matches('/');
    let is_part = |part: &str| !matches!(part, "" | "." | "..") && plain(part);
    if prefix.is_empty() || prefix.split('/').all(is_part) {
        return Ok((bucket, prefix));
    }
    Err(BlobOpenError::Url("has a prefix that is not made of letters, digits, '.', '-', '_' and '/'"))
}

fn s3(bucket: &str, settings: &BlobSettings) -> Result<Arc<dyn ObjectStore>, BlobOpenError> {
    let s3 = &settings.s3;
    let required = [("access key id", &s3.access_key_id), ("secret access key", &s3.secret_access_key)];
    for (name, value) in required {
        if value.is_empty() {
            return Err(BlobOpenError::Settings(format!("the store of content at s3:// needs the {name}")));
        }
    }
    // They become headers, and the client panics over one that cannot be sent.
    let sent = [Some(&s3.access_key_id), Some(&s3.secret_access_key), s3.session_token.as_ref(), Some(&s3.region)];
    if sent.into_iter().flatten().any(|value| !value.bytes().all(|b| b.is_ascii_graphic())) {
        return Err(BlobOpenError::Settings(
            "a setting of the store at s3:// has a space or a special sign".to_owned(),
        ));
    }
    let region = if s3.region.is_empty() { "us-east-1" } else { &s3.region };
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(bucket)
        .with_region(region)
        .with_access_key_id(&s3.access_key_id)
        .with_secret_access_key(&s3.secret_access_key)
        .with_virtual_hosted_style_request(s3.virtual_hosted)
        // Removing many at once is not understood by every store of S3's kind, and we remove single ones.
        .with_disable_bulk_delete(true)
        .with_client_options(ClientOptions::new().with_allow_http(s3.allow_http))
        .with_retry(retries(settings.timeout))
        .with_http_connector(connector(settings, s3.allow_http)?);
    if let Some(token) = &s3.session_token {
        builder = builder.with_token(token);
    }
    if let Some(endpoint) = &s3.endpoint {
        let endpoint = address("endpoint of the store at s3://", endpoint, s3.allow_http)?;
        let hosted = s3.virtual_hosted && !endpoint.contains(&format!("://{bucket}."));
        let named = format!("://{bucket}.");
        builder = builder.with_endpoint(if hosted { endpoint.replacen("://", &named, 1) } else { endpoint });
    }
    let store = builder.build().map_err(|error| BlobOpenError::Client(error.to_string()))?;
    Ok(Arc::new(store))
}

fn gcs(bucket: &str, settings: &BlobSettings) -> Result<Arc<dyn ObjectStore>, BlobOpenError> {
    let gcs = &settings.gcs;
    let emulated = gcs.base_url.is_some();
    let mut builder = GoogleCloudStorageBuilder::new()
        .with_bucket_name(bucket)
        .with_client_options(ClientOptions::new().with_allow_http(emulated))
        .with_retry(retries(settings.timeout))
        .with_http_connector(connector(settings, emulated)?);
    if let Some(base) = &gcs.base_url {
        builder = builder.with_base_url(&address("address of the store at gs://", base, true)?);
    }
    match &gcs.service_account_key {
        Some(key) => builder = builder.with_service_account_key(key),
        None if emulated => {
            let nobody = StaticCredentialProvider::new(GcpCredential { bearer: String::new() });
            builder = builder.with_credentials(Arc::new(nobody));
        }
        None => {}
    }
    // What is wrong with a key may quote it.
    let store = builder.build().map_err(|_| {
        BlobOpenError::Settings("the store at gs:// cannot be opened: its service account key does not read".to_owned())
    })?;
    Ok(Arc::new(store))
}

fn connector(settings: &BlobSettings, allow_http: bool) -> Result<Connector, BlobOpenError> {
    Connector::new(settings.timeout, allow_http, settings.extra_roots.as_deref())
}

/// The address without a slash at its end.
fn address(what: &str, text: &str, allow_http: bool) -> Result<String, BlobOpenError> {
    let refused = |why: &str| Err(BlobOpenError::Settings(format!("the {what} {why}")));
    let Ok(url) = Url::parse(text) else { return refused("is no URL") };
    match url.scheme() {
        "https" => {}
        "http" if allow_http => {}
        "http" => return refused("is http://, which must be allowed explicitly"),
        _ => return refused("must be an https:// URL"),
    }
    if url.host_str().is_none() || !url.username().is_empty() || url.password().is_some() {
        return refused("must have a host and no user name");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return refused("must have no '?' and no '#'");
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}
