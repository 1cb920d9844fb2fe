//! A host's own consumer of the journal, which fails before or after it has written what it took.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use connect_core::dispatch::Consumer;
use connect_core::event::Event;
use connect_core::{Desk, WorkspaceId};

use super::Dice;

/// What was taken of a workspace, in order, and how often something came again.
#[derive(Debug, Default)]
struct Taken {
    seqs: Vec<u64>,
    again: u64,
}

#[derive(Debug, Clone)]
pub(crate) struct Ledger {
    dice: Dice,
    calm: Arc<Mutex<bool>>,
    taken: Arc<Mutex<BTreeMap<WorkspaceId, Taken>>>,
}

impl Ledger {
    pub(crate) fn new(dice: Dice, calm: Arc<Mutex<bool>>) -> Self {
        Self { dice, calm, taken: Arc::default() }
    }

    pub(crate) fn taken(&self, workspace: WorkspaceId) -> Vec<u64> {
        self.taken.lock().expect("taken").get(&workspace).map(|taken| taken.seqs.clone()).unwrap_or_default()
    }

    pub(crate) fn again(&self) -> u64 {
        self.taken.lock().expect("taken").values().map(|taken| taken.again).sum()
    }
}

#[async_trait]
impl Consumer for Ledger {
    fn name(&self) -> &'static str {
        "ledger"
    }

    async fn take(&self, _: &Desk, workspace: WorkspaceId, events: &[Event]) -> Result<(), String> {
        tokio::task::yield_now().await;
        let luck = if *self.calm.lock().expect("calm") { 9 } else { self.dice.below(10) };
        if luck == 0 {
            return Err("the ledger is locked".to_owned());
        }
        {
            let mut all = self.taken.lock().expect("taken");
            let taken = all.entry(workspace).or_default();
            for event in events {
                let last = taken.seqs.last().copied().unwrap_or_default();
                assert!(event.seq <= last + 1, "{workspace}: after {last} comes {}", event.seq);
                if event.seq > last {
                    taken.seqs.push(event.seq);
                } else {
                    taken.again += 1;
                }
            }
        }
        tokio::task::yield_now().await;
        if luck == 1 { Err("the ledger broke off".to_owned()) } else { Ok(()) }
    }
}
