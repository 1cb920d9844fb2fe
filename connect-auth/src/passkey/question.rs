//! What a device is asked to sign: kept sealed, for five minutes, and taken once.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use connect_core::store::Flow;
use connect_core::{Error, Random, Result, SessionId};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Failure;
use crate::auth::Auth;
use crate::code::ChallengeSecret;

/// How long an answer may take.
pub(super) const LIFETIME: Duration = Duration::from_secs(5 * 60);

/// A question for a device.
#[derive(Debug, Clone)]
pub struct PasskeyQuestion {
    /// What the answer must name.
    pub question: String,
    /// What the browser's `navigator.credentials` takes as `publicKey`, with bytes in base64url.
    pub options: Value,
    /// How long the answer may take.
    pub lifetime: Duration,
}

/// What a device has signed.
#[derive(Debug, Clone)]
pub struct PasskeyAnswer {
    /// The question.
    pub question: String,
    /// What `navigator.credentials` gave, with bytes in base64url.
    pub credential: Value,
}

/// Who was asked, and nobody else can answer.
#[derive(Debug, Clone)]
pub(super) enum Asked {
    /// Whoever has the browser that holds this.
    Browser(ChallengeSecret),
    /// Somebody who is signed in by this.
    Session(SessionId),
}

impl Asked {
    fn text(&self) -> String {
        match self {
            Self::Browser(secret) => format!("browser {}", secret.text()),
            Self::Session(id) => format!("session {id}"),
        }
    }
}

/// The name of a new question.
fn draw(random: &dyn Random) -> String {
    URL_SAFE_NO_PAD.encode(random.bytes::<16>())
}

impl Auth {
    /// The id of what was asked: it is found only by whom it was asked. Others find nothing, and end nothing.
    fn question_id(&self, kind: &str, asked: &Asked, question: &str) -> [u8; 32] {
        self.inner.keys.tag("passkey question", &[kind.as_bytes(), asked.text().as_bytes(), question.as_bytes()])
    }

    /// Keeps what was asked.
    pub(super) async fn ask<T: Serialize + Sync>(
        &self,
        kind: &str,
        asked: &Asked,
        state: &T,
        options: Value,
    ) -> Result<PasskeyQuestion> {
        let (desk, now) = (&self.inner.desk, self.inner.desk.now());
        let question = draw(desk.random());
        let text = serde_json::to_string(state).map_err(|error| Error::Internal(error.to_string()))?;
        let flow = Flow {
            id_hash: self.question_id(kind, asked, &question),
            kind: kind.to_owned(),
            data: self.inner.keys.seal(kind, &text, desk.random()),
            expires_at: now.plus(LIFETIME),
        };
        if self.inner.store.put_flow(flow, now).await? {
            Ok(PasskeyQuestion { question, options, lifetime: LIFETIME })
        } else {
            Err(Error::Internal("random bits came twice".to_owned()))
        }
    }

    /// Takes what was asked. Right or wrong, the answer is the only one.
    pub(super) async fn asked<T: DeserializeOwned>(
        &self,
        kind: &str,
        asked: &Asked,
        question: &str,
    ) -> Result<T, Failure> {
        let id = self.question_id(kind, asked, question);
        let flow = self.inner.store.take_flow(id, self.inner.desk.now()).await?;
        let text = flow.filter(|flow| flow.kind == kind).and_then(|flow| self.inner.keys.open(kind, &flow.data));
        text.and_then(|text| serde_json::from_str(&text).ok()).ok_or(Failure::refused("question"))
    }
}
