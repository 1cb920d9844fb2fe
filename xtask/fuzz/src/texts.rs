//! What people and programs write: addresses, queries, places in lists, names of files.

use connect_core::attachment::FileName;
use connect_core::ticket::{TicketCursor, parse_query, print_query};
use connect_core::webhook::WebhookUrl;
use connect_core::{EmailAddress, UserId, decode_cursor, encode_cursor};
use connect_http::parsers;

use crate::{Outcome, outcome, size};

/// One plain address and nothing else, which reads back as itself.
pub(crate) fn address(input: &[u8]) -> Outcome {
    let text = String::from_utf8_lossy(input);
    let address = match EmailAddress::parse("email", &text) {
        Ok(address) => address,
        Err(error) => return outcome((error.code, error.detail)),
    };
    let kept = address.as_str();
    assert!(kept.is_ascii() && kept.len() <= EmailAddress::MAX_BYTES, "{kept:?}");
    assert!(!kept.bytes().any(|b| b.is_ascii_control() || b" \"<>,;:\\[]()".contains(&b)), "{kept:?} is more than one");
    assert_eq!(kept.matches('@').count(), 1, "{kept:?}");
    assert_eq!(text.trim_matches(' '), kept);
    let again = EmailAddress::parse("email", &address.canonical());
    assert_eq!(again.as_ref(), Ok(&address), "its plain form is the same address");
    assert_eq!(format!("{}@{}", address.local().to_ascii_lowercase(), address.domain()), address.canonical());
    outcome((size(kept.len()), kept.split('.').count()))
}

/// A query that is read is printed so that it reads the same.
pub(crate) fn query(input: &[u8]) -> Outcome {
    let text = String::from_utf8_lossy(input);
    let filter = match parse_query(&text, Some(UserId::from_bits(1))) {
        Ok(filter) => filter,
        Err(error) => return outcome((error.code, error.detail.split(": ").nth(1).map(str::to_owned))),
    };
    let printed = print_query(&filter);
    assert_eq!(parse_query(&printed, None).as_ref(), Ok(&filter), "{text:?} was printed as {printed:?}");
    assert_eq!(print_query(&filter), printed);
    let kinds: Vec<&str> = printed.split(' ').filter_map(|term| term.split_once(':')).map(|(key, _)| key).collect();
    outcome((kinds, size(filter.words.len()), filter.number.is_some()))
}

/// A place in a list is what it is written as.
pub(crate) fn cursor(input: &[u8]) -> Outcome {
    let text = String::from_utf8_lossy(input);
    let ticket = decode_cursor::<TicketCursor>(&text);
    if let Ok(place) = &ticket {
        assert_eq!(decode_cursor::<TicketCursor>(&encode_cursor(place)).as_ref(), Ok(place));
    }
    let place = decode_cursor::<(bool, u64)>(&text);
    if let Ok(place) = place {
        assert_eq!(decode_cursor::<(bool, u64)>(&encode_cursor(&place)), Ok(place));
    }
    let number = decode_cursor::<u64>(&text);
    let word = decode_cursor::<String>(&text);
    outcome((ticket.is_ok(), place.is_ok(), number.is_ok(), word.is_ok(), size(text.len())))
}

/// A name is one line without a path, and clean once it was cleaned.
pub(crate) fn file_name(input: &[u8]) -> Outcome {
    let name = FileName::clean(&String::from_utf8_lossy(input));
    check_name(&name);
    outcome((size(name.as_str().len()), name.extension().len(), name.as_str().is_ascii()))
}

/// What holds of every name.
pub(crate) fn check_name(name: &FileName) {
    let text = name.as_str();
    assert!((1..=200).contains(&text.chars().count()), "{text:?}");
    assert!(!text.contains(['/', '\\', '\r', '\n', '\0', '\u{202e}']) && !text.contains(char::is_control), "{text:?}");
    assert!(!matches!(text, "." | "..") && !text.ends_with(['.', ' ']), "{text:?}");
    assert_eq!(FileName::clean(text), *name, "cleaned twice");
}

/// A cell is one cell on one line, and no formula.
pub(crate) fn cell(input: &[u8]) -> Outcome {
    let text = String::from_utf8_lossy(input);
    let cell = parsers::cell(&text);
    let inner = cell.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or("no quotation marks: \"");
    assert!(!inner.replace("\"\"", "").contains('"'), "{cell:?} ends early");
    assert!(!cell.contains(|c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202e}')), "{cell:?}");
    // Behind a semicolon a spreadsheet may see another cell.
    for part in inner.split(';') {
        let part = part.trim_start_matches(|c: char| c.is_whitespace() || c == '"');
        assert!(!part.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']), "{cell:?} is a formula");
    }
    outcome((size(cell.len()), inner.starts_with('\''), cell.contains("\\u{"), cell.contains("\"\"")))
}

/// The address of a webhook is HTTPS, or plain HTTP of this machine itself, and reads back as the same.
pub(crate) fn webhook_url(input: &[u8]) -> Outcome {
    let text = String::from_utf8_lossy(input);
    let Ok(url) = WebhookUrl::parse("url", &text) else { return outcome((false, size(input.len()))) };
    let kept = url.as_str();
    assert!(kept.len() <= 2000 && kept.is_ascii() && !kept.chars().any(|c| c.is_control() || c == ' '), "{kept:?}");
    assert!(!kept.contains('#'), "{kept:?}");
    let plain = kept.strip_prefix("http://");
    let rest = plain.or_else(|| kept.strip_prefix("https://")).unwrap_or_else(|| panic!("{kept:?} is neither"));
    let host = rest.split(['/', '?']).next().unwrap_or_default();
    assert!(!host.is_empty() && !host.contains('@'), "{kept:?}");
    let is_own = host.starts_with("127.") || host.starts_with("[::1]") || host.split(':').next() == Some("localhost");
    assert!(plain.is_none() || is_own, "{kept:?} is plain and not this machine");
    assert!(WebhookUrl::parse("url", kept).as_ref() == Ok(&url), "{kept:?} does not read back");
    assert!(!url.host().is_empty());
    outcome((true, plain.is_some(), size(kept.len()), host.contains(':')))
}
