//! The query language of ticket lists: `status:open assignee:me -label:spam priority:>=high printer`.

use std::fmt::Write;
use std::time::Duration;

use crate::ticket::{Category, Priority, TicketFilter};
use crate::{FieldError, LabelName, Timestamp, UserId};

/// Longest query text, in bytes.
const MAX_BYTES: usize = 1000;
/// Most words looked for at once.
const MAX_WORDS: usize = 16;

/// Query text that cannot be read. Positions count characters from 1.
pub type QueryError = FieldError;

/// Reads query text into a filter. `me` is who `assignee:me` means.
pub fn parse_query(text: &str, me: Option<UserId>) -> Result<TicketFilter, QueryError> {
    let mut filter = TicketFilter::default();
    if text.len() > MAX_BYTES {
        return Err(FieldError::new("q", "too_long", format!("must have at most {MAX_BYTES} bytes")));
    }
    for term in terms(text)? {
        apply(&mut filter, &term, me)?;
    }
    if filter.words.len() > MAX_WORDS {
        return Err(FieldError::new("q", "too_many", format!("may look for at most {MAX_WORDS} words")));
    }
    // Some signs are folded into many letters: what is printed of a filter must be readable again.
    if print_query(&filter).len() > MAX_BYTES {
        return Err(FieldError::new("q", "too_long", format!("must have at most {MAX_BYTES} bytes in its plain form")));
    }
    Ok(filter)
}

struct Term {
    position: usize,
    negative: bool,
    key: Option<String>,
    value: String,
}

impl Term {
    fn error(&self, code: &'static str, detail: impl std::fmt::Display) -> QueryError {
        FieldError::new("q", code, format!("at position {}: {detail}", self.position))
    }
}

/// Splits into terms: `[-][key:]value`, where a value may stand in double quotes.
fn terms(text: &str) -> Result<Vec<Term>, QueryError> {
    let mut terms = Vec::new();
    let mut chars = text.chars().enumerate().peekable();
    while let Some(&(at, first)) = chars.peek() {
        if first.is_whitespace() {
            chars.next();
            continue;
        }
        let mut term = Term { position: at + 1, negative: false, key: None, value: String::new() };
        if first == '-' {
            term.negative = true;
            chars.next();
        }
        let mut quoted = false;
        while let Some(&(_, c)) = chars.peek() {
            if c == '"' && (term.value.is_empty() && !quoted) {
                chars.next();
                quoted = true;
                let mut closed = false;
                for (_, c) in chars.by_ref() {
                    if c == '"' {
                        closed = true;
                        break;
                    }
                    term.value.push(c);
                }
                if !closed {
                    return Err(term.error("open_quote", "the quotation mark is not closed"));
                }
            } else if c.is_whitespace() {
                break;
            } else if c == ':'
                && term.key.is_none()
                && !quoted
                && term.value.chars().all(|c| c.is_ascii_alphabetic() || c == '_')
                && !term.value.is_empty()
            {
                chars.next();
                term.key = Some(std::mem::take(&mut term.value));
            } else {
                chars.next();
                term.value.push(c);
            }
        }
        terms.push(term);
    }
    Ok(terms)
}

fn apply(filter: &mut TicketFilter, term: &Term, me: Option<UserId>) -> Result<(), QueryError> {
    let Some(key) = term.key.as_deref() else {
        if term.negative {
            return Err(term.error("not_supported", "words cannot be excluded, labels and statuses can"));
        }
        if let Some(number) = term.value.strip_prefix('#').and_then(|digits| digits.parse().ok()) {
            filter.number = Some(number);
        } else {
            filter.add_words(&term.value);
        }
        return Ok(());
    };
    if term.value.is_empty() {
        return Err(term.error("empty", format!("{key}: needs a value")));
    }
    if term.negative && !matches!(key, "status" | "label") {
        return Err(term.error("not_supported", format!("{key}: cannot be excluded")));
    }
    match key {
        "status" => {
            let category =
                Category::parse("q", &term.value).map_err(|e| term.error(e.code, format!("status: {}", e.detail)))?;
            let set = if term.negative { &mut filter.not_categories } else { &mut filter.categories };
            set.insert(category);
        }
        "assignee" => {
            filter.assignee = Some(match term.value.as_str() {
                "none" => None,
                "me" => Some(me.ok_or_else(|| term.error("no_me", "assignee:me needs somebody who is signed in"))?),
                id => Some(
                    id.parse()
                        .map_err(|_| term.error("unknown", "assignee: must be me, none or the id of a member"))?,
                ),
            });
        }
        "team" => {
            filter.team = Some(match term.value.as_str() {
                "none" => None,
                id => Some(id.parse().map_err(|_| term.error("unknown", "team: must be none or the id of a team"))?),
            });
        }
        "contact" => {
            filter.contact =
                Some(term.value.parse().map_err(|_| term.error("unknown", "contact: must be the id of a contact"))?);
        }
        "label" => {
            let label =
                LabelName::parse("q", &term.value).map_err(|e| term.error(e.code, format!("label: {}", e.detail)))?;
            let set = if term.negative { &mut filter.not_labels } else { &mut filter.labels };
            set.insert(label);
        }
        "number" => {
            filter.number = Some(term.value.parse().map_err(|_| term.error("unknown", "number: must be a number"))?);
        }
        "priority" => priority(filter, term)?,
        "created" => times(term, &mut filter.created_from, &mut filter.created_before)?,
        "updated" => times(term, &mut filter.updated_from, &mut filter.updated_before)?,
        _ => {
            return Err(term.error(
                "unknown_key",
                format!("{key}: is not known; known are status, assignee, team, contact, label, number, priority, created and updated"),
            ));
        }
    }
    Ok(())
}

/// Splits `>=high` into the comparison and what is compared with.
fn comparison(value: &str) -> (&str, &str) {
    [">=", "<=", ">", "<"]
        .into_iter()
        .find_map(|op| value.strip_prefix(op).map(|rest| (op, rest)))
        .unwrap_or(("=", value))
}

fn priority(filter: &mut TicketFilter, term: &Term) -> Result<(), QueryError> {
    let (op, word) = comparison(&term.value);
    let priority = Priority::parse("q", word).map_err(|e| term.error(e.code, format!("priority: {}", e.detail)))?;
    let neighbour = |step: i64| {
        let rank = priority.rank() + step;
        Priority::ALL.iter().copied().find(|p| p.rank() == rank)
    };
    let nothing = || term.error("out_of_range", format!("priority: nothing is {}", term.value));
    match op {
        ">=" => filter.priority_from = Some(priority),
        "<=" => filter.priority_to = Some(priority),
        ">" => filter.priority_from = Some(neighbour(1).ok_or_else(nothing)?),
        "<" => filter.priority_to = Some(neighbour(-1).ok_or_else(nothing)?),
        _ => (filter.priority_from, filter.priority_to) = (Some(priority), Some(priority)),
    }
    Ok(())
}

/// A day is taken whole: `created:2026-01-31` is that day, `created:>2026-01-31` is after its end.
fn times(term: &Term, from: &mut Option<Timestamp>, before: &mut Option<Timestamp>) -> Result<(), QueryError> {
    let (op, text) = comparison(&term.value);
    let bad = || term.error("bad_time", "must be a day such as 2026-01-31 or a time such as 2026-01-31T12:00:00Z");
    let start = Timestamp::parse(text).ok_or_else(bad)?;
    let unit = if text.contains(['T', 't']) { Duration::from_micros(1) } else { Duration::from_secs(24 * 3600) };
    let end = start.plus(unit);
    // The last day there is has an end that cannot be written down.
    if Timestamp::parse(&end.to_string()) != Some(end) {
        return Err(bad());
    }
    match op {
        ">=" => *from = Some(start),
        ">" => *from = Some(end),
        "<" => *before = Some(start),
        "<=" => *before = Some(end),
        _ => (*from, *before) = (Some(start), Some(end)),
    }
    Ok(())
}

/// The canonical query text of a filter: [`parse_query`] reads the same filter from it.
pub fn print_query(filter: &TicketFilter) -> String {
    let mut text = String::new();
    let mut term = |part: String| {
        let gap = if text.is_empty() { "" } else { " " };
        let _ = write!(text, "{gap}{part}");
    };
    filter.categories.iter().for_each(|c| term(format!("status:{c}")));
    filter.not_categories.iter().for_each(|c| term(format!("-status:{c}")));
    if let Some(assignee) = filter.assignee {
        term(assignee.map_or("assignee:none".to_owned(), |user| format!("assignee:{user}")));
    }
    if let Some(team) = filter.team {
        term(team.map_or("team:none".to_owned(), |team| format!("team:{team}")));
    }
    if let Some(contact) = filter.contact {
        term(format!("contact:{contact}"));
    }
    filter.labels.iter().for_each(|l| term(format!("label:{}", quoted(l.as_str()))));
    filter.not_labels.iter().for_each(|l| term(format!("-label:{}", quoted(l.as_str()))));
    match (filter.priority_from, filter.priority_to) {
        (Some(from), Some(to)) if from == to => term(format!("priority:{from}")),
        (from, to) => {
            from.into_iter().for_each(|p| term(format!("priority:>={p}")));
            to.into_iter().for_each(|p| term(format!("priority:<={p}")));
        }
    }
    for (key, from, before) in [
        ("created", filter.created_from, filter.created_before),
        ("updated", filter.updated_from, filter.updated_before),
    ] {
        from.into_iter().for_each(|t| term(format!("{key}:>={t}")));
        before.into_iter().for_each(|t| term(format!("{key}:<{t}")));
    }
    if let Some(number) = filter.number {
        term(format!("#{number}"));
    }
    filter.words.iter().for_each(|word| term(word.clone()));
    text
}

fn quoted(value: &str) -> String {
    if value.contains(char::is_whitespace) { format!("\"{value}\"") } else { value.to_owned() }
}

/// Whether some text is free of anything the query language would read as more than words.
#[cfg(test)]
fn is_plain(text: &str) -> bool {
    crate::search::words(text).join(" ") == text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_every_kind_of_term() {
        let me = UserId::from_bits(5);
        let filter = parse_query(r#"status:open -status:closed assignee:me team:none label:"two words" -label:spam priority:>=high created:>2026-01-01 #12 "Exact Wörds" print"#, Some(me)).expect("reads");
        assert_eq!(filter.assignee, Some(Some(me)));
        assert_eq!(filter.team, Some(None));
        assert_eq!(filter.priority_from, Some(Priority::High));
        assert_eq!(filter.created_from, Timestamp::parse("2026-01-02"));
        assert_eq!(filter.number, Some(12));
        assert_eq!(filter.words, ["exact", "words", "print"]);
        assert_eq!(filter.labels.len() + filter.not_labels.len(), 2);
    }

    #[test]
    fn errors_name_the_position() {
        for (text, code, position) in [
            ("open colour:red", "unknown_key", 6),
            ("status:lost", "unknown", 1),
            ("a \"b", "open_quote", 3),
            ("assignee:me", "no_me", 1),
            ("é created:never", "bad_time", 3),
            ("priority:>urgent", "out_of_range", 1),
            ("label:", "empty", 1),
            ("-word", "not_supported", 1),
        ] {
            let error = parse_query(text, None).expect_err(text);
            assert_eq!(error.code, code, "{text}");
            assert!(error.detail.contains(&format!("position {position}")), "{text}: {}", error.detail);
        }
    }

    #[test]
    fn what_would_not_read_back_is_refused() {
        let folded = "\u{3316}".repeat(300);
        assert_eq!(parse_query(&folded, None).map_err(|e| e.code), Err("too_long"), "a sign of six letters");
        let label = format!("label:{}", "\u{130}".repeat(30));
        assert_eq!(
            parse_query(&label, None).map_err(|e| e.code),
            Err("too_long"),
            "a letter that is two in lower case"
        );
        assert_eq!(parse_query("created:>9999-12-30", None).map_err(|e| e.code), Err("bad_time"), "the end of time");
        for text in ["\u{3316}".repeat(50), format!("label:{}", "\u{130}".repeat(25))] {
            let filter = parse_query(&text, None).expect("short enough");
            assert_eq!(parse_query(&print_query(&filter), None), Ok(filter), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_refused_or_prints_back_to_the_same_filter(text in "((-?(status|label|priority|created|assignee|team|number):)?(>=|<)?\"?[a-z0-9é# -]{0,8}\"? ?){0,6}") {
            if let Ok(filter) = parse_query(&text, Some(UserId::from_bits(1))) {
                let printed = print_query(&filter);
                prop_assert_eq!(parse_query(&printed, None), Ok(filter), "{}", printed);
            }
        }

        #[test]
        fn plain_words_are_words(text in "[a-z]{1,5}( [a-z]{1,5}){0,3}") {
            prop_assume!(is_plain(&text));
            prop_assert_eq!(parse_query(&text, None).map(|f| f.words.join(" ")), Ok(text));
        }
    }
}
