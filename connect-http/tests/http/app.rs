//! A whole desk for a test: `(app, anonymous, agent, customer)`. When it is dropped no delivery may be left.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use connect_auth::{Auth, AuthBuilder, AuthSettings, KeyRing, RoleMatrix, SignUp};
use connect_core::delivery::{DeliveryList, DeliveryState};
use connect_core::dispatch::DispatchSettings;
use connect_core::notify::{MailIdentity, RecordedMail, Recorder};
use connect_core::store::Quota;
use connect_core::testing::ManualClock;
use connect_core::{
    AuthStore, Desk, DeskBuilder, DeskSettings, EmailAddress, Identify, Limit, RateLimiter, Store, WorkspaceId,
};
use connect_http::{App, HttpSettings, router};
use connect_store::{BlobSettings, MemoryLimiter, MemoryStore, ObjectBlobs};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

/// The largest attachment of a test.
pub const ATTACHMENT_LIMIT: u64 = 300 * 1024;

/// The desk of a test.
pub struct TestApp {
    pub desk: Desk,
    pub auth: Auth,
    pub clock: Arc<ManualClock>,
    pub mail: Arc<Recorder>,
    pub router: Router,
    checked: bool,
}

/// Somebody who sends requests.
#[derive(Clone)]
pub struct User {
    router: Router,
    token: Option<String>,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {}", self.text))
    }

    /// The body, of an answer of this status.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        if self.text.is_empty() { Value::Null } else { self.json() }
    }

    /// The problem's code, of an answer of this status.
    #[track_caller]
    pub fn problem(&self, status: u16) -> String {
        let body = self.expect(status);
        assert_eq!(self.headers["content-type"], "application/problem+json");
        assert_eq!(body["request_id"], self.headers["x-request-id"].to_str().expect("text"));
        body["code"].as_str().expect("a code").to_owned()
    }
}

/// Settings of a test: limits so high that only tests about limits meet them.
pub fn settings() -> AuthSettings {
    let mut settings = AuthSettings { sign_up: SignUp::Open, ..AuthSettings::default() };
    let none = Quota::per_seconds(1_000_000, 60);
    let quotas = &mut settings.quotas;
    for quota in [
        &mut quotas.sends_per_address,
        &mut quotas.sends_per_address_a_day,
        &mut quotas.paid_sends_per_address,
        &mut quotas.sends_per_ip,
        &mut quotas.sends_per_site,
        &mut quotas.addresses_per_ip,
        &mut quotas.failures_per_ip,
        &mut quotas.failures_per_site,
        &mut quotas.oauth_starts,
        &mut quotas.oauth_starts_per_site,
        &mut quotas.passkey_starts,
        &mut quotas.requests,
        &mut quotas.mails,
    ] {
        *quota = none;
    }
    settings
}

/// What a desk of a test is made of.
pub struct Made {
    pub store: Arc<dyn Store>,
    pub auth_store: Arc<dyn AuthStore>,
    pub limiter: Arc<dyn RateLimiter>,
    pub settings: AuthSettings,
    pub http: HttpSettings,
    pub public_url: &'static str,
    pub clock: Arc<ManualClock>,
    pub identify: Option<Arc<dyn Identify>>,
}

impl Default for Made {
    fn default() -> Self {
        let store = Arc::new(MemoryStore::new());
        Self {
            store: store.clone(),
            auth_store: store,
            limiter: Arc::new(MemoryLimiter::new()),
            settings: settings(),
            http: HttpSettings::default(),
            public_url: "https://desk.example",
            clock: Arc::default(),
            identify: None,
        }
    }
}

impl TestApp {
    pub fn new() -> Self {
        Self::with(settings())
    }

    pub fn with(settings: AuthSettings) -> Self {
        let store = Arc::new(MemoryStore::new());
        Self::over(store.clone(), store, settings)
    }

    pub fn over(store: Arc<dyn Store>, auth_store: Arc<dyn AuthStore>, settings: AuthSettings) -> Self {
        let blobs = ObjectBlobs::open("memory://", BlobSettings::default()).expect("memory");
        Self::built(store, auth_store, settings, |desk| desk.blobs(Arc::new(blobs)))
    }

    pub fn built(
        store: Arc<dyn Store>,
        auth_store: Arc<dyn AuthStore>,
        settings: AuthSettings,
        with: impl FnOnce(DeskBuilder) -> DeskBuilder,
    ) -> Self {
        Self::made(Made { store, auth_store, settings, ..Made::default() }, with)
    }

    pub fn assembled(
        store: Arc<dyn Store>,
        auth_store: Arc<dyn AuthStore>,
        settings: AuthSettings,
        with: impl FnOnce(DeskBuilder) -> DeskBuilder,
        with_auth: impl FnOnce(AuthBuilder) -> AuthBuilder,
    ) -> Self {
        Self::made_with(Made { store, auth_store, settings, ..Made::default() }, with, with_auth)
    }

    pub fn made(made: Made, with: impl FnOnce(DeskBuilder) -> DeskBuilder) -> Self {
        Self::made_with(made, with, |auth| auth)
    }

    fn made_with(
        made: Made,
        with: impl FnOnce(DeskBuilder) -> DeskBuilder,
        with_auth: impl FnOnce(AuthBuilder) -> AuthBuilder,
    ) -> Self {
        let Made { store, auth_store, limiter, settings, http, public_url, clock, identify } = made;
        let mail = Arc::new(Recorder::new(clock.clone()));
        let keys = KeyRing::new("a secret of at least 32 characters", Vec::new()).expect("long enough");
        let auth = with_auth(Auth::builder(auth_store, limiter, keys, settings).expect("settings"));
        let desk = with(Desk::builder(store, Arc::new(RoleMatrix)))
            .clock(clock.clone())
            .subscriber(auth.mail())
            .sealer(auth.sealer())
            .signer(auth.signer())
            .channel(mail.clone())
            .build(DeskSettings {
                attachment_limit: ATTACHMENT_LIMIT,
                ..DeskSettings::new(
                    public_url,
                    MailIdentity {
                        name: Some("Desk".to_owned()),
                        address: EmailAddress::parse("from", "desk@desk.example").expect("address"),
                    },
                )
            });
        let auth = auth.build(desk.clone());
        let router = router(match identify {
            Some(identify) => App::identified_by(auth.clone(), http, identify),
            None => App::new(auth.clone(), http),
        });
        Self { desk, auth, clock, mail, router, checked: false }
    }

    /// The desk with a workspace `acme`, and the three kinds of people.
    pub async fn acme() -> (Self, User, User, User) {
        Self::new().with_acme().await
    }

    /// This desk with a workspace `acme`, and the three kinds of people.
    pub async fn with_acme(self) -> (Self, User, User, User) {
        let app = self;
        let anonymous = app.anonymous();
        let agent = app.sign_in("agent@acme.example").await;
        agent.post("/workspaces", &json!({"name": "Acme", "slug": "acme"})).await.expect(201);
        let contact = json!({"name": "Carla Customer", "email": "carla@customer.example"});
        agent.post("/workspaces/acme/contacts", &contact).await.expect(201);
        let customer = app.sign_in("carla@customer.example").await;
        (app, anonymous, agent, customer)
    }

    pub fn anonymous(&self) -> User {
        User { router: self.router.clone(), token: None }
    }

    /// Whoever shows this: the token of a session, an API key, or anything else.
    pub fn bearer(&self, token: &str) -> User {
        User { router: self.router.clone(), token: Some(token.to_owned()) }
    }

    /// Sends what is due; answers how many deliveries were taken up.
    pub async fn deliver(&self) -> usize {
        self.desk.dispatcher(DispatchSettings::default()).drain().await.expect("the store answers")
    }

    /// The newest mail to an address.
    pub fn mail_to(&self, email: &str) -> RecordedMail {
        let mails = self.mail.mails();
        mails.into_iter().find(|kept| kept.mail.to.as_str() == email).unwrap_or_else(|| panic!("no mail to {email}"))
    }

    /// The code in the newest mail to an address that has one.
    pub fn code(&self, email: &str) -> String {
        let mut mails = self.mail.mails().into_iter().map(|kept| kept.mail);
        let newest = mails.find(|mail| mail.to.as_str() == email && mail.subject.starts_with("Your code"));
        let text = newest.unwrap_or_else(|| panic!("no code for {email}")).text;
        text.lines().nth(2).expect("the code").to_owned()
    }

    pub async fn ask_code(&self, email: &str) -> Value {
        let issued =
            self.anonymous().post("/auth/otp/request", &json!({"email": email, "token": true})).await.expect(202);
        self.deliver().await;
        issued
    }

    pub async fn sign_in(&self, email: &str) -> User {
        let issued = self.ask_code(email).await;
        let answer = self.verify(&issued, &self.code(email)).await.expect(200);
        let token = answer["session"]["token"].as_str().expect("a token").to_owned();
        User { router: self.router.clone(), token: Some(token) }
    }

    pub async fn verify(&self, issued: &Value, code: &str) -> Answer {
        let body = json!({
            "challenge_id": issued["challenge_id"], "challenge_secret": issued["challenge_secret"],
            "code": code, "token": true,
        });
        self.anonymous().post("/auth/otp/verify", &body).await
    }

    /// Signs somebody in and makes them a member of this role.
    pub async fn member(&self, owner: &User, email: &str, role: &str) -> User {
        let user = self.sign_in(email).await;
        let invited =
            owner.post("/workspaces/acme/invitations", &json!({"email": email, "role": role})).await.expect(201);
        self.deliver().await;
        let token = self.invitation_token(email);
        let path = format!("/workspaces/acme/invitations/{}/accept", invited["id"].as_str().expect("an id"));
        user.post(&path, &json!({"token": token})).await.expect(200);
        user
    }

    pub fn invitation_token(&self, email: &str) -> String {
        let text = self.mail_to(email).mail.text;
        text.split("token=").nth(1).expect("a link").split_whitespace().next().expect("a token").to_owned()
    }

    /// Fails if a delivery is still queued. Called at the end of a test; forgotten, the drop says so.
    pub async fn finish(mut self) {
        self.deliver().await;
        // Some mail waits a while for more of the same.
        self.clock.advance(Duration::from_secs(60));
        self.deliver().await;
        let store = self.desk.store();
        let mut workspaces = store.workspaces(None, Limit::MAX).await.expect("workspaces");
        workspaces.push(WorkspaceId::DIRECTORY);
        for workspace in workspaces {
            let list = DeliveryList { state: Some(DeliveryState::Queued), ..DeliveryList::default() };
            let left = store.deliveries(workspace, list).await.expect("deliveries");
            assert!(left.is_empty(), "left over: {left:?}");
        }
        self.checked = true;
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        assert!(self.checked || std::thread::panicking(), "a test ends with app.finish().await");
    }
}

impl User {
    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.expect("an answer");
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("a body").to_bytes();
        Answer { status: parts.status, headers: parts.headers, text: String::from_utf8_lossy(&bytes).into_owned() }
    }

    pub async fn call(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Option<&str>) -> Answer {
        let mut request = Request::builder().method(method).uri(format!("/api/v1{path}"));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = Body::from(body.unwrap_or_default().to_owned());
        self.send(request.body(body).expect("a request")).await
    }

    /// A request below the API that somebody else fills.
    pub fn request(&self, method: Method, path: &str) -> axum::http::request::Builder {
        let request = Request::builder().method(method).uri(format!("/api/v1{path}"));
        match &self.token {
            Some(token) => request.header("authorization", format!("Bearer {token}")),
            None => request,
        }
    }

    /// The bytes of an answer; an error if they ended before their end.
    pub async fn bytes(&self, request: Request<Body>) -> (StatusCode, HeaderMap, Result<Vec<u8>, axum::Error>) {
        let response = self.router.clone().oneshot(request).await.expect("an answer");
        let (parts, body) = response.into_parts();
        (parts.status, parts.headers, body.collect().await.map(|body| body.to_bytes().to_vec()))
    }

    /// The body of an answer that goes on.
    pub async fn stream(&self, request: Request<Body>) -> Body {
        let response = self.router.clone().oneshot(request).await.expect("an answer");
        assert_eq!(response.status(), StatusCode::OK);
        response.into_body()
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, &[], None).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.call(Method::POST, path, &[], Some(&body.to_string())).await
    }

    pub async fn post_once(&self, path: &str, key: &str, body: &Value) -> Answer {
        self.call(Method::POST, path, &[("idempotency-key", key)], Some(&body.to_string())).await
    }

    pub async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.call(Method::PATCH, path, &[], Some(&body.to_string())).await
    }

    pub async fn put(&self, path: &str) -> Answer {
        self.call(Method::PUT, path, &[], None).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.call(Method::DELETE, path, &[], None).await
    }

    /// Opens a ticket in acme for Carla; answers its path below the API.
    pub async fn open(&self, subject: &str) -> String {
        let body =
            json!({"subject": subject, "body": "It does not work.", "contact": {"email": "carla@customer.example"}});
        let ticket = self.post("/workspaces/acme/tickets", &body).await.expect(201);
        format!("/workspaces/acme/tickets/{}", ticket["id"].as_str().expect("an id"))
    }

    /// The same program with another token.
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    pub fn token(&self) -> &str {
        self.token.as_deref().expect("somebody who is signed in")
    }
}
