//! How many different addresses one client asks codes for.

use std::time::Duration;

use connect_core::Result;
use connect_core::store::Quota;

use crate::auth::Auth;

impl Auth {
    /// Counts an address among those that this client has asked codes for; one that was among them already
    /// counts once. Exact in one direction: parallel requests may be refused too many, never too few.
    pub(crate) async fn count_address(&self, client: &str, account: &str) -> Result<()> {
        let quota = self.inner.settings.quotas.addresses_per_ip;
        let mark = format!("address:{client} {account}");
        let once = Quota { limit: 1, ..quota };
        // A window of no length only looks. The mark is set last, so a refused address leaves none behind
        // under which the next request for it would pass.
        let look = Quota { window: Duration::ZERO, ..once };
        if !self.take(mark.clone(), look).await?.allowed {
            return Ok(());
        }
        let count = format!("addresses-ip:{client}");
        self.count(count.clone(), quota).await?;
        if !self.take(mark, once).await?.allowed {
            // A parallel request for the same address was counted.
            self.inner.limiter.give_back(count, self.inner.desk.now()).await?;
        }
        Ok(())
    }
}
