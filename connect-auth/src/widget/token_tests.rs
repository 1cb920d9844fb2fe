//! What a token is good for, and what it is not.

use super::*;

/// 2026-01-01T00:00:00Z.
const MADE: u64 = 1_767_225_600;

fn key(id: &str, byte: u8) -> WidgetKey {
    WidgetKey::new(id, [byte; 32]).expect("long enough")
}

fn ada() -> HostCustomer {
    HostCustomer {
        workspace: "acme".to_owned(),
        external_id: "user-42".to_owned(),
        verified_email: Some(EmailAddress::parse("email", "ada@shop.example").expect("an address")),
        name: Some(Name::parse("name", "Ada Lovelace").expect("a name")),
    }
}

fn after(made: i64) -> Timestamp {
    Timestamp::from_micros((i64::try_from(MADE).expect("small") + made) * 1_000_000)
}

fn claims(change: impl FnOnce(&mut serde_json::Value)) -> Vec<u8> {
    let mut claims = serde_json::json!({
        "workspace": "acme", "external_id": "user-42", "issued_at": MADE, "expires_at": MADE + 300,
    });
    change(&mut claims);
    claims.to_string().into_bytes()
}

#[test]
fn sec_27_a_widget_token_is_good_for_its_key_and_its_time_only() {
    let keys = [key("a", 1)];
    let token = keys[0].mint(&ada(), after(0), Duration::from_secs(300));
    assert_eq!(open(&keys, &token, after(0)), Some((ada(), after(300))));
    assert!(open(&keys, &token, after(299)).is_some());
    assert!(open(&keys, &token, after(300)).is_none(), "it ends");
    assert!(open(&keys, &token, after(-30)).is_some(), "the host's clock may be a little ahead");
    assert!(open(&keys, &token, after(-31)).is_none(), "but nothing of the future is good");
    assert!(open(&[], &token, after(0)).is_none(), "without a key none is");
    assert!(open(&[key("a", 2)], &token, after(0)).is_none(), "another secret");
    assert!(open(&[key("b", 1)], &token, after(0)).is_none(), "another id");
    assert_eq!(keys[0].mint(&ada(), after(0), Duration::MAX), keys[0].mint(&ada(), after(0), LONGEST));
}

#[test]
fn sec_27_keys_are_rotated_by_their_ids() {
    let (old, new) = (key("2025", 1), key("2026", 2));
    let both = [new.clone(), old.clone()];
    for key in [&old, &new] {
        assert!(open(&both, &key.mint(&ada(), after(0), LONGEST), after(1)).is_some(), "{key:?}");
    }
    assert!(open(&[new], &old.mint(&ada(), after(0), LONGEST), after(1)).is_none(), "an old one is taken away");
}

#[test]
fn sec_27_no_altered_widget_token_is_good() {
    let keys = [key("a", 1)];
    let token = keys[0].mint(&ada(), after(0), LONGEST);
    for place in 0..token.len() {
        for other in [b'A', b'B', b'.', b'='] {
            let mut bytes = token.clone().into_bytes();
            if bytes[place] == other {
                continue;
            }
            bytes[place] = other;
            let altered = String::from_utf8(bytes).expect("ASCII");
            assert!(open(&keys, &altered, after(1)).is_none(), "{altered}");
        }
        assert!(open(&keys, &token[..place], after(1)).is_none(), "cut off at {place}");
    }
    let (signed, mac) = token.rsplit_once('.').expect("a MAC");
    for altered in [
        format!("{token}="),
        format!("{token}A"),
        format!("{token}."),
        format!(" {token}"),
        format!("cw1.{token}"),
        format!("{signed}."),
        format!("{signed}..{mac}"),
        format!("{signed}.x.{mac}"),
        mac.to_owned(),
        String::new(),
        "....".to_owned(),
        format!("cw1.a.{}.{mac}", "A".repeat(5000)),
    ] {
        assert!(open(&keys, &altered, after(1)).is_none(), "{altered}");
    }
}

#[test]
fn sec_27_what_a_host_has_signed_is_read_strictly_all_the_same() {
    let keys = [key("a", 1)];
    let signed = |claims: &[u8]| open(&keys, &keys[0].sign(claims), after(1));
    assert!(signed(&claims(|_| ())).is_some());
    let refused: [(&str, fn(&mut serde_json::Value)); 13] = [
        ("eleven minutes", |claims| claims["expires_at"] = (MADE + 601).into()),
        ("over before it began", |claims| claims["issued_at"] = (MADE + 20).into()),
        ("no end", |claims| drop(claims.as_object_mut().expect("an object").remove("expires_at"))),
        ("no beginning", |claims| drop(claims.as_object_mut().expect("an object").remove("issued_at"))),
        ("no workspace", |claims| drop(claims.as_object_mut().expect("an object").remove("workspace"))),
        ("nobody", |claims| drop(claims.as_object_mut().expect("an object").remove("external_id"))),
        ("an empty id", |claims| claims["external_id"] = "".into()),
        ("a broken id", |claims| claims["external_id"] = "a\nb".into()),
        ("a long id", |claims| claims["external_id"] = "a".repeat(201).into()),
        ("an algorithm", |claims| claims["alg"] = "none".into()),
        ("no address", |claims| claims["verified_email"] = "nobody".into()),
        ("the end of time", |claims| claims["expires_at"] = u64::MAX.into()),
        ("a text for a number", |claims| claims["expires_at"] = (MADE + 300).to_string().into()),
    ];
    for (name, change) in refused {
        let change = |claims: &mut serde_json::Value| {
            change(claims);
            if name == "over before it began" {
                claims["expires_at"] = (MADE + 10).into();
            }
        };
        assert!(signed(&claims(change)).is_none(), "{name}");
    }
    let twice = String::from_utf8(claims(|_| ())).expect("text").replacen('{', r#"{"external_id":"other","#, 1);
    assert!(signed(twice.as_bytes()).is_none(), "twice the same claim");
    for text in ["", "null", "[]", "{}", "\"x\"", "not JSON"] {
        assert!(signed(text.as_bytes()).is_none(), "{text}");
    }
}

/// The token of the document, which Python's `hmac` has made.
const DOCUMENTED: &str = "cw1.2026-a.\
    eyJ3b3Jrc3BhY2UiOiJhY21lIiwiZXh0ZXJuYWxfaWQiOiJ1c2VyLTQyIiwiaXNzdWVkX2F0IjoxNzY3MjI1NjAwLCJleHBpcmVzX2F0Ijox\
    NzY3MjI1OTAwLCJ2ZXJpZmllZF9lbWFpbCI6ImFkYUBzaG9wLmV4YW1wbGUiLCJuYW1lIjoiQWRhIExvdmVsYWNlIn0.\
    RuyHXuUFKBp9qC_6L7Uz-PrsIOgIG1GJknbtzjEtMsc";
const DOCUMENTED_SECRET: &str = "a secret of at least 32 characters";

#[test]
fn the_token_of_the_document_is_the_one_that_is_made_and_read_here() {
    let key = WidgetKey::new("2026-a", DOCUMENTED_SECRET).expect("long enough");
    assert_eq!(key.mint(&ada(), after(0), Duration::from_secs(300)), DOCUMENTED);
    assert_eq!(open(&[key], DOCUMENTED, after(299)), Some((ada(), after(300))));
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/embedding.md"));
    let page = page.expect("docs/embedding.md is there");
    assert!(page.contains(DOCUMENTED) && page.contains(DOCUMENTED_SECRET), "docs/embedding.md has the same example");
}

#[test]
fn a_secret_longer_than_a_block_is_taken_as_hmac_takes_it() {
    // Made with Python's hmac.
    let key = WidgetKey::new("long", [0xaa; 131]).expect("long enough");
    assert_eq!(key.sign(b"{}"), "cw1.long.e30.OJSMdgzkrgmxztHoMNWf7Xv6l_djrh7XsU7TFjkiK04");
}

#[test]
fn a_key_has_an_id_and_a_long_secret_and_does_not_show_it() {
    for id in ["", "A", "a.b", "a:b", "ä", &"a".repeat(33)] {
        assert_eq!(WidgetKey::new(id, [1; 32]), Err(BadWidgetKey), "{id}");
    }
    assert_eq!(WidgetKey::new("a", [1; 31]), Err(BadWidgetKey));
    assert_eq!(format!("{:?}", key("a-1_b", 1)), "WidgetKey { id: \"a-1_b\", .. }");
    assert!(WidgetKey::is_token("cw1.") && !WidgetKey::is_token("cw1") && !WidgetKey::is_token("cw10.a"));
}
