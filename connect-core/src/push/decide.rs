//! Decisions about the devices of a member.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{Devices, PushDevice, Reach};
use crate::change::{Moment, RecordChange};
use crate::event::Fact;
use crate::{Error, FieldError, PushDeviceId, Result, UserId, Version};

/// Most devices of a member. A further one takes the place of the oldest: browsers make new subscriptions now and then, and
/// do not say which are over.
const MAX_DEVICES: usize = 10;

/// A device that is to be sent messages.
#[derive(Debug, Clone)]
pub struct NewDevice {
    /// What its owner calls it.
    pub name: String,
    /// By what it is reached.
    pub reach: Reach,
}

fn is_base64(text: &str, bytes: usize) -> bool {
    URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).is_ok_and(|decoded| decoded.len() == bytes)
}

/// Whether an address is one that browsers give. On this machine it may be without TLS, for tests and development; whether
/// it is asked there, what fetches decides.
fn is_endpoint(text: &str) -> bool {
    let Ok(url) = url::Url::parse(text) else { return false };
    let is_local = match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        _ => false,
    };
    url.has_host() && (url.scheme() == "https" || url.scheme() == "http" && is_local)
}

impl NewDevice {
    /// What is taken, each id in its one spelling.
    fn checked(mut self) -> Result<Self> {
        let mut errors = Vec::new();
        if self.name.chars().count() > 100 || self.name.chars().any(char::is_control) {
            errors.push(FieldError::new("name", "too_long", "must have at most 100 characters, on one line"));
        }
        match &mut self.reach {
            Reach::Web { endpoint, p256dh, auth } => {
                if !is_endpoint(endpoint) || endpoint.len() > 2000 {
                    let detail = "must be the https address that the browser gave, of at most 2000 characters";
                    errors.push(FieldError::new("endpoint", "bad_url", detail));
                }
                if !is_base64(p256dh, 65) {
                    errors.push(FieldError::new("keys.p256dh", "bad_key", "must be 65 bytes in URL-safe base 64"));
                }
                if !is_base64(auth, 16) {
                    errors.push(FieldError::new("keys.auth", "bad_key", "must be 16 bytes in URL-safe base 64"));
                }
            }
            Reach::OneSignal { subscription_id } => match uuid::Uuid::parse_str(subscription_id) {
                Ok(id) => *subscription_id = id.hyphenated().to_string(),
                Err(_) => errors.push(FieldError::new("subscription_id", "bad_id", "must be a UUID")),
            },
        }
        if errors.is_empty() { Ok(self) } else { Err(Error::Invalid(errors)) }
    }
}

impl Devices {
    pub(super) fn none(user: UserId) -> Self {
        Self { user, devices: Vec::new(), version: Version::ABSENT }
    }

    /// Decides a further device. One that is known by its address stays the one it is, with the keys it has now.
    pub(super) fn add(&self, new: NewDevice, moment: &Moment) -> Result<(PushDevice, Option<RecordChange>)> {
        let new = new.checked()?;
        let is_same = |device: &PushDevice| match (&device.reach, &new.reach) {
            (Reach::Web { endpoint: known, .. }, Reach::Web { endpoint, .. }) => known == endpoint,
            (known, reach) => known == reach,
        };
        let mut next = Self { version: self.version.next(), ..self.clone() };
        let known = next.devices.iter().position(is_same).map(|place| next.devices.remove(place));
        let (id, created_at) = match &known {
            Some(known) => (known.id, known.created_at),
            None => (moment.ids().push_device(), moment.now()),
        };
        let device = PushDevice { id, name: new.name, reach: new.reach, created_at };
        if known.as_ref() == Some(&device) {
            return Ok((device, None));
        }
        if next.devices.len() == MAX_DEVICES {
            next.devices.remove(0);
        }
        next.devices.push(device.clone());
        let fact = Fact::PushDeviceAdded { user: self.user, device: id };
        Ok((device, Some(RecordChange::update(&next, self.version, fact))))
    }

    /// Decides that devices go; none when they are not there.
    pub(super) fn remove(&self, gone: &[PushDeviceId]) -> Option<RecordChange> {
        let mut next = Self { version: self.version.next(), ..self.clone() };
        next.devices.retain(|device| !gone.contains(&device.id));
        let first = self.devices.iter().find(|device| gone.contains(&device.id))?;
        let fact = Fact::PushDeviceRemoved { user: self.user, device: first.id };
        Some(RecordChange::update(&next, self.version, fact))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ManualClock, SeededRandom};
    use crate::{Actor, Clock, Ids};
    use std::sync::Arc;

    fn web(n: usize) -> NewDevice {
        let key = URL_SAFE_NO_PAD.encode([4; 65]);
        let auth = URL_SAFE_NO_PAD.encode([1; 16]);
        let reach = Reach::Web { endpoint: format!("https://push.example/{n}"), p256dh: key, auth };
        NewDevice { name: String::new(), reach }
    }

    #[test]
    fn a_browser_that_comes_again_is_the_same_device_and_there_are_not_too_many() {
        let clock = Arc::new(ManualClock::default());
        let ids = Ids::new(clock.clone(), Arc::new(SeededRandom::new(1)));
        let moment = Moment::new(&ids, clock.now(), Actor::System);
        let mut devices = Devices::none(UserId::from_bits(1));
        let add = |devices: &mut Devices, new: NewDevice| {
            let (device, change) = devices.add(new, &moment).expect("taken");
            if change.is_some() {
                devices.devices.retain(|known| known.id != device.id);
                devices.devices.push(device.clone());
                devices.devices.drain(..devices.devices.len().saturating_sub(MAX_DEVICES));
            }
            (device.id, change.is_some())
        };
        let (first, _) = add(&mut devices, web(0));
        assert_eq!(add(&mut devices, web(0)), (first, false), "nothing is different");
        let renewed = NewDevice { name: "Laptop".to_owned(), ..web(0) };
        assert_eq!(add(&mut devices, renewed), (first, true), "another name, the same device");
        for n in 1..=MAX_DEVICES {
            add(&mut devices, web(n));
        }
        assert!(devices.devices.iter().all(|device| device.id != first), "the oldest has gone");
        assert!(devices.remove(&[first]).is_none());
    }

    #[test]
    fn what_no_browser_gives_is_refused() {
        let refused = |reach: Reach| match (NewDevice { name: String::new(), reach }).checked() {
            Err(Error::Invalid(errors)) => errors.into_iter().map(|error| error.field).collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        };
        let reach = |endpoint: &str, p256dh: &str, auth: &str| Reach::Web {
            endpoint: endpoint.to_owned(),
            p256dh: p256dh.to_owned(),
            auth: auth.to_owned(),
        };
        assert_eq!(refused(reach("http://push.example/x", "", "x y")), ["endpoint", "keys.p256dh", "keys.auth"]);
        assert_eq!(refused(Reach::OneSignal { subscription_id: "1; drop".to_owned() }), ["subscription_id"]);
    }
}
