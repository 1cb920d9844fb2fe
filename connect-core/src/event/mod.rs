//! Events: the one journal of what happened, to what, by whom, when, in which order.
//!
//! Events carry references and changed fields, never bodies, subjects or addresses: those live in rows
//! that can be erased, and the journal stays as it is. The one part of an event that is personal, the
//! [`Origin`], can be removed without touching the rest.

mod asked;
mod cause;
mod fact;
mod follow;
mod line;

use serde::{Deserialize, Serialize};

use crate::{Actor, ApiKeyId, EventId, TicketId, Timestamp, Version, WorkspaceId};

pub(crate) use cause::hexadecimal;
pub use cause::{Cause, Origin, visible};
pub use fact::Fact;
pub use follow::Follower;
pub(crate) use line::Lines;

/// One entry of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Where it happened.
    pub workspace: WorkspaceId,
    /// Its place: the first event of a workspace is 1, and no number is left out.
    pub seq: u64,
    /// Its id, stable for ever.
    pub id: EventId,
    /// Who did it.
    pub actor: Actor,
    /// The API key by which a program did it on the actor's behalf.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<ApiKeyId>,
    /// When.
    pub at: Timestamp,
    /// The ticket it belongs to.
    pub ticket: Option<TicketId>,
    /// The version of the ticket after it.
    pub ticket_version: Option<Version>,
    /// The request that caused it.
    pub request_id: Option<String>,
    /// By what the actor proved who they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// What stays of the [origin](Self::origin): [`Origin::commitment`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin_hash: Option<String>,
    /// What happened.
    pub fact: Fact,
    /// The client it came from, until that is removed. Stores may keep it beside the event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
}

/// Of several things that a fact names, the one it is about.
const TARGETS: [&str; 15] = [
    "ticket",
    "user",
    "team",
    "domain",
    "webhook",
    "role_id",
    "invitation",
    "contact",
    "label",
    "attachment",
    "key",
    "passkey",
    "session",
    "challenge",
    "message",
];

impl Event {
    /// The event without what may be removed of it: what stays for ever.
    #[must_use]
    pub fn lasting(&self) -> Self {
        Self { origin: None, ..self.clone() }
    }

    /// Whether the origin, if it is still there, is the one that the event came with.
    pub fn has_true_origin(&self) -> bool {
        self.origin.as_ref().is_none_or(|origin| self.origin_hash.as_ref() == Some(&origin.commitment()))
    }

    /// The id of what it is about: the ticket, or else what its fact names.
    pub fn target(&self) -> Option<String> {
        if let Some(ticket) = self.ticket {
            return Some(ticket.to_string());
        }
        let details = self.fact.details();
        TARGETS.iter().find_map(|name| details.get(*name)?.as_str().map(str::to_owned))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ChallengeId;

    #[test]
    fn an_event_of_before_there_were_keys_reads_and_is_written_as_it_was() {
        let text = r#"{"workspace":"wsp_00000000000000000000000001","seq":7,"id":"evt_00000000000000000000000002","actor":"host","at":5,"ticket":null,"ticket_version":null,"request_id":null,"fact":{"type":"workspace.created"}}"#;
        let event: Event = serde_json::from_str(text).expect("it reads");
        assert_eq!(event.key, None);
        assert_eq!(serde_json::to_string(&event).expect("it is written"), text);
    }

    /// What is sealed are the bytes of an event as it is written, so they must stay what they are: a field
    /// that is added to an event or a fact is left out of the text where it says nothing.
    #[test]
    fn sec_82_the_text_of_a_stored_event_stays_what_it_is() {
        let old = format!(
            r#"{{"workspace":"{}","seq":7,"id":"{}","actor":"system","at":5,"ticket":null,"ticket_version":null,"request_id":"req_1","fact":{{"type":"auth.code_requested","challenge":"{}","muted":false}}}}"#,
            WorkspaceId::DIRECTORY,
            EventId::from_bits(1),
            ChallengeId::from_bits(2)
        );
        let event: Event = serde_json::from_str(&old).expect("an event of an older version reads");
        assert_eq!((&event.method, &event.origin, &event.origin_hash), (&None, &None, &None));
        assert_eq!(serde_json::to_string(&event).expect("text"), old, "and is written as it was");
        assert!(event.has_true_origin());
        assert_eq!(event.target(), Some(ChallengeId::from_bits(2).to_string()));
    }
}
