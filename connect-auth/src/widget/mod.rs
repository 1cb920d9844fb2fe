//! Tokens for widgets: a host's server says for a few minutes, in a text that it signs, who of its customers looks at
//! a page of its own. `docs/embedding.md` tells the format for other languages.

mod token;

use connect_core::Result;

use crate::auth::{Auth, Client};
use crate::host::CustomerIdentity;

pub use token::{BadWidgetKey, WidgetKey};

/// By what those are known who show such a token, as the journal names it.
pub const WIDGET_METHOD: &str = "widget_token";

impl Auth {
    /// The customer whom a token names; none if it is not good: ended, of the future, altered, of an unknown key, for
    /// a workspace that is not there, or any at all where the desk has no key. Which of them is not told.
    ///
    /// Nothing is stored of a token: it is good until it ends, and the next one comes from the host.
    pub async fn authenticate_widget(&self, token: &str, client: &Client) -> Result<Option<CustomerIdentity>> {
        let keys = &self.inner.settings.widget_keys;
        let Some((customer, ends_at)) = token::open(keys, token, self.inner.desk.now()) else { return Ok(None) };
        self.customer(&customer, WIDGET_METHOD, Some(ends_at), client).await
    }
}
