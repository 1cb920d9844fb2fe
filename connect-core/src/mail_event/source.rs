//! Who may tell, and how it is known that they do.

use std::sync::{Arc, Mutex, PoisonError};

use super::sns::{Envelope, is_certificate, is_of_sns};
use super::{MailEvent, dsn, mailgun, postmark, sendgrid, ses};
use crate::Timestamp;
use crate::fetch::{Fetch, FetchRequest};

/// How old a call may be that says when it was signed, in seconds. Whoever repeats a call signs it anew.
const MAX_AGE: u64 = 3600;
/// The same for SNS, which repeats it for hours with the signature it had at first, and signs all of it; a desk may have been
/// down meanwhile. For as long what a call told is known, so that a repeat changes nothing.
const MAX_AGE_OF_SNS: u64 = 3 * 24 * 3600;

/// Why a call is not heard.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadMailEvent {
    /// It does not come from whom it says, or too late.
    #[error("the call is not genuine")]
    Forged,
    /// It does not read.
    #[error("the call does not read: {0}")]
    Malformed(String),
    /// What it takes to know whether it is genuine cannot be had now.
    #[error("whether the call is genuine cannot be said now: {0}")]
    Later(String),
}

impl From<serde_json::Error> for BadMailEvent {
    fn from(error: serde_json::Error) -> Self {
        Self::Malformed(error.to_string())
    }
}

/// A secret that a caller shows, or what checks that a call is theirs.
#[derive(Clone)]
pub enum MailEventSource {
    /// Postmark signs nothing: it shows this as the password of its address.
    Postmark {
        /// The password.
        token: String,
    },
    /// Mailgun, by the account's signing key for webhooks.
    Mailgun {
        /// The key.
        signing_key: String,
    },
    /// `SendGrid`, by the public half of the account's key: base 64 of the `SubjectPublicKeyInfo`.
    SendGrid {
        /// The key.
        public_key: String,
    },
    /// Amazon SES by a topic of SNS.
    Ses {
        /// The topic. Others have topics, too, and their signatures are as good.
        topic_arn: String,
        /// What fetches the certificates of SNS.
        fetch: Arc<dyn Fetch>,
    },
    /// A mail server that pipes its reports here, and shows this as a password.
    Reports {
        /// The password.
        token: String,
    },
}

impl std::fmt::Debug for MailEventSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl MailEventSource {
    /// The word in the address that it calls.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Postmark { .. } => "postmark",
            Self::Mailgun { .. } => "mailgun",
            Self::SendGrid { .. } => "sendgrid",
            Self::Ses { .. } => "ses",
            Self::Reports { .. } => "reports",
        }
    }
}

/// A call as it came.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// Its body, to the byte.
    pub body: &'a [u8],
    /// The password it shows, if it shows one.
    pub password: Option<&'a str>,
    /// The headers by which `SendGrid` signs: timestamp and signature.
    pub signature: Option<(&'a str, &'a str)>,
}

/// Whoever may tell what became of mail.
#[derive(Debug, Default)]
pub struct MailEvents {
    sources: Vec<MailEventSource>,
    /// The certificate of SNS that was fetched last, by its address.
    certificate: Mutex<Option<(String, Vec<u8>)>>,
}

impl MailEvents {
    /// These may.
    pub fn new(sources: Vec<MailEventSource>) -> Self {
        Self { sources, certificate: Mutex::default() }
    }

    /// What a call tells that came to the address of this source; none where there is no such source.
    pub async fn hear(
        &self,
        source: &str,
        call: Call<'_>,
        now: Timestamp,
    ) -> Option<Result<Vec<MailEvent>, BadMailEvent>> {
        let source = self.sources.iter().find(|known| known.name() == source)?;
        Some(self.events(source, call, now).await)
    }

    async fn events(
        &self,
        source: &MailEventSource,
        call: Call<'_>,
        now: Timestamp,
    ) -> Result<Vec<MailEvent>, BadMailEvent> {
        let age = |at: i64| (now.as_micros() / 1_000_000).abs_diff(at);
        let is_fresh = |at: i64| age(at) <= MAX_AGE;
        match source {
            MailEventSource::Postmark { token } => {
                if !is_same(token, call.password) {
                    return Err(BadMailEvent::Forged);
                }
                Ok(postmark::read(call.body)?)
            }
            MailEventSource::Reports { token } => {
                if !is_same(token, call.password) {
                    return Err(BadMailEvent::Forged);
                }
                Ok(dsn::read(call.body))
            }
            MailEventSource::Mailgun { signing_key } => match mailgun::read(call.body, signing_key)? {
                Some((at, events)) if is_fresh(at) => Ok(events),
                _ => Err(BadMailEvent::Forged),
            },
            MailEventSource::SendGrid { public_key } => {
                let key = sendgrid::public_key(public_key).ok_or(BadMailEvent::Forged)?;
                let (timestamp, signature) = call.signature.ok_or(BadMailEvent::Forged)?;
                let at = timestamp.parse().map_err(|_| BadMailEvent::Forged)?;
                if !is_fresh(at) || !sendgrid::is_genuine(&key, timestamp, call.body, signature) {
                    return Err(BadMailEvent::Forged);
                }
                Ok(sendgrid::read(call.body)?)
            }
            MailEventSource::Ses { topic_arn, fetch } => {
                let envelope: Envelope = serde_json::from_slice(call.body)?;
                if envelope.topic_arn != *topic_arn || !is_certificate(&envelope.cert_url) {
                    return Err(BadMailEvent::Forged);
                }
                let certificate = self.certificate(&envelope.cert_url, fetch.as_ref()).await?;
                if envelope.sent_at().is_none_or(|at| age(at) > MAX_AGE_OF_SNS) || !envelope.is_genuine(&certificate) {
                    return Err(BadMailEvent::Forged);
                }
                match (envelope.kind.as_str(), &envelope.subscribe_url) {
                    ("Notification", _) => Ok(ses::read(&envelope.message)?),
                    // The topic is the desk's own: it wants to be subscribed.
                    ("SubscriptionConfirmation", Some(url)) if is_of_sns(url) => {
                        get(fetch.as_ref(), url).await.map(|_| Vec::new())
                    }
                    _ => Ok(Vec::new()),
                }
            }
        }
    }

    async fn certificate(&self, url: &str, fetch: &dyn Fetch) -> Result<Vec<u8>, BadMailEvent> {
        {
            let known = self.certificate.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((_, certificate)) = known.as_ref().filter(|(known, _)| known == url) {
                return Ok(certificate.clone());
            }
        }
        let certificate = get(fetch, url).await?;
        *self.certificate.lock().unwrap_or_else(PoisonError::into_inner) = Some((url.to_owned(), certificate.clone()));
        Ok(certificate)
    }
}

async fn get(fetch: &dyn Fetch, url: &str) -> Result<Vec<u8>, BadMailEvent> {
    let request = FetchRequest { url: url.to_owned(), headers: Vec::new(), body: None };
    match fetch.fetch(request).await {
        Ok(answer) if answer.status == 200 => Ok(answer.body),
        Ok(answer) => Err(BadMailEvent::Later(format!("{url} answered {}", answer.status))),
        Err(error) => Err(BadMailEvent::Later(error.to_string())),
    }
}

/// Whether a password is the right one, in a time that tells nothing of it.
fn is_same(token: &str, shown: Option<&str>) -> bool {
    let digest = |text: &str| ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    // Hashes of both: what is compared by its bytes is nothing that anybody chose.
    shown.is_some_and(|shown| digest(shown).as_ref() == digest(token).as_ref())
}
