//! The serving loop on hyper: HTTP/1 and HTTP/2 on one port, time limits, a limit of connections, and a
//! stop that drops no request that was accepted.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use futures::FutureExt;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tower::ServiceExt;
use tracing::{debug, info, warn};

use crate::Draining;

mod body;
mod closed;
mod handover;
mod socket;

use handover::Handover;
use socket::Socket;

/// For how long connections are still taken after a stop was asked for.
const LAST_ACCEPTS: Duration = Duration::from_millis(100);
/// How long a new connection may take to its first request after that.
const FIRST_REQUEST_GRACE: Duration = Duration::from_secs(1);

/// How connections are treated.
#[derive(Debug, Clone)]
pub struct ServeSettings {
    /// How many connections there may be at once. Further ones wait to be accepted. 4,096 unless said.
    pub max_connections: usize,
    /// How long a client may take to send its headers. 10 s unless said.
    pub header_timeout: Duration,
    /// How long a client may pause while it sends a body. 10 s unless said.
    pub body_timeout: Duration,
    /// How long requests that were accepted may take after a stop was asked for. 30 s unless said.
    pub drain_timeout: Duration,
    /// How many requests one HTTP/2 connection may have at once. 100 unless said.
    pub max_streams: u32,
}

impl Default for ServeSettings {
    fn default() -> Self {
        Self {
            max_connections: 4096,
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(10),
            drain_timeout: Duration::from_secs(30),
            max_streams: 100,
        }
    }
}

/// Serves until `stop` is ready, then lets accepted requests finish.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    settings: ServeSettings,
    stop: impl Future<Output = ()> + Send,
) {
    let permits = Arc::new(Semaphore::new(settings.max_connections));
    let (draining, drained) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut server = auto::Builder::new(TokioExecutor::new());
    server.http1().timer(TokioTimer::new()).header_read_timeout(settings.header_timeout).max_headers(100);
    server
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(settings.max_streams)
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(20))
        .max_header_list_size(32 * 1024);
    let server = Arc::new(server);
    let timing = Timing { first_request: settings.header_timeout, body: settings.body_timeout };
    tokio::pin!(stop);
    loop {
        while connections.try_join_next().is_some() {}
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = accept(&listener, &permits) => accepted,
        };
        let (stream, peer, permit) = accepted;
        connections.spawn(connection(server.clone(), stream, peer, router.clone(), drained.clone(), timing, permit));
    }
    // Connections that the kernel has accepted already are served too; then nobody new gets in. The while
    // for it is one for all of them, however many come.
    let last = tokio::time::sleep(LAST_ACCEPTS);
    tokio::pin!(last);
    let mut closing = false;
    while let Ok(permit) = permits.clone().try_acquire_owned() {
        let accepted = if closing {
            // Closing the socket would reset whatever still waits in its queue: the queue is emptied first.
            match listener.accept().now_or_never() {
                Some(accepted) => accepted,
                None => break,
            }
        } else {
            tokio::select! {
                () = &mut last => {
                    closing = true;
                    closed::refuse_further(&listener);
                    continue;
                }
                accepted = listener.accept() => accepted,
            }
        };
        let Ok((stream, peer)) = accepted else { break };
        let connection =
            connection(server.clone(), stream, peer, router.clone(), drained.clone(), timing, Some(permit));
        connections.spawn(connection);
    }
    drop(listener);
    info!(open = connections.len(), "draining");
    let _ = draining.send(true);
    let all = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(settings.drain_timeout, all).await.is_err() {
        warn!("some requests did not end in time");
    }
}

async fn accept(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
) -> (TcpStream, SocketAddr, Option<OwnedSemaphorePermit>) {
    // The semaphore is never closed; were it, connections would be unlimited rather than refused.
    let permit = permits.clone().acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => return (stream, peer, permit),
            Err(error) => {
                // Such as too many open files: waiting helps, spinning does not.
                warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    }
}

/// How long a client may take.
#[derive(Debug, Clone, Copy)]
struct Timing {
    /// Until its first request is there. HTTP/1's own limit begins only once a client has shown that it
    /// speaks HTTP/1; one that says nothing at all must not hold a connection for ever.
    first_request: Duration,
    /// Between two parts of a body.
    body: Duration,
}

async fn connection(
    server: Arc<auto::Builder<TokioExecutor>>,
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    drained: watch::Receiver<bool>,
    timing: Timing,
    permit: Option<OwnedSemaphorePermit>,
) {
    let _ = stream.set_nodelay(true);
    let handover = Arc::new(Handover::default());
    let (socket, lent) = Socket::lend(stream, handover.clone());
    // Boxed, so that its room is free again where only a stream goes on.
    let is_handed_over = Box::pin(requests(&server, socket, peer, router, drained, timing, &handover)).await;
    if is_handed_over && let (Some(stream), Some(body)) = (lent.take_back(), handover.body()) {
        drop((server, handover));
        handover::go_on(stream, body).await;
    }
    drop(permit);
}

/// Answers the requests of a connection; whether it has come to an answer that goes on without it.
async fn requests(
    server: &auto::Builder<TokioExecutor>,
    socket: Socket,
    peer: SocketAddr,
    router: Router,
    mut drained: watch::Receiver<bool>,
    timing: Timing,
    handover: &Arc<Handover>,
) -> bool {
    let begun = Arc::new(AtomicBool::new(false));
    let first = begun.clone();
    let draining = Draining::new(drained.clone());
    let kept = handover.clone();
    let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        first.store(true, Ordering::Release);
        request.extensions_mut().insert(ConnectInfo(peer));
        request.extensions_mut().insert(draining.clone());
        let (method, version) = (request.method().clone(), request.version());
        let request = request.map(|incoming| axum::body::Body::new(body::Timed::new(incoming, timing.body)));
        let (router, kept) = (router.clone(), kept.clone());
        async move {
            let answered = router.oneshot(request).await.map_err(|never: Infallible| never);
            answered.map(|response| kept.keep(&method, version, response))
        }
    });
    let connection = server.serve_connection_with_upgrades(TokioIo::new(socket), service);
    tokio::pin!(connection);
    let silence = tokio::time::sleep(timing.first_request);
    let shutdown = tokio::time::sleep(Duration::ZERO);
    tokio::pin!(silence, shutdown);
    let (mut waits, mut asked, mut shut) = (true, false, false);
    loop {
        tokio::select! {
            // What has arrived is read before anything is shut.
            biased;
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    debug!(%error, "a connection ended badly");
                }
                return false;
            }
            () = std::future::poll_fn(|_| handover.poll_ready()) => return true,
            () = silence.as_mut(), if waits => {
                waits = false;
                // Whether a request came is looked at now: what stands behind `if` was found out before.
                if !begun.load(Ordering::Acquire) {
                    debug!("a client that asked for nothing is let go");
                    return false;
                }
            }
            _ = drained.wait_for(|draining| *draining), if !asked => {
                asked = true;
                // A request that is on its way on a new connection gets a moment to arrive.
                let grace = if begun.load(Ordering::Acquire) { Duration::ZERO } else { FIRST_REQUEST_GRACE };
                shutdown.as_mut().reset(Instant::now() + grace.min(timing.first_request));
            }
            () = shutdown.as_mut(), if asked && !shut => {
                shut = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}
