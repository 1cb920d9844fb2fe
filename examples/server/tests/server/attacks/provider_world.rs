//! A built server whose people sign in with a provider on this machine, and browsers that go there and come back.

use std::collections::BTreeMap;
use std::sync::Mutex;

use connect_core::{Clock, SystemClock};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{COOKIE, HeaderValue, LOCATION, SET_COOKIE};
use hyper::{Method, Request};
use serde_json::{Value, json};
use url::Url;

use super::Target;
use super::liar::{CLIENT_SECRET, Liar};
use crate::http::{Answer, Client};

pub const OAUTH: &str = "/api/v1/auth/oauth";
const SESSION: &str = "connect_dev_session";

/// The server, and the provider behind its name `oidc`. GitHub is a provider of the server's, too: it is never asked.
pub struct World {
    pub target: Target,
    pub liar: Liar,
}

/// A browser: keeps cookies, follows nothing.
pub struct Browser {
    client: Client,
    cookies: Mutex<BTreeMap<String, String>>,
}

impl Browser {
    pub fn cookies(&self) -> BTreeMap<String, String> {
        self.cookies.lock().expect("cookies").clone()
    }

    pub fn set_cookies(&self, cookies: BTreeMap<String, String>) {
        *self.cookies.lock().expect("cookies") = cookies;
    }

    pub async fn open(&self, path: &str) -> Answer {
        let mut request: Request<Full<Bytes>> = self.client.request(Method::GET, path, None, None);
        let held: Vec<String> = self.cookies().iter().map(|(name, value)| format!("{name}={value}")).collect();
        let held = HeaderValue::from_str(&held.join("; ")).expect("text");
        request.headers_mut().insert(COOKIE, held);
        let answer = self.client.try_send(request).await.expect("an answer");
        for set in answer.headers.get_all(SET_COOKIE) {
            let pair = set.to_str().expect("text").split(';').next().expect("a pair");
            let (name, value) = pair.split_once('=').expect("a pair");
            let mut cookies = self.cookies.lock().expect("cookies");
            if value.is_empty() {
                cookies.remove(name);
            } else {
                cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    /// The e-mail address of whoever is signed in with it.
    pub async fn who(&self) -> Option<String> {
        let answer = self.open("/api/v1/me").await;
        (answer.status == 200).then(|| answer.expect(200)["user"]["email"].as_str().expect("an address").to_owned())
    }
}

impl World {
    pub async fn start() -> Self {
        let liar = Liar::start().await;
        let target = Target::start(&[
            ("CONNECT_OIDC_ISSUER", &liar.issuer),
            ("CONNECT_OIDC_ID", "the-desk"),
            ("CONNECT_OIDC_SECRET", CLIENT_SECRET),
            ("CONNECT_OIDC_DOMAINS", "acme.example"),
            ("CONNECT_OAUTH_GITHUB_ID", "the-desk"),
            ("CONNECT_OAUTH_GITHUB_SECRET", CLIENT_SECRET),
            ("CONNECT_LIMIT_OAUTH_STARTS", "100000000/1m"),
        ]);
        Self { target, liar }
    }

    pub fn browser(&self) -> Browser {
        Browser { client: self.target.stranger(), cookies: Mutex::default() }
    }

    /// Where the browser is sent; the target stands in the address as it is given here.
    pub async fn begin(&self, browser: &Browser, to: &str) -> Url {
        let answer = browser.open(&format!("{OAUTH}/oidc/start?to={to}")).await;
        assert_eq!(answer.status, 303, "{}", answer.text);
        Url::parse(answer.headers[LOCATION].to_str().expect("text")).expect("an address")
    }

    /// What the provider sends a browser back with that came to this address.
    pub fn agree(&self, address: &Url, claims: Value) -> Vec<(String, String)> {
        let now = SystemClock.now().as_micros() / 1_000_000;
        let code = self.liar.agree(address, &self.liar.issuer, now, claims);
        vec![("code".to_owned(), code), ("state".to_owned(), query(address, "state"))]
    }

    /// The browser comes back to a provider's address with this query.
    pub async fn back(&self, browser: &Browser, provider: &str, query: &[(String, String)]) -> Answer {
        let mut text = url::form_urlencoded::Serializer::new(String::new());
        text.extend_pairs(query);
        browser.open(&format!("{OAUTH}/{provider}/callback?{}", text.finish())).await
    }

    /// There and back.
    pub async fn sign_in(&self, browser: &Browser, claims: Value) -> Answer {
        let address = self.begin(browser, "%2Fworkspaces").await;
        self.back(browser, "oidc", &self.agree(&address, claims)).await
    }

    /// Fails unless the answer is the one that all failures get and gives the browser nothing.
    #[track_caller]
    pub fn refused(&self, answer: &Answer) {
        assert_eq!(answer.status, 401, "{}", answer.text);
        assert!(answer.text.contains("something about it did not fit"), "{}", answer.text);
        for cookie in answer.headers.get_all(SET_COOKIE) {
            assert!(cookie.to_str().expect("text").starts_with("connect_dev_oauth=;"), "{cookie:?}");
        }
        assert!(!answer.text.contains(&self.liar.issuer), "nothing of the provider is told");
    }

    /// The words of the journal for every sign-in with a provider that was refused, oldest first.
    pub async fn reasons(&self) -> Vec<String> {
        let refused = self.target.journal("auth.provider_refused").await;
        refused.iter().map(|entry| entry.event["fact"]["reason"].as_str().expect("a word").to_owned()).collect()
    }

    /// How often somebody was signed in.
    pub async fn signed_in(&self) -> usize {
        self.target.journal("auth.signed_in").await.len()
    }
}

/// A value of a query.
pub fn query(address: &Url, name: &str) -> String {
    let found = address.query_pairs().find(|(known, _)| known == name);
    found.unwrap_or_else(|| panic!("no {name} in {address}")).1.into_owned()
}

pub fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

/// Claims of somebody whose address is verified.
pub fn person(subject: &str, email: &str) -> Value {
    json!({"sub": subject, "email": email, "email_verified": true})
}

/// The session that an answer gives.
pub fn session_of(answer: &Answer) -> Option<&str> {
    let set = answer.headers.get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = set.filter_map(|cookie| cookie.split(';').next()).filter_map(|pair| pair.split_once('='));
    pairs.find(|(name, _)| *name == SESSION).map(|(_, value)| value)
}
