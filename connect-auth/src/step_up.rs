//! Proving once more who one is, before something that a stolen session must not do.

use std::time::Duration;

use connect_core::{Error, Result};

use crate::auth::{Auth, Identity};

/// How long a proof counts as recent.
const RECENT: Duration = Duration::from_secs(10 * 60);

impl Auth {
    /// Refuses with [`Error::StepUpRequired`] unless the person proved who they are in the last ten minutes.
    pub fn require_recent(&self, identity: &Identity) -> Result<()> {
        let now = self.inner.desk.now();
        let proven = identity.session.proven_at;
        // A proof of the future is none: a clock was wrong.
        if proven <= now && now.since(proven) <= RECENT { Ok(()) } else { Err(Error::StepUpRequired) }
    }
}
