//! Where state lives.

use std::path::{Path, PathBuf};

use connect_store::{BlobSettings, GcsSettings, S3Settings};

use super::options::{Hidden, Said, masked};

/// The database.
#[derive(Debug, Clone)]
pub(crate) enum Database {
    /// A file.
    Sqlite(PathBuf),
    /// A server, by its address.
    Postgres { url: Hidden, schema: String, connections: u32 },
}

impl std::fmt::Display for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sqlite(path) => path.display().fmt(f),
            Self::Postgres { url, schema, .. } => write!(f, "{} (schema {schema})", masked(&url.0)),
        }
    }
}

/// Where everything is kept.
#[derive(Debug, Clone)]
pub(crate) struct Storage {
    pub(crate) database: Database,
    pub(crate) redis_url: Option<Hidden>,
    pub(crate) blob_url: String,
    pub(crate) blobs: BlobSettings,
    /// The largest attachment, in bytes.
    pub(crate) attachment_limit: u64,
}

impl Storage {
    pub(super) fn understand(said: &mut Said, data_dir: &Path) -> Option<Self> {
        let allowed = "sqlite://PATH or postgres://USER:PASSWORD@HOST:PORT/DATABASE";
        let is_postgres = |text: &str| text.starts_with("postgres://") || text.starts_with("postgresql://");
        let address = said.read("database_url", allowed, |text| {
            let file = text.strip_prefix("sqlite://").is_some_and(|path| !path.is_empty());
            (file || is_postgres(text)).then(|| text.to_owned())
        });
        let schema = said.read("database_schema", "1 to 40 of a-z, 0-9 and _, beginning with a letter", |text| {
            let is_name = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
            (is_name && text.len() <= 40 && text.starts_with(|c: char| c.is_ascii_lowercase())).then(|| text.to_owned())
        });
        let connections = said.read("database_connections", "a number from 1 to 1000", |text| {
            text.parse().ok().filter(|count| (1..=1000).contains(count))
        });
        let redis_url = said.read("redis_url", "an address that begins with redis:// or rediss://", |text| {
            (text.starts_with("redis://") || text.starts_with("rediss://")).then(|| Hidden(text.to_owned()))
        });
        let blob_url = said.read(
            "blob_url",
            "file:///absolute/folder, s3://bucket/prefix, gs://bucket/prefix or memory://",
            |text| {
                let known = ["file:///", "s3://", "gs://", "memory://"];
                known.iter().any(|scheme| text.starts_with(scheme)).then(|| text.to_owned())
            },
        );
        let attachment_mib: Option<u64> = said.read("attachment_mib", "a number from 1 to 5000", |text| {
            text.parse().ok().filter(|mib| (1..=5000).contains(mib))
        });
        let blobs = blob_settings(said);
        if said.get("blob_url").is_some_and(|url| url.starts_with("s3://")) {
            for name in ["s3_access_key_id", "s3_secret_access_key"] {
                if said.get(name).is_none() {
                    let variable = format!("CONNECT_{}", name.to_uppercase());
                    said.errors.push(format!("{variable} is not set, but must be with an s3:// CONNECT_BLOB_URL"));
                }
            }
        }
        let database = match address {
            Some(url) if is_postgres(&url) => {
                Database::Postgres { url: Hidden(url), schema: schema?, connections: connections? }
            }
            Some(url) => Database::Sqlite(PathBuf::from(url.trim_start_matches("sqlite://"))),
            None => Database::Sqlite(data_dir.join("connect.db")),
        };
        let usual = || {
            let folder = std::path::absolute(data_dir.join("blobs")).unwrap_or_else(|_| data_dir.join("blobs"));
            format!("file://{}", folder.display())
        };
        Some(Self {
            database,
            redis_url,
            blob_url: blob_url.unwrap_or_else(usual),
            blobs: blobs?,
            attachment_limit: attachment_mib? * 1024 * 1024,
        })
    }
}

fn blob_settings(said: &mut Said) -> Option<BlobSettings> {
    let endpoint = said.read("s3_endpoint", "an address that begins with http:// or https://", super::http_url);
    let key_file = said.get("gcs_key_file").map(str::to_owned);
    let key = match key_file.map(|path| (std::fs::read_to_string(&path), path)) {
        None => None,
        Some((Ok(text), _)) => Some(text),
        Some((Err(error), path)) => {
            said.errors.push(format!("CONNECT_GCS_KEY_FILE is {path:?}, which cannot be read: {error}"));
            return None;
        }
    };
    let text = |name| said.get(name).unwrap_or_default().to_owned();
    let s3 = S3Settings {
        allow_http: endpoint.as_deref().is_some_and(|endpoint| endpoint.starts_with("http://")),
        endpoint,
        region: text("s3_region"),
        access_key_id: text("s3_access_key_id"),
        secret_access_key: text("s3_secret_access_key"),
        ..S3Settings::default()
    };
    let gcs = GcsSettings { service_account_key: key, ..GcsSettings::default() };
    Some(BlobSettings { s3, gcs, ..BlobSettings::default() })
}
