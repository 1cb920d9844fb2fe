//! A device of a test: it makes keys and signs with them as it is told, also what no device would.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};

/// Somebody was there.
pub const PRESENT: u8 = 0x01;
/// And was known by a finger, a face or a PIN.
pub const VERIFIED: u8 = 0x04;
/// A new key comes along.
const WITH_KEY: u8 = 0x40;

/// How a device and its browser answer.
#[derive(Clone)]
pub struct Manner {
    pub origin: &'static str,
    pub relying_party: &'static str,
    pub flags: u8,
    /// What it says it has been asked for, where that is something else.
    pub kind: Option<&'static str>,
    /// Another challenge than the one of the question.
    pub challenge: Option<&'static str>,
    pub cross_origin: bool,
}

impl Default for Manner {
    fn default() -> Self {
        Self {
            origin: "https://desk.example",
            relying_party: "desk.example",
            flags: PRESENT | VERIFIED,
            kind: None,
            challenge: None,
            cross_origin: false,
        }
    }
}

impl Manner {
    fn client_data(&self, kind: &str, options: &Value) -> Vec<u8> {
        let challenge = self.challenge.map_or_else(|| options["challenge"].clone(), Value::from);
        let said = json!({
            "type": self.kind.unwrap_or(kind), "challenge": challenge, "origin": self.origin,
            "crossOrigin": self.cross_origin,
        });
        said.to_string().into_bytes()
    }

    fn authenticator_data(&self, flags: u8, counter: u32) -> Vec<u8> {
        let mut data = digest(&SHA256, self.relying_party.as_bytes()).as_ref().to_vec();
        data.push(self.flags | flags);
        data.extend(counter.to_be_bytes());
        data
    }
}

/// A key that a device has made.
pub struct Key {
    pub id: Vec<u8>,
    /// Whose it is, as the desk said.
    pub user: Vec<u8>,
    pair: EcdsaKeyPair,
}

pub fn encoded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub fn decoded(text: &Value) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text.as_str().expect("text")).expect("base64url")
}

/// A string of bytes in CBOR.
fn cbor(bytes: &[u8]) -> Vec<u8> {
    let mut text = vec![0x59];
    text.extend(u16::try_from(bytes.len()).expect("short").to_be_bytes());
    text.extend(bytes);
    text
}

/// A short text in CBOR.
fn word(text: &str) -> Vec<u8> {
    let mut word = vec![0x60 + u8::try_from(text.len()).expect("short")];
    word.extend(text.as_bytes());
    word
}

impl Key {
    /// A new key of this user.
    pub fn new(user: Vec<u8>) -> Self {
        let random = SystemRandom::new();
        let written = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).expect("a key");
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, written.as_ref(), &random);
        let mut id = vec![0; 32];
        random.fill(&mut id).expect("random bytes");
        Self { id, user, pair: pair.expect("a key") }
    }

    /// Makes a key for a question; answers what the browser gives then.
    pub fn make(options: &Value, manner: &Manner) -> (Self, Value) {
        let key = Self::new(decoded(&options["user"]["id"]));
        let made = key.shown(options, manner);
        (key, made)
    }

    /// What the browser gives when this key was made.
    pub fn shown(&self, options: &Value, manner: &Manner) -> Value {
        let point = self.pair.public_key().as_ref();
        // A map: a key on an elliptic curve, for ES256, on P-256, at x and y.
        let mut public = vec![0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20];
        public.extend(&point[1..33]);
        public.extend([0x22, 0x58, 0x20]);
        public.extend(&point[33..]);
        let mut data = manner.authenticator_data(WITH_KEY, 0);
        data.extend([0; 16]);
        data.extend(u16::try_from(self.id.len()).expect("short").to_be_bytes());
        data.extend(&self.id);
        data.extend(&public);
        let attestation =
            [vec![0xa3], word("fmt"), word("none"), word("attStmt"), vec![0xa0], word("authData"), cbor(&data)];
        json!({
            "id": encoded(&self.id), "rawId": encoded(&self.id), "type": "public-key", "clientExtensionResults": {},
            "response": {
                "clientDataJSON": encoded(&manner.client_data("webauthn.create", options)),
                "attestationObject": encoded(&attestation.concat()),
            },
        })
    }

    /// Signs a question, and says that it is the so-many-th time.
    pub fn sign(&self, options: &Value, manner: &Manner, counter: u32) -> Value {
        let said = manner.client_data("webauthn.get", options);
        let data = manner.authenticator_data(0, counter);
        let signed = [data.as_slice(), digest(&SHA256, &said).as_ref()].concat();
        let signature = self.pair.sign(&SystemRandom::new(), &signed).expect("a signature");
        json!({
            "id": encoded(&self.id), "rawId": encoded(&self.id), "type": "public-key", "clientExtensionResults": {},
            "response": {
                "clientDataJSON": encoded(&said), "authenticatorData": encoded(&data),
                "signature": encoded(signature.as_ref()), "userHandle": encoded(&self.user),
            },
        })
    }
}
