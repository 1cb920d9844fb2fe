//! What somebody shows to be let in.

use connect_auth::{ApiKeyToken, ChallengeSecret, Code, SessionToken};

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
