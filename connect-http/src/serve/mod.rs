//! The serving loop on hyper: HTTP/1 and HTTP/2 on one port, time limits, a limit of connections, and a
//! stop that drops no request that was accepted.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tower::ServiceExt;
use tracing::{debug, info, warn};

mod body;

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
    tokio::pin!(stop);
    loop {
        while connections.try_join_next().is_some() {}
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = accept(&listener, &permits) => accepted,
        };
        let (stream, peer, permit) = accepted;
        let (server, router, drained) = (server.clone(), router.clone(), drained.clone());
        let body_timeout = settings.body_timeout;
        connections.spawn(async move {
            connection(&server, stream, peer, router, drained, body_timeout).await;
            drop(permit);
        });
    }
    // Connections that the kernel has accepted already are served too; then nobody new gets in.
    while let Ok(Ok((stream, peer))) = tokio::time::timeout(Duration::from_millis(10), listener.accept()).await {
        let (server, router, drained) = (server.clone(), router.clone(), drained.clone());
        let body_timeout = settings.body_timeout;
        connections.spawn(async move { connection(&server, stream, peer, router, drained, body_timeout).await });
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
) -> (TcpStream, SocketAddr, Option<tokio::sync::OwnedSemaphorePermit>) {
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

async fn connection(
    server: &auto::Builder<TokioExecutor>,
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    mut drained: watch::Receiver<bool>,
    body_timeout: Duration,
) {
    let _ = stream.set_nodelay(true);
    let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        let request = request.map(|incoming| axum::body::Body::new(body::Timed::new(incoming, body_timeout)));
        let router = router.clone();
        async move { router.oneshot(request).await.map_err(|never: Infallible| never) }
    });
    let connection = server.serve_connection_with_upgrades(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let mut asked = false;
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    debug!(%error, "a connection ended badly");
                }
                return;
            }
            _ = drained.wait_for(|draining| *draining), if !asked => {
                asked = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}
