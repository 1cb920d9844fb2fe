//! A channel that keeps mail instead of sending it: for development and for tests.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use super::{Channel, ChannelLimits, Handed, Mail, Outgoing, SendFailure};
use crate::Timestamp;

/// Most mails a recorder keeps; the oldest go first.
const CAPACITY: usize = 500;

/// A mail that was kept.
#[derive(Debug, Clone)]
pub struct RecordedMail {
    /// The mail.
    pub mail: Mail,
    /// When it was kept.
    pub at: Timestamp,
}

/// Keeps mail in memory, newest first.
#[derive(Debug)]
pub struct Recorder {
    clock: std::sync::Arc<dyn crate::Clock>,
    kept: Mutex<VecDeque<RecordedMail>>,
}

impl Recorder {
    /// An empty recorder.
    pub fn new(clock: std::sync::Arc<dyn crate::Clock>) -> Self {
        Self { clock, kept: Mutex::default() }
    }

    /// What was kept, newest first.
    pub fn mails(&self) -> Vec<RecordedMail> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

#[async_trait]
impl Channel for Recorder {
    fn name(&self) -> &'static str {
        "mail"
    }

    fn limits(&self) -> ChannelLimits {
        ChannelLimits::at_once(8)
    }

    async fn send(&self, outgoing: &Outgoing) -> Result<Handed, SendFailure> {
        let Outgoing::Mail(mail) = outgoing else {
            return Err(SendFailure::Permanent("this is no mail".to_owned()));
        };
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        // Like a mailbox that tells repeats by their Message-ID.
        if kept.iter().all(|known| known.mail.message_id != mail.message_id) {
            kept.push_front(RecordedMail { mail: mail.as_ref().clone(), at: self.clock.now() });
            kept.truncate(CAPACITY);
        }
        Ok(Handed::default())
    }

    async fn probe(&self) -> Result<(), SendFailure> {
        Ok(())
    }
}
