//! A desk with providers, and a browser that goes to them and comes back.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::http::Request;
use connect_auth::AuthSettings;
use connect_auth::fetch::{Fetch, FetchError, FetchRequest, FetchSettings, Fetched, HttpsClient};
use connect_auth::oauth::{Provider, ProviderKind};
use connect_core::event::Fact;
use connect_core::store::EventList;
use connect_core::{AuthStore, Limit, Store, WorkspaceId};
use connect_store::MemoryStore;
use serde_json::{Value, json};
use url::Url;

use super::liar::{CLIENT_SECRET, Liar};
use crate::app::{Answer, TestApp, settings};
use crate::pages::Browser;

/// The tenant of the desk at Entra.
pub const TENANT: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";

/// Who Google says it is.
const GOOGLE: &str = "https://accounts.google.com";

/// What is asked at Google is asked at a liar, who answers as Google.
#[derive(Debug)]
struct AsGoogle {
    client: HttpsClient,
    liar: String,
}

#[async_trait]
impl Fetch for AsGoogle {
    async fn fetch(&self, request: FetchRequest) -> Result<Fetched, FetchError> {
        if let Some(path) = request.url.strip_prefix("https://acme.example") {
            // The web server of the domain.
            let url = format!("{}{path}", self.liar);
            return self.client.fetch(FetchRequest { url, ..request }).await;
        }
        let Some(path) = request.url.strip_prefix(GOOGLE) else { return self.client.fetch(request).await };
        let url = format!("{}{path}", self.liar);
        let answer = self.client.fetch(FetchRequest { url, ..request }).await?;
        let body = String::from_utf8_lossy(&answer.body).replace(&self.liar, GOOGLE).into_bytes();
        Ok(Fetched { body, ..answer })
    }
}

/// A desk whose providers are liars: `acme` gives out the mailboxes of `acme.example`, `other` of nobody, `entra`
/// speaks like Microsoft, `hub` like GitHub, `google` like Google, where `acme.example` has a Workspace.
pub struct World {
    pub app: TestApp,
    pub acme: Liar,
    pub other: Liar,
}

impl World {
    pub async fn new() -> Self {
        Self::with(settings()).await
    }

    pub async fn with(settings: AuthSettings) -> Self {
        let store = Arc::new(MemoryStore::new());
        Self::over(store.clone(), store, settings).await
    }

    pub async fn over(store: Arc<dyn Store>, auth_store: Arc<dyn AuthStore>, settings: AuthSettings) -> Self {
        let (acme, other) = (Liar::start().await, Liar::start().await);
        let oidc = |id, name, liar: &Liar| Provider::oidc(id, name, &liar.issuer, "the-desk", CLIENT_SECRET);
        let entra = Provider {
            kind: ProviderKind::Microsoft { authority: other.issuer.clone(), tenant: TENANT.to_owned() },
            ..Provider::microsoft(TENANT, "the-desk", CLIENT_SECRET)
        };
        let hub = Provider {
            kind: ProviderKind::GitHub { web: other.issuer.clone(), api: other.issuer.clone() },
            ..Provider::github("the-desk", CLIENT_SECRET)
        };
        let providers = vec![
            oidc("acme", "Acme", &acme).authoritative_for(["acme.example"]).strong_by(["urn:acme:gold"], ["mfa"]),
            oidc("other", "Other", &other),
            entra,
            hub,
            Provider::google("the-desk", CLIENT_SECRET).authoritative_for(["gmail.com", "acme.example"]),
        ];
        let fetch =
            FetchSettings { allow_local_http: true, timeout: Duration::from_millis(1500), ..FetchSettings::default() };
        let client = HttpsClient::new(fetch).expect("a client");
        let fetch = Arc::new(AsGoogle { client, liar: other.issuer.clone() });
        let app = TestApp::assembled(
            store,
            auth_store,
            settings,
            |desk| desk,
            |auth| auth.providers(providers, fetch).expect("providers"),
        );
        Self { app, acme, other }
    }

    pub fn browser(&self) -> Browser<'_> {
        Browser::new(&self.app)
    }

    fn liar(&self, provider: &str) -> &Liar {
        if provider == "acme" { &self.acme } else { &self.other }
    }

    fn issuer(&self, provider: &str) -> String {
        let base = &self.liar(provider).issuer;
        match provider {
            "microsoft" => format!("{base}/{TENANT}/v2.0"),
            "google" => GOOGLE.to_owned(),
            _ => base.clone(),
        }
    }

    /// Where the browser is sent.
    pub async fn start(&self, browser: &Browser<'_>, provider: &str, to: &str) -> Url {
        let answer = open(browser, &format!("/api/v1/auth/oauth/{provider}/start?to={to}")).await;
        assert_eq!(answer.status, 303, "{}", answer.text);
        Url::parse(answer.headers["location"].to_str().expect("text")).expect("an address")
    }

    /// What the provider sends the browser back with.
    pub fn agree(&self, provider: &str, address: &Url, claims: Value) -> Vec<(String, String)> {
        let now = self.app.desk.now().as_micros() / 1_000_000;
        let code = self.liar(provider).agree(address, &self.issuer(provider), now, claims);
        vec![("code".to_owned(), code), ("state".to_owned(), query(address, "state"))]
    }

    /// The browser comes back with this query.
    pub async fn back(&self, browser: &Browser<'_>, provider: &str, query: &[(String, String)]) -> Answer {
        let mut text = url::form_urlencoded::Serializer::new(String::new());
        text.extend_pairs(query);
        open(browser, &format!("/api/v1/auth/oauth/{provider}/callback?{}", text.finish())).await
    }

    /// There and back.
    pub async fn sign_in(&self, browser: &Browser<'_>, provider: &str, claims: Value) -> Answer {
        let address = self.start(browser, provider, "/workspaces").await;
        let query = self.agree(provider, &address, claims);
        self.back(browser, provider, &query).await
    }

    /// Everything that happened in the directory.
    pub async fn facts(&self) -> Vec<Fact> {
        let (mut facts, mut after) = (Vec::new(), 0);
        loop {
            let list = EventList { after, limit: Limit::MAX, ..EventList::default() };
            let events = self.app.desk.store().events(WorkspaceId::DIRECTORY, list).await.expect("events");
            let Some(last) = events.last() else { return facts };
            after = last.seq;
            facts.extend(events.into_iter().map(|event| event.fact));
        }
    }

    /// Fails unless the answer is the one that all failures get, nobody is signed in by it, and the journal says
    /// why.
    #[track_caller]
    pub fn refused(&self, answer: &Answer) {
        assert_eq!(answer.status, 401, "{}", answer.text);
        assert!(answer.text.contains("something about it did not fit"), "{}", answer.text);
        for cookie in answer.headers.get_all("set-cookie") {
            let cookie = cookie.to_str().expect("text");
            assert!(cookie.starts_with("__Host-connect_oauth=;"), "nothing is given: {cookie}");
        }
        for part in [&self.acme.issuer, &self.other.issuer, "provider-said", "invalid_grant"] {
            assert!(!answer.text.contains(part), "nothing of the provider is told");
        }
    }

    /// Why the last sign-in was refused.
    pub async fn reason(&self) -> String {
        match self.facts().await.pop() {
            Some(Fact::AuthProviderRefused { reason, .. }) => reason,
            other => panic!("the journal ends with {other:?}"),
        }
    }

    pub async fn finish(self) {
        self.app.finish().await;
    }
}

/// Opens an address and follows nothing.
pub async fn open(browser: &Browser<'_>, path: &str) -> Answer {
    browser.send(Request::get(path), String::new()).await
}

/// The e-mail address of whoever is signed in with the browser.
pub async fn who(browser: &Browser<'_>) -> Option<String> {
    let answer = open(browser, "/api/v1/me").await;
    (answer.status == 200).then(|| answer.json()["user"]["email"].as_str().expect("an address").to_owned())
}

/// A value of a query.
pub fn query(address: &Url, name: &str) -> String {
    let found = address.query_pairs().find(|(known, _)| known == name);
    found.unwrap_or_else(|| panic!("no {name} in {address}")).1.into_owned()
}

/// Claims of somebody whose address is verified.
pub fn person(subject: &str, email: &str) -> Value {
    json!({"sub": subject, "email": email, "email_verified": true})
}
