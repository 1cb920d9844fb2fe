//! What is kept between two requests of one browser: sealed, for ten minutes, taken once.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use connect_core::store::Flow;
use connect_core::{Random, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::auth::Auth;

/// How long a step may take.
pub(super) const LIFETIME: Duration = Duration::from_secs(10 * 60);

/// What a browser holds so that the next step can be taken by it and by no other: 256 random bits.
#[derive(Clone, PartialEq, Eq)]
pub struct BrowserSecret([u8; 32]);

impl std::fmt::Debug for BrowserSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BrowserSecret(…)")
    }
}

impl BrowserSecret {
    pub(super) fn draw(random: &dyn Random) -> Self {
        Self(random.bytes())
    }

    /// The text that a cookie holds.
    pub fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// Reads that text.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > 64 {
            return None;
        }
        URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok().map(Self)
    }
}

impl Auth {
    /// The id of a flow: it is found only by who shows both the browser's secret and the state. A wrong pair finds
    /// nothing, and so ends nothing of somebody else's.
    fn flow_id(&self, kind: &str, browser: &BrowserSecret, state: &str) -> [u8; 32] {
        self.inner.keys.tag("oauth flow", &[kind.as_bytes(), &browser.0, state.as_bytes()])
    }

    pub(super) async fn keep_flow<T: Serialize>(
        &self,
        kind: &str,
        browser: &BrowserSecret,
        state: &str,
        value: &T,
    ) -> Result<()> {
        let (desk, now) = (&self.inner.desk, self.inner.desk.now());
        let text = serde_json::to_string(value).map_err(|error| connect_core::Error::Internal(error.to_string()))?;
        let flow = Flow {
            id_hash: self.flow_id(kind, browser, state),
            kind: kind.to_owned(),
            data: self.inner.keys.seal(kind, &text, desk.random()),
            expires_at: now.plus(LIFETIME),
        };
        if self.inner.store.put_flow(flow, now).await? {
            Ok(())
        } else {
            Err(connect_core::Error::Internal("random bits came twice".to_owned()))
        }
    }

    pub(super) async fn take_flow<T: DeserializeOwned>(
        &self,
        kind: &str,
        browser: &BrowserSecret,
        state: &str,
    ) -> Result<Option<T>> {
        let flow = self.inner.store.take_flow(self.flow_id(kind, browser, state), self.inner.desk.now()).await?;
        let text = flow.filter(|flow| flow.kind == kind).and_then(|flow| self.inner.keys.open(kind, &flow.data));
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
    }
}
