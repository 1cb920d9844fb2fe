//! Every route, on every footing, against the table of permissions and the matrix of roles.

use axum::body::Body;
use axum::http::{Method, Request, header};
use connect_auth::RoleMatrix;
use connect_core::{Action, EmailAddress, Policy, Role, Standing};
use connect_http::{Need, PERMISSIONS, Permission, permissions_markdown};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::api_keys::{asked, made, token};
use crate::app::{TestApp, User};
use crate::enrolled::{Enrolled, enrol, first_code, is_for_enrolled};
use crate::pages::Browser;
#[cfg(feature = "passkeys")]
use crate::passkeys;

/// The routes of a page of the router, each with its method.
pub fn routes(table: &str, below: &str) -> Vec<(Method, String)> {
    let mut routes = Vec::new();
    for route in table.split(".route(").skip(1) {
        let path = route.split('"').nth(1).expect("a path");
        for (word, method) in [
            ("get(", Method::GET),
            ("post(", Method::POST),
            ("patch(", Method::PATCH),
            ("put(", Method::PUT),
            ("delete(", Method::DELETE),
        ] {
            let handlers = route.split_once("\",").expect("handlers").1;
            let is_word =
                |(place, _): (usize, &str)| !handlers[..place].ends_with(|c: char| c.is_alphanumeric() || c == '_');
            if handlers.match_indices(word).any(is_word) {
                routes.push((method, format!("{below}{path}")));
            }
        }
    }
    routes
}

#[test]
fn sec_53_every_route_has_a_declared_permission_and_every_permission_a_route() {
    let text = include_str!("../../src/api/mod.rs");
    let (above, below) = text.split_once("fn in_workspace").expect("the table");
    let mut there = routes(above, "");
    there.extend(routes(below, "/workspaces/{workspace}"));
    // Nothing else than these lines adds a route.
    assert_eq!(text.matches(".nest(").count(), 1);
    for other in [".merge(", ".route_service(", ".nest_service(", ".fallback", "any(", "on(Method"] {
        assert!(!text.contains(other), "{other}");
    }
    let mut declared: Vec<(Method, String)> =
        PERMISSIONS.iter().map(|row| (row.method.clone(), row.path.to_owned())).collect();
    let sort = |rows: &mut Vec<(Method, String)>| rows.sort_by_key(|(method, path)| (path.clone(), method.to_string()));
    sort(&mut there);
    sort(&mut declared);
    for route in &there {
        assert!(declared.contains(route), "a route without a permission: {route:?}");
    }
    for row in &declared {
        assert!(there.contains(row), "a permission without a route: {row:?}");
    }
    assert_eq!(there, declared, "each once");
}

#[test]
fn the_table_of_routes_in_the_documents_is_this_one() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/roles.md");
    let documented = std::fs::read_to_string(path).expect("docs/roles.md is there");
    assert!(documented.contains(&permissions_markdown()), "docs/roles.md must hold:\n{}", permissions_markdown());
}

/// On what footing somebody asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Footing {
    In(Standing),
    /// The owner of another workspace.
    Stranger,
    Nobody,
    /// A key of the owner's with all that the route may need, as far as keys can have it.
    KeyWith,
    /// A key of the owner's with something else.
    KeyWithout,
}

/// What the answer must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Allowed,
    Unauthorized,
    Forbidden,
    /// As for what does not exist.
    Missing,
}

/// Owners come last: what they do may cost them what they are.
const FOOTINGS: [Footing; 9] = [
    Footing::In(Standing::Member(Role::Viewer)),
    Footing::In(Standing::Member(Role::Member)),
    Footing::In(Standing::Member(Role::Admin)),
    Footing::In(Standing::Contact),
    Footing::Stranger,
    Footing::Nobody,
    Footing::KeyWithout,
    Footing::KeyWith,
    Footing::In(Standing::Member(Role::Owner)),
];

/// What the matrix says of a row.
fn expected(need: Need, footing: Footing) -> Outcome {
    let actions: &[Action] = match &need {
        Need::Public => return Outcome::Allowed,
        Need::FirstFactor | Need::SignedIn | Need::Own => {
            return match footing {
                Footing::Nobody => Outcome::Unauthorized,
                Footing::KeyWith | Footing::KeyWithout => Outcome::Forbidden,
                Footing::In(_) | Footing::Stranger => Outcome::Allowed,
            };
        }
        Need::Action(action) | Need::OwnOr(action) | Need::OwnAnd(action) | Need::Seen(action) => {
            std::slice::from_ref(action)
        }
        Need::AnyOf(actions) | Need::AllOf(actions) => actions,
    };
    let refused = if matches!(need, Need::Seen(_)) { Outcome::Missing } else { Outcome::Forbidden };
    let allowed = match footing {
        Footing::Nobody => return Outcome::Unauthorized,
        Footing::Stranger => return Outcome::Missing,
        Footing::In(standing) if matches!(need, Need::AllOf(_)) => {
            actions.iter().all(|action| RoleMatrix.allows(standing, *action))
        }
        Footing::In(standing) => actions.iter().any(|action| RoleMatrix.allows(standing, *action)),
        Footing::KeyWith if matches!(need, Need::AllOf(_)) => actions.iter().all(|action| action.is_for_keys()),
        Footing::KeyWith => actions.iter().any(|action| action.is_for_keys()),
        Footing::KeyWithout => false,
    };
    // Whatever has an owner in these tests is the owner's of the workspace.
    let is_own = !matches!(need, Need::OwnAnd(_)) || footing == Footing::In(Standing::Member(Role::Owner));
    if allowed && is_own { Outcome::Allowed } else { refused }
}

struct World {
    app: TestApp,
    owner: User,
    users: Vec<(Footing, User, &'static str)>,
    /// The apps for codes of those who have one.
    factors: Vec<(Footing, Enrolled)>,
}

impl World {
    async fn new(row: &Permission) -> Self {
        let need = row.need;
        let (app, nobody, owner, customer) = TestApp::acme().await;
        let mut users = vec![
            (Footing::In(Standing::Member(Role::Owner)), owner.clone(), "agent@acme.example"),
            (Footing::In(Standing::Contact), customer, "carla@customer.example"),
            (Footing::Nobody, nobody, ""),
        ];
        for (role, email) in [
            (Role::Viewer, "viewer@acme.example"),
            (Role::Member, "member@acme.example"),
            (Role::Admin, "admin@acme.example"),
        ] {
            let member = app.member(&owner, email, role.as_str()).await;
            users.push((Footing::In(Standing::Member(role)), member, email));
        }
        let stranger = app.sign_in("boss@bolt.example").await;
        stranger.post("/workspaces", &json!({"name": "Bolt", "slug": "bolt"})).await.expect(201);
        users.push((Footing::Stranger, stranger, "boss@bolt.example"));
        let needed: &[Action] = match &need {
            Need::Action(action) | Need::OwnOr(action) | Need::OwnAnd(action) | Need::Seen(action) => {
                std::slice::from_ref(action)
            }
            Need::AnyOf(actions) | Need::AllOf(actions) => actions,
            Need::Public | Need::FirstFactor | Need::SignedIn | Need::Own => &[],
        };
        let words = |has: bool| -> Vec<&'static str> {
            let fits = |action: &&Action| action.is_for_keys() && needed.contains(action) == has;
            Action::ALL.iter().filter(fits).map(|action| action.as_str()).collect()
        };
        for (footing, has) in [(Footing::KeyWith, true), (Footing::KeyWithout, false)] {
            // Where keys can have nothing of it, one with all they can have.
            let words = if words(has).is_empty() { words(false) } else { words(has) };
            let key = made(&owner, &asked(&words)).await;
            users.push((footing, app.bearer(token(&key)), "agent@acme.example"));
        }
        let mut world = Self { app, owner, users, factors: Vec::new() };
        if is_for_enrolled(row) {
            world.enrol_all().await;
        }
        world
    }

    /// Gives everybody who is signed in a second factor.
    async fn enrol_all(&mut self) {
        for (footing, user, _) in &mut self.users {
            if matches!(footing, Footing::In(_) | Footing::Stranger) {
                let enrolled = enrol(&self.app, user).await;
                *user = enrolled.user.clone();
                if *footing == Footing::In(Standing::Member(Role::Owner)) {
                    self.owner = user.clone();
                }
                self.factors.push((*footing, enrolled));
            }
        }
    }

    /// A code that the second factor of somebody shows next, or that of the app which they are setting up.
    async fn code(&self, row: &Permission, footing: Footing) -> String {
        if let Some((_, enrolled)) = self.factors.iter().find(|(known, _)| *known == footing) {
            return enrolled.code(&self.app, 1);
        }
        if row.path == "/me/second-factor/confirm" {
            return first_code(&self.app, self.user(footing).0).await;
        }
        "000000".to_owned()
    }

    fn user(&self, footing: Footing) -> (&User, &'static str) {
        let (_, user, email) = self.users.iter().find(|(known, _, _)| *known == footing).expect("somebody");
        (user, *email)
    }

    /// The path of a row with ids of things that exist in acme, made for this one request.
    async fn filled(&self, row: &Permission, footing: Footing) -> String {
        let mut path = row.path.replace("{workspace}", "acme");
        let id = |value: &Value| value["id"].as_str().expect("an id").to_owned();
        let (user, email) = self.user(footing);
        if path.contains("{member}") {
            let users = self.app.desk.users();
            let email =
                EmailAddress::parse("email", &format!("{}@acme.example", self.app.desk.ids().user())).expect("address");
            let other = users.find_or_create(&email, None).await.expect("a user");
            let host = self.app.desk.host("acme").await.expect("acme");
            self.app.desk.add_member(&host, other.id, Role::Viewer).await.expect("a member");
            path = path.replace("{member}", &other.id.to_string());
        }
        if path.contains("{session}") {
            let asks = if user.get("/auth/sessions").await.status == 200 { user } else { &self.owner };
            let sessions = asks.get("/auth/sessions").await.expect(200);
            path = path.replace("{session}", &id(&sessions["data"][0]));
        }
        #[cfg(feature = "passkeys")]
        if path.contains("{passkey}") {
            let asks = if user.get("/auth/sessions").await.status == 200 { user } else { &self.owner };
            path = path.replace("{passkey}", &passkeys::enrolled(asks).await.0);
        }
        if path.contains("{invitation}") {
            let email = if path.ends_with("/accept") && self.may_join(footing) { email } else { "new@acme.example" };
            let body = json!({"email": email, "role": "viewer"});
            path = path.replace(
                "{invitation}",
                &id(&self.owner.post("/workspaces/acme/invitations", &body).await.expect(201)),
            );
        }
        if path.contains("{role}") {
            let role = self.role();
            path = path.replace("{role}", &id(&self.owner.post("/workspaces/acme/roles", &role).await.expect(201)));
        }
        if path.contains("{notification}") {
            path = path.replace("{notification}", &self.notification(footing).await);
        }
        path = self.filled_mail(path, user).await;
        if path.contains("{webhook}") {
            let webhook = json!({"url": "https://receiver.example/", "types": ["ticket.*"]});
            path = path
                .replace("{webhook}", &id(&self.owner.post("/workspaces/acme/webhooks", &webhook).await.expect(201)));
        }
        if path.contains("{domain}") {
            let name = json!({"domain": format!("{}.example", self.app.desk.ids().domain()).replace('_', "-")});
            path = path.replace("{domain}", &id(&self.owner.post("/workspaces/acme/domains", &name).await.expect(201)));
        }
        if path.contains("{team}") {
            let name = json!({"name": self.app.desk.ids().team()});
            path = path.replace("{team}", &id(&self.owner.post("/workspaces/acme/teams", &name).await.expect(201)));
        }
        if path.contains("{key}") {
            path = path.replace("{key}", &id(&made(&self.owner, &asked(&["labels.read"])).await));
        }
        if path.contains("{contact}") {
            let contact = self
                .owner
                .post(
                    "/workspaces/acme/contacts",
                    &json!({"name": "Some Body", "external_id": self.app.desk.ids().user()}),
                )
                .await
                .expect(201);
            path = path.replace("{contact}", &id(&contact));
        }
        if path.contains("{ticket}") {
            let ticket = self.owner.open("x").await;
            let messages = self.owner.get(&format!("{ticket}/messages")).await.expect(200);
            path = path.replace("{ticket}", ticket.rsplit('/').next().expect("an id"));
            path = path.replace("{message}", &id(&messages["data"][0]));
            if path.contains("{held}") {
                self.owner.patch("/workspaces/acme", &json!({"undo_send_seconds": 30})).await.expect(200);
                let reply = json!({"kind": "reply", "body": "x"});
                let held = self.owner.post(&format!("{ticket}/messages"), &reply).await.expect(201);
                path = path.replace("{held}", &id(&held));
            }
        }
        if path.contains("{attachment}") {
            let upload = self.owner.request(Method::POST, "/workspaces/acme/attachments?name=a.txt");
            let attachment = self.owner.send(upload.body(Body::from("text")).expect("a request")).await.expect(201);
            let ticket = self.owner.open("x").await;
            let body = json!({"kind": "reply", "body": "See there.", "attachment_ids": [id(&attachment)]});
            self.owner.post(&format!("{ticket}/messages"), &body).await.expect(201);
            path = path.replace("{attachment}", &id(&attachment));
        }
        if path.contains("{label}") {
            // A label is made by whoever may make one; another may only put it on.
            self.owner.post("/workspaces/acme/labels", &json!({"name": "new"})).await;
        }
        path.replace("{label}", "new")
    }

    /// The same for what is about mail and devices.
    async fn filled_mail(&self, mut path: String, user: &User) -> String {
        let id = |value: &Value| value["id"].as_str().expect("an id").to_owned();
        if path.contains("{topic}") {
            let reply = "/workspaces/acme/templates/reply/de";
            let words = json!({"subject": "S", "text": "T"}).to_string();
            self.owner.call(Method::PUT, reply, &[], Some(&words)).await.expect(200);
            path = path.replace("{topic}", "reply").replace("{language}", "de");
        }
        if path.contains("{suppression}") {
            let address = json!({"email": format!("{}@customer.example", self.app.desk.ids().user())});
            let added = self.owner.post("/workspaces/acme/suppressions", &address).await.expect(201);
            path = path.replace("{suppression}", &id(&added));
        }
        if path.contains("{device}") {
            // Of whoever asks, if they can have one.
            let made = user.post("/workspaces/acme/push-devices", &self.device()).await;
            let made = if made.status == 201 {
                made
            } else {
                self.owner.post("/workspaces/acme/push-devices", &self.device()).await
            };
            path = path.replace("{device}", &id(&made.expect(201)));
        }
        path
    }

    /// Something that whoever stands on this footing is told of, if they are ever told of anything.
    async fn notification(&self, footing: Footing) -> String {
        let reader = match footing {
            Footing::In(Standing::Member(_)) | Footing::KeyWith => self.user(footing).0,
            _ => return "dlv_00000000000000000000000000".to_owned(),
        };
        let chosen = json!({"topics": {"ticket_opened": ["in_app"]}}).to_string();
        let settings = "/workspaces/acme/notification-settings";
        // The key is the owner's, and chooses nothing itself.
        let chooser = if footing == Footing::KeyWith { &self.owner } else { reader };
        chooser.call(Method::PUT, settings, &[], Some(&chosen)).await.expect(200);
        let customer = self.user(Footing::In(Standing::Contact)).0;
        customer.post("/workspaces/acme/tickets", &json!({"subject": "S", "body": "B"})).await.expect(201);
        self.app.deliver().await;
        let list = reader.get("/workspaces/acme/notifications").await.expect(200);
        list["data"][0]["id"].as_str().expect("an id").to_owned()
    }

    /// A role that is not there yet.
    fn role(&self) -> Value {
        json!({"name": self.app.desk.ids().role(), "base": "member", "permissions": ["tickets.read"]})
    }

    /// A device that is not there yet.
    fn device(&self) -> Value {
        let bits = format!("{:032x}", self.app.desk.ids().next_bits());
        let parts = [&bits[..8], &bits[8..12], &bits[12..16], &bits[16..20], &bits[20..]];
        json!({"service": "onesignal", "subscription_id": parts.join("-")})
    }

    fn may_join(&self, footing: Footing) -> bool {
        matches!(footing, Footing::Stranger | Footing::In(Standing::Contact))
    }

    /// A body that each route takes.
    async fn body(&self, row: &Permission, footing: Footing) -> Value {
        let is_customer = footing == Footing::In(Standing::Contact);
        let new = format!("{}@new.example", self.app.desk.ids().user());
        match (row.method.as_str(), row.path.trim_start_matches("/workspaces/{workspace}")) {
            ("POST", "/auth/otp/request" | "/me/email") => json!({"email": new, "token": true}),
            ("POST", "/auth/otp/verify") => json!({"challenge_id": "x", "code": "12345678"}),
            ("POST", "/auth/passkeys/finish") => json!({"question": "x", "credential": {}}),
            #[cfg(feature = "passkeys")]
            ("POST", "/me/passkeys/finish") => passkeys::answered(self.user(footing).0).await,
            ("PATCH", "/me/passkeys/{passkey}") => json!({"name": "Some device"}),
            ("POST", "/auth/identify") => json!({"token": "x", "workspace": "acme"}),
            ("POST", "/auth/second-factor" | "/me/second-factor/confirm") => {
                json!({"code": self.code(row, footing).await})
            }
            ("PATCH", "/me") => json!({"name": "Some Body"}),
            ("POST", "/workspaces") => {
                json!({"name": "New", "slug": format!("new-{}", FOOTINGS.iter().position(|f| *f == footing).expect("one"))})
            }
            ("PATCH", "/members/{member}") => json!({"role": "member"}),
            ("POST", "/invitations") => json!({"email": new, "role": "viewer"}),
            ("POST", "/invitations/{invitation}/accept") if self.may_join(footing) => {
                self.app.deliver().await;
                json!({"token": self.app.invitation_token(self.user(footing).1)})
            }
            ("POST", "/invitations/{invitation}/accept") => json!({"token": "A".repeat(43)}),
            ("POST", "/api-keys") => asked(&["labels.read"]),
            ("POST", "/roles") => self.role(),
            ("POST", "/domains") => {
                json!({"domain": format!("{}.example", self.app.desk.ids().domain()).replace('_', "-")})
            }
            ("PATCH", "/domains/{domain}") => json!({"joins_as": null}),
            ("POST", "/webhooks") => json!({"url": "https://receiver.example/", "types": ["ticket.*"]}),
            ("POST", "/suppressions") => json!({"email": new}),
            ("POST", "/push-devices") => self.device(),
            ("PUT", "/templates/{topic}/{language}") => json!({"subject": "S", "text": footing_word(footing)}),
            ("PUT", "/notification-settings") => json!({"topics": {"assigned": []}}),
            ("POST", "/teams") => json!({"name": self.app.desk.ids().team()}),
            ("POST", "/contacts") => json!({"name": "Some Body", "email": new}),
            ("POST", "/labels") => {
                json!({"name": format!("l{}", FOOTINGS.iter().position(|f| *f == footing).expect("one"))})
            }
            ("POST", "/tickets") if is_customer => json!({"subject": "S", "body": "B"}),
            ("POST", "/tickets") => {
                json!({"subject": "S", "body": "B", "contact": {"email": "carla@customer.example"}})
            }
            ("PUT", "/tickets/{ticket}/presence") => json!({"state": "viewing"}),
            ("POST", "/tickets/{ticket}/messages") => json!({"kind": "reply", "body": "x"}),
            _ => json!({}),
        }
    }

    /// Status and body without the id of the request; of a stream nothing is read.
    async fn ask(&self, user: &User, method: &Method, path: &str, body: &Value) -> (u16, String) {
        let is_upload = path.ends_with("/attachments");
        let path = if is_upload { format!("{path}?name=a.txt") } else { path.to_owned() };
        let request = user.request(method.clone(), &path).header(header::CONTENT_TYPE, "application/json");
        let content = if *method == Method::GET { String::new() } else { body.to_string() };
        let response = self.app.router.clone().oneshot(request.body(Body::from(content)).expect("a request")).await;
        let response = response.expect("an answer");
        let status = response.status().as_u16();
        if path.ends_with("/live") && status == 200 {
            return (status, String::new());
        }
        let text = response.into_body().collect().await.expect("a body").to_bytes();
        let text = String::from_utf8_lossy(&text).into_owned();
        let text = match serde_json::from_str::<Value>(&text) {
            Ok(mut body) if body.get("request_id").is_some() => {
                body["request_id"] = Value::Null;
                body.to_string()
            }
            _ => text,
        };
        (status, text)
    }
}

fn code(text: &str) -> String {
    let body: Value = serde_json::from_str(text).unwrap_or_default();
    body["code"].as_str().unwrap_or_default().to_owned()
}

fn outcome(status: u16, text: &str) -> Outcome {
    match (status, code(text).as_str()) {
        (401, "unauthorized") => Outcome::Unauthorized,
        (403, _) => Outcome::Forbidden,
        (404, _) => Outcome::Missing,
        _ => Outcome::Allowed,
    }
}

/// A word for a footing, so that what each writes is something else.
fn footing_word(footing: Footing) -> String {
    format!("{footing:?}")
}

/// A path with ids that nothing has.
fn missing(row: &Permission, workspace: &str) -> String {
    let names = [
        ("{workspace}", workspace),
        ("{member}", "usr_00000000000000000000000000"),
        ("{session}", "ses_00000000000000000000000000"),
        ("{invitation}", "inv_00000000000000000000000000"),
        ("{role}", "rol_00000000000000000000000000"),
        ("{webhook}", "whk_00000000000000000000000000"),
        ("{notification}", "dlv_00000000000000000000000000"),
        ("{domain}", "dom_00000000000000000000000000"),
        ("{team}", "tea_00000000000000000000000000"),
        ("{key}", "key_00000000000000000000000000"),
        ("{contact}", "ctc_00000000000000000000000000"),
        ("{ticket}", "tkt_00000000000000000000000000"),
        ("{message}", "msg_00000000000000000000000000"),
        ("{held}", "hld_00000000000000000000000000"),
        ("{attachment}", "att_00000000000000000000000000"),
        ("{label}", "new"),
    ];
    names.iter().fold(row.path.to_owned(), |path, (name, id)| path.replace(name, id))
}

#[tokio::test]
async fn sec_58_every_route_answers_every_footing_as_the_matrix_says() {
    let mut failures = Vec::new();
    // Without a provider its paths are not there, nor those of sources of mail events: both are tried beside them.
    let is_there = |row: &&Permission| !row.path.contains("{provider}") && !row.path.contains("{source}");
    for row in PERMISSIONS.iter().filter(is_there) {
        let world = World::new(row).await;
        for footing in FOOTINGS {
            if row.need == Need::Public && matches!(footing, Footing::KeyWith | Footing::KeyWithout) {
                // What is for people who are nobody yet is not asked with a key.
                continue;
            }
            let path = world.filled(row, footing).await;
            let body = world.body(row, footing).await;
            let (status, text) = world.ask(world.user(footing).0, &row.method, &path, &body).await;
            let mut wanted = expected(row.need, footing);
            // Who is a member already has no invitation: theirs is somebody else's.
            if path.ends_with("/accept") && wanted == Outcome::Allowed && !world.may_join(footing) {
                wanted = Outcome::Missing;
            }
            // Allowed means done.
            let seen = outcome(status, &text);
            // Nobody signs in with a provider here, so that no domain is looked at: told after whoever may not is refused.
            let is_told = row.path.ends_with("/verify") && code(&text) == "no_providers";
            let is_done = (200..300).contains(&status) || row.need == Need::Public || is_told;
            if seen != wanted || (wanted == Outcome::Allowed && !is_done) {
                failures.push(format!("{} {} by {footing:?}: {status} {text}, not {wanted:?}", row.method, row.path));
            }
        }
        world.app.finish().await;
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

#[tokio::test]
async fn sec_55_on_every_route_a_foreign_workspace_and_a_foreign_id_answer_as_missing_ones() {
    let mut walked = 0;
    for row in PERMISSIONS {
        if !row.path.contains("{workspace}") || row.path.ends_with("/accept") {
            continue;
        }
        let world = World::new(row).await;
        let (stranger, _) = world.user(Footing::Stranger);
        let owner = Footing::In(Standing::Member(Role::Owner));
        let path = world.filled(row, owner).await;
        let body = world.body(row, owner).await;
        let foreign = world.ask(stranger, &row.method, &path, &body).await;
        let nowhere = world.ask(stranger, &row.method, &missing(row, "nowhere"), &body).await;
        assert_eq!(foreign, nowhere, "{} {}", row.method, row.path);
        assert_eq!((foreign.0, code(&foreign.1).as_str()), (404, "not_found"), "{} {}", row.method, row.path);
        walked += 1;
        // The id of a thing of acme, asked for in the stranger's own workspace.
        let own = path.replace("/workspaces/acme", "/workspaces/bolt");
        // Topics and languages are no ids: they are there in every workspace.
        let has_ids = row.path.matches('{').count() > 1 && !row.path.contains("{topic}");
        if own != missing(row, "bolt") && has_ids {
            let foreign = world.ask(stranger, &row.method, &own, &body).await;
            let nothing = world.ask(stranger, &row.method, &missing(row, "bolt"), &body).await;
            assert_eq!(foreign, nothing, "{} {}", row.method, row.path);
            assert_eq!((foreign.0, code(&foreign.1).as_str()), (404, "not_found"), "{} {}", row.method, row.path);
        }
        world.app.finish().await;
    }
    assert!(walked >= 35, "the table was walked: {walked}");
}

/// What nobody needs to be signed in for: signing in, how it looks, the first run, which is over, and what its own
/// signature opens.
pub const PUBLIC_PAGES: [&str; 12] = [
    "/",
    "/setup",
    "/assets/desk.css",
    "/assets/passkey.js",
    "/assets/live.js",
    "/assets/push.js",
    "/push-worker.js",
    "/assets/puzzle.js",
    "/sign-in",
    "/sign-in/code",
    "/sign-out",
    "/unsubscribe/{workspace}/{user}/{topic}/{signature}",
];

#[tokio::test]
async fn sec_53_every_page_asks_who_comes() {
    let (app, _, owner, _) = TestApp::acme().await;
    let ticket = owner.open("x").await;
    let ticket = ticket.rsplit('/').next().expect("an id");
    let mut walked = 0;
    for (method, route) in routes(include_str!("../../src/web/mod.rs"), "") {
        if PUBLIC_PAGES.contains(&route.as_str()) {
            continue;
        }
        let path = route.replace("{workspace}", "acme").replace("{ticket}", ticket);
        let path: Vec<&str> = path.split('/').map(|part| if part.starts_with('{') { "x" } else { part }).collect();
        let request = Request::builder().method(method.clone()).uri(path.join("/"));
        let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let answer = Browser::new(&app).send(request, String::new()).await;
        let to = answer.headers.get(header::LOCATION).and_then(|to| to.to_str().ok()).unwrap_or_default();
        let is_sent_to_sign_in = answer.status == 303 && to.starts_with("/sign-in");
        assert!(is_sent_to_sign_in || answer.status == 401, "{method} {route}: {} {to}", answer.status);
        walked += 1;
    }
    assert!(walked >= 25, "the table was walked: {walked}");
    app.finish().await;
}
