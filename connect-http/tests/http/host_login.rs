//! The host's own login in the place of the desk's.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{Method, header};
use connect_core::{EmailAddress, Error, HostActor, HostCustomer, HostUser, Identify, Name};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::app::{Answer, Made, TestApp, User};

/// A host that knows people by a cookie of its own, or by what a layer of its has put beside the request.
#[derive(Debug, Default)]
struct Shop {
    logins: Mutex<HashMap<String, HostActor>>,
}

#[derive(Debug, Clone)]
struct ByLayer(HostActor);

#[async_trait]
impl Identify for Shop {
    async fn identify(&self, request: &Parts) -> connect_core::Result<Option<HostActor>> {
        if let Some(ByLayer(actor)) = request.extensions.get::<ByLayer>() {
            return Ok(Some(actor.clone()));
        }
        let cookies = request.headers.get(header::COOKIE).and_then(|cookie| cookie.to_str().ok()).unwrap_or_default();
        let Some(login) = cookies.split("; ").find_map(|cookie| cookie.strip_prefix("shop=")) else { return Ok(None) };
        if login == "broken" {
            return Err(Error::Unavailable("the shop's own store".to_owned()));
        }
        Ok(self.logins.lock().expect("no panic").get(login).cloned())
    }
}

impl Shop {
    /// Signs somebody in at the shop; answers the shop's cookie.
    fn sign_in(&self, login: &str, actor: HostActor) -> String {
        self.logins.lock().expect("no panic").insert(login.to_owned(), actor);
        format!("shop={login}")
    }

    fn sign_out(&self, login: &str) {
        self.logins.lock().expect("no panic").remove(login);
    }
}

fn email(text: &str) -> EmailAddress {
    EmailAddress::parse("email", text).expect("an address")
}

fn user(id: &str, address: &str) -> HostUser {
    HostUser { external_id: id.to_owned(), email: email(address), name: None, locale: None, proven_at: None }
}

fn customer(id: &str, address: &str) -> HostActor {
    HostActor::Customer(HostCustomer {
        workspace: "acme".to_owned(),
        external_id: id.to_owned(),
        verified_email: Some(email(address)),
        name: None,
    })
}

/// A desk in a shop, and the owner of its workspace, who has signed in on the desk.
async fn shop() -> (TestApp, Arc<Shop>, User) {
    let shop = Arc::new(Shop::default());
    let app = TestApp::made(Made { identify: Some(shop.clone()), ..Made::default() }, |desk| desk);
    let (app, _, owner, _) = app.with_acme().await;
    (app, shop, owner)
}

const OURS: (&str, &str) = ("sec-fetch-site", "same-origin");

async fn get(app: &TestApp, cookie: &str, path: &str) -> Answer {
    app.anonymous().call(Method::GET, path, &[("cookie", cookie)], None).await
}

async fn post(app: &TestApp, cookie: &str, path: &str, body: &Value) -> Answer {
    app.anonymous().call(Method::POST, path, &[("cookie", cookie), OURS], Some(&body.to_string())).await
}

#[tokio::test]
async fn the_hosts_own_login_stands_in_for_the_desks() {
    let (app, shop, owner) = shop().await;
    let ticket = owner.open("Where is my parcel?").await;
    owner.post(&format!("{ticket}/messages"), &json!({"kind": "note", "body": "hush"})).await.expect(201);
    let known = owner.get("/me").await.expect(200);

    let agent = shop.sign_in("a", HostActor::User(user("1", "agent@acme.example")));
    assert_eq!(get(&app, &agent, "/me").await.expect(200)["user"], known["user"], "the same person by either way");
    post(&app, &agent, "/workspaces/acme/labels", &json!({"name": "new"})).await.expect(201);
    let messages = get(&app, &agent, &format!("{ticket}/messages")).await.expect(200);
    assert_eq!(messages["data"].as_array().map(Vec::len), Some(2));

    let carla = shop.sign_in("c", customer("2", "carla@customer.example"));
    assert_eq!(get(&app, &carla, "/workspaces/acme").await.expect(200)["role"], "customer");
    let messages = get(&app, &carla, &format!("{ticket}/messages")).await.expect(200);
    assert_eq!(messages["data"].as_array().map(Vec::len), Some(1), "her own ticket, without the note");
    let other = shop.sign_in("o", customer("3", "other@customer.example"));
    assert_eq!(get(&app, &other, &ticket).await.problem(404), "not_found", "another one's ticket");
    assert_eq!(get(&app, &other, "/me").await.problem(403), "forbidden", "who has no account here");

    let stranger = shop.sign_in("s", HostActor::User(user("4", "stranger@else.example")));
    assert_eq!(get(&app, &stranger, "/workspaces/acme").await.problem(404), "not_found");
    for nobody in ["", "shop=", "shop=guessed", "other=a"] {
        assert_eq!(get(&app, nobody, "/me").await.problem(401), "unauthorized", "{nobody:?}");
    }
    assert_eq!(get(&app, "shop=broken", "/me").await.problem(503), "unavailable", "what cannot be known is no yes");
    app.finish().await;
}

#[tokio::test]
async fn sec_30_signing_out_at_the_host_being_disabled_and_being_removed_hold_at_the_next_request() {
    let (app, shop, _) = shop().await;
    let agent = shop.sign_in("a", HostActor::User(user("1", "agent@acme.example")));
    let carla = shop.sign_in("c", customer("2", "carla@customer.example"));
    for (cookie, login) in [(&agent, "a"), (&carla, "c")] {
        get(&app, cookie, "/workspaces/acme/tickets").await.expect(200);
        shop.sign_out(login);
        assert_eq!(get(&app, cookie, "/workspaces/acme/tickets").await.problem(401), "unauthorized");
    }
    let hana = shop.sign_in("h", HostActor::User(user("5", "hana@acme.example")));
    let me = get(&app, &hana, "/me").await.expect(200);
    let id: connect_core::UserId = me["user"]["id"].as_str().expect("an id").parse().expect("an id");
    let host = app.desk.host("acme").await.expect("acme");
    app.desk.add_member(&host, id, connect_core::Role::Member).await.expect("a member");
    get(&app, &hana, "/workspaces/acme/tickets").await.expect(200);
    app.desk.members(&host).remove(id).await.expect("removed");
    assert_eq!(get(&app, &hana, "/workspaces/acme/tickets").await.problem(404), "not_found");
    app.desk.users().set_disabled(id, true).await.expect("disabled");
    assert_eq!(get(&app, &hana, "/me").await.problem(401), "unauthorized", "whatever the host says");
    app.finish().await;
}

#[tokio::test]
async fn sec_46_a_hosts_user_is_known_by_its_id_and_the_address_counts_once() {
    let (app, shop, _) = shop().await;
    let named = |id: &str, address: &str, name: &str| {
        HostActor::User(HostUser { name: Some(Name::parse("name", name).expect("a name")), ..user(id, address) })
    };
    let ada = shop.sign_in("a", named("7", "ada@shop.example", "Ada"));
    let first = get(&app, &ada, "/me").await.expect(200)["user"].clone();
    assert_eq!((&first["email"], &first["name"]), (&json!("ada@shop.example"), &json!("Ada")));
    // Another name and address at the host: the name follows, the address is changed here by proof only.
    shop.sign_in("a", named("7", "agent@acme.example", "Ada Lovelace"));
    let later = get(&app, &ada, "/me").await.expect(200);
    assert_eq!((&later["user"]["id"], &later["user"]["email"]), (&first["id"], &first["email"]));
    assert_eq!((&later["user"]["name"], &later["workspaces"]), (&json!("Ada Lovelace"), &json!([])));
    // Somebody else at the host who has her address by now is not her.
    let heir = shop.sign_in("h", named("8", "ada@shop.example", "Heir"));
    assert_eq!(get(&app, &heir, "/me").await.problem(401), "unauthorized");
    // An address that the desk reads itself is nobody's.
    let desk = shop.sign_in("d", named("9", "desk@desk.example", "Desk"));
    assert_eq!(get(&app, &desk, "/me").await.problem(401), "unauthorized");
    app.finish().await;
}

#[tokio::test]
async fn sec_33_a_host_that_knows_somebody_for_the_first_time_ends_their_earlier_sessions_once() {
    let (app, shop, owner) = shop().await;
    let agent = shop.sign_in("a", HostActor::User(user("1", "agent@acme.example")));
    get(&app, &agent, "/me").await.expect(200);
    assert_eq!(owner.get("/me").await.problem(401), "unauthorized");
    let again = app.sign_in("agent@acme.example").await;
    get(&app, &agent, "/me").await.expect(200);
    again.get("/me").await.expect(200);
    assert_eq!(again.get("/auth/sessions").await.expect(200)["data"].as_array().map(Vec::len), Some(1));
    app.finish().await;
}

#[tokio::test]
async fn many_first_requests_at_once_make_one_user_and_one_contact() {
    let (app, shop, _) = shop().await;
    let ada = shop.sign_in("a", HostActor::User(user("7", "ada@shop.example")));
    let carla = shop.sign_in("c", customer("2", "carla@customer.example"));
    let mut users = std::collections::BTreeSet::new();
    let mut contacts = std::collections::BTreeSet::new();
    let asked = (0..20).map(|_| async { (get(&app, &ada, "/me").await, get(&app, &carla, "/workspaces/acme").await) });
    for (user, contact) in futures::future::join_all(asked).await {
        users.insert(user.expect(200)["user"]["id"].to_string());
        contacts.insert(contact.expect(200)["role"].to_string());
    }
    assert_eq!((users.len(), contacts.len()), (1, 1));
    let host = app.desk.host("acme").await.expect("acme");
    let all = app.desk.contacts(&host).list(None, connect_core::Limit::MAX).await.expect("contacts").rows;
    let external: Vec<_> = all.iter().filter_map(|contact| contact.external_id.as_deref()).collect();
    assert_eq!((all.len(), external), (1, vec!["2"]), "the contact who was there has the host's id now");
    app.finish().await;
}

#[tokio::test]
async fn sec_37_the_hosts_cookie_changes_nothing_for_pages_elsewhere() {
    let (app, shop, owner) = shop().await;
    let agent = shop.sign_in("a", HostActor::User(user("1", "agent@acme.example")));
    let new = shop.sign_in("n", HostActor::User(user("9", "new@shop.example")));
    let label = Some(r#"{"name":"forged"}"#);
    for cookie in [agent.as_str(), &new] {
        for from in [
            &[][..],
            &[("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "same-site")],
            &[("origin", "https://evil.example")],
            &[("origin", "null")],
        ] {
            let headers: Vec<_> = from.iter().copied().chain([("cookie", cookie)]).collect();
            let answer = app.anonymous().call(Method::POST, "/workspaces/acme/labels", &headers, label).await;
            assert_eq!(answer.problem(403), "cross_site", "{from:?}");
        }
    }
    assert!(app.desk.users().find(&email("new@shop.example")).await.expect("read").is_none(), "nobody was made");
    assert_eq!(owner.get("/workspaces/acme/labels").await.expect(200)["data"], json!([]));
    let own = [("cookie", agent.as_str()), ("origin", "https://desk.example")];
    app.anonymous().call(Method::POST, "/workspaces/acme/labels", &own, label).await.expect(201);
    app.finish().await;
}

#[tokio::test]
async fn sec_41_beside_an_authorization_header_the_host_is_not_asked_and_the_desks_own_session_comes_first() {
    let (app, shop, _) = shop().await;
    let agent = shop.sign_in("a", HostActor::User(user("1", "agent@acme.example")));
    let me = async |headers: &[(&str, &str)]| app.anonymous().call(Method::GET, "/me", headers, None).await;
    me(&[("cookie", &agent)]).await.expect(200);
    // A browser may add the first by itself; none of them is a way around the guard.
    for value in ["Basic eDp5", "Bearer guessed", "Bearer cw1.a.b.c", "Bearer ck_x", ""] {
        let answer = me(&[("cookie", &agent), ("authorization", value), OURS]).await;
        assert_eq!(answer.problem(401), "unauthorized", "{value:?}");
    }
    let ada = app.sign_in("ada@else.example").await;
    let bearer = format!("Bearer {}", ada.token());
    let seen = me(&[("cookie", &agent), ("authorization", &bearer)]).await.expect(200);
    assert_eq!(seen["user"]["email"], "ada@else.example");
    let both = format!("{agent}; __Host-connect_session={}", ada.token());
    assert_eq!(me(&[("cookie", &both)]).await.expect(200)["user"]["email"], "ada@else.example", "signed in on purpose");
    ada.call(Method::POST, "/auth/logout", &[], None).await.expect(204);
    assert_eq!(me(&[("cookie", &both)]).await.expect(200)["user"]["email"], "agent@acme.example");
    app.finish().await;
}

#[tokio::test]
async fn sec_34_what_needs_a_recent_proof_needs_the_hosts_word_for_it() {
    let (app, shop, _) = shop().await;
    let invite = json!({"email": "new@acme.example", "role": "admin"});
    let now = app.desk.now();
    for (ago, status) in [(None, 403), (Some(601), 403), (Some(60), 201)] {
        let proven_at = ago.map(|seconds| now.minus(Duration::from_secs(seconds)));
        let owner = shop.sign_in("a", HostActor::User(HostUser { proven_at, ..user("1", "agent@acme.example") }));
        let answer = post(&app, &owner, "/workspaces/acme/invitations", &invite).await;
        assert_eq!(answer.status, status, "{ago:?}: {}", answer.text);
        if status == 403 {
            assert_eq!(answer.problem(403), "step_up_required");
        }
        // A session of the desk's is what none of this makes of it.
        let logout = app.anonymous().call(Method::POST, "/auth/logout", &[("cookie", &owner), OURS], None).await;
        assert_eq!(logout.problem(409), "host_login");
        let change = post(&app, &owner, "/me/email", &json!({"email": "x@else.example", "token": true})).await;
        assert_eq!(change.problem(409), "host_login");
        assert_eq!(get(&app, &owner, "/auth/sessions").await.expect(200)["data"], json!([]));
    }
    app.finish().await;
}

/// How long a stream goes on.
async fn lasts(mut body: Body) -> Duration {
    let start = Instant::now();
    let end = async { while let Some(Ok(_)) = body.frame().await {} };
    tokio::time::timeout(Duration::from_secs(10), end).await.expect("it ends");
    start.elapsed()
}

#[tokio::test]
async fn sec_35_a_stream_ends_with_the_login_at_the_host() {
    let (app, shop, _) = shop().await;
    let open = async |cookie: &str, layer: Option<HostActor>| {
        let mut request = app.anonymous().request(Method::GET, "/workspaces/acme/live").header("cookie", cookie);
        if let Some(actor) = layer {
            request = request.extension(ByLayer(actor));
        }
        let response = app.router.clone().oneshot(request.body(Body::empty()).expect("a request")).await;
        let response = response.expect("an answer");
        assert_eq!(response.status(), 200);
        response.into_body()
    };
    let agent = shop.sign_in("a", HostActor::User(user("1", "agent@acme.example")));
    let carla = shop.sign_in("c", customer("2", "carla@customer.example"));
    let (of_agent, of_carla) = (open(&agent, None).await, open(&carla, None).await);
    let mut stays = open(&shop.sign_in("b", HostActor::User(user("1", "agent@acme.example"))), None).await;
    shop.sign_out("a");
    // Another person with the same cookie does not go on with it either.
    shop.sign_in("c", customer("3", "other@customer.example"));
    let layered = open("", Some(HostActor::User(user("1", "agent@acme.example")))).await;
    let (one, two, three) = tokio::join!(lasts(of_agent), lasts(of_carla), lasts(layered));
    for lasted in [one, two, three] {
        assert!(lasted < Duration::from_secs(5), "{lasted:?}");
    }
    let goes_on = async { while let Some(Ok(_)) = stays.frame().await {} };
    assert!(tokio::time::timeout(Duration::from_secs(4), goes_on).await.is_err(), "who is signed in is not cut off");
    app.finish().await;
}

/// A page as a browser gets it that is signed in at the host.
async fn page(app: &TestApp, cookie: &str, path: &str) -> Answer {
    let request = axum::http::Request::get(path).header("cookie", cookie).body(Body::empty()).expect("a request");
    app.anonymous().send(request).await
}

#[tokio::test]
async fn pages_know_whoever_is_signed_in_at_the_host() {
    let (app, shop, owner) = shop().await;
    owner.open("Where is my parcel?").await;
    let agent = shop.sign_in("a", HostActor::User(user("1", "agent@acme.example")));
    let carla = shop.sign_in("c", customer("2", "carla@customer.example"));
    let list = page(&app, &agent, "/acme/tickets").await;
    assert!(list.status == 200 && list.text.contains("Where is my parcel?"), "{}", list.text);
    assert!(!list.text.contains("Sign out"), "that is done at the host");
    let requests = page(&app, &carla, "/acme/requests").await;
    assert!(requests.status == 200 && requests.text.contains("Where is my parcel?"), "{}", requests.text);
    assert!(requests.text.contains("Carla Customer") && !requests.text.contains("Sign out"), "{}", requests.text);
    for (cookie, from, to) in [
        (&agent, "/", "/workspaces"),
        (&carla, "/", "/acme"),
        (&carla, "/acme", "/acme/requests"),
        (&carla, "/acme/tickets", "/acme/requests"),
    ] {
        assert_eq!(page(&app, cookie, from).await.headers[header::LOCATION], to, "{from}");
    }
    assert_eq!(page(&app, &carla, "/workspaces").await.status, 403);
    assert_eq!(page(&app, &carla, "/acme/members").await.status, 403);
    assert_eq!(page(&app, &carla, "/sign-in").await.status, 200, "she may get an account of her own");
    let form = page(&app, &carla, "/acme/requests/new").await.text;
    let once = crate::pages::hidden(&form, "once");
    let send = async |site: &str| {
        let request = axum::http::Request::post("/acme/requests/new")
            .header("cookie", &carla)
            .header("sec-fetch-site", site)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(format!("subject=A+question&body=Why%3F&once={once}")));
        app.anonymous().send(request.expect("a request")).await
    };
    assert_eq!(send("cross-site").await.status, 403);
    assert_eq!(send("same-origin").await.headers[header::LOCATION], "/acme/requests/2");
    app.finish().await;
}
