//! Wake-ups between nodes by pub/sub.
//!
//! Two tasks serve a feed and end with its last handle: one publishes, one listens on a connection of its
//! own. What is published while a link is down is lost, which hints may be; [`Signal::LookEverywhere`]
//! makes up for it: told to the own subscribers after every subscription, and to all nodes after hints
//! could not be published.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::{AsyncConnectionConfig, Client, RedisResult, Value};
use async_trait::async_trait;
use connect_core::StoreError;
use connect_core::store::{Fanout, Hint, LiveFeed, Sign, Signal, Signals, Signs};
use futures::StreamExt;
use tokio::sync::{mpsc, watch};
use tokio::time::{interval, sleep, timeout};

use super::link::connect_error;
use super::{RedisError, RedisSettings};
use crate::gathered::{Gathered, Queue, Said};

/// The pause after each publication, in which further hints gather.
const GATHER: Duration = Duration::from_millis(50);
/// The pause after a publication that failed.
const REST: Duration = Duration::from_secs(1);
/// How often the listening link is asked whether it is alive.
const PING: Duration = Duration::from_secs(5);
/// The shortest and the longest pause before the next attempt to subscribe.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));
/// What is published instead of hints that were lost.
const EVERYWHERE: &str = "everywhere";

/// A feed over all nodes that use the same Redis and prefix.
#[derive(Clone)]
pub struct RedisFeed {
    fanout: Fanout,
    queue: Queue,
    lost: Arc<AtomicBool>,
    subscribed: watch::Receiver<bool>,
    /// Dropped with the last handle, which ends the listening task.
    _alive: Arc<watch::Sender<()>>,
}

impl std::fmt::Debug for RedisFeed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisFeed").field("subscribed", &*self.subscribed.borrow()).finish_non_exhaustive()
    }
}

impl RedisFeed {
    /// A feed that connects by itself, now or whenever Redis is there. Only the URL and the settings are
    /// checked. Must be called within a Tokio runtime with time and network.
    pub fn connect(url: &str, settings: RedisSettings) -> Result<Self, RedisError> {
        let client = super::client(url, &settings)?;
        let runtime = tokio::runtime::Handle::try_current().map_err(|_| RedisError::NoRuntime)?;
        let channel = format!("{}hints", settings.prefix);
        let (fanout, lost) = (Fanout::default(), Arc::new(AtomicBool::new(false)));
        let (queue, waiting) = Queue::new();
        let (is_subscribed, subscribed) = watch::channel(false);
        let (alive, gone) = watch::channel(());
        let publisher = Publisher {
            client: client.clone(),
            channel: channel.clone(),
            timeout: settings.timeout,
            lost: lost.clone(),
            connection: None,
        };
        let listener =
            Listener { client, channel, timeout: settings.timeout, fanout: fanout.clone(), subscribed: is_subscribed };
        runtime.spawn(publisher.run(waiting));
        runtime.spawn(listener.run(gone));
        Ok(Self { fanout, queue, lost, subscribed, _alive: Arc::new(alive) })
    }
}

#[async_trait]
impl LiveFeed for RedisFeed {
    fn publish(&self, hint: Hint) {
        self.fanout.send(Signal::Look(hint));
        if !self.queue.hint(hint) {
            self.lost.store(true, Ordering::Relaxed);
        }
    }

    fn subscribe(&self) -> Signals {
        self.fanout.subscribe()
    }

    fn tell(&self, sign: Sign) {
        self.fanout.tell(sign);
        self.queue.sign(sign);
    }

    fn listen(&self) -> Signs {
        self.fanout.listen()
    }

    async fn ready(&self) -> Result<(), StoreError> {
        if !*self.subscribed.borrow() {
            return Err(StoreError::unavailable("redis: the feed is not subscribed"));
        }
        if self.lost.load(Ordering::Relaxed) {
            return Err(StoreError::unavailable("redis: hints could not be published"));
        }
        Ok(())
    }
}

struct Publisher {
    client: Client,
    channel: String,
    timeout: Duration,
    lost: Arc<AtomicBool>,
    connection: Option<MultiplexedConnection>,
}

impl Publisher {
    /// Publishes until the last handle is gone: at once what comes after a pause, together what comes in one.
    async fn run(mut self, mut queue: mpsc::Receiver<Said>) {
        let mut again = interval(REST);
        loop {
            let mut gathered = Gathered::default();
            tokio::select! {
                first = queue.recv() => {
                    let Some(first) = first else { return };
                    gathered.note(first);
                    gathered.note_waiting(&mut queue);
                }
                // What was lost is made up for even if nothing else happens.
                _ = again.tick() => {
                    if !self.lost.load(Ordering::Relaxed) {
                        continue;
                    }
                }
            }
            let outcome = timeout(self.timeout, self.publish(&gathered)).await;
            if !matches!(outcome, Ok(Ok(()))) {
                self.lost.store(true, Ordering::Relaxed);
                self.connection = None;
                if let Ok(Err(error)) = outcome {
                    tracing::debug!(%error, "hints were not published");
                }
            }
            sleep(if self.connection.is_some() { GATHER } else { REST }).await;
        }
    }

    async fn publish(&mut self, gathered: &Gathered) -> Result<(), RedisError> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.dial().await?,
        };
        // Taken before it is made up for, so that what is lost meanwhile is not forgotten.
        let lost = self.lost.swap(false, Ordering::Relaxed);
        let mut batch = ::redis::pipe();
        if lost {
            batch.cmd("PUBLISH").arg(self.channel.as_str()).arg(EVERYWHERE).ignore();
        } else {
            for text in gathered.texts() {
                batch.cmd("PUBLISH").arg(self.channel.as_str()).arg(text).ignore();
            }
        }
        let sent: RedisResult<()> = batch.query_async(&mut connection).await;
        sent.map_err(|error| connect_error(&error))?;
        self.connection = Some(connection);
        Ok(())
    }

    async fn dial(&self) -> Result<MultiplexedConnection, RedisError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.timeout))
            .set_response_timeout(Some(self.timeout));
        let connected = self.client.get_multiplexed_async_connection_with_config(&config).await;
        connected.map_err(|error| connect_error(&error))
    }
}

struct Listener {
    client: Client,
    channel: String,
    timeout: Duration,
    fanout: Fanout,
    subscribed: watch::Sender<bool>,
}

impl Listener {
    /// Listens until the last handle is gone, however often the link breaks.
    async fn run(self, mut gone: watch::Receiver<()>) {
        let mut pause = PAUSES.0;
        loop {
            let broken = tokio::select! {
                // Nobody ever sends: this ends when the sender is dropped.
                _ = gone.changed() => return,
                broken = self.listen() => broken,
            };
            if self.subscribed.send_replace(false) {
                pause = PAUSES.0;
                tracing::warn!(error = %broken, "the feed has lost Redis");
            }
            tokio::select! {
                _ = gone.changed() => return,
                () = sleep(pause) => {}
            }
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    /// Subscribes and hands on what is heard; answers why it ended.
    async fn listen(&self) -> RedisError {
        match self.hear().await {
            Err(error) => error,
            Ok(()) => RedisError::Unreachable { cause: "the link was closed".to_owned() },
        }
    }

    async fn hear(&self) -> Result<(), RedisError> {
        let mut pubsub = self.within(self.client.get_async_pubsub()).await?;
        self.within(pubsub.subscribe(self.channel.as_str())).await?;
        let (mut sink, mut messages) = pubsub.split();
        self.subscribed.send_replace(true);
        // What was published before this moment was not heard.
        self.fanout.send(Signal::LookEverywhere);
        let mut ping = interval(PING);
        loop {
            tokio::select! {
                message = messages.next() => {
                    let Some(message) = message else { return Ok(()) };
                    self.hand_on(message.get_payload_bytes());
                }
                // A link may be dead without saying so: one that does not answer is given up.
                _ = ping.tick() => {
                    let _: Value = self.within(sink.ping()).await?;
                }
            }
        }
    }

    /// Others may use the channel: what does not read is passed over.
    fn hand_on(&self, payload: &[u8]) {
        match std::str::from_utf8(payload) {
            Ok(EVERYWHERE) => self.fanout.send(Signal::LookEverywhere),
            Ok(text) => match Said::read(text) {
                Some(Said::Hint(hint)) => self.fanout.send(Signal::Look(hint)),
                Some(Said::Sign(sign)) => self.fanout.tell(sign),
                None => {}
            },
            Err(_) => {}
        }
    }

    async fn within<T>(&self, call: impl Future<Output = RedisResult<T>>) -> Result<T, RedisError> {
        match timeout(self.timeout, call).await {
            Ok(outcome) => outcome.map_err(|error| connect_error(&error)),
            Err(_) => Err(RedisError::Unreachable { cause: "no answer in time".to_owned() }),
        }
    }
}
