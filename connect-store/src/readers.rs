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

/// A connection, and since when the pool has not seen it.
struct Kept<DB: Database> {
    connection: PoolConnection<DB>,
    since: Instant,
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
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let kept = match kept {
            Some(kept) => kept,
            None => Kept { connection: self.pool.acquire().await?, since: Instant::now() },
        };
        Ok(Reader { readers: self, kept, _place: place })
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
        let kept = std::mem::take(&mut *self.kept.lock().unwrap_or_else(PoisonError::into_inner));
        drop(kept);
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
        let Self { readers, kept, _place } = self;
        match &answer {
            Ok(_) if readers.keeps && kept.since.elapsed() < KEPT_FOR => {
                readers.kept.lock().unwrap_or_else(PoisonError::into_inner).push(kept);
            }
            // Where one is broken, others that were made with it will be.
            Err(sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed) => readers.forget(),
            _ => {}
        }
        answer
    }

    /// Closes a connection that does not answer: the pool would wait for it.
    #[cfg(feature = "postgres")]
    pub(crate) fn abandon(self) {
        drop(self.kept.connection.detach());
    }
}
