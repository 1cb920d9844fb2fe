//! The content of an attachment as a response.

use std::fmt::Write;
use std::ops::Range;

use connect_core::attachment::{Attachment, ContentType, FileName};
use http::header::{IF_RANGE, RANGE};
use http::{HeaderMap, HeaderValue};

/// Which bytes are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked {
    /// All of them.
    Whole,
    /// Some of them.
    Part(Range<u64>),
    /// None that there are.
    Nothing,
}

/// The tag of a content: it never changes, so its hash says it all.
pub(super) fn etag(attachment: &Attachment) -> String {
    format!("\"{}\"", attachment.sha256)
}

/// The bytes that the headers ask for. What is not understood, and more than one range, asks for the
/// whole, as RFC 9110 (14.2) allows.
pub(super) fn asked(headers: &HeaderMap, attachment: &Attachment) -> Asked {
    let text = |value: &HeaderValue| value.to_str().ok().map(str::to_owned);
    let Some(range) = headers.get(RANGE).and_then(text) else { return Asked::Whole };
    // A date, or the tag of something else, asks for what is new.
    if headers.get(IF_RANGE).is_some_and(|tag| text(tag).as_deref() != Some(etag(attachment).as_str())) {
        return Asked::Whole;
    }
    part(&range, attachment.size).unwrap_or(Asked::Whole)
}

fn part(range: &str, size: u64) -> Option<Asked> {
    let number = |text: &str| -> Option<u64> {
        let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        // A number beyond any size is a number all the same.
        is_number.then(|| text.parse().unwrap_or(u64::MAX))
    };
    let (unit, range) = range.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (first, last) = range.trim().split_once('-')?;
    let bytes = match (first.trim(), last.trim()) {
        ("", last) => size.saturating_sub(number(last)?)..size,
        (first, "") => number(first)?..size,
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            if last < first {
                return None;
            }
            first..last.saturating_add(1).min(size)
        }
    };
    Some(if bytes.start < bytes.end { Asked::Part(bytes) } else { Asked::Nothing })
}

/// The media type as a header. Text is taken for UTF-8, which its first bytes are.
pub(super) fn media_type(kind: ContentType) -> &'static str {
    match kind {
        ContentType::Text => "text/plain; charset=utf-8",
        ContentType::Csv => "text/csv; charset=utf-8",
        kind => kind.as_str(),
    }
}

/// Whether it is shown or saved, and under which name (RFC 6266): in ASCII for old clients, and as it is
/// (RFC 8187) for all others.
pub(super) fn disposition(kind: ContentType, name: &FileName) -> String {
    let way = if kind.is_inline() { "inline" } else { "attachment" };
    let plain = |c: char| if (c.is_ascii_graphic() || c == ' ') && !matches!(c, '"' | '\\' | '%') { c } else { '_' };
    let ascii: String = name.as_str().chars().map(plain).collect();
    let mut encoded = String::new();
    for byte in name.as_str().bytes() {
        let is_attr_char = byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte);
        if is_attr_char {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    format!("{way}; filename=\"{ascii}\"; filename*=UTF-8''{encoded}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_is_understood_and_everything_else_asks_for_the_whole() {
        for (range, bytes) in [
            ("bytes=0-3", Some(Asked::Part(0..4))),
            ("bytes=0-", Some(Asked::Part(0..10))),
            ("bytes=9-9", Some(Asked::Part(9..10))),
            ("bytes=4-99999999999999999999999", Some(Asked::Part(4..10))),
            ("bytes=-3", Some(Asked::Part(7..10))),
            ("bytes=-99", Some(Asked::Part(0..10))),
            ("Bytes = 2 - 3", Some(Asked::Part(2..4))),
            ("bytes=10-", Some(Asked::Nothing)),
            ("bytes=10-20", Some(Asked::Nothing)),
            ("bytes=99999999999999999999999-", Some(Asked::Nothing)),
            ("bytes=-0", Some(Asked::Nothing)),
            ("bytes=3-1", None),
            ("bytes=-", None),
            ("bytes=0-1,3-4", None),
            ("bytes=+1-2", None),
            ("lines=1-2", None),
            ("bytes", None),
        ] {
            assert_eq!(part(range, 10), bytes, "{range}");
        }
        assert_eq!(part("bytes=0-", 0), Some(Asked::Nothing));
    }

    #[test]
    fn names_cannot_leave_their_header() {
        for (name, header) in [
            ("a.txt", "inline; filename=\"a.txt\"; filename*=UTF-8''a.txt"),
            ("März \"5\".txt", "inline; filename=\"M_rz _5_.txt\"; filename*=UTF-8''M%C3%A4rz%20%225%22.txt"),
            ("100%.txt", "inline; filename=\"100_.txt\"; filename*=UTF-8''100%25.txt"),
            ("a;b='c'.txt", "inline; filename=\"a;b='c'.txt\"; filename*=UTF-8''a%3Bb%3D%27c%27.txt"),
        ] {
            assert_eq!(disposition(ContentType::Text, &FileName::clean(name)), header);
        }
        let page = disposition(ContentType::Binary, &FileName::clean("x.html"));
        assert!(page.starts_with("attachment; "), "{page}");
    }
}
