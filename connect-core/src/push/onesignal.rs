//! Messages by way of OneSignal's REST API (`POST /notifications`).

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{ONESIGNAL, PushMessage, Reach};
use crate::PushDeviceId;
use crate::fetch::{Fetch, FetchError, FetchRequest, Fetched};
use crate::notify::{Channel, ChannelLimits, Handed, Outgoing, SendFailure};

/// The longest that the service may ask to be left alone for.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3600);

/// Whose messages they are.
#[derive(Clone)]
pub struct OneSignalSettings {
    /// The app's id there.
    pub app_id: String,
    /// The app's API key.
    pub api_key: String,
    /// Where the API is: `https://api.onesignal.com`, unless something stands in for it.
    pub api_url: String,
}

impl std::fmt::Debug for OneSignalSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OneSignalSettings").field("app_id", &self.app_id).finish_non_exhaustive()
    }
}

/// Sends by OneSignal: all devices of a person in one request, which carries out once however often it is repeated.
#[derive(Debug)]
pub struct OneSignal {
    settings: OneSignalSettings,
    fetch: Arc<dyn Fetch>,
}

/// A UUID made of an id, of the version 4 that the service asks of an idempotency key.
fn idempotency_key(id: &str) -> uuid::Uuid {
    let digest = Sha256::digest(id);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}

/// An answer with status 200. `errors` is a list of sentences, or tells which of the subscriptions are none.
#[derive(Debug, Default, Deserialize)]
struct Answer {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    errors: serde_json::Value,
}

impl Answer {
    fn sentences(&self) -> Vec<&str> {
        self.errors.as_array().into_iter().flatten().filter_map(serde_json::Value::as_str).collect()
    }

    /// The subscriptions that are none. Of three names, which one it is depends on how they were named in the request.
    fn invalid(&self) -> Vec<&str> {
        let lists = ["invalid_player_ids", "invalid_subscription_ids"].into_iter().map(|name| &self.errors[name]);
        let aliases = [&self.errors["invalid_aliases"]["subscription_id"]];
        lists.chain(aliases).filter_map(|list| list.as_array()).flatten().filter_map(|id| id.as_str()).collect()
    }
}

fn gone_of(message: &PushMessage, invalid: &[&str]) -> Vec<PushDeviceId> {
    let is_invalid = |reach: &Reach| matches!(reach, Reach::OneSignal { subscription_id } if invalid.contains(&subscription_id.as_str()));
    message.devices.iter().filter(|device| is_invalid(&device.reach)).map(|device| device.id).collect()
}

/// What an answer means.
fn outcome(message: &PushMessage, fetched: &Fetched) -> Result<Handed, SendFailure> {
    let answer: Answer = serde_json::from_slice(&fetched.body).unwrap_or_default();
    let sentences = answer.sentences().join("; ");
    let said = format!("OneSignal answered {}: {sentences}", fetched.status);
    match fetched.status {
        200..=299 => {
            let is_made = answer.id.as_deref().is_some_and(|id| !id.is_empty());
            let invalid = answer.invalid();
            if is_made {
                return Ok(Handed { gone: gone_of(message, &invalid) });
            }
            // Nothing was made: none of the subscriptions takes messages, so they are all gone. Anything else is a fault of
            // the request, and would be again.
            if !invalid.is_empty() || sentences.contains("not subscribed") {
                return Ok(Handed { gone: message.devices.iter().map(|device| device.id).collect() });
            }
            Err(SendFailure::Permanent(said))
        }
        400 | 404 | 413 | 422 => Err(SendFailure::Permanent(said)),
        429 | 500..=599 => match fetched.retry_after.map(Duration::from_secs) {
            Some(wait) => Err(SendFailure::RetryAfter(said, wait.min(LONGEST_WAIT))),
            None => Err(SendFailure::Retry(said)),
        },
        // 401 and 403 among them: the key is repaired some day.
        _ => Err(SendFailure::Retry(said)),
    }
}

impl OneSignal {
    /// A channel with these settings.
    pub fn new(settings: OneSignalSettings, fetch: Arc<dyn Fetch>) -> Self {
        Self { settings, fetch }
    }

    fn request(&self, message: &PushMessage) -> FetchRequest {
        let subscriptions = message.devices.iter().filter_map(|device| match &device.reach {
            Reach::OneSignal { subscription_id } => Some(subscription_id.as_str()),
            Reach::Web { .. } => None,
        });
        let PushMessage { id, title, body, link, tag, .. } = message;
        let body = json!({
            "app_id": self.settings.app_id,
            "target_channel": "push",
            "include_subscription_ids": subscriptions.collect::<Vec<_>>(),
            "idempotency_key": idempotency_key(id).to_string(),
            "headings": {"en": title},
            "contents": {"en": body},
            "url": link,
            "collapse_id": &tag[..tag.len().min(64)],
            "ttl": 86_400,
        });
        let headers = [
            ("content-type", "application/json".to_owned()),
            ("authorization", format!("Key {}", self.settings.api_key)),
        ];
        FetchRequest {
            url: format!("{}/notifications", self.settings.api_url.trim_end_matches('/')),
            headers: headers.map(|(name, value)| (name.to_owned(), value)).to_vec(),
            body: Some(body.to_string().into_bytes()),
        }
    }
}

#[async_trait]
impl Channel for OneSignal {
    fn name(&self) -> &'static str {
        ONESIGNAL
    }

    fn limits(&self) -> ChannelLimits {
        ChannelLimits { per_second: Some(100), ..ChannelLimits::at_once(8) }
    }

    async fn send(&self, outgoing: &Outgoing) -> Result<Handed, SendFailure> {
        let Outgoing::Push(message) = outgoing else {
            return Err(SendFailure::Permanent("this is no push".to_owned()));
        };
        match self.fetch.fetch(self.request(message)).await {
            Ok(answer) => outcome(message, &answer),
            Err(
                error @ (FetchError::Refused(_) | FetchError::TooLarge | FetchError::TimedOut | FetchError::Failed(_)),
            ) => Err(SendFailure::Retry(error.to_string())),
        }
    }

    async fn probe(&self) -> Result<(), SendFailure> {
        let url = format!("{}/apps/{}", self.settings.api_url.trim_end_matches('/'), self.settings.app_id);
        let headers = vec![("authorization".to_owned(), format!("Key {}", self.settings.api_key))];
        match self.fetch.fetch(FetchRequest { url, headers, body: None }).await {
            Ok(answer) if answer.status < 300 => Ok(()),
            Ok(answer) => Err(SendFailure::Retry(format!("OneSignal answered {}", answer.status))),
            Err(error) => Err(SendFailure::Retry(error.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;
    use crate::push::PushDevice;

    fn message(ids: &[&str]) -> PushMessage {
        let device = |(place, id): (usize, &&str)| PushDevice {
            id: PushDeviceId::from_bits(place as u128 + 1),
            name: String::new(),
            reach: Reach::OneSignal { subscription_id: (*id).to_owned() },
            created_at: Timestamp::default(),
        };
        PushMessage {
            id: "dlv_1".to_owned(),
            devices: ids.iter().enumerate().map(device).collect(),
            title: "t".to_owned(),
            body: "b".to_owned(),
            link: "https://desk.example/".to_owned(),
            tag: "tag".to_owned(),
        }
    }

    fn answered(status: u16, body: &str) -> Result<Handed, SendFailure> {
        let answer = Fetched { status, content_type: None, body: body.as_bytes().to_vec(), retry_after: None };
        outcome(&message(&["a", "b"]), &answer)
    }

    #[test]
    fn an_idempotency_key_is_the_same_for_a_delivery_and_a_uuid_of_version_4() {
        assert_eq!(idempotency_key("dlv_1"), idempotency_key("dlv_1"));
        assert_ne!(idempotency_key("dlv_1"), idempotency_key("dlv_2"));
        assert_eq!(idempotency_key("dlv_1").get_version_num(), 4);
    }

    #[test]
    fn the_documented_answers_are_understood() {
        let gone = |result: Result<Handed, SendFailure>| result.expect("taken over").gone.len();
        assert_eq!(gone(answered(200, r#"{"id":"x","external_id":null}"#)), 0);
        assert_eq!(gone(answered(200, r#"{"id":"x","errors":{"invalid_player_ids":["b"]}}"#)), 1);
        assert_eq!(gone(answered(200, r#"{"id":"","errors":["All included players are not subscribed"]}"#)), 2);
        assert_eq!(gone(answered(200, r#"{"id":"","errors":{"invalid_player_ids":["a","b"]}}"#)), 2);
        for (status, body) in [
            (400, r#"{"errors":["Message Notifications must have English language content"]}"#),
            (200, r#"{"id":""}"#),
            (200, "no JSON"),
        ] {
            assert!(matches!(answered(status, body), Err(SendFailure::Permanent(_))), "{status} {body}");
        }
        for status in [401, 403, 429, 500, 503] {
            assert!(matches!(answered(status, r#"{"errors":["x"]}"#), Err(SendFailure::Retry(_))), "{status}");
        }
    }
}
