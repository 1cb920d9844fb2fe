//! What somebody shows to be let in.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use connect_auth::{ApiKeyToken, ChallengeSecret, Code, SessionToken, WidgetKey};
use connect_core::Timestamp;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::{Outcome, outcome};

/// A code is the same however it is grouped, and of letters that codes have.
pub(crate) fn code(input: &[u8]) -> Outcome {
    let text = String::from_utf8_lossy(input);
    let Some(code) = Code::parse(&text) else { return outcome((false, input.len().min(65))) };
    let plain = code.reveal();
    assert!((4..=32).contains(&plain.len()), "{plain}");
    assert!(plain.bytes().all(|b| b"0123456789ABCDEFGHJKMNPQRSTVWXYZ".contains(&b)), "{plain}");
    for written in [plain.to_owned(), code.grouped(), plain.to_lowercase(), format!(" -{plain}- ")] {
        assert!(Code::parse(&written) == Some(code.clone()), "{written:?} is another code than {plain}");
    }
    assert!(!format!("{code:?}").contains(plain));
    outcome((true, plain.len()))
}

/// A key is written in one way only, and found wherever it stands.
pub(crate) fn api_key(input: &[u8]) -> Outcome {
    let text = String::from_utf8_lossy(input);
    let found = ApiKeyToken::is_in(&text);
    let Some(key) = ApiKeyToken::parse(&text) else { return outcome((false, found, input.len().min(81))) };
    assert_eq!(key.text(), text, "two ways to write one key");
    assert!(found && ApiKeyToken::is_in(&format!("/x?y={text}&z")), "{key:?} is not found");
    assert!(text.starts_with(&ApiKeyToken::prefix(key.id())));
    outcome((true, found))
}

/// Tokens of sessions, and secrets of challenges: written in one way only.
pub(crate) fn token(text: &str) -> Outcome {
    let session = SessionToken::parse(text);
    if let Some(token) = &session {
        assert_eq!(token.text(), text, "two ways to write one token");
        assert!(!format!("{token:?}").contains(text));
    }
    let secret = ChallengeSecret::parse(text);
    if let Some(secret) = &secret {
        assert_eq!(secret.text(), text, "two ways to write one secret");
    }
    outcome((session.is_some(), secret.is_some(), text.len().min(70)))
}

/// A secret of exactly the length that HMAC takes as it is.
const WIDGET_SECRET: [u8; 64] = [7; 64];

/// Of a widget's token nothing is read that no key has signed; of what is signed only what holds now.
pub(crate) fn widget(input: &[u8]) -> Outcome {
    let now = Timestamp::from_micros(1_700_000_000_000_000);
    let Ok(key) = WidgetKey::new("shop", WIDGET_SECRET) else { return 0 };
    // As it comes from outside: nobody guesses a MAC.
    let text = String::from_utf8_lossy(input);
    assert!(key.read(&text, now).is_none(), "an unsigned token was read: {text}");
    // As a host would have signed it.
    let signed = format!("cw1.shop.{}", URL_SAFE_NO_PAD.encode(input));
    let mut mac = Hmac::<Sha256>::new(&WIDGET_SECRET.into());
    mac.update(signed.as_bytes());
    let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()));
    let Some((customer, ends)) = key.read(&token, now) else { return outcome((false, input.len().min(300))) };
    assert!(WidgetKey::is_token(&token));
    assert!(ends > now && ends.since(now).as_secs() <= 630, "it lasts too long");
    let id = customer.external_id.as_str();
    assert!((1..=200).contains(&id.len()) && !id.chars().any(char::is_control), "{id:?}");
    let altered = format!("{}A", &token[..token.len() - 1]);
    assert!(altered == token || key.read(&altered, now).is_none(), "an altered token was read");
    outcome((true, customer.verified_email.is_some(), customer.name.is_some(), customer.workspace.len().min(70)))
}
