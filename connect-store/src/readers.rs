//! Connections that read, kept at hand from one read to the next.
//!
//! The driver's pool asks every connection it gets back for a sign of life: a second round trip for each read. One
//! that has just answered a read to its end has given that sign, so it stays here.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use sqlx::pool::PoolConnection;
use sqlx::{Database, Pool};
use tokio::sync::{Semaphore, SemaphorePermit};

/// How long a connection is kept before the pool has it again, which knows how old one may become.
const KEPT_FOR: Duration = Duration::from_secs(600);
/// How long one may lie idle. What stands between may have forgotten an older one, and would not say so.
const IDLE_FOR: Duration = Duration::from_secs(60);

/// A connection, since when the pool has not seen it, and when it was used last.
struct Kept<DB: Database> {
    connection: PoolConnection<DB>,
    since: Instant,
    used: Instant,
}

/// The connections that a store reads over.
pub(crate) struct Readers<DB: Database> {
    pool: Pool<DB>,
    /// As many as the pool has connections: so whoever has a place finds a kept one, or the pool has one left.
    places: Semaphore,
    kept: Mutex<Vec<Kept<DB>>>,
    keeps: bool,
}

impl<DB: Database> std::fmt::Debug for Readers<DB> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Readers").field("keeps", &self.keeps).finish_non_exhaustive()
    }
}

impl<DB: Database> Readers<DB> {
    /// Those of a pool that is used here only.
    pub(crate) fn own(pool: Pool<DB>) -> Self {
        Self::new(pool, true)
    }

    /// Those of a pool that a host uses, too: each goes back to it after every read.
    #[cfg(feature = "postgres")]
    pub(crate) fn of_host(pool: Pool<DB>) -> Self {
        Self::new(pool, false)
    }

    fn new(pool: Pool<DB>, keeps: bool) -> Self {
        let places = usize::try_from(pool.options().get_max_connections()).unwrap_or(Semaphore::MAX_PERMITS);
        let places = Semaphore::new(places.min(Semaphore::MAX_PERMITS));
        Self { pool, places, kept: Mutex::default(), keeps }
    }

    /// A connection, once one is free.
    pub(crate) async fn take(&self) -> Result<Reader<'_, DB>, sqlx::Error> {
        let place = self.places.acquire().await.map_err(|_| sqlx::Error::PoolClosed)?;
        let kept = match self.at_hand() {
            Some(kept) => kept,
            None => {
                let (connection, now) = (self.pool.acquire().await?, Instant::now());
                Kept { connection, since: now, used: now }
            }
        };
        Ok(Reader { readers: self, kept, _place: place })
    }

    /// The connection that was used last, unless that was long ago: then so it was with all of them.
    fn at_hand(&self) -> Option<Kept<DB>> {
        let last = self.kept.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
        if last.used.elapsed() < IDLE_FOR {
            return Some(last);
        }
        drop(last.connection.detach());
        self.discard();
        None
    }

    /// Closes all of them but a host's; reads are answered by [`sqlx::Error::PoolClosed`] from then on.
    pub(crate) async fn close(&self) {
        if self.keeps {
            self.places.close();
            self.forget();
            self.pool.close().await;
        }
    }

    /// Gives all that are kept back to the pool, which looks at them.
    fn forget(&self) {
        drop(self.taken());
    }

    /// Closes all that are kept, unseen: the pool would wait for each of them to answer.
    fn discard(&self) {
        self.taken().into_iter().for_each(|kept| drop(kept.connection.detach()));
    }

    fn taken(&self) -> Vec<Kept<DB>> {
        std::mem::take(&mut *self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A connection that somebody reads over. One that is dropped in the middle goes back to the pool, which sees what
/// is left of it.
pub(crate) struct Reader<'r, DB: Database> {
    readers: &'r Readers<DB>,
    kept: Kept<DB>,
    _place: SemaphorePermit<'r>,
}

impl<DB: Database> Reader<'_, DB> {
    pub(crate) fn connection(&mut self) -> &mut DB::Connection {
        &mut self.kept.connection
    }

    /// Ends the reading with what came of it. If all is well the connection stays at hand.
    pub(crate) fn done<T>(self, answer: Result<T, sqlx::Error>) -> Result<T, sqlx::Error> {
        let Self { readers, mut kept, _place } = self;
        match &answer {
            Ok(_) if readers.keeps && kept.since.elapsed() < KEPT_FOR => {
                kept.used = Instant::now();
                let mut at_hand = readers.kept.lock().unwrap_or_else(PoisonError::into_inner);
                // Asked behind the lock: closing takes what is kept once, after no more places are given out.
                if !readers.places.is_closed() {
                    at_hand.push(kept);
                }
            }
            // Where one is broken, others that were made with it will be.
            Err(error) if is_of_the_connection(error) => readers.discard(),
            _ => {}
        }
        answer
    }

    /// Closes a connection that does not answer: the pool would wait for it.
    #[cfg(feature = "postgres")]
    pub(crate) fn abandon(self) {
        drop(self.kept.connection.detach());
        self.readers.discard();
    }
}

/// Whether an error tells of the connection and not of what was asked: it broke, or the server ends it (SQLSTATE 57P..).
fn is_of_the_connection(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(error) => error.code().is_some_and(|code| code.starts_with("57P")),
        _ => false,
    }
}
