//! Browsers that are known again: a signed cookie that a browser gets when somebody signs in with it. It
//! lets nobody in; it only keeps strangers from spending the budgets of its holder (OWASP, device cookies).

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use connect_core::{DeviceId, EmailAddress, Timestamp};

use crate::KeyRing;
use crate::auth::{Auth, Client};

const LABEL: &str = "device";

/// How long a browser is known after it was last signed in with.
pub const KNOWN_FOR: Duration = Duration::from_secs(180 * 24 * 3600);

fn parts(id: DeviceId, email: &EmailAddress, ends: i64) -> [Vec<u8>; 3] {
    [id.to_string().into_bytes(), email.canonical().into_bytes(), ends.to_be_bytes().to_vec()]
}

/// What a browser keeps: its id, the end, and what only the desk can make, for this account.
fn written(keys: &KeyRing, id: DeviceId, email: &EmailAddress, now: Timestamp) -> String {
    let ends = now.plus(KNOWN_FOR).as_micros() / 1_000_000;
    let tag = keys.tag(LABEL, &parts(id, email, ends).each_ref().map(Vec::as_slice));
    format!("{id}.{ends}.{}", URL_SAFE_NO_PAD.encode(tag))
}

/// The browser that such a text makes known for an account.
fn read(keys: &KeyRing, text: &str, email: &EmailAddress, now: Timestamp) -> Option<DeviceId> {
    let mut fields = text.split('.');
    let (id, ends, tag) = (fields.next()?.parse().ok()?, fields.next()?.parse::<i64>().ok()?, fields.next()?);
    let tag: [u8; 32] = URL_SAFE_NO_PAD.decode(tag).ok()?.try_into().ok()?;
    let is_ours = keys.verify(LABEL, &parts(id, email, ends).each_ref().map(Vec::as_slice), &tag);
    (is_ours && fields.next().is_none() && now.as_micros() / 1_000_000 < ends).then_some(id)
}

impl Auth {
    /// The browser of a client, if it is known for the account of this address.
    pub(crate) fn known_device(&self, client: &Client, email: &EmailAddress) -> Option<DeviceId> {
        let text = client.device.as_deref().filter(|text| text.len() <= 200)?;
        read(&self.inner.keys, text, email, self.inner.desk.now())
    }

    /// What makes a browser known for an account.
    pub(crate) fn device_text(&self, device: DeviceId, email: &EmailAddress) -> String {
        written(&self.inner.keys, device, email, self.inner.desk.now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sec_18_a_browser_is_known_for_its_account_and_its_time_only() {
        let keys = |byte| KeyRing::new(vec![byte; 32], Vec::new()).expect("long enough");
        let email = |text| EmailAddress::parse("email", text).expect("an address");
        let (ada, bob) = (email("ada@example.org"), email("bob@example.org"));
        let (id, now) = (DeviceId::from_bits(7), Timestamp::from_micros(1_767_258_000_000_000));
        let text = written(&keys(1), id, &ada, now);
        assert_eq!(read(&keys(1), &text, &ada, now), Some(id));
        assert_eq!(read(&keys(1), &text, &email("Ada@EXAMPLE.org"), now), Some(id), "by the canonical address");
        assert_eq!(read(&keys(1), &text, &bob, now), None, "another account");
        assert_eq!(read(&keys(2), &text, &ada, now), None, "another secret");
        assert_eq!(read(&keys(1), &text, &ada, now.plus(KNOWN_FOR)), None, "it ends");
        let other = text.replace(&id.to_string(), &DeviceId::from_bits(8).to_string());
        assert_eq!(read(&keys(1), &other, &ada, now), None, "another browser");
        for bad in ["", ".", "..", "dev_1.2.3", &text[1..], &format!("{text}.x"), &format!("{text}=")] {
            assert_eq!(read(&keys(1), bad, &ada, now), None, "{bad:?}");
        }
    }
}
