//! Strict reading of JSON: nothing unknown, nothing twice, nothing of the wrong type, and every error
//! names its field.

use std::collections::HashSet;
use std::fmt;

use connect_core::FieldError;
use http::StatusCode;
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::problem::Problem;

/// Reads a body as JSON of a certain shape.
pub(super) fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let malformed = |error: serde_json::Error| {
        if error.to_string().starts_with(TWICE) {
            let name = error.to_string();
            let name = name.trim_start_matches(TWICE).split('`').nth(1).unwrap_or_default().to_owned();
            return FieldError::new(name, "duplicate", "must stand once").into();
        }
        Problem::new(StatusCode::BAD_REQUEST, "malformed_json", format!("the body is not JSON: {error}"))
    };
    // Once for what no type sees: names that stand twice in free parts, and depth.
    serde_json::from_slice::<NothingTwice>(body).map_err(malformed)?;
    let mut reader = serde_json::Deserializer::from_slice(body);
    serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        field_error(&path, &error.into_inner().to_string()).into()
    })
}

/// Reads a form, or a query, of a certain shape.
pub(crate) fn form<T: DeserializeOwned>(pairs: &[u8]) -> Result<T, Problem> {
    let reader = serde_urlencoded::Deserializer::new(url::form_urlencoded::parse(pairs));
    serde_path_to_error::deserialize(reader).map_err(|error| {
        let path = error.path().to_string();
        field_error(&path, &error.into_inner().to_string()).into()
    })
}

/// The field an error of serde speaks of, and a stable code for it.
fn field_error(path: &str, text: &str) -> FieldError {
    let text = text.split(" at line ").next().unwrap_or(text);
    let quoted = text.split('`').nth(1).unwrap_or_default();
    let below = |name: &str| if path == "." || path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    if text.starts_with("unknown field") {
        // The path may already end with the name of the field that is not known.
        let field =
            if path == quoted || path.ends_with(&format!(".{quoted}")) { path.to_owned() } else { below(quoted) };
        FieldError::new(field, "unknown_field", "is not known here")
    } else if text.starts_with("missing field") {
        FieldError::new(below(quoted), "required", "is required")
    } else if text.starts_with("duplicate field") {
        let field =
            if path == quoted || path.ends_with(&format!(".{quoted}")) { path.to_owned() } else { below(quoted) };
        FieldError::new(field, "duplicate", "must stand once")
    } else {
        let field = if path == "." { "" } else { path };
        FieldError::new(field, "wrong_type", text.to_owned())
    }
}

const TWICE: &str = "stands twice: ";

/// Any JSON in which no object has a name twice.
struct NothingTwice;

impl<'de> Deserialize<'de> for NothingTwice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Walk)
    }
}

struct Walk;

impl<'de> Visitor<'de> for Walk {
    type Value = NothingTwice;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<NothingTwice, A::Error> {
        let mut names: HashSet<String> = HashSet::new();
        while let Some(name) = map.next_key::<String>()? {
            if names.contains(&name) {
                return Err(serde::de::Error::custom(format!("{TWICE}`{name}`")));
            }
            names.insert(name);
            map.next_value::<NothingTwice>()?;
        }
        Ok(NothingTwice)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<NothingTwice, A::Error> {
        while seq.next_element::<NothingTwice>()?.is_some() {}
        Ok(NothingTwice)
    }

    fn visit_bool<E>(self, _: bool) -> Result<NothingTwice, E> {
        Ok(NothingTwice)
    }

    fn visit_i64<E>(self, _: i64) -> Result<NothingTwice, E> {
        Ok(NothingTwice)
    }

    fn visit_u64<E>(self, _: u64) -> Result<NothingTwice, E> {
        Ok(NothingTwice)
    }

    fn visit_f64<E>(self, _: f64) -> Result<NothingTwice, E> {
        Ok(NothingTwice)
    }

    fn visit_str<E>(self, _: &str) -> Result<NothingTwice, E> {
        Ok(NothingTwice)
    }

    fn visit_unit<E>(self) -> Result<NothingTwice, E> {
        Ok(NothingTwice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Shape {
        #[allow(dead_code)]
        name: String,
        #[allow(dead_code)]
        inner: Option<Inner>,
        #[allow(dead_code)]
        free: Option<serde_json::Value>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        #[allow(dead_code)]
        count: u32,
    }

    fn first_error(body: &str) -> (u16, String, String) {
        let problem = json::<Shape>(body.as_bytes()).expect_err(body);
        let first = problem.errors.first().cloned();
        let (field, code) = first.map_or((String::new(), problem.code.to_owned()), |e| (e.field, e.code.to_owned()));
        (problem.status.as_u16(), field, code)
    }

    #[test]
    fn every_error_names_its_field() {
        for (body, status, field, code) in [
            (r#"{"name":1}"#, 422, "name", "wrong_type"),
            (r#"{}"#, 422, "name", "required"),
            (r#"{"name":"a","colour":1}"#, 422, "colour", "unknown_field"),
            (r#"{"name":"a","name":"b"}"#, 422, "name", "duplicate"),
            (r#"{"name":"a","inner":{"count":-1}}"#, 422, "inner.count", "wrong_type"),
            (r#"{"name":"a","inner":{}}"#, 422, "inner.count", "required"),
            (r#"{"name":"a","inner":{"count":1,"x":2}}"#, 422, "inner.x", "unknown_field"),
            (r#"{"name":"a","free":{"k":1,"k":2}}"#, 422, "k", "duplicate"),
            (r#"[]"#, 422, "", "wrong_type"),
            (r#"{"name":"a""#, 400, "", "malformed_json"),
            (r#"{"name":"a"} x"#, 400, "", "malformed_json"),
            ("", 400, "", "malformed_json"),
            ("\u{feff}{}", 400, "", "malformed_json"),
        ] {
            let seen = first_error(body);
            assert_eq!(seen, (status, field.to_owned(), code.to_owned()), "{body}");
        }
        assert!(json::<Shape>(br#"{"name":"a","free":{"k":[1,null,2.5,true]}}"#).is_ok());
    }

    #[test]
    fn depth_is_bounded() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(json::<Shape>(deep.as_bytes()).expect_err("too deep").status.as_u16(), 400);
    }
}
