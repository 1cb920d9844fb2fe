//! The places of a template, found before it is compiled.

/// Each `{{ … }}` and `{% … %}` with its marks; one without an end goes to the end. A closing mark in a string ends nothing,
/// and comments are passed over, as when it is compiled. In a raw part this does not hold: templates may have none.
pub(super) fn places(source: &str) -> Vec<&str> {
    let bytes = source.as_bytes();
    let (mut found, mut at) = (Vec::new(), 0);
    while at + 1 < bytes.len() {
        match &bytes[at..at + 2] {
            b"{#" => at = source[at..].find("#}").map_or(bytes.len(), |end| at + end + 2),
            b"{{" => {
                let end = end(bytes, at + 2, *b"}}");
                found.push(source.get(at..end).unwrap_or_default());
                at = end;
            }
            b"{%" => {
                let end = end(bytes, at + 2, *b"%}");
                found.push(source.get(at..end).unwrap_or_default());
                at = end;
            }
            _ => at += 1,
        }
    }
    found
}

/// Where a place ends that goes on here.
fn end(bytes: &[u8], from: usize, close: [u8; 2]) -> usize {
    let (mut at, mut quote) = (from, None);
    while at < bytes.len() {
        match (quote, bytes[at]) {
            (Some(_), b'\\') => at += 1,
            (Some(open), byte) if byte == open => quote = None,
            (None, byte @ (b'"' | b'\'')) => quote = Some(byte),
            (None, _) if bytes[at..].starts_with(&close) => return at + 2,
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

/// The first word of a statement; empty for what is none.
pub(super) fn statement(place: &str) -> &str {
    let inner = place.strip_prefix("{%").unwrap_or_default().trim_start_matches(['-', '+']).trim_start();
    inner.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_end_where_they_do_when_they_are_compiled() {
        assert_eq!(places("a {{ b }} c {% if d %}{# {{ no }} #}{{e}}"), ["{{ b }}", "{% if d %}", "{{e}}"]);
        assert_eq!(places(r#"{{ "}}" + '{{' }}x"#), [r#"{{ "}}" + '{{' }}"#]);
        assert_eq!(places(r#"{{ "\"}}" }}x"#), [r#"{{ "\"}}" }}"#]);
        assert_eq!(places("{{ open"), ["{{ open"]);
        assert_eq!(places("ü {{ ü }} { {% ü"), ["{{ ü }}", "{% ü"]);
        assert!(places("").is_empty() && places("{").is_empty() && places("{#").is_empty());
        assert_eq!(["{%- raw -%}", "{% if x %}", "{{ raw }}"].map(statement), ["raw", "if", ""]);
    }
}
