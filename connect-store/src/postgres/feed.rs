//! Wake-ups by `LISTEN` and `NOTIFY`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use connect_core::StoreError;
use connect_core::store::{Fanout, Hint, LiveFeed, Sign, Signal, Signals, Signs};
use sqlx::postgres::{PgConnectOptions, PgListener, PgPool, PgPoolOptions};
use tokio::sync::{mpsc, watch};
use tracing::{debug, warn};

use super::PostgresStore;
use crate::gathered::{Gathered, Queue, Said};

/// For how long hints are gathered. A notification takes a lock over the whole database while it commits,
/// so few are sent, and never within the transaction of a change.
const GATHER: Duration = Duration::from_millis(50);

/// A feed between the nodes of one database. It holds two connections of its own, which must reach the
/// server directly: through a pooler that shares connections, notifications do not arrive, and the nodes
/// follow each other by polling only.
#[derive(Debug)]
pub struct PostgresFeed {
    fanout: Fanout,
    queue: Queue,
    listening: Arc<AtomicBool>,
    /// Ends the tasks when the feed is dropped.
    _alive: watch::Sender<()>,
}

impl PostgresFeed {
    /// A feed over the database of a store. It starts at once and keeps trying while the server is away.
    pub fn start(store: &PostgresStore) -> Self {
        let (options, channel) = store.feed_options();
        let (alive, gone) = watch::channel(());
        let (queue, waiting) = Queue::new();
        let (fanout, listening) = (Fanout::default(), Arc::new(AtomicBool::new(false)));
        let pool =
            PgPoolOptions::new().max_connections(1).test_before_acquire(false).connect_lazy_with(options.clone());
        tokio::spawn(send(pool, channel.clone(), waiting));
        tokio::spawn(listen(options, channel, fanout.clone(), listening.clone(), gone));
        Self { fanout, queue, listening, _alive: alive }
    }
}

#[async_trait]
impl LiveFeed for PostgresFeed {
    fn publish(&self, hint: Hint) {
        // This node need not wait for the way over the server.
        self.fanout.send(Signal::Look(hint));
        if !self.queue.hint(hint) {
            debug!("a hint was dropped");
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
        let is_listening = self.listening.load(Ordering::Acquire);
        is_listening.then_some(()).ok_or_else(|| StoreError::unavailable("the feed is not connected"))
    }
}

/// Sends the newest of what is said, a batch at a time, until the feed is gone.
async fn send(pool: PgPool, channel: String, mut waiting: mpsc::Receiver<Said>) {
    while let Some(said) = waiting.recv().await {
        let mut gathered = Gathered::default();
        gathered.note(said);
        tokio::time::sleep(GATHER).await;
        gathered.note_waiting(&mut waiting);
        let payloads = gathered.texts();
        let statement = "SELECT pg_notify($1, payload) FROM unnest($2) AS payload";
        let sent = sqlx::query(statement).bind(&channel).bind(&payloads).execute(&pool);
        match tokio::time::timeout(Duration::from_secs(5), sent).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => warn!(%error, "hints could not be sent"),
            Err(_) => warn!("hints could not be sent in time"),
        }
    }
    pool.close().await;
}

/// Follows the channel until the feed is gone, and makes every gap known.
async fn listen(
    options: PgConnectOptions,
    channel: String,
    fanout: Fanout,
    listening: Arc<AtomicBool>,
    mut gone: watch::Receiver<()>,
) {
    let mut wait = Duration::from_millis(100);
    loop {
        let followed = follow(&options, &channel, &fanout, &listening);
        tokio::select! {
            _ = gone.changed() => return,
            error = followed => {
                if listening.swap(false, Ordering::AcqRel) {
                    wait = Duration::from_millis(100);
                }
                warn!(%error, "the feed is connected again soon");
            }
        }
        tokio::select! {
            _ = gone.changed() => return,
            () = tokio::time::sleep(wait) => {}
        }
        wait = (wait * 2).min(Duration::from_secs(2));
    }
}

/// Follows the channel over one connection; answers why it ended.
async fn follow(options: &PgConnectOptions, channel: &str, fanout: &Fanout, listening: &AtomicBool) -> sqlx::Error {
    let pool = PgPoolOptions::new().max_connections(1).connect_lazy_with(options.clone());
    let followed = async {
        let mut listener = PgListener::connect_with(&pool).await?;
        listener.listen(channel).await?;
        listening.store(true, Ordering::Release);
        // Whatever was said while nobody listened was missed.
        fanout.send(Signal::LookEverywhere);
        loop {
            match listener.try_recv().await? {
                Some(notification) => match Said::read(notification.payload()) {
                    Some(Said::Hint(hint)) => fanout.send(Signal::Look(hint)),
                    Some(Said::Sign(sign)) => fanout.tell(sign),
                    None => debug!(payload = notification.payload(), "not a hint"),
                },
                // The listener has lost its connection, and gets another one with the next call.
                None => fanout.send(Signal::LookEverywhere),
            }
        }
    };
    let ended: Result<std::convert::Infallible, sqlx::Error> = followed.await;
    match ended {
        Err(error) => error,
        Ok(never) => match never {},
    }
}
