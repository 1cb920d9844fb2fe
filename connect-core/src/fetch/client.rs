//! The adapter on reqwest.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use url::{Host, Url};

use super::{Fetch, FetchError, FetchRequest, Fetched, is_public};

/// What may be asked, and for how long.
#[derive(Debug, Clone)]
pub struct FetchSettings {
    /// Whether servers on private and loopback addresses may be asked: a provider of one's own, in one's own
    /// network.
    pub allow_private: bool,
    /// Whether this machine itself may be asked, without TLS too: for development and tests.
    pub allow_local_http: bool,
    /// Certificates to be trusted besides Mozilla's list, as PEM text.
    pub extra_roots: Option<String>,
    /// How long the whole of a request may take: 10 s unless said.
    pub timeout: Duration,
    /// How many bytes an answer may have: 1 MiB unless said.
    pub limit: usize,
    /// Whether a longer answer is cut instead of refused: where the status is all that counts.
    pub cut: bool,
}

impl Default for FetchSettings {
    fn default() -> Self {
        Self {
            allow_private: false,
            allow_local_http: false,
            extra_roots: None,
            timeout: Duration::from_secs(10),
            limit: 1024 * 1024,
            cut: false,
        }
    }
}

/// No client could be made.
#[derive(Debug, Clone, thiserror::Error)]
#[error("no client for servers elsewhere: {0}")]
pub struct ClientError(String);

/// Asks over HTTPS, with Mozilla's list of certificates.
#[derive(Debug, Clone)]
pub struct HttpsClient {
    client: reqwest::Client,
    settings: FetchSettings,
}

impl HttpsClient {
    /// A client. It has a TLS configuration of its own, as that of a process may not be there.
    pub fn new(settings: FetchSettings) -> Result<Self, ClientError> {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls(settings.extra_roots.as_deref())?)
            .http1_only()
            // A proxy of the environment would resolve names by itself.
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .dns_resolver(Arc::new(Resolver { settings: settings.clone() }))
            .user_agent("connect")
            .timeout(settings.timeout)
            .build()
            .map_err(|error| ClientError(error.to_string()))?;
        Ok(Self { client, settings })
    }

    /// Refuses what can be seen from the address alone; names are looked at when they are resolved.
    fn check(&self, url: &Url) -> Result<(), FetchError> {
        let local = self.settings.allow_local_http;
        let host = url.host().ok_or(FetchError::Refused("it has no host"))?;
        let ip = match &host {
            Host::Ipv4(ip) => Some((*ip).into()),
            Host::Ipv6(ip) => Some((*ip).into()),
            Host::Domain(_) => None,
        };
        match url.scheme() {
            "https" => {}
            "http" if local && is_local(&host) => {}
            _ => return Err(FetchError::Refused("it is not https")),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(FetchError::Refused("it has a user name"));
        }
        match ip {
            Some(ip) if !allows(&self.settings, ip) => Err(FetchError::Refused("it is not public")),
            _ => Ok(()),
        }
    }
}

fn is_local(host: &Host<&str>) -> bool {
    match host {
        Host::Ipv4(ip) => ip.is_loopback(),
        Host::Ipv6(ip) => ip.is_loopback(),
        Host::Domain(name) => *name == "localhost",
    }
}

fn allows(settings: &FetchSettings, ip: std::net::IpAddr) -> bool {
    is_public(ip) || settings.allow_private || (settings.allow_local_http && ip.to_canonical().is_loopback())
}

fn tls(extra_roots: Option<&str>) -> Result<ClientConfig, ClientError> {
    let mut roots = RootCertStore::empty();
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    for root in CertificateDer::pem_slice_iter(extra_roots.unwrap_or_default().as_bytes()) {
        let root = root.map_err(|error| ClientError(error.to_string()))?;
        roots.add(root).map_err(|error| ClientError(error.to_string()))?;
    }
    let provider = match CryptoProvider::get_default() {
        Some(installed) => Arc::clone(installed),
        None => Arc::new(rustls::crypto::ring::default_provider()),
    };
    let mut tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| ClientError(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(tls)
}

/// Resolves names, and leaves out what may not be asked: the address that was looked at is the one that is
/// connected to, so a name cannot mean another one a moment later.
struct Resolver {
    settings: FetchSettings,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let settings = self.settings.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> = found.filter(|address| allows(&settings, address.ip())).collect();
            if allowed.is_empty() {
                return Err(FetchError::Refused("it is not public").into());
            }
            let addresses: Addrs = Box::new(allowed.into_iter());
            Ok(addresses)
        })
    }
}

fn failed(error: reqwest::Error) -> FetchError {
    if error.is_timeout() {
        return FetchError::TimedOut;
    }
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(one) = cause {
        if let Some(refused) = one.downcast_ref::<FetchError>() {
            return refused.clone();
        }
        cause = one.source();
    }
    // Without the address, which may hold what is secret.
    FetchError::Failed(error.without_url().to_string())
}

#[async_trait]
impl Fetch for HttpsClient {
    async fn fetch(&self, request: FetchRequest) -> Result<Fetched, FetchError> {
        let FetchRequest { url, headers, body } = request;
        let url = Url::parse(&url).map_err(|_| FetchError::Refused("it is no URL"))?;
        self.check(&url)?;
        let mut request = match body {
            Some(body) => self.client.post(url).body(body),
            None => self.client.get(url),
        };
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let mut answer = request.send().await.map_err(failed)?;
        let content_type = answer.headers().get("content-type").and_then(|kind| kind.to_str().ok()).map(str::to_owned);
        let retry_after = answer.headers().get("retry-after").and_then(|after| after.to_str().ok()?.parse().ok());
        let mut read = Vec::new();
        loop {
            let piece = match answer.chunk().await {
                Ok(Some(piece)) => piece,
                Ok(None) => break,
                // The status has come, and is all that counts.
                Err(_) if self.settings.cut => break,
                Err(error) => return Err(failed(error)),
            };
            if read.len() + piece.len() > self.settings.limit {
                if !self.settings.cut {
                    return Err(FetchError::TooLarge);
                }
                read.extend(piece.iter().take(self.settings.limit - read.len()));
                break;
            }
            read.extend_from_slice(&piece);
        }
        Ok(Fetched { status: answer.status().as_u16(), content_type, body: read, retry_after })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    fn client(settings: FetchSettings) -> HttpsClient {
        HttpsClient::new(settings).expect("a client")
    }

    fn local() -> FetchSettings {
        FetchSettings {
            allow_local_http: true,
            timeout: Duration::from_millis(500),
            limit: 1000,
            ..FetchSettings::default()
        }
    }

    async fn get(client: &HttpsClient, url: &str) -> Result<Fetched, FetchError> {
        client.fetch(FetchRequest { url: url.to_owned(), headers: Vec::new(), body: None }).await
    }

    /// A server that says this to everybody, and then as much again as it is told to.
    async fn server(answer: &'static [u8], more: usize) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let _ = stream.read(&mut [0; 2000]).await;
                    let _ = stream.write_all(answer).await;
                    for _ in 0..more {
                        if stream.write_all(&[b'x'; 100]).await.is_err() {
                            return;
                        }
                    }
                    // It neither says more nor hangs up.
                    let _ = stream.read(&mut [0; 1]).await;
                });
            }
        });
        port
    }

    #[tokio::test]
    async fn sec_50_private_addresses_are_refused_also_behind_a_name() {
        let port = server(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", 0).await;
        let strict = client(FetchSettings::default());
        for (url, why) in [
            (format!("http://127.0.0.1:{port}/"), "it is not https"),
            (format!("https://127.0.0.1:{port}/"), "it is not public"),
            (format!("https://localhost:{port}/"), "it is not public"),
            (format!("https://[::1]:{port}/"), "it is not public"),
            (format!("https://[::ffff:127.0.0.1]:{port}/"), "it is not public"),
            (format!("https://2130706433:{port}/"), "it is not public"),
            ("https://169.254.169.254/latest/meta-data/".to_owned(), "it is not public"),
            ("https://10.0.0.1/".to_owned(), "it is not public"),
            ("https://user:password@example.org/".to_owned(), "it has a user name"),
            ("file:///etc/passwd".to_owned(), "it has no host"),
        ] {
            assert_eq!(get(&strict, &url).await, Err(FetchError::Refused(why)), "{url}");
        }
        let allowed = client(local());
        assert_eq!(get(&allowed, &format!("http://localhost:{port}/")).await.map(|a| a.body), Ok(b"ok".to_vec()));
        assert_eq!(get(&allowed, "http://10.0.0.1/").await, Err(FetchError::Refused("it is not https")));
        assert_eq!(get(&allowed, "https://10.0.0.1/").await, Err(FetchError::Refused("it is not public")));
    }

    #[tokio::test]
    async fn sec_50_redirects_are_answers_and_size_and_time_are_limited() {
        let client = client(local());
        let moved = server(b"HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n", 0).await;
        assert_eq!(get(&client, &format!("http://127.0.0.1:{moved}/")).await.map(|a| a.status), Ok(302));
        let endless = server(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n", 100_000).await;
        assert_eq!(get(&client, &format!("http://127.0.0.1:{endless}/")).await, Err(FetchError::TooLarge));
        for slow in [server(b"", 0).await, server(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n", 0).await] {
            assert_eq!(get(&client, &format!("http://127.0.0.1:{slow}/")).await, Err(FetchError::TimedOut));
        }
    }
}
