use serde_json::json;

use crate::app::TestApp;

#[tokio::test]
async fn an_invitation_is_mailed_and_accepted_once_by_its_mailbox() {
    let (app, _, owner, _) = TestApp::acme().await;
    let invited = owner
        .post("/workspaces/acme/invitations", &json!({"email": "new@acme.example", "role": "member"}))
        .await
        .expect(201);
    assert!(invited.get("token").is_none() && invited.get("token_hash").is_none(), "the secret is in the mail only");
    app.deliver().await;
    let token = app.invitation_token("new@acme.example");
    assert!(app.mail_to("new@acme.example").mail.text.contains("https://desk.example/acme/join/inv_"));
    let path = format!("/workspaces/acme/invitations/{}/accept", invited["id"].as_str().expect("id"));
    let other = app.sign_in("other@else.example").await;
    assert_eq!(
        other.post(&path, &json!({"token": token})).await.problem(404),
        "not_found",
        "sec 59: bound to its mailbox"
    );
    let user = app.sign_in("new@acme.example").await;
    for wrong in ["", "AAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
        assert_eq!(user.post(&path, &json!({"token": wrong})).await.problem(404), "not_found");
    }
    let accepted = user.post(&path, &json!({"token": token})).await.expect(200);
    assert_eq!((&accepted["slug"], &accepted["role"]), (&json!("acme"), &json!("member")));
    assert_eq!(user.post(&path, &json!({"token": token})).await.problem(404), "not_found", "once only");
    assert_eq!(user.get("/workspaces").await.expect(200)["data"].as_array().map(Vec::len), Some(1));
    let again =
        owner.post("/workspaces/acme/invitations", &json!({"email": "new@acme.example", "role": "member"})).await;
    assert_eq!(again.problem(409), "already_member");
    app.finish().await;
}

#[tokio::test]
async fn a_newer_invitation_replaces_the_older_and_one_that_ended_is_none() {
    let (app, _, owner, _) = TestApp::acme().await;
    let body = json!({"email": "new@acme.example", "role": "viewer"});
    let first = owner.post("/workspaces/acme/invitations", &body).await.expect(201);
    app.deliver().await;
    let old = app.invitation_token("new@acme.example");
    let second = owner.post("/workspaces/acme/invitations", &body).await.expect(201);
    app.deliver().await;
    assert_eq!(owner.get("/workspaces/acme/invitations").await.expect(200)["data"].as_array().map(Vec::len), Some(1));
    let user = app.sign_in("new@acme.example").await;
    let path = |id: &serde_json::Value| format!("/workspaces/acme/invitations/{}/accept", id.as_str().expect("id"));
    assert_eq!(user.post(&path(&first["id"]), &json!({"token": old})).await.problem(404), "not_found");
    app.clock.advance(std::time::Duration::from_secs(7 * 24 * 3600));
    let user = app.sign_in("new@acme.example").await;
    let token = json!({"token": app.mail.mails().iter().find_map(|k| k.mail.text.split("token=").nth(1).map(|t| t.split_whitespace().next().expect("t").to_owned()))});
    assert_eq!(user.post(&path(&second["id"]), &token).await.problem(404), "not_found", "after seven days");
    app.finish().await;
}

#[tokio::test]
async fn sec_57_nobody_climbs_and_the_last_owner_stays() {
    let (app, _, owner, _) = TestApp::acme().await;
    let admin = app.member(&owner, "admin@acme.example", "admin").await;
    let member = app.member(&owner, "member@acme.example", "member").await;
    let id = async |user: &crate::app::User| {
        let me = user.get("/me").await.expect(200);
        format!("/workspaces/acme/members/{}", me["user"]["id"].as_str().expect("id"))
    };
    let (owner_path, admin_path, member_path) = (id(&owner).await, id(&admin).await, id(&member).await);
    assert_eq!(member.patch(&member_path, &json!({"role": "admin"})).await.problem(403), "forbidden");
    assert_eq!(admin.patch(&admin_path, &json!({"role": "owner"})).await.problem(403), "forbidden");
    assert_eq!(admin.patch(&owner_path, &json!({"role": "viewer"})).await.problem(403), "forbidden");
    assert_eq!(
        admin
            .post("/workspaces/acme/invitations", &json!({"email": "x@y.example", "role": "owner"}))
            .await
            .problem(403),
        "forbidden"
    );
    assert_eq!(owner.delete(&owner_path).await.problem(409), "last_owner");
    assert_eq!(owner.patch(&owner_path, &json!({"role": "admin"})).await.problem(409), "last_owner");
    assert_eq!(admin.patch(&member_path, &json!({"role": "viewer"})).await.expect(200)["role"], "viewer");
    let path = owner.open("x").await;
    assert_eq!(
        member.patch(&path, &json!({"priority": "low"})).await.problem(403),
        "forbidden",
        "sec 30: at the next request"
    );
    admin.delete(&member_path).await.expect(204);
    assert_eq!(member.get("/workspaces/acme").await.problem(404), "not_found", "sec 30: gone at the next request");
    app.finish().await;
}

#[tokio::test]
async fn sec_57_two_owners_who_leave_at_once_do_not_both() {
    for _ in 0..10 {
        let (app, _, one, _) = TestApp::acme().await;
        let two = app.member(&one, "two@acme.example", "owner").await;
        let mut paths = Vec::new();
        for user in [&one, &two] {
            let me = user.get("/me").await.expect(200);
            paths.push(format!("/workspaces/acme/members/{}", me["user"]["id"].as_str().expect("id")));
        }
        let (first, second) = tokio::join!(one.delete(&paths[0]), two.delete(&paths[1]));
        let left = u8::from(first.status == 204) + u8::from(second.status == 204);
        assert_eq!(left, 1, "{first:?} {second:?}");
        app.finish().await;
    }
}

#[tokio::test]
async fn sec_58_each_role_may_do_what_the_matrix_says() {
    let (app, _, owner, customer) = TestApp::acme().await;
    let path = owner.open("Matrix").await;
    let viewer = app.member(&owner, "viewer@acme.example", "viewer").await;
    let member = app.member(&owner, "member@acme.example", "member").await;
    let admin = app.member(&owner, "admin@acme.example", "admin").await;
    let messages = format!("{path}/messages");
    let contacts = "/workspaces/acme/contacts";
    // What is asked, and the status for viewer, member, admin, owner, customer.
    let mut failures = Vec::new();
    for (name, who) in [("viewer", 0), ("member", 1), ("admin", 2), ("owner", 3), ("customer", 4)] {
        let user = [&viewer, &member, &admin, &owner, &customer][who];
        let new = json!({"name": "Some Body", "email": format!("{name}@some.example")});
        let mine = who == 4;
        let ticket = if mine {
            json!({"subject": "S", "body": "B"})
        } else {
            json!({"subject": "S", "body": "B", "contact": {"email": "carla@customer.example"}})
        };
        let seen = [
            ("workspace.read", user.get("/workspaces/acme").await, [200, 200, 200, 200, 200]),
            ("workspace.update", user.patch("/workspaces/acme", &json!({})).await, [403, 403, 200, 200, 403]),
            ("members.read", user.get("/workspaces/acme/members").await, [200, 200, 200, 200, 403]),
            ("members.manage", user.get("/workspaces/acme/invitations").await, [403, 403, 200, 200, 403]),
            ("api_keys.manage", user.get("/workspaces/acme/api-keys").await, [403, 403, 200, 200, 403]),
            ("contacts.read", user.get(contacts).await, [200, 200, 200, 200, 403]),
            ("contacts.write", user.post(contacts, &new).await, [403, 201, 201, 201, 403]),
            ("labels.read", user.get("/workspaces/acme/labels").await, [200, 200, 200, 200, 403]),
            (
                "labels.write",
                user.post("/workspaces/acme/labels", &json!({"name": name})).await,
                [403, 201, 201, 201, 403],
            ),
            ("tickets.read", user.get(&path).await, [200, 200, 200, 200, 200]),
            ("tickets.open", user.post("/workspaces/acme/tickets", &ticket).await, [403, 201, 201, 201, 201]),
            (
                "tickets.reply",
                user.post(&messages, &json!({"kind": "reply", "body": "x"})).await,
                [403, 201, 201, 201, 201],
            ),
            ("tickets.update", user.patch(&path, &json!({})).await, [403, 200, 200, 200, 403]),
            (
                "notes.write",
                user.post(&messages, &json!({"kind": "note", "body": "x"})).await,
                [403, 201, 201, 201, 403],
            ),
        ];
        for (action, answer, expected) in seen {
            if answer.status.as_u16() != expected[who] {
                failures.push(format!("{action} by {name}: {} instead of {}", answer.status, expected[who]));
            }
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
    assert!(!viewer.get(&messages).await.text.contains("\"note\""), "a viewer sees no notes");
    app.finish().await;
}

#[tokio::test]
async fn sec_59_what_somebody_invited_who_is_disabled_now_is_worth_nothing() {
    let (app, _, owner, _) = TestApp::acme().await;
    let admin = app.member(&owner, "admin@acme.example", "admin").await;
    let body = json!({"email": "accomplice@else.example", "role": "admin"});
    let invited = admin.post("/workspaces/acme/invitations", &body).await.expect(201);
    app.deliver().await;
    let token = json!({"token": app.invitation_token("accomplice@else.example")});
    let path = format!("/workspaces/acme/invitations/{}/accept", invited["id"].as_str().expect("an id"));
    let id = admin.get("/me").await.expect(200)["user"]["id"].as_str().expect("an id").parse().expect("a user");
    app.desk.users().set_disabled(id, true).await.expect("disabled");
    let accomplice = app.sign_in("accomplice@else.example").await;
    assert_eq!(accomplice.post(&path, &token).await.problem(409), "inviter_lost_right");
    assert_eq!(accomplice.get("/workspaces/acme").await.problem(404), "not_found");
    app.desk.users().set_disabled(id, false).await.expect("enabled");
    accomplice.post(&path, &token).await.expect(200);
    app.finish().await;
}

#[tokio::test]
async fn an_invitation_to_a_custom_role_gives_that_role_or_nothing() {
    let (app, _, owner, _) = TestApp::acme().await;
    let role = json!({"name": "Night shift", "base": "member", "permissions": ["tickets.read"]});
    let role = owner.post("/workspaces/acme/roles", &role).await.expect(201)["id"].clone();
    let invite = async |by: &crate::app::User, email: &str| {
        by.post("/workspaces/acme/invitations", &json!({"email": email, "role_id": role})).await
    };
    let invited = invite(&owner, "nina@acme.example").await.expect(201);
    assert_eq!((&invited["role"], &invited["role_id"]), (&json!("member"), &role));
    app.deliver().await;
    assert!(app.mail_to("nina@acme.example").mail.text.contains("as Night shift"));
    let accept = async |email: &str, invited: &serde_json::Value| {
        let token = app.invitation_token(email);
        let path = format!("/workspaces/acme/invitations/{}/accept", invited["id"].as_str().expect("an id"));
        let user = app.sign_in(email).await;
        let answer = user.post(&path, &json!({"token": token})).await;
        (user, answer)
    };
    let (nina, answer) = accept("nina@acme.example", &invited).await;
    answer.expect(200);
    let path = owner.open("Printer").await;
    nina.get(&path).await.expect(200);
    assert_eq!(nina.patch(&path, &json!({"priority": "low"})).await.problem(403), "forbidden", "only what it names");

    // sec 57: whoever may do less than the role does not invite to it. A role that is gone is promised to nobody.
    let limited = json!({"name": "Greeter", "base": "admin", "permissions": ["members.manage", "members.read"]});
    let limited = owner.post("/workspaces/acme/roles", &limited).await.expect(201)["id"].clone();
    let greeter = app.member(&owner, "greeter@acme.example", "viewer").await;
    let me = greeter.get("/me").await.expect(200)["user"]["id"].as_str().expect("an id").to_owned();
    owner.patch(&format!("/workspaces/acme/members/{me}"), &json!({"role_id": limited})).await.expect(200);
    assert_eq!(invite(&greeter, "x@acme.example").await.problem(403), "forbidden");
    for wrong in [
        json!({"email": "x@acme.example"}),
        json!({"email": "x@acme.example", "role": "member", "role_id": role}),
        json!({"email": "x@acme.example", "role_id": "rol_00000000000000000000000001"}),
        json!({"email": "x@acme.example", "role_id": "night shift"}),
    ] {
        owner.post("/workspaces/acme/invitations", &wrong).await.problem(422);
    }
    let invited = invite(&owner, "otto@acme.example").await.expect(201);
    app.deliver().await;
    let nina_id = nina.get("/me").await.expect(200)["user"]["id"].as_str().expect("an id").to_owned();
    owner.delete(&format!("/workspaces/acme/members/{nina_id}")).await.expect(204);
    owner.delete(&format!("/workspaces/acme/roles/{}", role.as_str().expect("an id"))).await.expect(204);
    let (otto, answer) = accept("otto@acme.example", &invited).await;
    assert_eq!(answer.problem(409), "role_gone");
    otto.get("/workspaces/acme").await.problem(404);
    app.finish().await;
}
