//! What is asked of any fact: its name, who may see it, what it tells.

use super::Fact;
use crate::MessageId;

impl Fact {
    /// The type's name in the journal.
    pub fn name(&self) -> String {
        if let Self::Unknown(written) = self {
            return written.get("type").and_then(serde_json::Value::as_str).unwrap_or("unknown").to_owned();
        }
        // The tag stands first in the text, as serde writes it.
        let text = serde_json::to_string(self).unwrap_or_default();
        text.strip_prefix("{\"type\":\"").and_then(|rest| rest.split('"').next()).unwrap_or("unknown").to_owned()
    }

    /// Whether customers and viewers may see it in a ticket's timeline.
    pub fn is_public(&self) -> bool {
        matches!(self, Self::TicketOpened { .. } | Self::TicketReplied { .. } | Self::TicketStatusChanged { .. })
    }

    /// The types of the facts that are public, for stores that filter by type.
    pub const PUBLIC_TYPES: [&'static str; 3] = ["ticket.opened", "ticket.replied", "ticket.status_changed"];

    /// Whether it tells how people come in, what was refused to whom, or of an answer that nobody else knows of yet: nothing
    /// for other systems.
    pub fn is_for_audit_only(&self) -> bool {
        if matches!(
            self,
            Self::TicketReplyHeld { .. } | Self::TicketReplyWithdrawn { .. } | Self::TicketReplyRefused { .. }
        ) {
            return true;
        }
        let name = self.name();
        name.starts_with("auth.") || name.starts_with("access.")
    }

    /// Whether it tells of something that was refused.
    pub fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::AuthCodeRefused { .. }
                | Self::AuthPasskeyRefused { .. }
                | Self::AuthProviderRefused { .. }
                | Self::AuthBudgetSpent { .. }
                | Self::AuthFailuresRepeated { .. }
                | Self::AuthSecondFactorRefused { .. }
                | Self::AuthSecondFactorFailuresRepeated { .. }
                | Self::AccessDenied { .. }
                | Self::AccessCrossSite { .. }
                | Self::AccessLimited { .. }
                | Self::AccessSuppressed { .. }
        )
    }

    /// What it says besides its type.
    pub fn details(&self) -> serde_json::Map<String, serde_json::Value> {
        let Ok(serde_json::Value::Object(mut details)) = serde_json::to_value(self) else {
            return serde_json::Map::new();
        };
        details.remove("type");
        details
    }

    /// The message it tells of, if it does.
    pub fn message(&self) -> Option<MessageId> {
        match self {
            Self::TicketOpened { message, .. }
            | Self::TicketReplied { message, .. }
            | Self::TicketMailCameBack { message, .. }
            | Self::TicketNoted { message } => Some(*message),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fact_of_a_newer_version_reads_as_unknown() {
        let fact: Fact =
            serde_json::from_str(r#"{"type":"ticket.teleported","to":"Mars"}"#).expect("unknown facts read");
        assert!(matches!(&fact, Fact::Unknown(written) if written["to"] == "Mars"), "{fact:?}");
        assert_eq!(fact.name(), "ticket.teleported");
        let again: Fact = serde_json::from_str(&serde_json::to_string(&fact).expect("text")).expect("reads");
        assert_eq!(again, fact, "and is handed on whole");
        assert_eq!(Fact::TicketSubjectChanged {}.name(), "ticket.subject_changed");
    }
}
