//! Rights: climbing to higher ones, and keys that were stolen or bent.

use hyper::Method;
use serde_json::{Value, json};

use super::{ACME, Target, id, told};
use crate::http::Client;
use crate::process::ticket;

async fn member_path(user: &Client) -> String {
    let me = user.get("/api/v1/me").await.expect(200);
    format!("{ACME}/members/{}", id(&me["user"]))
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_climbs_by_any_way_there_is() {
    let target = Target::start(&[]);
    let owner = target.owner().await;
    let admin = target.member(&owner, "admin@acme.example", "admin").await;
    let member = target.member(&owner, "member@acme.example", "member").await;
    let viewer = target.member(&owner, "viewer@acme.example", "viewer").await;
    let (of_owner, of_admin, of_member) =
        (member_path(&owner).await, member_path(&admin).await, member_path(&member).await);
    let of_viewer = member_path(&viewer).await;
    owner.post(&format!("{ACME}/tickets"), &ticket("Secret")).await.expect(201);
    let before = target.journal("member.role_changed").await.len();
    let invitations = format!("{ACME}/invitations");
    let keys = format!("{ACME}/api-keys");
    let mole = |role: &str| json!({"email": "mole@evil.example", "role": role});
    let role = |role: &str| json!({"role": role});
    for (who, method, path, body) in [
        (&viewer, Method::PATCH, &of_viewer, role("owner")),
        (&viewer, Method::PATCH, &of_viewer, role("member")),
        (&member, Method::PATCH, &of_member, role("admin")),
        (&member, Method::PATCH, &of_viewer, role("member")),
        (&member, Method::DELETE, &of_owner, json!({})),
        (&admin, Method::PATCH, &of_admin, role("owner")),
        (&admin, Method::PATCH, &of_member, role("owner")),
        (&admin, Method::PATCH, &of_owner, role("viewer")),
        (&admin, Method::DELETE, &of_owner, json!({})),
        (&viewer, Method::POST, &invitations, mole("viewer")),
        (&member, Method::POST, &invitations, mole("member")),
        (&admin, Method::POST, &invitations, mole("owner")),
        (&viewer, Method::POST, &format!("{ACME}/tickets/1/messages"), json!({"kind": "note", "body": "N"})),
        (&viewer, Method::PATCH, &format!("{ACME}/tickets/1"), json!({"priority": "urgent"})),
        (&member, Method::PATCH, &ACME.to_owned(), json!({"name": "Mine now"})),
        (&viewer, Method::GET, &format!("{ACME}/audit"), json!({})),
    ] {
        let answer = who.send(method.clone(), path, None, Some(&body)).await;
        assert_eq!(answer.expect(403)["code"], "forbidden", "{method} {path} {body}");
    }
    // Roles that there are not, fields that are nobody's to set, and one field twice.
    for body in [
        json!({"role": "root"}),
        json!({"role": "Owner"}),
        json!({"role": ["owner"]}),
        json!({"role": "viewer", "admin": true}),
    ] {
        let answer = admin.send(Method::PATCH, &of_member, None, Some(&body)).await;
        assert!(matches!(answer.status.as_u16(), 400 | 422), "{body}: {}", answer.text);
    }
    let mut twice = admin.request(Method::PATCH, &of_member, None, None);
    *twice.body_mut() = http_body_util::Full::from(r#"{"role": "viewer", "role": "owner"}"#);
    let twice = admin.try_send(twice).await.expect("an answer");
    assert!(matches!(twice.status.as_u16(), 400 | 403 | 422), "{}", twice.text);
    // A key of somebody's own is no ladder either.
    let refused = viewer.post(&keys, &json!({"name": "Up", "scopes": ["tickets.update"]})).await;
    assert!(matches!(refused.status.as_u16(), 403 | 422), "{}", refused.text);
    let members = owner.get(&format!("{ACME}/members")).await.expect(200);
    let mut roles: Vec<&str> =
        members["data"].as_array().expect("rows").iter().filter_map(|row| row["role"].as_str()).collect();
    roles.sort_unstable();
    assert_eq!(roles, ["admin", "member", "owner", "viewer"]);
    assert_eq!(target.journal("member.role_changed").await.len(), before);
    assert!(target.journal("access.denied").await.len() >= 10, "who tried is in the journal");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stolen_key_opens_what_it_was_made_for_and_nothing_else() {
    let target = Target::start(&[]);
    let owner = target.owner().await;
    owner.post("/api/v1/workspaces", &json!({"name": "Bolt", "slug": "bolt"})).await.expect(201);
    owner.post(&format!("{ACME}/tickets"), &ticket("Printer")).await.expect(201);
    let keys = format!("{ACME}/api-keys");
    let key = owner.post(&keys, &json!({"name": "Robot", "scopes": ["tickets.read"]})).await.expect(201);
    let token = key["token"].as_str().expect("a token").to_owned();
    let thief = target.stranger().with_token(&token);
    thief.get(&format!("{ACME}/tickets")).await.expect(200);
    let path = format!("{keys}/{}", id(&key));
    for (method, path, body) in [
        (Method::POST, format!("{ACME}/tickets"), ticket("Mine")),
        (Method::PATCH, format!("{ACME}/tickets/1"), json!({"priority": "urgent"})),
        (Method::POST, format!("{ACME}/tickets/1/messages"), json!({"kind": "reply", "body": "R"})),
        (Method::POST, keys.clone(), json!({"name": "More", "scopes": ["tickets.read"]})),
        (Method::POST, format!("{path}/rotate"), json!({})),
        (Method::DELETE, path.clone(), json!({})),
        (Method::GET, format!("{ACME}/audit"), json!({})),
        (Method::POST, format!("{ACME}/invitations"), json!({"email": "mole@evil.example", "role": "owner"})),
        (Method::GET, "/api/v1/me".to_owned(), json!({})),
        (Method::DELETE, "/api/v1/auth/sessions".to_owned(), json!({})),
    ] {
        let answer = thief.send(method.clone(), &path, None, Some(&body)).await;
        assert_eq!(answer.expect(403)["code"], "forbidden", "{method} {path}");
    }
    let (foreign, missing) =
        (thief.get("/api/v1/workspaces/bolt").await, thief.get("/api/v1/workspaces/nowhere").await);
    foreign.expect(404);
    assert_eq!(told(&foreign), told(&missing), "its owner may go there, it may not");
    // In the wrong place, altered, cut off: nothing.
    let in_url = target.stranger().get(&format!("{ACME}/tickets?key={token}")).await;
    assert_eq!(in_url.expect(400)["code"], "key_in_url");
    let last = if token.ends_with('0') { '1' } else { '0' };
    for bad in
        [format!("{}{last}", &token[..79]), token[..60].to_owned(), token.to_uppercase(), format!("{token}{token}")]
    {
        target.stranger().with_token(&bad).get(&format!("{ACME}/tickets")).await.expect(401);
    }
    // The end of it is heard at once, and the journal has everything but the secret.
    owner.send(Method::DELETE, &path, None, None).await.expect(204);
    thief.get(&format!("{ACME}/tickets")).await.expect(401);
    assert_eq!(target.journal("ticket.opened").await.len(), 1);
    let denied = target.journal("access.denied").await;
    assert!(denied.iter().any(|entry| entry.event["key"] == key["id"]), "by which key it was tried");
    let all =
        super::entries(&target.folder, "SELECT json(doc), json(origin) FROM connect_event WHERE type <> $1", "").await;
    let secret = &token[31..74];
    let told: Vec<&Value> = all.iter().map(|entry| &entry.event).collect();
    assert!(!json!(told).to_string().contains(secret));
}
