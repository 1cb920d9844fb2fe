use std::sync::Mutex;

use axum::body::Body;
use axum::http::Request;
use serde_json::json;

use crate::app::{Answer, TestApp};

/// A browser: keeps cookies, follows redirects after forms.
pub struct Browser<'a> {
    app: &'a TestApp,
    cookies: Mutex<Vec<(String, String)>>,
}

impl<'a> Browser<'a> {
    pub fn new(app: &'a TestApp) -> Self {
        Self { app, cookies: Mutex::default() }
    }

    /// All cookies.
    #[cfg(any(feature = "oidc", feature = "passkeys"))]
    pub fn cookies(&self) -> Vec<(String, String)> {
        self.cookies.lock().expect("cookies").clone()
    }

    /// These cookies and no others.
    #[cfg(any(feature = "oidc", feature = "passkeys"))]
    pub fn set_cookies(&self, cookies: Vec<(String, String)>) {
        *self.cookies.lock().expect("cookies") = cookies;
    }

    /// One cookie as it was, beside those of now.
    #[cfg(feature = "oidc")]
    pub fn keep_of(&self, earlier: &[(String, String)], name: &str) {
        let mut cookies = self.cookies.lock().expect("cookies");
        cookies.retain(|(known, _)| known != name);
        cookies.extend(earlier.iter().filter(|(known, _)| known == name).cloned());
    }

    pub async fn send(&self, request: axum::http::request::Builder, body: String) -> Answer {
        let cookies = self
            .cookies
            .lock()
            .expect("cookies")
            .iter()
            .map(|(n, v)| format!("{n}={v}"))
            .collect::<Vec<_>>()
            .join("; ");
        let request = request.header("cookie", cookies).header("sec-fetch-site", "same-origin");
        let answer = self.app.anonymous().send(request.body(Body::from(body)).expect("a request")).await;
        for set in answer.headers.get_all("set-cookie") {
            let pair = set.to_str().expect("text").split(';').next().expect("a pair");
            let (name, value) = pair.split_once('=').expect("a pair");
            let mut cookies = self.cookies.lock().expect("cookies");
            cookies.retain(|(known, _)| known != name);
            if !value.is_empty() {
                cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        answer
    }

    pub async fn get(&self, path: &str) -> Answer {
        let mut answer = self.send(Request::get(path), String::new()).await;
        for _ in 0..5 {
            let Some(target) = answer.headers.get("location") else { break };
            let target = target.to_str().expect("text").split('#').next().expect("a path").to_owned();
            answer = self.send(Request::get(target), String::new()).await;
        }
        answer
    }

    /// Sends a form; on success follows to the page it leads to.
    pub async fn submit(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(fields);
        let request = Request::post(path).header("content-type", "application/x-www-form-urlencoded");
        let answer = self.send(request, body.finish()).await;
        match answer.headers.get("location") {
            Some(target) => self.get(target.to_str().expect("text").split('#').next().expect("a path")).await,
            None => answer,
        }
    }

    pub async fn sign_in(&self, email: &str, to: &str) -> Answer {
        self.submit("/sign-in", &[("email", email), ("to", to)]).await;
        self.app.deliver().await;
        self.submit("/sign-in/code", &[("code", &self.app.code(email)), ("to", to)]).await
    }
}

/// The value of a hidden field of a page.
pub fn hidden(page: &str, name: &str) -> String {
    let after =
        page.split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap_or_else(|| panic!("no {name} in {page}"));
    after.split('"').next().expect("a value").to_owned()
}

#[tokio::test]
async fn the_first_run_leads_from_nothing_to_a_workspace_and_a_ticket() {
    let app = TestApp::new();
    let owner = Browser::new(&app);
    let page = owner.get("/").await;
    assert!(page.text.contains("Set up your desk"), "{}", page.text);
    let page = owner.sign_in("olivia@acme.example", "/setup").await;
    assert!(page.text.contains("You will be its owner"), "{}", page.text);
    let bad = owner.submit("/setup", &[("your_name", "O"), ("name", "Acme <b>"), ("slug", "NO")]).await;
    assert_eq!(bad.status, 422);
    assert!(
        bad.text.contains("Acme &#60;b&#62;") && bad.text.contains("role=\"alert\""),
        "what was typed is kept, escaped: {}",
        bad.text
    );
    let page = owner.submit("/setup", &[("your_name", "Olivia"), ("name", "Acme"), ("slug", "")]).await;
    assert!(page.text.contains("No tickets here") && page.text.contains("Olivia"), "{}", page.text);

    let form = owner.get("/acme/tickets/new").await.text;
    let fields = [
        ("email", "carla@customer.example"),
        ("name", "Carla"),
        ("subject", "<script>alert(1)</script>"),
        ("body", "**Help** <img src=x onerror=alert(1)>"),
        ("priority", "high"),
        ("once", &hidden(&form, "once")),
    ];
    let page = owner.submit("/acme/tickets/new", &fields).await;
    assert!(page.text.contains("&#60;script&#62;") && !page.text.contains("<script>"), "sec 79: {}", page.text);
    assert!(page.text.contains("<strong>Help</strong>") && !page.text.contains("<img"), "{}", page.text);
    owner.submit("/acme/tickets/new", &fields).await;
    let list = owner.get("/acme/tickets").await.text;
    assert_eq!(list.matches("class=\"number\"").count(), 1, "pressing the button twice opens one ticket");
    let mut edited = fields;
    edited[3] = ("body", "Something else");
    let page = owner.submit("/acme/tickets/new", &edited).await;
    assert_eq!(page.status, 422);
    assert!(page.text.contains("Something else</textarea>"), "what was edited meanwhile is not swallowed");
    app.finish().await;
}

#[tokio::test]
async fn agent_and_customer_talk_on_pages() {
    let (app, _, agent, _) = TestApp::acme().await;
    agent.open("Where is my parcel?").await;
    let (desk, customer) = (Browser::new(&app), Browser::new(&app));
    let list = desk.sign_in("agent@acme.example", "/acme/tickets").await;
    assert!(list.text.contains("Where is my parcel?") && list.text.contains("waiting"));
    let page = desk.get("/acme/tickets/1").await.text;
    let (seen, once) = (hidden(&page, "seen"), hidden(&page, "once"));
    desk.submit("/acme/tickets/1/note", &[("body", "ask the *carrier*")]).await;
    let stale = desk.submit("/acme/tickets/1/reply", &[("body", "On its way"), ("seen", &seen), ("once", &once)]).await;
    assert_eq!(stale.status, 409);
    assert!(
        stale.text.contains("newer messages") && stale.text.contains(">On its way</textarea>"),
        "the draft is kept"
    );
    let seen = hidden(&stale.text, "seen");
    let page =
        desk.submit("/acme/tickets/1/reply", &[("body", "On its way"), ("seen", &seen), ("status", "pending")]).await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("status pending"));
    app.deliver().await;
    assert!(app.mail_to("carla@customer.example").mail.text.contains("/acme/requests/1"));

    let page = customer.sign_in("carla@customer.example", "/acme/requests/1").await;
    assert!(page.text.contains("On its way") && !page.text.contains("carrier"), "the note stays inside");
    let seen = hidden(&page.text, "seen");
    let page = customer.submit("/acme/requests/1", &[("body", "It arrived!"), ("seen", &seen)]).await;
    assert!(page.text.contains("It arrived!") && page.text.contains("status open"), "{}", page.text);
    let page = desk.get("/acme/tickets/1").await.text;
    let version = hidden(&page, "version");
    let fields = [
        ("subject", "Parcel"),
        ("status", "closed"),
        ("priority", "low"),
        ("assignee", ""),
        ("labels", "done, parcel"),
        ("version", &version),
    ];
    assert!(desk.submit("/acme/tickets/1/update", &fields).await.text.contains("This ticket is closed"));
    assert_eq!(desk.submit("/acme/tickets/1/update", &fields).await.status, 412, "an old version is refused");
    let page = customer.get("/acme/requests/1").await;
    assert!(page.text.contains("This request is closed") && !page.text.contains("<textarea"));
    assert_eq!(customer.get("/acme/tickets/1").await.status, 200, "a customer is led to their own page");
    assert_eq!(customer.get("/acme/members").await.status, 403);
    app.finish().await;
}

#[tokio::test]
async fn a_stranger_becomes_a_customer_by_asking() {
    let (app, _, owner, _) = TestApp::acme().await;
    let stranger = Browser::new(&app);
    let page = stranger.sign_in("new@customer.example", "/acme/requests").await;
    assert!(page.text.contains("How can we help?"), "{}", page.text);
    let found = owner.get("/workspaces/acme/contacts?email=new@customer.example").await.expect(200);
    assert_eq!(found["data"], json!([]), "looking makes nobody a customer");
    let page = stranger.submit("/acme/requests/new", &[("subject", "Hello"), ("body", "Is anybody there?")]).await;
    assert!(page.text.contains("Is anybody there?"), "{}", page.text);
    let found = owner.get("/workspaces/acme/contacts?email=new@customer.example").await.expect(200);
    assert_eq!(found["data"].as_array().map(Vec::len), Some(1));
    owner.patch("/workspaces/acme", &json!({"customers": "known"})).await.expect(200);
    let other = Browser::new(&app);
    let page = other.sign_in("other@customer.example", "/acme/requests").await;
    assert_eq!(page.status, 404, "a workspace that knows its customers is not there for others");
    app.finish().await;
}

#[tokio::test]
async fn members_are_invited_and_join_on_pages() {
    let (app, ..) = TestApp::acme().await;
    let (owner, invited) = (Browser::new(&app), Browser::new(&app));
    owner.sign_in("agent@acme.example", "/acme/members").await;
    let page = owner.submit("/acme/members", &[("email", "hana@acme.example"), ("role", "member")]).await;
    assert!(page.text.contains("hana@acme.example"));
    app.deliver().await;
    let text = app.mail_to("hana@acme.example").mail.text;
    let link = text
        .split("https://desk.example")
        .nth(1)
        .expect("a link")
        .split_whitespace()
        .next()
        .expect("a link")
        .to_owned();
    let page = invited.get(&link).await;
    assert!(page.text.contains("Sign in"), "first sign in");
    let page = invited.sign_in("hana@acme.example", &link).await;
    assert!(page.text.contains("Accept the invitation"), "{}", page.text);
    let token = hidden(&page.text, "token");
    let path = link.split('?').next().expect("a path");
    assert_eq!(invited.submit(path, &[("token", "wrong")]).await.status, 404);
    let page = invited.submit(path, &[("token", &token)]).await;
    assert!(page.text.contains("<h1>Tickets</h1>"), "{}", page.text);
    let page = invited.submit("/sign-out", &[]).await;
    assert!(page.text.contains("Sign in"));
    assert!(invited.get("/acme/tickets").await.text.contains("Sign in"));
    app.finish().await;
}

#[tokio::test]
async fn api_keys_are_made_shown_once_and_revoked_on_a_page() {
    let (app, ..) = TestApp::acme().await;
    let owner = Browser::new(&app);
    let page = owner.sign_in("agent@acme.example", "/acme/api-keys").await;
    assert!(page.text.contains("There are no keys yet"), "{}", page.text);
    assert!(page.text.contains("name=\"tickets.read\"") && !page.text.contains("members.manage"), "{}", page.text);
    let once = hidden(&page.text, "once");
    let nothing = owner.submit("/acme/api-keys", &[("name", "Robot <b>"), ("days", "30"), ("once", &once)]).await;
    assert_eq!(nothing.status, 422);
    assert!(nothing.text.contains("must name at least one action"), "{}", nothing.text);
    let fields = [("name", "Robot <b>"), ("tickets.read", "on"), ("days", "30"), ("networks", ""), ("once", &once)];
    let mut bad = fields.to_vec();
    bad.push(("members.manage", "on"));
    let refused = owner.submit("/acme/api-keys", &bad).await;
    assert_eq!(refused.status, 422);
    assert!(refused.text.contains("for people only") && refused.text.contains(" checked"), "{}", refused.text);
    let made = owner.submit("/acme/api-keys", &fields).await;
    assert_eq!(made.status, 201);
    assert!(made.text.contains("Robot &#60;b&#62;") && made.text.contains("not used yet"), "{}", made.text);
    let token = made.text.split("<code>").nth(1).expect("the key").split('<').next().expect("the key").to_owned();
    app.bearer(&token).get("/workspaces/acme/tickets").await.expect(200);
    let again = owner.submit("/acme/api-keys", &fields).await;
    assert!(!again.text.contains(&token) && again.text.matches("/revoke\"").count() == 1, "pressed twice: one key");
    let page = owner.get("/acme/api-keys").await;
    assert!(!page.text.contains(&token) && page.text.contains("used <time"), "{}", page.text);
    let path = page.text.split("action=\"").find(|part| part.contains("/revoke\"")).expect("a form");
    let path = path.split('"').next().expect("a path").to_owned();
    let page = owner.submit(&path, &[]).await;
    assert!(page.text.contains("There are no keys yet"), "{}", page.text);
    assert_eq!(app.bearer(&token).get("/workspaces/acme/tickets").await.problem(401), "unauthorized");
    assert_eq!(owner.submit(&path, &[]).await.status, 200, "pressed twice");

    app.clock.advance(std::time::Duration::from_secs(10 * 60 + 1));
    let late = owner.submit("/acme/api-keys", &[("name", "Robot"), ("tickets.read", "on")]).await;
    assert!(late.text.contains("Confirm that it is you"), "sec 66: {}", late.text);
    let to = hidden(&late.text, "to");
    assert_eq!(to, "/acme/api-keys");
    owner.submit("/step-up", &[("to", &to)]).await;
    app.deliver().await;
    let back = owner.submit("/step-up/code", &[("code", &app.code("agent@acme.example")), ("to", &to)]).await;
    assert!(back.text.contains("There are no keys yet"), "it leads back: {}", back.text);
    let made = owner.submit("/acme/api-keys", &[("name", "Robot"), ("tickets.read", "on")]).await;
    assert_eq!(made.status, 201);
    let customer = Browser::new(&app);
    assert_eq!(customer.sign_in("carla@customer.example", "/acme/api-keys").await.status, 403);
    app.finish().await;
}

#[tokio::test]
async fn forms_from_elsewhere_and_broken_ones_are_refused_with_a_page() {
    let (app, ..) = TestApp::acme().await;
    let form = |site: &str| {
        Request::post("/sign-in")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("sec-fetch-site", site)
            .body(Body::from("email=a%40b.example"))
            .expect("a request")
    };
    let answer = app.anonymous().send(form("cross-site")).await;
    assert_eq!(answer.status, 403, "sec 40: another site cannot start a sign-in");
    assert!(
        answer.text.contains("<h1>You may not do this</h1>")
            && answer.headers["content-type"] == "text/html; charset=utf-8"
    );
    let browser = Browser::new(&app);
    let page = browser.submit("/sign-in", &[("email", "no address\""), ("to", "//evil.example")]).await;
    assert_eq!(page.status, 422);
    assert!(page.text.contains("no address&#34;") && page.text.contains("name=\"to\" value=\"/\""), "{}", page.text);
    assert_eq!(browser.submit("/sign-in", &[("email", "a@b.example"), ("admin", "1")]).await.status, 422);
    assert_eq!(
        browser.submit("/sign-in/code", &[("code", "12345678")]).await.status,
        401,
        "no challenge in this browser"
    );
    let page = browser.get("/nowhere/at/all").await;
    assert_eq!(page.status, 404);
    assert!(page.text.contains("There is nothing here"));
    app.deliver().await;
    app.finish().await;
}
