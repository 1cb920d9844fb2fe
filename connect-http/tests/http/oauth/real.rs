//! A provider that is not ours: the certified one of Node.js, started by `cargo xtask test`.

use std::collections::HashMap;
use std::sync::Arc;

use axum::http::{HeaderValue, Request};
use bytes::Bytes;
use connect_auth::fetch::{FetchSettings, HttpsClient};
use connect_auth::oauth::Provider;
use connect_core::{Clock, SystemClock};
use connect_store::MemoryStore;
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use url::Url;

use super::liar::CLIENT_SECRET;
use super::world::{open, who};
use crate::app::{TestApp, settings};
use crate::pages::Browser;

fn issuer() -> String {
    #[allow(clippy::disallowed_methods)]
    let issuer = std::env::var("CONNECT_TEST_OIDC_ISSUER");
    issuer.expect("CONNECT_TEST_OIDC_ISSUER: `cargo xtask test` starts an OpenID provider")
}

/// A desk whose word for `real.example` is the provider's, at the time of the machine: the provider has no other.
fn desk() -> TestApp {
    let store = Arc::new(MemoryStore::new());
    let provider =
        Provider::oidc("real", "Real", &issuer(), "the-desk", CLIENT_SECRET).authoritative_for(["real.example"]);
    let fetch =
        HttpsClient::new(FetchSettings { allow_local_http: true, ..FetchSettings::default() }).expect("a client");
    let app = TestApp::assembled(
        store.clone(),
        store,
        settings(),
        |desk| desk,
        |auth| auth.providers(vec![provider], Arc::new(fetch)).expect("providers"),
    );
    app.clock.advance(SystemClock.now().since(app.desk.now()));
    app
}

/// What a browser does at the provider: keeps its cookies, follows its redirects, and says who it is when it is
/// asked. The answer is the address it is sent back to.
async fn at_the_provider(address: &str, name: &str) -> Url {
    let mut cookies: HashMap<String, String> = HashMap::new();
    let mut address = Url::parse(address).expect("an address");
    for _ in 0..10 {
        if address.host_str() == Some("desk.example") {
            return address;
        }
        if address.path().starts_with("/enter/") {
            address.query_pairs_mut().append_pair("name", name);
        }
        let stream = TcpStream::connect((address.host_str().expect("a host"), address.port().expect("a port"))).await;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream.expect("connected"))).await.expect("HTTP");
        tokio::spawn(connection);
        let held = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
        let request = Request::get(&address[url::Position::BeforePath..])
            .header("host", &address[url::Position::BeforeHost..url::Position::AfterPort])
            .header("cookie", held)
            .body(Empty::<Bytes>::new());
        let answer = sender.send_request(request.expect("a request")).await.expect("an answer");
        for cookie in answer.headers().get_all("set-cookie") {
            let pair = cookie.to_str().expect("text").split(';').next().expect("a pair");
            let (name, value) = pair.split_once('=').expect("a pair");
            if value.is_empty() {
                cookies.remove(name);
            } else {
                cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let target = answer.headers().get("location").unwrap_or_else(|| panic!("{} at {address}", answer.status()));
        address = address.join(target.to_str().expect("text")).expect("an address");
    }
    panic!("the provider leads round in circles: {address}");
}

async fn there_and_back(browser: &Browser<'_>, name: &str) -> (crate::app::Answer, String) {
    let started = open(browser, "/api/v1/auth/oauth/real/start?to=%2Fworkspaces").await;
    assert_eq!(started.status, 303, "{}", started.text);
    let back = at_the_provider(started.headers["location"].to_str().expect("text"), name).await;
    let back = back[url::Position::BeforePath..].to_owned();
    (open(browser, &back).await, back)
}

#[tokio::test]
async fn sec_42_a_certified_provider_signs_somebody_in() {
    let app = desk();
    let browser = Browser::new(&app);
    let (answer, back) = there_and_back(&browser, "ada").await;
    assert_eq!((answer.status.as_u16(), &answer.headers["location"]), (303, &HeaderValue::from_static("/workspaces")));
    assert!(back.contains("&iss="), "sec 44: it names itself: {back}");
    let me = open(&browser, "/api/v1/me").await.expect(200);
    assert_eq!(me["user"]["email"], "ada@real.example");
    assert_eq!((&me["user"]["name"], &me["user"]["locale"]), (&"Ada Real".into(), &"fr".into()));
    // The same account again, and somebody else.
    let (again, other) = (Browser::new(&app), Browser::new(&app));
    there_and_back(&again, "ada").await;
    assert_eq!(open(&again, "/api/v1/me").await.expect(200)["user"]["id"], me["user"]["id"]);
    there_and_back(&other, "bob").await;
    assert_eq!(who(&other).await.as_deref(), Some("bob@real.example"));
    // Its code cannot be used twice, not even by the same browser.
    assert_eq!(open(&browser, &back).await.status, 401);
    app.finish().await;
}

#[tokio::test]
async fn sec_47_an_unverified_address_at_a_certified_provider_needs_a_code() {
    let app = desk();
    let browser = Browser::new(&app);
    let (answer, _) = there_and_back(&browser, "mallory").await;
    assert_eq!(answer.headers["location"], "/sign-in/code?to=%2Fworkspaces");
    assert_eq!(who(&browser).await, None);
    app.deliver().await;
    browser.submit("/sign-in/code", &[("code", &app.code("mallory@real.example")), ("to", "/workspaces")]).await;
    assert_eq!(who(&browser).await.as_deref(), Some("mallory@real.example"));
    app.finish().await;
}
