//! What becomes of a webhook.

use std::time::Duration;

use super::sign::Secret;
use super::{SigningKey, Webhook, WebhookKeys, WebhookUrl};
use crate::change::{Moment, RecordChange};
use crate::event::{Event, Fact};
use crate::{Actor, Error, FieldError, Result, Version, WebhookId, WorkspaceId};

/// For how long an older secret signs beside the newest.
const OVERLAP: Duration = Duration::from_secs(24 * 3600);
/// Most types of events that one webhook names.
const MAX_TYPES: usize = 50;
/// Longest description, in characters.
const MAX_DESCRIPTION: usize = 200;

/// What a new webhook needs.
#[derive(Debug, Clone)]
pub struct NewWebhook {
    /// Where calls go.
    pub url: WebhookUrl,
    /// What it is for.
    pub description: String,
    /// Types of events, or beginnings such as `ticket.*`.
    pub types: Vec<String>,
}

/// What may change about a webhook.
#[derive(Debug, Clone, Default)]
pub struct WebhookPatch {
    /// Another address.
    pub url: Option<WebhookUrl>,
    /// Another description.
    pub description: Option<String>,
    /// All types anew.
    pub types: Option<Vec<String>>,
    /// Whether it is told. Switched on again, what was given up meanwhile is not sent by itself.
    pub enabled: Option<bool>,
    /// The version the caller saw; another one refuses the change.
    pub seen: Option<Version>,
}

fn check_types(types: &[String]) -> Result<(), FieldError> {
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b"._".contains(&b));
    let is_type = |text: &String| text == "*" || text.strip_suffix(".*").is_some_and(is_word) || is_word(text);
    if types.is_empty() || types.len() > MAX_TYPES {
        return Err(FieldError::new("types", "out_of_range", format!("must be 1 to {MAX_TYPES} types of events")));
    }
    match types.iter().find(|text| text.len() > 100 || !is_type(text)) {
        Some(_) => Err(FieldError::new("types", "invalid", "must be types such as ticket.opened, ticket.* or *")),
        None => Ok(()),
    }
}

fn check_description(text: &str) -> Result<(), FieldError> {
    if text.chars().count() > MAX_DESCRIPTION {
        let detail = format!("must have at most {MAX_DESCRIPTION} characters");
        return Err(FieldError::new("description", "too_long", detail));
    }
    if text.chars().any(char::is_control) {
        return Err(FieldError::new("description", "invalid", "must be one line"));
    }
    Ok(())
}

/// The key of a generation, and its secret.
fn signing_key(
    keys: &dyn WebhookKeys,
    workspace: WorkspaceId,
    id: WebhookId,
    generation: u32,
) -> Result<(SigningKey, Secret)> {
    let newest = keys.secrets(workspace, id, generation).into_iter().next();
    let secret = Secret::new(newest.ok_or_else(|| Error::Internal("the desk has no secret".to_owned()))?);
    Ok((SigningKey { generation, hash: secret.hash(), ends_at: None }, secret))
}

impl Webhook {
    /// Decides what a new webhook is.
    pub(super) fn create(
        new: NewWebhook,
        workspace: WorkspaceId,
        keys: &dyn WebhookKeys,
        moment: &Moment,
    ) -> Result<(Self, RecordChange)> {
        check_types(&new.types)?;
        check_description(&new.description)?;
        let id = moment.ids().webhook();
        let (key, _) = signing_key(keys, workspace, id, 1)?;
        let webhook = Self {
            id,
            url: new.url,
            description: new.description,
            types: new.types,
            enabled: true,
            switched_off: None,
            signing: vec![key],
            created_by: match moment.actor() {
                Actor::User(user) => Some(user),
                _ => None,
            },
            version: Version::FIRST,
            created_at: moment.now(),
        };
        let change = RecordChange::insert(&webhook, Fact::WebhookCreated { webhook: id });
        Ok((webhook, change))
    }

    /// Decides a change; none when nothing is different.
    pub(super) fn update(&self, patch: WebhookPatch) -> Result<Option<RecordChange>> {
        if patch.seen.is_some_and(|seen| seen != self.version) {
            return Err(Error::RecordMismatch { current: self.version });
        }
        let mut next = self.clone();
        let mut fields = Vec::new();
        if let Some(url) = patch.url.filter(|url| *url != self.url) {
            next.url = url;
            fields.push("url".to_owned());
        }
        if let Some(description) = patch.description.filter(|text| *text != self.description) {
            check_description(&description)?;
            next.description = description;
            fields.push("description".to_owned());
        }
        if let Some(types) = patch.types.filter(|types| *types != self.types) {
            check_types(&types)?;
            next.types = types;
            fields.push("types".to_owned());
        }
        if let Some(enabled) = patch.enabled.filter(|enabled| *enabled != self.enabled) {
            (next.enabled, next.switched_off) = (enabled, None);
            fields.push("enabled".to_owned());
        }
        if fields.is_empty() {
            return Ok(None);
        }
        next.version = self.version.next();
        Ok(Some(RecordChange::update(&next, self.version, Fact::WebhookUpdated { webhook: self.id, fields })))
    }

    /// Decides another secret. The one of before signs beside it for a day, older ones no more.
    pub(super) fn rotate(
        &self,
        workspace: WorkspaceId,
        keys: &dyn WebhookKeys,
        moment: &Moment,
    ) -> Result<RecordChange> {
        let generation = self.signing.first().map_or(0, |key| key.generation) + 1;
        let (key, _) = signing_key(keys, workspace, self.id, generation)?;
        let ends_at = Some(moment.now().plus(OVERLAP));
        let before = self.signing.first().map(|key| SigningKey { ends_at, ..key.clone() });
        let signing = std::iter::once(key).chain(before).collect();
        let next = Self { signing, version: self.version.next(), ..self.clone() };
        Ok(RecordChange::update(&next, self.version, Fact::WebhookRotated { webhook: self.id }))
    }

    /// Decides that the desk tells it no more, for this reason; none if it does not anyway.
    pub(super) fn switch_off(&self, reason: &str) -> Option<RecordChange> {
        let reason: String = reason.chars().filter(|c| !c.is_control()).take(300).collect();
        let next = Self { enabled: false, switched_off: Some(reason), version: self.version.next(), ..self.clone() };
        let fact = Fact::WebhookSwitchedOff { webhook: self.id };
        self.enabled.then(|| RecordChange::update(&next, self.version, fact))
    }

    /// Decides that it is no more.
    pub(super) fn remove(&self) -> RecordChange {
        RecordChange::remove(self, Fact::WebhookRemoved { webhook: self.id })
    }

    /// Whether it is told of an event: one of a type that it names, of what the workspace does. How people sign in, and
    /// what was refused to whom, is for the audit log.
    pub fn wants(&self, event: &Event) -> bool {
        let name = event.fact.name();
        let fits = |wanted: &String| match wanted.strip_suffix('*') {
            Some(beginning) => name.starts_with(beginning),
            None => name == *wanted,
        };
        // What the desk has switched off is planned for all the same, dropped when it is due, and can be replayed.
        (self.enabled || self.switched_off.is_some()) && !event.fact.is_for_audit_only() && self.types.iter().any(fits)
    }
}
