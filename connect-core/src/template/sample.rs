//! Values that drafts are tried with.

use serde_json::{Value, json};

use super::MailTopic;

/// What the places of a topic are filled with in a preview. There is what a mail of it always has, and nothing else, so that what
/// fills here fills there.
pub(super) fn values(topic: MailTopic) -> Value {
    let workspace = json!({"name": "Acme"});
    let unsubscribe = "https://desk.example/unsubscribe/sample";
    if topic == MailTopic::Digest {
        let notice =
            |what: &str, number: u64, subject: &str| json!({"what": what, "number": number, "subject": subject});
        return json!({
            "workspace": workspace, "count": 3, "more": 1, "link": "https://desk.example/acme/tickets",
            "notices": [notice("answered", 1042, "The printer is on fire"), notice("assigned to you", 1043, "No paper")],
            "unsubscribe_link": unsubscribe,
        });
    }
    let mut values = json!({
        "workspace": workspace,
        "ticket": {"number": 1042, "subject": "The printer is on fire"},
        "contact": {"name": "Carla Customer"},
        "link": "https://desk.example/acme/tickets/1042",
        "unsubscribe_link": unsubscribe,
    });
    if topic == MailTopic::Reply {
        values["author"] = json!({"name": "Ada Agent"});
        values["message"] = json!({"body": "Please unplug it.\n\nThen call us."});
        values["unsubscribe_link"] = Value::Null;
    }
    values
}
