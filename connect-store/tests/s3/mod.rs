//! A small store of S3's kind in this process, behind a real socket, which fails on demand. Google's XML
//! interface has the same requests, so it stands in for that too.

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, stream};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_RANGE, ETAG, LAST_MODIFIED, RANGE};
use hyper::http::request::Parts;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// The credentials that it takes.
pub(crate) const ACCESS_KEY: &str = "test_access_key";
/// The one bucket that there is.
pub(crate) const BUCKET: &str = "bucket";

/// The smallest part but for the last.
const SMALLEST_PART: usize = 5 * 1024 * 1024;

type Body = UnsyncBoxBody<Bytes, io::Error>;

struct Object {
    bytes: Bytes,
    etag: String,
}

#[derive(Default)]
struct State {
    objects: BTreeMap<String, Object>,
    uploads: HashMap<String, BTreeMap<usize, Bytes>>,
    /// Makes entity tags and upload ids.
    count: u64,
    requests: u64,
    failing: Option<(StatusCode, u32)>,
    cut_after: Option<usize>,
    /// Whether nobody needs to say who they are, as at an emulator of Google's.
    open: bool,
}

impl State {
    fn next(&mut self) -> u64 {
        self.count += 1;
        self.count
    }

    fn store(&mut self, key: &str, bytes: Bytes) -> String {
        let etag = format!("\"{:08x}\"", self.next());
        self.objects.insert(key.to_owned(), Object { bytes, etag: etag.clone() });
        etag
    }
}

/// The server; it ends with this handle.
pub(crate) struct S3Server {
    address: String,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

impl Drop for S3Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl S3Server {
    /// Listens on a free port.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let state = Arc::new(Mutex::new(State::default()));
        let task = tokio::spawn(serve(listener, Arc::clone(&state)));
        Self { address, state, task }
    }

    /// One that asks nobody who they are.
    pub(crate) async fn start_open() -> Self {
        let server = Self::start().await;
        server.state().open = true;
        server
    }

    fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }

    /// Where it listens, as `http://host:port`.
    pub(crate) fn address(&self) -> String {
        self.address.clone()
    }

    /// Answers so many requests with this status instead.
    pub(crate) fn fail(&self, status: u16, times: u32) {
        let status = StatusCode::from_u16(status).expect("a status");
        self.state().failing = Some((status, times));
    }

    /// Cuts the connection after so many bytes of the next content that is read.
    pub(crate) fn cut_next_read(&self, after: usize) {
        self.state().cut_after = Some(after);
    }

    /// Changes an object behind everybody's back.
    pub(crate) fn alter(&self, key: &str, change: impl FnOnce(Vec<u8>) -> Vec<u8>) {
        let mut state = self.state();
        let object = state.objects.get_mut(key).expect("the object is there");
        object.bytes = Bytes::from(change(object.bytes.to_vec()));
    }

    /// The keys that there are.
    pub(crate) fn keys(&self) -> Vec<String> {
        self.state().objects.keys().cloned().collect()
    }

    /// Multipart uploads that are neither completed nor aborted.
    pub(crate) fn open_uploads(&self) -> usize {
        self.state().uploads.len()
    }

    /// Requests that have come whole.
    pub(crate) fn requests(&self) -> u64 {
        self.state().requests
    }
}

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(listener: TcpListener, state: Arc<Mutex<State>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let state = Arc::clone(&state);
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let state = Arc::clone(&state);
                async move { Ok::<_, Infallible>(answer(&state, request).await) }
            });
            // A client that goes away in the middle is what some tests are about.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(state: &Mutex<State>, request: Request<Incoming>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let Ok(body) = body.collect().await else {
        return refused(StatusCode::BAD_REQUEST, "IncompleteBody", "");
    };
    let body = body.to_bytes();
    let mut state = locked(state);
    state.requests += 1;
    if let Some((status, times)) = state.failing.filter(|(_, times)| *times > 0) {
        state.failing = Some((status, times - 1));
        return refused(status, "SlowDown", "");
    }
    let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let identity = header(AUTHORIZATION.as_str());
    if !state.open && !identity.contains(&format!("Credential={ACCESS_KEY}/")) {
        // Some stores repeat what they were sent, so the token must not get into a message.
        return refused(StatusCode::FORBIDDEN, "InvalidAccessKeyId", header("x-amz-security-token"));
    }
    let path = decoded(head.uri.path());
    let mut parts = path.trim_start_matches('/').splitn(2, '/');
    if parts.next() != Some(BUCKET) {
        return refused(StatusCode::NOT_FOUND, "NoSuchBucket", "");
    }
    route(&mut state, &head, parts.next().unwrap_or_default(), body)
}

fn route(state: &mut State, head: &Parts, key: &str, body: Bytes) -> Response<Body> {
    let asked = query(head.uri.query().unwrap_or_default());
    let upload = asked.get("uploadId");
    if key.is_empty() {
        return if head.method == Method::GET { list(state, &asked) } else { plain(StatusCode::METHOD_NOT_ALLOWED) };
    }
    match (head.method.as_str(), upload) {
        ("PUT", Some(id)) => put_part(state, id, &asked, body),
        ("PUT", None) => tagged(&state.store(key, body)),
        ("POST", None) if asked.contains_key("uploads") => {
            let id = format!("upload{}", state.next());
            state.uploads.insert(id.clone(), BTreeMap::new());
            let result = format!("<UploadId>{id}</UploadId>");
            xml(StatusCode::OK, &format!("<InitiateMultipartUploadResult>{result}</InitiateMultipartUploadResult>"))
        }
        ("POST", Some(id)) => complete(state, key, id, &body),
        ("DELETE", Some(id)) => match state.uploads.remove(id) {
            Some(_) => plain(StatusCode::NO_CONTENT),
            None => refused(StatusCode::NOT_FOUND, "NoSuchUpload", ""),
        },
        ("DELETE", None) => {
            state.objects.remove(key);
            plain(StatusCode::NO_CONTENT)
        }
        ("GET" | "HEAD", None) => read(state, head, key),
        _ => plain(StatusCode::METHOD_NOT_ALLOWED),
    }
}

fn put_part(state: &mut State, id: &str, asked: &HashMap<String, String>, body: Bytes) -> Response<Body> {
    let etag = format!("\"{:08x}\"", state.next());
    let number = asked.get("partNumber").and_then(|number| number.parse().ok());
    match (state.uploads.get_mut(id), number) {
        (Some(parts), Some(number)) => {
            parts.insert(number, body);
            tagged(&etag)
        }
        _ => refused(StatusCode::NOT_FOUND, "NoSuchUpload", ""),
    }
}

fn complete(state: &mut State, key: &str, id: &str, body: &Bytes) -> Response<Body> {
    let text = String::from_utf8_lossy(body);
    let named: Vec<usize> = text
        .split("<PartNumber>")
        .skip(1)
        .filter_map(|rest| rest.split('<').next().and_then(|number| number.parse().ok()))
        .collect();
    let Some(parts) = state.uploads.get(id) else {
        return refused(StatusCode::NOT_FOUND, "NoSuchUpload", "");
    };
    let found: Vec<&Bytes> = named.iter().filter_map(|number| parts.get(number)).collect();
    if found.is_empty() || found.len() != named.len() {
        return refused(StatusCode::BAD_REQUEST, "InvalidPart", "");
    }
    if found[..found.len() - 1].iter().any(|part| part.len() < SMALLEST_PART) {
        return refused(StatusCode::BAD_REQUEST, "EntityTooSmall", "");
    }
    let content = found.iter().map(AsRef::as_ref).collect::<Vec<&[u8]>>().concat();
    state.uploads.remove(id);
    let etag = state.store(key, Bytes::from(content));
    let result = format!("<ETag>{}</ETag>", etag.replace('"', "&quot;"));
    xml(StatusCode::OK, &format!("<CompleteMultipartUploadResult>{result}</CompleteMultipartUploadResult>"))
}

fn read(state: &mut State, head: &Parts, key: &str) -> Response<Body> {
    let Some(object) = state.objects.get(key) else {
        return refused(StatusCode::NOT_FOUND, "NoSuchKey", "");
    };
    let size = object.bytes.len();
    let base = Response::builder().header(ETAG, &object.etag).header(LAST_MODIFIED, "Wed, 21 Oct 2015 07:28:00 GMT");
    let wanted = head.headers.get(RANGE).and_then(|range| range.to_str().ok()).and_then(span);
    let (base, bytes) = match wanted {
        None => (base, object.bytes.clone()),
        Some((from, _)) if from >= size => return refused(StatusCode::RANGE_NOT_SATISFIABLE, "InvalidRange", ""),
        Some((from, to)) => {
            let to = to.min(size - 1);
            let told = format!("bytes {from}-{to}/{size}");
            let base = base.status(StatusCode::PARTIAL_CONTENT).header(CONTENT_RANGE, told);
            (base, object.bytes.slice(from..=to))
        }
    };
    let base = base.header(CONTENT_LENGTH, bytes.len());
    let body = if head.method == Method::HEAD {
        whole(Bytes::new())
    } else {
        match state.cut_after.take() {
            Some(after) if after < bytes.len() => cut(bytes.slice(..after)),
            _ => whole(bytes),
        }
    };
    base.body(body).expect("a response")
}

/// Nothing is listed but that nothing is there, which is what `ready` asks for.
fn list(state: &State, asked: &HashMap<String, String>) -> Response<Body> {
    let prefix = asked.get("prefix").map_or("", String::as_str);
    let count = state.objects.keys().filter(|key| key.starts_with(prefix)).count();
    if count > 0 {
        return plain(StatusCode::NOT_IMPLEMENTED);
    }
    xml(StatusCode::OK, "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>")
}

/// First and last byte of `bytes=2-5` and `bytes=2-`.
fn span(range: &str) -> Option<(usize, usize)> {
    let (from, to) = range.strip_prefix("bytes=")?.split_once('-')?;
    Some((from.parse().ok()?, if to.is_empty() { usize::MAX } else { to.parse().ok()? }))
}

fn query(text: &str) -> HashMap<String, String> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).map(|(k, v)| (decoded(k), decoded(v))).collect()
}

fn decoded(text: &str) -> String {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (hex, rest) = part.split_at(2);
        bytes.push(u8::from_str_radix(hex, 16).expect("a percent-encoded byte"));
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).expect("text")
}

fn whole(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
}

/// A body that breaks off after these bytes, once they are out.
fn cut(bytes: Bytes) -> Body {
    let end = stream::once(async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        Err(io::Error::other("cut on demand"))
    });
    let frames = stream::iter([Ok(Frame::data(bytes))]).chain(end);
    BodyExt::boxed_unsync(StreamBody::new(frames))
}

fn tagged(etag: &str) -> Response<Body> {
    Response::builder().header(ETAG, etag).body(whole(Bytes::new())).expect("a response")
}

fn xml(status: StatusCode, text: &str) -> Response<Body> {
    Response::builder().status(status).body(whole(Bytes::from(text.to_owned()))).expect("a response")
}

fn plain(status: StatusCode) -> Response<Body> {
    xml(status, "")
}

fn refused(status: StatusCode, code: &str, echo: &str) -> Response<Body> {
    xml(status, &format!("<Error><Code>{code}</Code><Message>Refused.</Message><Echo>{echo}</Echo></Error>"))
}
