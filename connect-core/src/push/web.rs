//! Messages to browsers, encrypted for each (RFC 8291) and handed to its maker's push service (RFC 8030).

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use sha2::{Digest, Sha256};
use web_push_native::{Auth, encrypt, p256};

use super::{PushMessage, Reach, VapidKey, WEB_PUSH};
use crate::Clock;
use crate::dispatch::Backoff;
use crate::fetch::{Fetch, FetchRequest};
use crate::notify::{Channel, ChannelLimits, Handed, Outgoing, SendFailure};

/// How long a push service keeps a message for a browser that is away.
const KEPT_FOR: &str = "86400";
/// The longest that a push service may ask to be left alone for.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3600);

/// Sends to browsers.
#[derive(Debug)]
pub struct WebPush {
    key: VapidKey,
    fetch: Arc<dyn Fetch>,
    clock: Arc<dyn Clock>,
}

impl WebPush {
    /// A channel that sends with this key. Endpoints come from people: what fetches must refuse private addresses.
    pub fn new(key: VapidKey, fetch: Arc<dyn Fetch>, clock: Arc<dyn Clock>) -> Self {
        Self { key, fetch, clock }
    }

    fn request(&self, message: &PushMessage) -> Result<FetchRequest, SendFailure> {
        let [device] = message.devices.as_slice() else {
            return Err(SendFailure::Permanent("each browser is sent to by itself".to_owned()));
        };
        let Reach::Web { endpoint, p256dh, auth } = &device.reach else {
            return Err(SendFailure::Permanent("this device is no browser".to_owned()));
        };
        let decode = |text: &str| URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).unwrap_or_default();
        let gone = || SendFailure::Gone("the browser's keys are no keys".to_owned());
        let public = p256::PublicKey::from_sec1_bytes(&decode(p256dh)).map_err(|_| gone())?;
        let auth: [u8; 16] = decode(auth).try_into().map_err(|_| gone())?;
        let PushMessage { title, body, link, tag, .. } = message;
        let said = json!({"title": title, "body": body, "link": link, "tag": tag}).to_string();
        let sealed = encrypt(said.into_bytes(), &public, &Auth::from(auth))
            .map_err(|error| SendFailure::Permanent(error.to_string()))?;
        let origin = url::Url::parse(endpoint).map_err(|_| gone())?.origin().ascii_serialization();
        let authorization = self.key.authorization(&origin, self.clock.now());
        let authorization = authorization.ok_or_else(|| SendFailure::Permanent("it cannot be signed".to_owned()))?;
        // At most 32 characters of URL-safe base 64 (RFC 8030, section 5.4).
        let topic = URL_SAFE_NO_PAD.encode(&Sha256::digest(tag)[..24]);
        let headers = [
            ("ttl", KEPT_FOR.to_owned()),
            ("urgency", "normal".to_owned()),
            ("topic", topic),
            ("content-type", "application/octet-stream".to_owned()),
            ("content-encoding", "aes128gcm".to_owned()),
            ("authorization", authorization),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value)).to_vec();
        Ok(FetchRequest { url: endpoint.clone(), headers, body: Some(sealed) })
    }
}

/// What a push service's status means.
fn outcome(status: u16, retry_after: Option<u64>) -> Result<Handed, SendFailure> {
    let said = format!("the push service answered {status}");
    match status {
        200..=299 => Ok(Handed::default()),
        404 | 410 => Err(SendFailure::Gone(said)),
        400 | 413 => Err(SendFailure::Permanent(said)),
        429 | 500..=599 => match retry_after.map(Duration::from_secs) {
            Some(wait) => Err(SendFailure::RetryAfter(said, wait.min(LONGEST_WAIT))),
            None => Err(SendFailure::Retry(said)),
        },
        // 401 and 403 among them: that is about the desk's key, which is repaired some day.
        _ => Err(SendFailure::Retry(said)),
    }
}

#[async_trait]
impl Channel for WebPush {
    fn name(&self) -> &'static str {
        WEB_PUSH
    }

    fn limits(&self) -> ChannelLimits {
        // What is older than a day is of no use to whoever looks at their screen.
        let steps = [2, 10, 60, 300, 900, 3600].into_iter().map(Duration::from_secs).collect();
        ChannelLimits {
            concurrency: 16,
            per_second: None,
            backoff: Backoff::new(steps, Duration::from_secs(24 * 3600)),
        }
    }

    async fn send(&self, outgoing: &Outgoing) -> Result<Handed, SendFailure> {
        let Outgoing::Push(message) = outgoing else {
            return Err(SendFailure::Permanent("this is no push".to_owned()));
        };
        match self.fetch.fetch(self.request(message)?).await {
            Ok(answer) => outcome(answer.status, answer.retry_after),
            Err(error) => Err(SendFailure::Retry(error.to_string())),
        }
    }

    async fn probe(&self) -> Result<(), SendFailure> {
        // There is no other side but those of the browsers.
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fetch::FetchError;
    use crate::push::PushDevice;
    use crate::testing::{ManualClock, SeededRandom};
    use crate::{PushDeviceId, Timestamp};
    use web_push_native::decrypt;
    use web_push_native::p256::elliptic_curve::sec1::ToEncodedPoint;

    #[derive(Debug)]
    struct Nobody;

    #[async_trait]
    impl Fetch for Nobody {
        async fn fetch(&self, _: FetchRequest) -> Result<crate::fetch::Fetched, FetchError> {
            Err(FetchError::TimedOut)
        }
    }

    #[test]
    fn only_the_browser_reads_what_it_is_sent() {
        let key = VapidKey::generate(&SeededRandom::new(1), "mailto:desk@desk.example").expect("a key");
        let channel = WebPush::new(key, Arc::new(Nobody), Arc::new(ManualClock::default()));
        let secret = p256::SecretKey::from_slice(&[7; 32]).expect("a key");
        let p256dh = URL_SAFE_NO_PAD.encode(secret.public_key().to_encoded_point(false).as_bytes());
        let device = |endpoint: &str, p256dh: &str| PushDevice {
            id: PushDeviceId::from_bits(1),
            name: String::new(),
            reach: Reach::Web {
                endpoint: endpoint.to_owned(),
                p256dh: p256dh.to_owned(),
                auth: URL_SAFE_NO_PAD.encode([9; 16]),
            },
            created_at: Timestamp::default(),
        };
        let message = |device: PushDevice| PushMessage {
            id: "dlv_1".to_owned(),
            devices: vec![device],
            title: "Ticket #7 is yours".to_owned(),
            body: "Grüße".to_owned(),
            link: "https://desk.example/acme/tickets/7".to_owned(),
            tag: "tkt_1-assigned".to_owned(),
        };
        let request = channel.request(&message(device("https://push.example/a/b", &p256dh))).expect("composed");
        let header = |name: &str| {
            request.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone()).expect("a header")
        };
        assert_eq!((header("content-encoding").as_str(), header("ttl").as_str()), ("aes128gcm", "86400"));
        assert!(header("topic").len() == 32 && header("authorization").starts_with("vapid t="));
        let sealed = request.body.expect("a body");
        assert!(sealed.len() <= 4096 && !String::from_utf8_lossy(&sealed).contains("Ticket"));
        let read = decrypt(sealed.clone(), &secret, &Auth::from([9; 16])).expect("the browser reads it");
        let read: serde_json::Value = serde_json::from_slice(&read).expect("JSON");
        assert_eq!(read["title"], "Ticket #7 is yours");
        assert_eq!(read["body"], "Grüße");
        assert!(decrypt(sealed, &secret, &Auth::from([8; 16])).is_err());
        let bad = channel.request(&message(device("https://push.example/", "AAAA")));
        assert!(matches!(bad, Err(SendFailure::Gone(_))));
    }

    #[test]
    fn a_status_says_whether_the_browser_is_gone() {
        for status in [200, 201, 202, 204] {
            assert!(outcome(status, None).is_ok());
        }
        for status in [404, 410] {
            assert!(matches!(outcome(status, None), Err(SendFailure::Gone(_))));
        }
        for status in [400, 413] {
            assert!(matches!(outcome(status, None), Err(SendFailure::Permanent(_))));
        }
        for status in [301, 401, 403, 429, 500, 503] {
            assert!(matches!(outcome(status, None), Err(SendFailure::Retry(_))), "{status}");
        }
        let Err(SendFailure::RetryAfter(_, wait)) = outcome(429, Some(1_000_000_000)) else { panic!("a wait") };
        assert_eq!(wait, LONGEST_WAIT);
    }
}
