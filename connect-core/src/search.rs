//! Words for full-text search, folded once here so that every adapter finds the same.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// The words of a text: split at whatever is neither letter nor digit, in lower case, without accents.
pub fn words(text: &str) -> Vec<String> {
    fold(text).split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// The words of a text, joined by single spaces.
pub fn indexed(text: &str) -> String {
    words(text).join(" ")
}

fn fold(text: &str) -> String {
    text.nfkd()
        .filter(|c| !is_combining_mark(*c))
        .flat_map(char::to_lowercase)
        .map(|c| if c == 'ß' { 's' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_folded() {
        assert_eq!(words("Crème BRÛLÉE, nº 42—Żółw!"), ["creme", "brulee", "no", "42", "zołw"]);
        assert!(words(" \t-- ").is_empty());
    }
}
