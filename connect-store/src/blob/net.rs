//! The HTTP client of remote stores.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use object_store::client::{HttpClient, HttpConnector};
use object_store::{BackoffConfig, ClientConfigKey, ClientOptions, RetryConfig};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use super::open::BlobOpenError;

/// The longest that a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(5);

/// Makes clients with a TLS configuration of our own. The default one of reqwest panics in a process that
/// has installed no crypto provider, and a library cannot know whether its host has.
pub(super) struct Connector {
    timeout: Duration,
    allow_http: bool,
    tls: ClientConfig,
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

impl Connector {
    /// Trusts Mozilla's list and the certificates in the PEM text.
    pub(super) fn new(timeout: Duration, allow_http: bool, extra_roots: Option<&str>) -> Result<Self, BlobOpenError> {
        let mut roots = RootCertStore::empty();
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        for root in CertificateDer::pem_slice_iter(extra_roots.unwrap_or_default().as_bytes()) {
            let added = root
                .map_err(|error| error.to_string())
                .and_then(|root| roots.add(root).map_err(|error| error.to_string()));
            added.map_err(|error| BlobOpenError::Settings(format!("the extra roots do not read: {error}")))?;
        }
        if extra_roots.is_some() && roots.len() == webpki_roots::TLS_SERVER_ROOTS.len() {
            return Err(BlobOpenError::Settings("the extra roots hold no certificate".to_owned()));
        }
        let provider = match CryptoProvider::get_default() {
            Some(installed) => Arc::clone(installed),
            None => Arc::new(rustls::crypto::ring::default_provider()),
        };
        let mut tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| BlobOpenError::Client(error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { timeout, allow_http, tls })
    }
}

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        // The store allows plain HTTP by itself for one thing, the metadata service of a cloud machine.
        let allow_http = self.allow_http
            || options.get_config_value(&ClientConfigKey::AllowHttp).is_some_and(|value| value == "true");
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(self.tls.clone())
            .https_only(!allow_http)
            .http1_only()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            // The store takes sizes from headers, which compression would falsify.
            .no_gzip()
            .no_brotli()
            .no_zstd()
            .no_deflate()
            .user_agent("connect")
            .connect_timeout(self.timeout.min(CONNECT))
            // Between two pieces, and before the first. A limit on the whole would cut off long downloads.
            .read_timeout(self.timeout)
            .build()
            .map_err(|error| object_store::Error::Generic { store: "http client", source: Box::new(error) })?;
        Ok(HttpClient::new(client))
    }
}

/// Few retries, so that a store that is down is told within seconds.
pub(super) fn retries(timeout: Duration) -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(2),
            base: 2.0,
        },
        max_retries: 3,
        retry_timeout: timeout,
    }
}
