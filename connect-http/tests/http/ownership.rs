//! Ownership changes hands at once, or not at all.

use std::time::Duration;

use serde_json::{Value, json};

use crate::app::{TestApp, User};

/// The path of a member below the API.
async fn path(user: &User) -> String {
    let me = user.get("/me").await.expect(200);
    format!("/workspaces/acme/members/{}", me["user"]["id"].as_str().expect("an id"))
}

async fn owners(user: &User) -> Vec<Value> {
    let members = user.get("/workspaces/acme/members").await.expect(200);
    let members = members["data"].as_array().expect("a list").clone();
    members.into_iter().filter(|member| member["role"] == "owner").map(|member| member["email"].clone()).collect()
}

#[tokio::test]
async fn sec_57_an_owner_hands_over_with_a_recent_proof_and_stays_as_an_admin() {
    let (app, _, owner, _) = TestApp::acme().await;
    let admin = app.member(&owner, "admin@acme.example", "admin").await;
    let member = app.member(&owner, "member@acme.example", "member").await;
    let to = |path: &str| format!("{path}/transfer-ownership");
    let (own, heir) = (to(&path(&owner).await), to(&path(&member).await));
    for other in [&admin, &member] {
        assert_eq!(other.put(&heir).await.status, 405);
        assert_eq!(other.post(&heir, &json!({})).await.problem(403), "forbidden");
    }
    assert_eq!(owner.post(&own, &json!({})).await.problem(409), "own_already");
    let missing = to("/workspaces/acme/members/usr_00000000000000000000000000");
    assert_eq!(owner.post(&missing, &json!({})).await.problem(404), "not_found");
    app.clock.advance(Duration::from_secs(10 * 60 + 1));
    assert_eq!(owner.post(&heir, &json!({})).await.problem(403), "step_up_required");
    assert_eq!(owners(&owner).await, ["agent@acme.example"], "nothing of that changed anything");

    let owner = app.sign_in("agent@acme.example").await;
    let changed = owner.post_once(&heir, "once", &json!({})).await.expect(200);
    assert_eq!((&changed["role"], &changed["email"]), (&json!("owner"), &json!("member@acme.example")));
    assert_eq!(owners(&owner).await, ["member@acme.example"]);
    assert_eq!(owner.get("/workspaces/acme").await.expect(200)["role"], "admin", "at the next request");
    assert_eq!(owner.post_once(&heir, "once", &json!({})).await.expect(200)["role"], "owner", "a repeat is answered");
    assert_eq!(owner.post(&own, &json!({})).await.problem(403), "forbidden", "and cannot be taken back");
    app.finish().await;
}

#[tokio::test]
async fn sec_57_an_owner_who_hands_over_to_two_at_once_has_one_heir() {
    for _ in 0..10 {
        let (app, _, owner, _) = TestApp::acme().await;
        let one = app.member(&owner, "one@acme.example", "member").await;
        let two = app.member(&owner, "two@acme.example", "viewer").await;
        let (first, second) = (path(&one).await, path(&two).await);
        let (to_one, to_two) = (format!("{first}/transfer-ownership"), format!("{second}/transfer-ownership"));
        let nothing = json!({});
        let (first, second) = tokio::join!(owner.post(&to_one, &nothing), owner.post(&to_two, &nothing));
        let mut seen = [first.status.as_u16(), second.status.as_u16()];
        seen.sort_unstable();
        assert_eq!(seen, [200, 403], "{first:?} {second:?}");
        assert_eq!(owners(&owner).await.len(), 1);
        app.finish().await;
    }
}

#[tokio::test]
async fn sec_57_handing_over_while_the_heir_leaves_keeps_an_owner() {
    for _ in 0..10 {
        let (app, _, owner, _) = TestApp::acme().await;
        let heir = app.member(&owner, "heir@acme.example", "admin").await;
        let heir_path = path(&heir).await;
        let to_heir = format!("{heir_path}/transfer-ownership");
        let nothing = json!({});
        let (handed, left) = tokio::join!(owner.post(&to_heir, &nothing), heir.delete(&heir_path));
        match (handed.status.as_u16(), left.status.as_u16()) {
            (200, 409) => assert_eq!(owners(&owner).await, ["heir@acme.example"]),
            (404, 204) => assert_eq!(owners(&owner).await, ["agent@acme.example"]),
            _ => panic!("{handed:?} {left:?}"),
        }
        app.finish().await;
    }
}
