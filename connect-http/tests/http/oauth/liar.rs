//! A provider on a socket of this machine that tells the truth, or one lie.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;

/// The secrets that must never be found anywhere but here.
pub const ACCESS_TOKEN: &str = "the-access-token-of-the-provider";
pub const CLIENT_SECRET: &str = "the secret of the desk & more";

/// What the provider lies about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lie {
    #[default]
    Nothing,
    Issuer,
    IssuerWithSlash,
    Audience,
    FurtherAudience,
    NoAudience,
    Party,
    Nonce,
    NoNonce,
    Expired,
    ExpiresNow,
    IssuedTomorrow,
    NoSubject,
    LongSubject,
    AlgNone,
    AlgNoneWithoutSignature,
    AlgHs256WithThePublicKey,
    AlgHs256WithTheClientSecret,
    ForeignKey,
    ForeignKid,
    OldKeysGone,
    BrokenSignature,
    Critical,
    NoIdToken,
    DocumentIssuer,
    DocumentRedirect,
    DocumentHuge,
    DocumentBroken,
    PlainEndpoint,
    PrivateEndpoint,
    TokenRedirect,
    TokenHuge,
    TokenSlow,
    TokenError,
    KeysRedirect,
    KeysHuge,
}

/// A code that was given out, and what its token will say.
struct Granted {
    claims: Value,
    challenge: String,
    redirect: String,
}

#[derive(Default)]
struct Inner {
    lie: Lie,
    names_itself: bool,
    codes: HashMap<String, Granted>,
    given: usize,
    tokens: Vec<String>,
    person: Value,
    mailboxes: Value,
    domain_word: Option<String>,
}

#[derive(Clone)]
pub struct Liar {
    pub issuer: String,
    inner: Arc<Mutex<Inner>>,
}

fn key(seed: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).expect("a key")
}

fn encoded(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

impl Liar {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let issuer = format!("http://{}", listener.local_addr().expect("an address"));
        let liar = Self { issuer, inner: Arc::default() };
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(document))
            .route("/72f988bf-86f1-41af-91ab-2d7cd011db47/v2.0/.well-known/openid-configuration", get(document))
            .route("/token", post(token))
            .route("/login/oauth/access_token", post(token))
            .route("/keys", get(keys))
            .route("/.well-known/connect-domain.txt", get(domain_word))
            .route("/user", get(person))
            .route("/user/emails", get(mailboxes))
            // Where redirects lead: whoever follows them finds the truth.
            .route("/moved/document", get(async |State(liar): State<Liar>| Json(liar.honest_document(&liar.issuer))))
            .route("/moved/keys", get(async || Json(honest_keys())))
            .with_state(liar.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        liar
    }

    pub fn tell(&self, lie: Lie) {
        self.inner.lock().expect("state").lie = lie;
    }

    /// From now on it says in every answer who it is.
    pub fn name_itself(&self) {
        self.inner.lock().expect("state").names_itself = true;
    }

    pub fn on_github(&self, person: Value, mailboxes: Value) {
        let mut inner = self.inner.lock().expect("state");
        (inner.person, inner.mailboxes) = (person, mailboxes);
    }

    /// What stands at the place of a domain's word.
    pub fn publish(&self, word: Option<&str>) {
        self.inner.lock().expect("state").domain_word = word.map(str::to_owned);
    }

    /// Every token it has given out.
    pub fn tokens(&self) -> Vec<String> {
        self.inner.lock().expect("state").tokens.clone()
    }

    /// What the provider does when a person has come to this address and agrees: a code for these claims.
    pub fn agree(&self, address: &url::Url, issuer: &str, now: i64, claims: Value) -> String {
        let asked: HashMap<String, String> = address.query_pairs().into_owned().collect();
        let mut all = json!({
            "iss": issuer, "aud": asked["client_id"], "exp": now + 300, "iat": now, "nonce": asked.get("nonce"),
        });
        all.as_object_mut().expect("an object").extend(claims.as_object().expect("an object").clone());
        let mut inner = self.inner.lock().expect("state");
        inner.given += 1;
        let code = format!("code-number-{}-of-the-provider", inner.given);
        let challenge = asked["code_challenge"].clone();
        inner.codes.insert(code.clone(), Granted { claims: all, challenge, redirect: asked["redirect_uri"].clone() });
        code
    }

    fn lie(&self) -> Lie {
        self.inner.lock().expect("state").lie
    }

    fn honest_document(&self, issuer: &str) -> Value {
        let base = &self.issuer;
        json!({
            "issuer": issuer, "authorization_endpoint": format!("{base}/authorize"),
            "token_endpoint": format!("{base}/token"), "jwks_uri": format!("{base}/keys"),
            "response_types_supported": ["code"], "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["EdDSA"],
            "authorization_response_iss_parameter_supported": self.inner.lock().expect("state").names_itself,
        })
    }

    /// The ID token of these claims, as true as the lie allows.
    fn id_token(&self, mut claims: Value) -> String {
        let mut header = json!({"alg": "EdDSA", "typ": "JWT", "kid": "one"});
        let (own, mut signer) = (key(1), key(1));
        match self.lie() {
            Lie::Issuer => claims["iss"] = "https://accounts.example".into(),
            Lie::IssuerWithSlash => claims["iss"] = format!("{}/", self.issuer).into(),
            Lie::Audience => claims["aud"] = "another-desk".into(),
            Lie::FurtherAudience => claims["aud"] = json!([claims["aud"], "another-desk"]),
            Lie::NoAudience => claims["aud"] = json!([]),
            Lie::Party => claims["azp"] = "another-desk".into(),
            Lie::Nonce => claims["nonce"] = "of-another-sign-in".into(),
            Lie::NoNonce => drop(claims.as_object_mut().expect("claims").remove("nonce")),
            Lie::Expired => claims["exp"] = (claims["exp"].as_i64().expect("a time") - 301).into(),
            Lie::ExpiresNow => claims["exp"] = claims["iat"].clone(),
            Lie::IssuedTomorrow => claims["iat"] = (claims["iat"].as_i64().expect("a time") + 86_400).into(),
            Lie::NoSubject => claims["sub"] = "".into(),
            Lie::LongSubject => claims["sub"] = "x".repeat(256).into(),
            Lie::ForeignKey => signer = key(2),
            Lie::ForeignKid => header["kid"] = "two".into(),
            Lie::Critical => header["crit"] = json!(["exp"]),
            Lie::AlgNone | Lie::AlgNoneWithoutSignature => header["alg"] = "none".into(),
            Lie::AlgHs256WithThePublicKey | Lie::AlgHs256WithTheClientSecret => header["alg"] = "HS256".into(),
            _ => {}
        }
        let signed = format!("{}.{}", encoded(&header), encoded(&claims));
        let hmac = |secret: &[u8]| {
            let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret);
            ring::hmac::sign(&key, signed.as_bytes()).as_ref().to_vec()
        };
        let mut signature = match self.lie() {
            Lie::AlgNoneWithoutSignature => Vec::new(),
            Lie::AlgHs256WithThePublicKey => hmac(own.public_key().as_ref()),
            Lie::AlgHs256WithTheClientSecret => hmac(CLIENT_SECRET.as_bytes()),
            _ => signer.sign(signed.as_bytes()).as_ref().to_vec(),
        };
        if self.lie() == Lie::BrokenSignature {
            signature[5] ^= 1;
        }
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

fn honest_keys() -> Value {
    let x = URL_SAFE_NO_PAD.encode(key(1).public_key().as_ref());
    json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": "one", "x": x}]})
}

fn moved(to: &str) -> Response {
    (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, to.to_owned())]).into_response()
}

fn huge(value: &Value) -> Response {
    let mut text = value.to_string();
    text.push_str(&" ".repeat(1024 * 1024));
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}

async fn document(State(liar): State<Liar>, uri: axum::http::Uri) -> Response {
    let path = uri.path().strip_suffix("/.well-known/openid-configuration").unwrap_or_default();
    let mut document = liar.honest_document(&format!("{}{path}", liar.issuer));
    match liar.lie() {
        Lie::DocumentIssuer => document["issuer"] = "https://accounts.example".into(),
        Lie::PlainEndpoint => document["token_endpoint"] = "http://192.0.2.1/token".into(),
        Lie::PrivateEndpoint => document["token_endpoint"] = "https://169.254.169.254/token".into(),
        Lie::DocumentRedirect => return moved("/moved/document"),
        Lie::DocumentHuge => return huge(&document),
        Lie::DocumentBroken => return "{\"issuer\":".into_response(),
        _ => {}
    }
    Json(document).into_response()
}

async fn token(State(liar): State<Liar>, uri: axum::http::Uri, headers: HeaderMap, body: String) -> Response {
    let form: HashMap<String, String> = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let refused = (StatusCode::BAD_REQUEST, Json(json!({"error": "invalid_grant"}))).into_response();
    let Some(granted) = liar.inner.lock().expect("state").codes.remove(&form["code"]) else { return refused };
    // What a provider must check: the proof of the code, the address it was sent to, and whose code it is.
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(form["code_verifier"].as_bytes()));
    assert_eq!(challenge, granted.challenge, "sec 42: the code comes with its proof");
    assert_eq!(form["redirect_uri"], granted.redirect, "sec 44: from the address it was sent to");
    if uri.path() == "/token" {
        let plain = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let basic = STANDARD.encode(format!("{}:{}", plain("the-desk"), plain(CLIENT_SECRET)));
        assert_eq!(headers[header::AUTHORIZATION], format!("Basic {basic}"));
    } else {
        assert_eq!((form["client_id"].as_str(), form["client_secret"].as_str()), ("the-desk", CLIENT_SECRET));
    }
    let id_token = liar.id_token(granted.claims);
    liar.inner.lock().expect("state").tokens.push(id_token.clone());
    let mut answer =
        json!({"access_token": ACCESS_TOKEN, "token_type": "Bearer", "expires_in": 3600, "id_token": id_token});
    match liar.lie() {
        Lie::NoIdToken => drop(answer.as_object_mut().expect("an answer").remove("id_token")),
        Lie::TokenRedirect => return moved("/token"),
        Lie::TokenHuge => return huge(&answer),
        Lie::TokenSlow => tokio::time::sleep(Duration::from_secs(30)).await,
        Lie::TokenError => return refused,
        _ => {}
    }
    Json(answer).into_response()
}

async fn keys(State(liar): State<Liar>) -> Response {
    match liar.lie() {
        Lie::KeysRedirect => moved("/moved/keys"),
        Lie::KeysHuge => huge(&honest_keys()),
        Lie::OldKeysGone => Json(json!({"keys": []})).into_response(),
        _ => Json(honest_keys()).into_response(),
    }
}

fn is_bearer(headers: &HeaderMap) -> bool {
    headers.get(header::AUTHORIZATION).is_some_and(|value| *value == format!("Bearer {ACCESS_TOKEN}"))
}

async fn domain_word(State(liar): State<Liar>) -> Response {
    match liar.inner.lock().expect("state").domain_word.clone() {
        Some(word) => word.into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn person(State(liar): State<Liar>, headers: HeaderMap) -> Response {
    assert!(is_bearer(&headers));
    Json(liar.inner.lock().expect("state").person.clone()).into_response()
}

async fn mailboxes(State(liar): State<Liar>, headers: HeaderMap) -> Response {
    assert!(is_bearer(&headers));
    Json(liar.inner.lock().expect("state").mailboxes.clone()).into_response()
}
