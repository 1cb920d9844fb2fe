//! The devices of members.

use serde_json::{Value, json};

use crate::app::{TestApp, User};

const DEVICES: &str = "/workspaces/acme/push-devices";

async fn devices(user: &User) -> Vec<Value> {
    user.get(DEVICES).await.expect(200)["data"].as_array().expect("a list").clone()
}

#[tokio::test]
async fn a_browser_is_one_person_s_at_a_time() {
    let (app, _, owner, _) = TestApp::acme().await;
    let ada = app.member(&owner, "ada@acme.example", "member").await;
    let key = format!("B{}", "A".repeat(86));
    let browser = json!({
        "service": "web_push", "name": "Shared computer", "endpoint": "https://push.example/abc",
        "keys": {"p256dh": key, "auth": "A".repeat(22)},
    });
    owner.post(DEVICES, &browser).await.expect(201);
    owner
        .post(DEVICES, &json!({"service": "onesignal", "subscription_id": "0b0d5a8e-1f6e-4b2a-9c3d-000000000001"}))
        .await
        .expect(201);
    assert_eq!(devices(&owner).await.len(), 2);
    // Whoever sits there now has it, and the former user's messages no longer come up.
    ada.post(DEVICES, &browser).await.expect(201);
    assert_eq!((devices(&owner).await.len(), devices(&ada).await.len()), (1, 1));
    assert_eq!(devices(&owner).await[0]["service"], "onesignal");
    let shown = devices(&ada).await[0].to_string();
    assert!(!shown.contains("push.example") && !shown.contains(&key), "what reaches it is shown to nobody: {shown}");
    for wrong in [
        json!({"service": "fax"}),
        json!({"service": "web_push", "endpoint": "http://push.example/x", "keys": {"p256dh": key, "auth": "A".repeat(22)}}),
        json!({"service": "web_push", "endpoint": "https://push.example/x", "keys": {"p256dh": "short", "auth": "x"}}),
        json!({"service": "onesignal", "subscription_id": "nobody"}),
        json!({"service": "onesignal", "subscription_id": "0b0d5a8e-1f6e-4b2a-9c3d-000000000001", "user": "x"}),
    ] {
        assert_eq!(ada.post(DEVICES, &wrong).await.status, 422, "{wrong}");
    }
    app.finish().await;
}
