//! Rows as scripts keep them: a line of the fields that steps change, then the document. And what scripts
//! answer, checked: whatever is not expected is [`StoreError::Corrupt`].

use std::fmt::Write;

use ::redis::Value;
use connect_core::store::{Challenge, Flow, Session};
use connect_core::{StoreError, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::auth_rules::{self, Spent};

pub(super) fn corrupt(what: &str) -> StoreError {
    StoreError::Corrupt(format!("redis: {what} does not read"))
}

/// Bytes as hexadecimal digits, which Lua compares and never takes for anything else.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a text cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| Some((digit(pair[0])? << 4) | digit(*pair.get(1)?)?)).collect()
}

fn write_doc<T: Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Corrupt(error.to_string()))
}

fn read_doc<T: DeserializeOwned>(doc: &str) -> Option<T> {
    serde_json::from_str(doc).ok()
}

pub(super) fn challenge_row(challenge: &Challenge) -> Result<String, StoreError> {
    // The document holds neither code nor hash of one: they are fields, and after a resend no old one stays.
    let doc = write_doc(&Challenge { code_mac: [0; 32], sealed_code: Vec::new(), ..challenge.clone() })?;
    Ok(format!(
        "{} {} {} {} {} {} {} {} {} {doc}",
        challenge.attempts,
        challenge.max_attempts,
        challenge.sends,
        u8::from(challenge.consumed),
        challenge.expires_at.as_micros(),
        auth_rules::account(&challenge.email),
        hex(&challenge.secret_hash),
        hex(&challenge.code_mac),
        hex(&challenge.sealed_code),
    ))
}

pub(super) fn challenge(row: &str) -> Result<Challenge, StoreError> {
    parse_challenge(row).ok_or_else(|| corrupt("a challenge"))
}

fn parse_challenge(row: &str) -> Option<Challenge> {
    let fields: Vec<&str> = row.splitn(10, ' ').collect();
    let [attempts, max_attempts, sends, used, ends, _, secret, mac, sealed, doc] = fields[..] else { return None };
    let known: Challenge = read_doc(doc)?;
    Some(Challenge {
        attempts: attempts.parse().ok()?,
        max_attempts: max_attempts.parse().ok()?,
        sends: sends.parse().ok()?,
        consumed: used == "1",
        expires_at: Timestamp::from_micros(ends.parse().ok()?),
        secret_hash: unhex(secret)?.try_into().ok()?,
        code_mac: unhex(mac)?.try_into().ok()?,
        sealed_code: unhex(sealed)?,
        ..known
    })
}

pub(super) fn session_row(session: &Session) -> Result<String, StoreError> {
    Ok(format!(
        "{} {} {} {} {} {}",
        session.user,
        hex(&session.token_hash),
        session.idle_ends_at.as_micros(),
        session.ends_at.as_micros(),
        session.seen_at.as_micros(),
        write_doc(session)?,
    ))
}

pub(super) fn session(row: &str) -> Result<Session, StoreError> {
    parse_session(row).ok_or_else(|| corrupt("a session"))
}

fn parse_session(row: &str) -> Option<Session> {
    let fields: Vec<&str> = row.splitn(6, ' ').collect();
    let [_, _, idle, _, seen, doc] = fields[..] else { return None };
    Some(Session {
        idle_ends_at: Timestamp::from_micros(idle.parse().ok()?),
        seen_at: Timestamp::from_micros(seen.parse().ok()?),
        ..read_doc(doc)?
    })
}

pub(super) fn flow_row(flow: &Flow) -> Result<String, StoreError> {
    write_doc(flow)
}

pub(super) fn flow(row: &str) -> Result<Flow, StoreError> {
    read_doc(row).ok_or_else(|| corrupt("a flow"))
}

pub(super) fn budget(row: &str) -> Result<Spent, StoreError> {
    let parse = || {
        let (units, ends) = row.split_once(' ')?;
        Some(Spent { units: units.parse().ok()?, ends_at: Timestamp::from_micros(ends.parse().ok()?) })
    };
    parse().ok_or_else(|| corrupt("a budget"))
}

/// 1 is yes, 0 is no, anything else is neither.
pub(super) fn flag(answer: &Value) -> Result<bool, StoreError> {
    match answer {
        Value::Int(0) => Ok(false),
        Value::Int(1) => Ok(true),
        _ => Err(corrupt("an answer")),
    }
}

pub(super) fn count(answer: &Value) -> Result<u64, StoreError> {
    match answer {
        Value::Int(count) => u64::try_from(*count).map_err(|_| corrupt("an answer")),
        _ => Err(corrupt("an answer")),
    }
}

pub(super) fn text(answer: Value) -> Result<Option<String>, StoreError> {
    match answer {
        Value::Nil => Ok(None),
        Value::BulkString(bytes) => String::from_utf8(bytes).map(Some).map_err(|_| corrupt("an answer")),
        _ => Err(corrupt("an answer")),
    }
}

pub(super) fn texts(answer: Value) -> Result<Vec<String>, StoreError> {
    let Value::Array(answers) = answer else { return Err(corrupt("an answer")) };
    answers.into_iter().map(|answer| text(answer)?.ok_or_else(|| corrupt("an answer"))).collect()
}

#[cfg(test)]
mod tests {
    use connect_core::store::CodeForm;
    use connect_core::{ChallengeId, EmailAddress};

    use super::*;

    #[test]
    fn a_challenge_reads_back_and_its_document_holds_no_code() {
        let written = Challenge {
            id: ChallengeId::from_bits(5),
            email: EmailAddress::parse("email", "Ada@example.org").expect("an address"),
            purpose: "sign_in".into(),
            secret_hash: [1; 32],
            code_mac: [0xab; 32],
            sealed_code: vec![3, 255],
            form: CodeForm::Digits(8),
            attempts: 2,
            max_attempts: 5,
            sends: 1,
            created_at: Timestamp::from_micros(1_767_258_000_000_001),
            expires_at: Timestamp::from_micros(1_767_258_300_000_001),
            consumed: false,
            workspace: Some("a page".into()),
        };
        let row = challenge_row(&written).expect("written");
        assert_eq!(challenge(&row).expect("read"), written);
        assert!(row.starts_with("2 5 1 0 1767258300000001 ada@example.org 0101"), "{row}");
        let plain = Challenge { sealed_code: Vec::new(), consumed: true, ..written };
        assert_eq!(challenge(&challenge_row(&plain).expect("written")).expect("read"), plain);
    }

    #[test]
    fn what_does_not_read_is_an_error() {
        for row in ["", "1 2 3", "x 5 1 0 9 a 01 02 03 {}", "1 5 1 0 9 a 0 02 03 {}"] {
            assert!(matches!(challenge(row), Err(StoreError::Corrupt(_))), "{row}");
        }
        assert!(session("usr ab 1 2 3 {}").is_err() && budget("1").is_err() && budget("one 5").is_err());
        assert!(flag(&Value::Int(2)).is_err() && flag(&Value::Nil).is_err() && count(&Value::Int(-1)).is_err());
        assert_eq!((unhex("0aff"), unhex("0a0"), unhex("0g")), (Some(vec![10, 255]), None, None));
    }
}
