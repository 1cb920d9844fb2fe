//! Whom passkeys are made for: the desk, by the name in its public address.

use connect_core::Desk;
use webauthn_rs::prelude::{Url, Webauthn, WebauthnBuilder};

use super::question::LIFETIME;

/// The desk as the devices of its users know it. Its name and origin come from the settings, never from a request.
#[derive(Debug)]
pub(crate) struct RelyingParty(Webauthn);

impl std::ops::Deref for RelyingParty {
    type Target = Webauthn;

    fn deref(&self) -> &Webauthn {
        &self.0
    }
}

/// Whether browsers speak of passkeys with a site of this address: it has a name, and nobody reads along.
fn is_trusted(url: &Url) -> bool {
    match url.domain() {
        Some(name) => url.scheme() == "https" || name == "localhost" || name.ends_with(".localhost"),
        // An address of numbers has no name that a key could be for.
        None => false,
    }
}

impl RelyingParty {
    /// This desk, if browsers make passkeys for it.
    pub(crate) fn of(desk: &Desk) -> Option<Self> {
        let named = Self::at(&desk.settings().public_url);
        if named.is_none() {
            tracing::info!("there are no passkeys: the public address is neither https with a name nor localhost");
        }
        named
    }

    fn at(public_url: &str) -> Option<Self> {
        let url = Url::parse(public_url).ok().filter(is_trusted)?;
        let built = WebauthnBuilder::new(url.domain()?, &url).and_then(|made| made.timeout(LIFETIME).build());
        built.inspect_err(|error| tracing::warn!(%error, "there are no passkeys at the public address")).ok().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sec_85_passkeys_are_for_a_name_that_nobody_can_take_on_the_way() {
        for good in ["https://desk.example", "https://desk.example:8443/support", "http://localhost:8080"] {
            assert!(RelyingParty::at(good).is_some(), "{good}");
        }
        for bad in ["http://desk.example", "http://127.0.0.1:8080", "https://192.0.2.1", "https://[::1]", "desk", ""] {
            assert!(RelyingParty::at(bad).is_none(), "{bad}");
        }
    }
}
