//! Ids of another workspace, in every place where an id can stand.

use hyper::Method;
use serde_json::{Value, json};

use super::{ACME, Entry, Target, id, told};
use crate::process::ticket;

const BOLT: &str = "/api/v1/workspaces/bolt";

/// Of each kind, the id of a thing in `acme` and one that nothing has.
struct Ids {
    pairs: Vec<(&'static str, String, String)>,
}

impl Ids {
    fn new(found: &[(&'static str, &Value)]) -> Self {
        let pairs = found.iter().map(|(name, value)| {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let prefix = text.split_once('_').map_or("", |(prefix, _)| prefix);
            let missing = if prefix.is_empty() { "999999".to_owned() } else { format!("{prefix}_{}", "0".repeat(26)) };
            (*name, text, missing)
        });
        Self { pairs: pairs.collect() }
    }

    /// A template with the foreign ids in it, and with missing ones.
    fn fill(&self, template: &str) -> (String, String) {
        let (mut foreign, mut missing) = (template.to_owned(), template.to_owned());
        for (name, there, nowhere) in &self.pairs {
            foreign = foreign.replace(&format!("{{{name}}}"), there);
            missing = missing.replace(&format!("{{{name}}}"), nowhere);
        }
        (foreign, missing)
    }

    /// What was told, as if the ids that were named had been missing ones.
    fn hidden(&self, told: &Value) -> Value {
        let mut text = told.to_string();
        for (_, there, nowhere) in &self.pairs {
            text = text.replace(there, nowhere);
        }
        serde_json::from_str(&text).expect("JSON")
    }
}

/// What is tried, below a workspace: method, path, body.
const TRIED: [(&str, &str, &str); 43] = [
    ("GET", "/tickets/{ticket}", ""),
    ("PATCH", "/tickets/{ticket}", r#"{"status":"closed"}"#),
    ("GET", "/tickets/{ticket}/timeline", ""),
    ("GET", "/tickets/{ticket}/messages", ""),
    ("POST", "/tickets/{ticket}/messages", r#"{"kind":"reply","body":"R"}"#),
    ("GET", "/tickets/{ticket}/messages/{message}", ""),
    ("GET", "/tickets/1/messages/{message}", ""),
    ("PUT", "/tickets/{ticket}/labels/spam", ""),
    ("DELETE", "/tickets/{ticket}/labels/billing", ""),
    ("GET", "/contacts/{contact}", ""),
    ("PATCH", "/contacts/{contact}", r#"{"name":"Mine now"}"#),
    ("GET", "/members/{member}", ""),
    ("PATCH", "/members/{member}", r#"{"role":"viewer"}"#),
    ("DELETE", "/members/{member}", ""),
    ("DELETE", "/invitations/{invitation}", ""),
    ("POST", "/invitations/{invitation}/accept", r#"{"token":"AAAA"}"#),
    ("GET", "/api-keys/{key}", ""),
    ("DELETE", "/api-keys/{key}", ""),
    ("POST", "/api-keys/{key}/rotate", "{}"),
    ("GET", "/attachments/{attachment}", ""),
    ("POST", "/attachments/{attachment}/link", "{}"),
    ("GET", "/tickets?q=contact:{contact}", ""),
    ("GET", "/tickets?q=assignee:{member}", ""),
    ("GET", "/tickets?q=secret", ""),
    ("GET", "/tickets?q=label:billing", ""),
    ("GET", "/audit?actor={member}", ""),
    ("GET", "/audit?ticket={ticket}", ""),
    ("GET", "/audit?format=csv&actor={member}", ""),
    ("POST", "/tickets", r#"{"subject":"S","body":"B","contact":{"id":"{contact}"}}"#),
    ("POST", "/tickets", r#"{"subject":"S","body":"B","contact":{"email":"x@y.example"},"assignee_id":"{member}"}"#),
    (
        "POST",
        "/tickets",
        r#"{"subject":"S","body":"B","contact":{"email":"x@y.example"},"attachment_ids":["{attachment}"]}"#,
    ),
    ("PATCH", "/tickets/1", r#"{"assignee_id":"{member}"}"#),
    ("POST", "/tickets/1/messages", r#"{"kind":"reply","body":"R","attachment_ids":["{attachment}"]}"#),
    ("POST", "/tickets/1/messages", r#"{"kind":"note","body":"N","attachment_ids":["{attachment}"]}"#),
    ("POST", "/tickets/1/messages", r#"{"kind":"reply","body":"R","last_seen_message_id":"{message}"}"#),
    ("GET", "/tickets/{contact}", ""),
    ("GET", "/contacts/{member}", ""),
    ("GET", "/members/{contact}", ""),
    ("GET", "/contacts?id={contact}", ""),
    ("POST", "/tickets?workspace={workspace}", r#"{"subject":"S","body":"B","contact":{"email":"x@y.example"}}"#),
    (
        "POST",
        "/tickets",
        r#"{"subject":"S","body":"B","contact":{"email":"x@y.example"},"workspace_id":"{workspace}"}"#,
    ),
    ("POST", "/contacts", r#"{"name":"Carla","email":"x@z.example","workspace":"{workspace}"}"#),
    ("POST", "/labels", r#"{"name":"x","workspace_id":"{workspace}"}"#),
];

#[tokio::test(flavor = "multi_thread")]
async fn an_id_of_another_workspace_is_a_missing_one_wherever_it_stands() {
    let target = Target::start(&[]);
    let owner = target.owner().await;
    let uploaded =
        owner.send(Method::POST, &format!("{ACME}/attachments?name=a.txt"), None, Some(&json!("secret"))).await;
    let mut body = ticket("Secret");
    body["labels"] = json!(["billing"]);
    let opened = owner.post(&format!("{ACME}/tickets"), &body).await.expect(201);
    let messages = owner.get(&format!("{ACME}/tickets/1/messages")).await.expect(200);
    let invited =
        owner.post(&format!("{ACME}/invitations"), &json!({"email": "new@acme.example", "role": "viewer"})).await;
    let key = owner.post(&format!("{ACME}/api-keys"), &json!({"name": "Robot", "scopes": ["tickets.read"]})).await;
    let workspace = owner.get(ACME).await.expect(200);
    let me = owner.get("/api/v1/me").await.expect(200);
    let ids = Ids::new(&[
        ("ticket", &opened["id"]),
        ("contact", &opened["contact"]["id"]),
        ("message", &messages["data"][0]["id"]),
        ("member", &me["user"]["id"]),
        ("invitation", &invited.expect(201)["id"]),
        ("key", &key.expect(201)["id"]),
        ("attachment", &uploaded.expect(201)["id"]),
        ("workspace", &workspace["id"]),
    ]);
    let mallory = target.sign_in("mallory@bolt.example").await;
    mallory.post("/api/v1/workspaces", &json!({"name": "Bolt", "slug": "bolt"})).await.expect(201);
    mallory.post(&format!("{BOLT}/tickets"), &ticket("Own")).await.expect(201);
    let acme = id(&workspace).to_owned();
    let before = in_workspace(&target, &acme).await.len();

    for (method, path, body) in TRIED {
        let method: Method = method.parse().expect("a method");
        let ((there, nowhere), (body, empty)) = (ids.fill(path), ids.fill(body));
        let send = async |path: &str, body: &str| {
            let mut request = mallory.request(method.clone(), &format!("{BOLT}{path}"), None, None);
            *request.body_mut() = http_body_util::Full::from(body.to_owned());
            mallory.try_send(request).await.expect("an answer")
        };
        let (foreign, missing) = (send(&there, &body).await, send(&nowhere, &empty).await);
        assert_eq!(foreign.status, missing.status, "{method} {path}: {} {}", foreign.text, missing.text);
        let (foreign, missing) = (told(&foreign), told(&missing));
        if foreign["id"].is_null() {
            assert_eq!(ids.hidden(&foreign), missing, "{method} {path}");
        }
        assert!(!foreign.to_string().to_lowercase().contains("secret"), "{method} {path}: {foreign}");
        assert!(!foreign.to_string().contains("owner@acme.example"), "{method} {path}: {foreign}");
    }
    // The workspace itself, by name and by id.
    for path in ["", "/tickets", "/members", "/audit", "/api-keys", "/contacts", "/labels", "/live"] {
        let missing = mallory.get(&format!("/api/v1/workspaces/nowhere{path}")).await;
        missing.expect(404);
        for workspace in ["acme", acme.as_str(), "ACME", "bolt%2f..%2facme", "bolt/../acme"] {
            let foreign = mallory.get(&format!("/api/v1/workspaces/{workspace}{path}")).await;
            foreign.expect(404);
            if !workspace.contains("..") {
                assert_eq!(told(&foreign), told(&missing), "{workspace}{path}");
            }
        }
    }
    // A place in a list of one workspace shows nothing of it in another.
    for n in 0..3 {
        owner.post(&format!("{ACME}/tickets"), &ticket(&format!("Secret {n}"))).await.expect(201);
    }
    let made = in_workspace(&target, &acme).await.len();
    for list in ["tickets", "contacts", "members", "labels", "audit"] {
        let page = owner.get(&format!("{ACME}/{list}?limit=1")).await.expect(200);
        let Some(cursor) = page["next_cursor"].as_str() else { continue };
        let there = mallory.get(&format!("{BOLT}/{list}?cursor={cursor}")).await;
        assert!(matches!(there.status.as_u16(), 200 | 422), "{list}: {}", there.text);
        assert!(!there.text.contains("Secret") && !there.text.contains("acme.example"), "{list}: {}", there.text);
    }
    let entries = in_workspace(&target, &acme).await;
    assert_eq!(entries.len(), made, "nobody but the owner did anything in acme");
    assert_eq!(before + 3 * changes_of_a_ticket(&entries), made);
    let mallory = mallory.get("/api/v1/me").await.expect(200)["user"]["id"].clone();
    assert!(entries.iter().all(|entry| entry.event["actor"] != mallory));
}

async fn in_workspace(target: &Target, workspace: &str) -> Vec<Entry> {
    let mut entries = target.changes().await;
    entries.retain(|entry| entry.event["workspace"] == workspace);
    entries
}

/// How many events the newest ticket made.
fn changes_of_a_ticket(entries: &[Entry]) -> usize {
    let newest = entries.iter().rfind(|entry| entry.event["fact"]["type"] == "ticket.opened").expect("a ticket");
    entries.iter().filter(|entry| entry.event["request_id"] == newest.event["request_id"]).count()
}
