//! File names, made harmless.

use serde::{Deserialize, Serialize};

/// The longest name, in characters.
const MAX: usize = 200;
/// The longest ending that is kept when a name is cut.
const MAX_EXTENSION: usize = 20;

/// What a file is called: 1 to 200 characters on one line, without a path.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FileName(String);

impl FileName {
    /// The name in whatever a client calls a file; `file` if nothing of it can be used. Nothing is refused,
    /// because people do not choose the names of what cameras and scanners make.
    pub fn clean(text: &str) -> Self {
        let last = text.rsplit(['/', '\\']).next().unwrap_or_default();
        let shown: String = last.chars().filter(|c| is_shown(*c)).collect();
        // Cut first: what is left must not end in a dot or a gap either.
        let cut = cut(trimmed(&shown));
        match trimmed(&cut) {
            "" => Self("file".to_owned()),
            name => Self(name.to_owned()),
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands after the last dot, in lower case; empty if there is nothing.
    pub fn extension(&self) -> String {
        match self.0.rsplit_once('.') {
            Some((stem, extension)) if !stem.is_empty() => extension.to_lowercase(),
            _ => String::new(),
        }
    }
}

impl std::fmt::Display for FileName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A name without gaps around it and dots at its end, which some systems drop.
fn trimmed(name: &str) -> &str {
    name.trim_start().trim_end_matches(|c: char| c == '.' || c.is_whitespace())
}

/// Neither a control character, nor one that turns the direction of the text around or is not seen: with
/// them `invoice\u{202e}fdp.exe` would look like another kind of file.
fn is_shown(c: char) -> bool {
    let hidden = matches!(c,
        '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    !c.is_control() && !hidden
}

/// The name with its middle cut so that it is not too long and keeps its ending.
fn cut(name: &str) -> String {
    if name.chars().count() <= MAX {
        return name.to_owned();
    }
    match name.rsplit_once('.') {
        Some((stem, extension)) if (1..=MAX_EXTENSION).contains(&extension.chars().count()) => {
            let room = MAX - 1 - extension.chars().count();
            format!("{}.{extension}", stem.chars().take(room).collect::<String>())
        }
        _ => name.chars().take(MAX).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_its_last_segment_without_what_cannot_be_seen() {
        for (given, kept) in [
            ("photo.png", "photo.png"),
            ("  Rechnung März.pdf ", "Rechnung März.pdf"),
            ("../../etc/passwd", "passwd"),
            ("C:\\Users\\ada\\notes.txt", "notes.txt"),
            ("a/b\\..", "file"),
            ("", "file"),
            (".", "file"),
            ("...", "file"),
            ("/", "file"),
            ("\r\n", "file"),
            ("a\r\nSet-Cookie: x.txt", "aSet-Cookie: x.txt"),
            ("invoice\u{202e}fdp.exe", "invoicefdp.exe"),
            ("\u{200b}\u{feff}", "file"),
            ("nul\0.txt", "nul.txt"),
            (".profile", ".profile"),
            ("page.html.", "page.html"),
        ] {
            assert_eq!(FileName::clean(given).as_str(), kept, "{given:?}");
        }
    }

    #[test]
    fn a_long_name_keeps_its_ending() {
        let long = FileName::clean(&format!("{}.jpeg", "ä".repeat(500)));
        assert_eq!(long.as_str().chars().count(), 200);
        assert!(long.as_str().ends_with("ä.jpeg"));
        assert_eq!(FileName::clean(&"x".repeat(500)).as_str().len(), 200);
        let no_ending = FileName::clean(&format!("x.{}", "y".repeat(500)));
        assert_eq!(no_ending.as_str().len(), 200);
    }

    #[test]
    fn a_name_that_was_cleaned_is_clean() {
        for text in [
            format!("{}. {}", "x".repeat(199), "y".repeat(50)),
            format!("{} {}", "x".repeat(199), "y".repeat(50)),
            "a\u{a0}.".to_owned(),
            "a\u{3000}. .".to_owned(),
        ] {
            let name = FileName::clean(&text);
            assert!(!name.as_str().ends_with(|c: char| c == '.' || c.is_whitespace()), "{name:?}");
            assert_eq!(FileName::clean(name.as_str()), name);
        }
    }

    #[test]
    fn an_extension_stands_after_a_name() {
        for (name, extension) in [("a.PNG", "png"), ("a", ""), (".png", ""), ("a.tar.gz", "gz"), ("a.", "")] {
            assert_eq!(FileName::clean(name).extension(), extension, "{name}");
        }
    }
}
