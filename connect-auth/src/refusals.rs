//! Refusals in the journal: kept one by one, but only so many, so that nobody can flood it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use connect_core::event::Fact;
use connect_core::{Actor, ApiKeyId, ChangeSet, Result, Timestamp, WorkspaceId};
use tracing::warn;

use crate::auth::{Auth, Client};

/// For how long refusals of one client are counted together.
const WINDOW: Duration = Duration::from_secs(60);
/// How many of a client's are kept one by one in that time.
const EACH: u32 = 20;
/// How many of all clients together.
const ALL: u32 = 600;
/// Of how many clients is told apart what was not kept; of all others together. So a minute costs the journal no more.
const TOLD: usize = 20;
/// How many clients are counted apart; all others count as one.
const CLIENTS: usize = 10_000;

/// Where something was refused, and to whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// The workspace; the directory where it is none's.
    pub workspace: WorkspaceId,
    /// Who asked; the desk itself where nobody knows.
    pub actor: Actor,
    /// The API key by which a program asked on the actor's behalf.
    pub key: Option<ApiKeyId>,
}

impl Default for Refused {
    fn default() -> Self {
        Self { workspace: WorkspaceId::DIRECTORY, actor: Actor::System, key: None }
    }
}

/// What one client was refused within a while.
#[derive(Debug)]
struct Window {
    since: Timestamp,
    kept: u32,
    suppressed: u64,
    client: Client,
}

/// Counts refusals; of this process.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    counted: Mutex<Counted>,
}

#[derive(Debug, Default)]
struct Counted {
    windows: HashMap<String, Window>,
    /// Since when all clients are counted together, and how many were kept.
    all: (Timestamp, u32),
}

impl Refusals {
    /// Counts one; answers whether it is to be kept.
    fn count(&self, client: &Client, now: Timestamp) -> bool {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let Counted { windows, all } = &mut *counted;
        if is_over(all.0, now) {
            *all = (now, 0);
        }
        let mut key = client.quota_key();
        if !windows.contains_key(&key) && windows.len() >= CLIENTS {
            "others".clone_into(&mut key);
        }
        let fresh = || Window { since: now, kept: 0, suppressed: 0, client: client.clone() };
        let window = windows.entry(key).or_insert_with(fresh);
        if window.kept < EACH && all.1 < ALL {
            window.kept += 1;
            all.1 += 1;
            true
        } else {
            window.suppressed += 1;
            false
        }
    }

    /// Takes out the windows that have ended, and answers whose refusals were not all kept, and how many: of those
    /// with the most each for itself, of all others in one number under a client that nothing is known of.
    fn ended(&self, now: Timestamp) -> Vec<(Client, u64)> {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let ended = counted.windows.extract_if(|_, window| is_over(window.since, now));
        let suppressed = ended.filter(|(_, window)| window.suppressed > 0);
        let mut told: Vec<_> = suppressed.map(|(_, window)| (window.client, window.suppressed)).collect();
        drop(counted);
        told.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        if told.len() > TOLD {
            let others = told.drain(TOLD..).map(|(_, count)| count).sum();
            told.push((Client::default(), others));
        }
        told
    }
}

fn is_over(since: Timestamp, now: Timestamp) -> bool {
    // A clock that was put back ends it, too.
    now < since || now.since(since) >= WINDOW
}

impl Auth {
    /// Keeps in the journal that something was refused. Of one client 20 a minute are kept, of all 600; for those
    /// beyond, a few events say how many they were. It is written on a task of its own: whoever asked may go away,
    /// and a journal that cannot be written makes no refusal undone.
    pub async fn refused(&self, client: &Client, place: Refused, method: Option<&str>, fact: Fact) {
        let auth = self.clone();
        let cause = client.cause(method, self.inner.desk.random());
        // Whose minute is over begins anew with this refusal.
        let ended = self.inner.refusals.ended(self.inner.desk.now());
        let is_kept = self.inner.refusals.count(client, self.inner.desk.now());
        let task = tokio::spawn(async move {
            auth.tell(ended).await;
            if !is_kept {
                return;
            }
            let moment = auth.inner.desk.moment_of(place.actor).by_key(place.key).because(cause);
            let changes = ChangeSet::new(&moment).fact(fact, &moment);
            if let Err(error) = auth.inner.desk.commit_facts(place.workspace, changes).await {
                warn!(%error, "a refusal could not be kept");
            }
        });
        if let Err(error) = task.await {
            warn!(%error, "a refusal could not be kept");
        }
    }

    /// Says how many refusals were not kept one by one, of the minutes that are over.
    pub(crate) async fn tell_suppressed(&self) {
        self.tell(self.inner.refusals.ended(self.inner.desk.now())).await;
    }

    /// All at once, as a request waits for it: stores write commits that wait together.
    async fn tell(&self, suppressed: Vec<(Client, u64)>) {
        let tell = |(client, count): (Client, u64)| {
            let auth = self.clone();
            tokio::spawn(async move {
                if let Err(error) = auth.note(&client, Fact::AccessSuppressed { count }).await {
                    warn!(%error, count, "suppressed refusals could not be told");
                }
            })
        };
        for told in suppressed.into_iter().map(tell).collect::<Vec<_>>() {
            if let Err(error) = told.await {
                warn!(%error, "suppressed refusals could not be told");
            }
        }
    }

    /// Keeps a fact of signing in, in the journal of the directory.
    pub(crate) async fn note(&self, client: &Client, fact: Fact) -> Result<()> {
        let cause = client.cause(None, self.inner.desk.random());
        let moment = self.inner.desk.moment_of(Actor::System).because(cause);
        self.inner.desk.commit_facts(WorkspaceId::DIRECTORY, ChangeSet::new(&moment).fact(fact, &moment)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(last: u8) -> Client {
        Client { ip: Some([192, 0, 2, last].into()), ..Client::default() }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn sec_80_a_flood_of_refusals_is_kept_in_part_and_counted_whole() {
        let refusals = Refusals::default();
        let kept = (0..1000).filter(|_| refusals.count(&client(1), at(0))).count();
        assert_eq!(kept, 20);
        assert!(refusals.count(&client(2), at(1)), "another client's are kept");
        assert!(refusals.ended(at(59)).is_empty());
        let told: Vec<_> =
            refusals.ended(at(60)).into_iter().map(|(client, count)| (client.quota_key(), count)).collect();
        assert_eq!(told, [("192.0.2.1".to_owned(), 980)], "told once the minute is over, and of whom");
        assert!(refusals.ended(at(300)).is_empty(), "and once; who had nothing suppressed is not spoken of");
        assert!(refusals.count(&client(1), at(301)), "and then it begins anew");
    }

    #[test]
    fn sec_80_many_clients_together_cannot_flood_it_either() {
        let refusals = Refusals::default();
        let kept = (0..=255).flat_map(|n| std::iter::repeat_n(n, 10)).filter(|n| refusals.count(&client(*n), at(0)));
        assert_eq!(kept.count(), 600);
        let told: u64 = refusals.ended(at(60)).into_iter().map(|(_, count)| count).sum();
        assert_eq!(told, 1960, "none is forgotten");
    }

    #[test]
    fn sec_80_what_was_suppressed_of_very_many_clients_is_told_in_few_rows() {
        let refusals = Refusals::default();
        for n in 0..5000_u32 {
            let client = Client { ip: Some(n.to_be_bytes().into()), ..Client::default() };
            let times = if n == 4999 { 100 } else { 1 };
            for _ in 0..times {
                refusals.count(&client, at(0));
            }
        }
        let told = refusals.ended(at(60));
        assert_eq!(told.len(), 21);
        assert_eq!(told[0].1, 100, "those with the most are told apart");
        assert_eq!(told[20].0.ip, None, "of the others it is not said who they were");
        assert_eq!(told.iter().map(|(_, count)| count).sum::<u64>(), 4999 + 100 - 600, "none is forgotten");
    }

    #[test]
    fn sec_80_memory_has_a_bound() {
        let refusals = Refusals::default();
        for n in 0..12_000_u32 {
            let client = Client { ip: Some(n.to_be_bytes().into()), ..Client::default() };
            refusals.count(&client, at(0));
        }
        assert_eq!(refusals.counted.lock().expect("no panic").windows.len(), CLIENTS + 1);
    }
}
