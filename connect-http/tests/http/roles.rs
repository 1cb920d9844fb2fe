//! Custom roles: what they let do and what not, and that nobody climbs by them.

use std::sync::Arc;

use connect_auth::RoleMatrix;
use connect_core::testing::ManualClock;
use connect_core::{Action, Clock, Policy, Role, Standing};
use serde_json::{Value, json};

use crate::api_keys::{asked, made, token};
use crate::app::{TestApp, User};
use crate::pages::Browser;
use crate::teams::{id, me};

const ROLES: &str = "/workspaces/acme/roles";

/// A new role; answers its id.
async fn role(by: &User, name: &str, base: &str, permissions: &[&str]) -> String {
    let body = json!({"name": name, "base": base, "permissions": permissions});
    id(&by.post(ROLES, &body).await.expect(201))
}

fn member(id: &str) -> String {
    format!("/workspaces/acme/members/{id}")
}

/// Somebody who has a role of these permissions.
async fn holder(app: &TestApp, owner: &User, name: &str, base: &str, permissions: &[&str]) -> (User, String, String) {
    let user = app.member(owner, &format!("{name}@acme.example"), "viewer").await;
    let (user_id, role_id) = (me(&user).await, role(owner, &format!("Role of {name}"), base, permissions).await);
    owner.patch(&member(&user_id), &json!({"role_id": role_id})).await.expect(200);
    (user, user_id, role_id)
}

#[tokio::test]
async fn sec_58_a_custom_role_may_what_it_names_and_nothing_else() {
    let (app, _, owner, _) = TestApp::acme().await;
    let (ada, ada_id, role_id) =
        holder(&app, &owner, "ada", "member", &["tickets.read", "tickets.reply", "members.read"]).await;
    let shown = owner.get(&member(&ada_id)).await.expect(200);
    assert_eq!((&shown["role"], &shown["role_id"]), (&json!("member"), &json!(role_id)));
    let path = owner.open("Printer").await;
    ada.get(&path).await.expect(200);
    ada.get("/workspaces/acme/members").await.expect(200);
    ada.post(&format!("{path}/messages"), &json!({"kind": "reply", "body": "x"})).await.expect(201);
    assert_eq!(
        ada.post(&format!("{path}/messages"), &json!({"kind": "note", "body": "x"})).await.problem(403),
        "forbidden"
    );
    assert_eq!(ada.patch(&path, &json!({"priority": "low"})).await.problem(403), "forbidden");
    for path in ["/workspaces/acme", "/workspaces/acme/contacts", "/workspaces/acme/labels", "/workspaces/acme/audit"] {
        assert_eq!(ada.get(path).await.problem(403), "forbidden", "{path}");
    }
    owner.post(&format!("{path}/messages"), &json!({"kind": "note", "body": "hidden"})).await.expect(201);
    assert!(!ada.get(&format!("{path}/messages")).await.text.contains("hidden"));
    assert!(!ada.get(&format!("{path}/timeline")).await.text.contains("hidden"));
    let audit = owner.get("/workspaces/acme/audit?limit=200").await.text;
    assert!(
        audit.contains("role.created") && audit.contains(&role_id) && !audit.contains("Role of"),
        "by ids: {audit}"
    );
    app.finish().await;
}

#[tokio::test]
async fn sec_30_a_changed_role_holds_at_the_next_request_and_for_keys() {
    let (app, _, owner, _) = TestApp::acme().await;
    let names = ["tickets.read", "tickets.update", "api_keys.manage"];
    let (ada, ada_id, role_id) = holder(&app, &owner, "ada", "admin", &names).await;
    let path = owner.open("Printer").await;
    let robot = app.bearer(token(&made(&ada, &asked(&["tickets.read", "tickets.update"])).await));
    robot.patch(&path, &json!({"priority": "low"})).await.expect(200);
    ada.patch(&path, &json!({"priority": "high"})).await.expect(200);
    let role = format!("{ROLES}/{role_id}");
    owner.patch(&role, &json!({"permissions": ["tickets.read"]})).await.expect(200);
    // sec 64: what a key may is what it was given and its owner may now.
    assert_eq!(robot.patch(&path, &json!({"priority": "low"})).await.problem(403), "forbidden");
    assert_eq!(ada.patch(&path, &json!({"priority": "low"})).await.problem(403), "forbidden");
    robot.get(&path).await.expect(200);
    owner.patch(&role, &json!({"permissions": ["tickets.read", "tickets.update"]})).await.expect(200);
    robot.patch(&path, &json!({"priority": "low"})).await.expect(200);
    owner.patch(&member(&ada_id), &json!({"role": "viewer"})).await.expect(200);
    assert_eq!(robot.patch(&path, &json!({"priority": "low"})).await.problem(403), "forbidden");
    ada.get("/workspaces/acme/labels").await.expect(200);
    assert_eq!(owner.get(&member(&ada_id)).await.expect(200)["role_id"], Value::Null);
    app.finish().await;
}

#[tokio::test]
async fn sec_57_nobody_climbs_by_a_custom_role() {
    let (app, _, owner, _) = TestApp::acme().await;
    let names = ["members.manage", "members.read", "tickets.read"];
    let (hana, hana_id, own_role) = holder(&app, &owner, "hana", "admin", &names).await;
    let bob = app.member(&owner, "bob@acme.example", "member").await;
    let admin = me(&app.member(&owner, "admin@acme.example", "admin").await).await;
    let bob_id = me(&bob).await;
    let strong = role(&owner, "Strong", "admin", &["members.manage", "audit.read"]).await;
    let refused = async |answer: crate::app::Answer| assert_eq!(answer.problem(403), "forbidden");

    // She makes no role of more than she has, nor gives one, nor a built-in one that has more.
    refused(hana.post(ROLES, &json!({"name": "New", "base": "admin", "permissions": ["audit.read"]})).await).await;
    for body in
        [json!({"role_id": strong}), json!({"role": "admin"}), json!({"role": "member"}), json!({"role": "viewer"})]
    {
        refused(hana.patch(&member(&hana_id), &body).await).await;
        // What somebody is already is not given.
        if body["role"] != "member" {
            refused(hana.patch(&member(&bob_id), &body).await).await;
        }
    }
    refused(hana.post("/workspaces/acme/invitations", &json!({"email": "x@y.example", "role": "viewer"})).await).await;
    // Nor does she change what others, or she herself, have by a role.
    for (role, permissions) in [
        (&own_role, json!(["members.manage", "members.read", "tickets.read", "audit.read"])),
        (&own_role, json!(["members.manage", "members.read", "tickets.read", "api_keys.manage"])),
        (&strong, json!(["members.manage", "audit.read", "workspace.update"])),
        (&strong, json!(["members.manage"])),
    ] {
        refused(hana.patch(&format!("{ROLES}/{role}"), &json!({"permissions": permissions})).await).await;
    }
    refused(hana.delete(&format!("{ROLES}/{strong}")).await).await;
    // Nor does she take their place from those who may do more.
    for other in [&admin, &bob_id, &me(&owner).await] {
        refused(hana.delete(&member(other)).await).await;
        refused(hana.patch(&member(other), &json!({"role_id": own_role})).await).await;
    }
    refused(hana.post(&format!("{}/transfer-ownership", member(&bob_id)), &json!({})).await).await;

    // What she has herself she may give to who has no more than that.
    let weak = role(&hana, "Weak", "viewer", &["tickets.read"]).await;
    let nobody = role(&owner, "Nobody", "viewer", &["tickets.read"]).await;
    owner.patch(&member(&bob_id), &json!({"role_id": nobody})).await.expect(200);
    assert_eq!(hana.patch(&member(&bob_id), &json!({"role_id": weak})).await.expect(200)["role_id"], json!(weak));
    hana.patch(&member(&bob_id), &json!({"role_id": own_role})).await.expect(200);
    // An invitation of hers from before she had less counts no more: the right is looked at again.
    let raised = json!({"role": "admin"});
    owner.patch(&member(&hana_id), &raised).await.expect(200);
    let carl = app.sign_in("carl@acme.example").await;
    let invited = hana
        .post("/workspaces/acme/invitations", &json!({"email": "carl@acme.example", "role": "member"}))
        .await
        .expect(201);
    app.deliver().await;
    owner.patch(&member(&hana_id), &json!({"role_id": own_role})).await.expect(200);
    let accept = format!("/workspaces/acme/invitations/{}/accept", id(&invited));
    let body = json!({"token": app.invitation_token("carl@acme.example")});
    assert_eq!(carl.post(&accept, &body).await.problem(409), "inviter_lost_right");
    app.finish().await;
}

#[tokio::test]
async fn sec_57_no_custom_role_holds_what_is_for_owners() {
    let (app, _, owner, _) = TestApp::acme().await;
    for (base, word, code) in [
        ("owner", "tickets.read", "owner_only"),
        ("admin", "ownership.transfer", "owner_only"),
        ("member", "members.manage", "beyond_base"),
        ("viewer", "notes.read", "beyond_base"),
        ("member", "tickets.*", "unknown"),
    ] {
        let refused = owner.post(ROLES, &json!({"name": "Role", "base": base, "permissions": [word]})).await;
        assert_eq!(refused.expect(422)["errors"][0]["code"], code, "{base} {word}");
    }
    let none = owner.post(ROLES, &json!({"name": "Role", "base": "member", "permissions": []})).await;
    assert_eq!(none.expect(422)["errors"][0]["code"], "empty");
    app.finish().await;
}

#[tokio::test]
async fn sec_34_a_role_of_admins_is_made_changed_and_given_after_a_fresh_proof_only() {
    let (app, _, owner, _) = TestApp::acme().await;
    let strong = role(&owner, "Strong", "admin", &["members.read"]).await;
    let bob_id = me(&app.member(&owner, "bob@acme.example", "member").await).await;
    app.clock.advance(std::time::Duration::from_secs(11 * 60));
    let step_up = async |answer: crate::app::Answer| assert_eq!(answer.problem(403), "step_up_required");
    step_up(owner.post(ROLES, &json!({"name": "More", "base": "admin", "permissions": ["members.read"]})).await).await;
    step_up(owner.patch(&format!("{ROLES}/{strong}"), &json!({"permissions": ["audit.read"]})).await).await;
    step_up(owner.patch(&member(&bob_id), &json!({"role_id": strong})).await).await;
    let weak = role(&owner, "Weak", "member", &["members.read"]).await;
    owner.patch(&member(&bob_id), &json!({"role_id": weak})).await.expect(200);
    app.finish().await;
}

#[tokio::test]
async fn a_role_is_made_changed_and_removed_once_nobody_has_it() {
    let (app, _, owner, _) = TestApp::acme().await;
    let body = json!({"name": "Reader", "base": "viewer", "permissions": ["tickets.read", "members.read"]});
    let made = owner.post_once(ROLES, "k", &body).await.expect(201);
    assert_eq!(owner.post_once(ROLES, "k", &body).await.expect(201), made);
    assert_eq!(owner.post(ROLES, &body).await.problem(409), "taken");
    let path = format!("{ROLES}/{}", id(&made));
    assert_eq!(made["permissions"], json!(["members.read", "tickets.read"]), "in the order of the matrix");
    assert_eq!(owner.patch(&path, &json!({"name": "Other", "version": 9})).await.problem(412), "version_mismatch");
    let changed = owner.patch(&path, &json!({"name": "Other", "permissions": ["tickets.read"]})).await;
    assert_eq!((changed.headers["etag"].as_bytes(), &changed.expect(200)["name"]), (&b"\"2\""[..], &json!("Other")));
    let bob_id = me(&app.member(&owner, "bob@acme.example", "member").await).await;
    owner.patch(&member(&bob_id), &json!({"role_id": id(&made)})).await.expect(200);
    assert_eq!(owner.delete(&path).await.problem(409), "role_in_use");
    owner.patch(&member(&bob_id), &json!({"role": "member"})).await.expect(200);
    owner.delete(&path).await.expect(204);
    assert_eq!(owner.get(&path).await.problem(404), "not_found");
    assert_eq!(owner.get(ROLES).await.expect(200)["data"], json!([]));
    // sec 56: a role that is not of this workspace is one that is not there.
    let gone = owner.patch(&member(&bob_id), &json!({"role_id": id(&made)})).await.expect(422)["errors"].clone();
    let boss = app.sign_in("boss@bolt.example").await;
    boss.post("/workspaces", &json!({"name": "Bolt", "slug": "bolt"})).await.expect(201);
    let foreign = id(&boss.post("/workspaces/bolt/roles", &body).await.expect(201));
    assert_eq!(owner.patch(&member(&bob_id), &json!({"role_id": foreign})).await.expect(422)["errors"], gone);
    for body in [json!({}), json!({"role": "viewer", "role_id": foreign}), json!({"role_id": "x"})] {
        assert_eq!(owner.patch(&member(&bob_id), &body).await.problem(422), "invalid");
    }
    app.finish().await;
}

#[tokio::test]
async fn sec_57_of_a_role_that_is_given_and_removed_at_once_nobody_is_left_with_nothing() {
    for _ in 0..10 {
        let (app, _, owner, _) = TestApp::acme().await;
        let role_id = role(&owner, "Reader", "viewer", &["tickets.read"]).await;
        let bob_id = me(&app.member(&owner, "bob@acme.example", "member").await).await;
        let (path, given) = (format!("{ROLES}/{role_id}"), json!({"role_id": role_id}));
        let bob = member(&bob_id);
        let (given, removed) = tokio::join!(owner.patch(&bob, &given), owner.delete(&path));
        assert!((given.status == 200) != (removed.status == 204), "{given:?} {removed:?}");
        app.finish().await;
    }
}

#[tokio::test]
async fn the_page_of_roles_does_what_the_api_does() {
    let (app, _, owner, _) = TestApp::acme().await;
    let ada = app.member(&owner, "ada@acme.example", "member").await;
    let ada_id = me(&ada).await;
    let browser = Browser::new(&app);
    browser.sign_in("agent@acme.example", "/acme/roles").await;
    let page = browser.submit("/acme/roles", &[("name", "R & D"), ("base", "member"), ("tickets.read", "on")]).await;
    assert!(page.text.contains("R &#38; D") && page.text.contains("part of member"), "{}", page.text);
    let role_id = id(&owner.get(ROLES).await.expect(200)["data"][0]);
    browser.submit(&format!("/acme/members/{ada_id}/role"), &[("role", &role_id)]).await;
    assert_eq!(owner.get(&member(&ada_id)).await.expect(200)["role_id"], json!(role_id));
    assert_eq!(ada.get("/workspaces/acme/members").await.problem(403), "forbidden");
    let form = [("name", "R & D"), ("tickets.read", "on"), ("members.read", "on"), ("workspace.read", "on")];
    browser.submit(&format!("/acme/roles/{role_id}"), &form).await;
    ada.get("/workspaces/acme/members").await.expect(200);
    let refused = browser.submit(&format!("/acme/roles/{role_id}/remove"), &[]).await;
    assert!(refused.status == 409 && refused.text.contains("give them another one first"), "{}", refused.text);
    let wrong = browser.submit("/acme/roles", &[("name", "New"), ("base", "viewer"), ("notes.read", "on")]).await;
    assert!(wrong.status == 422 && wrong.text.contains("more than the base may do"), "{}", wrong.text);

    // A ticket can be worked by who sees neither members nor teams.
    browser.submit(&format!("/acme/roles/{role_id}"), &[("name", "R & D"), ("tickets.read", "on")]).await;
    owner.open("Printer").await;
    let hers = Browser::new(&app);
    hers.sign_in("ada@acme.example", "/acme").await;
    let ticket = hers.get("/acme/tickets/1").await;
    assert!(ticket.status == 200 && ticket.text.contains("Printer"), "{}", ticket.text);
    let more = [("name", "Mine"), ("base", "viewer"), ("tickets.read", "on")];
    assert_eq!(hers.submit("/acme/roles", &more).await.status, 403);
    assert_eq!(hers.submit(&format!("/acme/members/{ada_id}/role"), &[("role", "admin")]).await.status, 403);
    browser.submit(&format!("/acme/members/{ada_id}/role"), &[("role", "viewer")]).await;
    browser.submit(&format!("/acme/roles/{role_id}/remove"), &[]).await;
    assert_eq!(owner.get(ROLES).await.expect(200)["data"], json!([]));
    app.finish().await;
}

/// A host's own policy: nobody but the host answers customers on the first day of the calendar.
#[derive(Debug)]
struct ShopHours {
    clock: Arc<ManualClock>,
}

impl Policy for ShopHours {
    fn allows(&self, standing: Standing, action: Action) -> bool {
        let days = self.clock.now().as_micros() / (24 * 3600 * 1_000_000);
        let is_open = days % 7 != 0;
        (is_open || action != Action::ReplyToTickets || standing == Standing::Host)
            && RoleMatrix.allows(standing, action)
    }
}

#[tokio::test]
async fn a_hosts_own_policy_stands_in_the_place_of_the_matrix() {
    let clock: Arc<ManualClock> = Arc::default();
    let day = std::time::Duration::from_secs(24 * 3600);
    // To the morning of a day that is open.
    let policy = ShopHours { clock: clock.clone() };
    while !policy.allows(Standing::Member(Role::Owner), Action::ReplyToTickets) {
        clock.advance(day);
    }
    let made = crate::app::Made { clock: clock.clone(), ..crate::app::Made::default() };
    let app = TestApp::made(made, |desk| desk.policy(Arc::new(policy)));
    let (app, _, owner, customer) = app.with_acme().await;
    let (path, reply) = (owner.open("Printer").await, json!({"kind": "reply", "body": "x"}));
    let messages = format!("{path}/messages");
    owner.post(&messages, &reply).await.expect(201);
    customer.post(&messages, &reply).await.expect(201);
    let closed = ShopHours { clock: clock.clone() };
    while closed.allows(Standing::Member(Role::Owner), Action::ReplyToTickets) {
        clock.advance(day);
    }
    // Sessions do not last so long.
    let owner = app.sign_in("agent@acme.example").await;
    let customer = app.sign_in("carla@customer.example").await;
    assert_eq!(owner.post(&messages, &reply).await.problem(403), "forbidden");
    assert_eq!(customer.post(&messages, &reply).await.problem(403), "forbidden");
    owner.post(&messages, &json!({"kind": "note", "body": "x"})).await.expect(201);
    owner.get(&path).await.expect(200);
    // The role of a part of the team is a part of what the policy allows, whatever it names.
    let (ada, _, _) = holder(&app, &owner, "ada", "member", &["tickets.read"]).await;
    ada.get(&path).await.expect(200);
    let role = json!({"name": "More", "base": "member", "permissions": ["tickets.reply"]});
    assert_eq!(owner.post(ROLES, &role).await.expect(422)["errors"][0]["code"], "beyond_base");
    clock.advance(day);
    let owner = app.sign_in("agent@acme.example").await;
    owner.post(&messages, &reply).await.expect(201);
    app.finish().await;
}

/// Seeing all tickets, or those of one more team, is given like any other right: by those who have it.
#[tokio::test]
async fn sec_57_nobody_lets_others_see_what_they_may_not_see_themselves() {
    let (app, _, owner, _) = TestApp::acme().await;
    let (hana, _, _) = holder(&app, &owner, "hana", "admin", &["members.manage", "members.read"]).await;
    let bob_id = me(&app.member(&owner, "bob@acme.example", "member").await).await;
    let team = id(&owner.post("/workspaces/acme/teams", &json!({"name": "Billing"})).await.expect(201));
    // Less may be given to see, and by her, too.
    hana.patch(&member(&bob_id), &json!({"narrowed": true})).await.expect(200);
    assert_eq!(hana.patch(&member(&bob_id), &json!({"narrowed": false})).await.problem(403), "forbidden");
    let place = format!("/workspaces/acme/teams/{team}/members/{bob_id}");
    assert_eq!(hana.put(&place).await.problem(403), "forbidden");
    assert_eq!(owner.get(&member(&bob_id)).await.expect(200)["team_ids"], json!([]));
    owner.patch(&member(&bob_id), &json!({"narrowed": false})).await.expect(200);
    app.finish().await;
}
