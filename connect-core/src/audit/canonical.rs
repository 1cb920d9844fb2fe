//! The one form of an event that seals are over.

use serde_json::Value;

use crate::event::Event;

/// The event without its origin, as JSON without blanks and with the names of every object in bytewise order. So
/// it does not matter which store has read and written it in between, nor which version of Connect, as long as that
/// knows its fields: a field that it does not know it has dropped on reading (`docs/adr/0009`).
pub(super) fn canonical(event: &Event) -> Vec<u8> {
    let mut text = String::new();
    write(&serde_json::to_value(event.lasting()).unwrap_or_default(), &mut text);
    text.into_bytes()
}

fn write(value: &Value, text: &mut String) {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(name, _)| name.as_str());
            text.push('{');
            for (place, (name, value)) in fields.into_iter().enumerate() {
                if place > 0 {
                    text.push(',');
                }
                text.push_str(&Value::from(name.as_str()).to_string());
                text.push(':');
                write(value, text);
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    text.push(',');
                }
                write(item, text);
            }
            text.push(']');
        }
        plain => text.push_str(&plain.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Origin;
    use crate::testing::SeededRandom;
    use crate::{ChallengeId, EventId, WorkspaceId};

    #[test]
    fn sec_82_an_event_has_one_form_whoever_wrote_it() {
        let text = |fact: &str| {
            format!(
                r#"{{"workspace":"{}","seq":7,"id":"{}","actor":"system","at":5,"ticket":null,"ticket_version":null,"request_id":null,"fact":{fact}}}"#,
                WorkspaceId::DIRECTORY,
                EventId::from_bits(1)
            )
        };
        let read = |fact: &str| serde_json::from_str::<Event>(&text(fact)).expect("it reads");
        let challenge = ChallengeId::from_bits(2);
        let known = read(&format!(r#"{{"type":"auth.code_requested","muted":true,"challenge":"{challenge}"}}"#));
        let form = String::from_utf8(canonical(&known)).expect("text");
        let expected = format!(
            r#"{{"actor":"system","at":5,"fact":{{"challenge":"{challenge}","muted":true,"type":"auth.code_requested"}},"id":"{}","request_id":null,"seq":7,"ticket":null,"ticket_version":null,"workspace":"{}"}}"#,
            EventId::from_bits(1),
            WorkspaceId::DIRECTORY
        );
        assert_eq!(form, expected);
        // A program that does not know the fact hands it on in another order, and seals the same.
        let newer = read(r#"{"type":"x.y","b":[1,{"d":null,"c":"\n"}],"a":{}}"#);
        let form = String::from_utf8(canonical(&newer)).expect("text");
        assert!(form.contains(r#""fact":{"a":{},"b":[1,{"c":"\n","d":null}],"type":"x.y"}"#), "{form}");
        // What is new in a fact that is known, however, is lost: a version that fills a field follows one that reads it.
        let filled = read(&format!(r#"{{"type":"auth.code_requested","muted":true,"challenge":"{challenge}","x":1}}"#));
        assert_eq!(canonical(&filled), canonical(&known), "docs/adr/0009 says so");
        let origin = Origin::new(None, Some("curl"), &SeededRandom::new(1));
        let with = Event { origin: Some(origin), ..newer.clone() };
        assert_eq!(canonical(&with), canonical(&newer), "the origin is no part of it");
    }
}
