//! How deep markup is nested, found before it is parsed: the parser calls itself for every level.

use htmlparser::{ElementEnd, Token, Tokenizer};

/// The most elements that are open at once, by the tokens that the parser sees; none for what has no tokens. An element that
/// is never closed counts as open to the end: void ones are to be written `<br />`.
pub(super) fn depth(markup: &str) -> Option<usize> {
    let (mut open, mut most) = (0_usize, 0_usize);
    for token in Tokenizer::from(markup) {
        match token.ok()? {
            Token::ElementEnd { end: ElementEnd::Open, .. } => open += 1,
            Token::ElementEnd { end: ElementEnd::Close(..), .. } => open = open.saturating_sub(1),
            _ => {}
        }
        most = most.max(open);
    }
    Some(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_elements_are_counted() {
        assert_eq!(depth("<a><b>x</b><b/><br /><img src='x'/></a><!-- c -->"), Some(2));
        assert_eq!(depth(&"<mj-section>".repeat(500)), Some(500));
        assert_eq!(depth(&format!("<a>{}</a>", "<p>x</p>".repeat(500))), Some(2));
    }

    #[test]
    fn neither_comments_nor_attributes_hide_what_is_open() {
        for level in [
            "<b><!--</b>-->",
            "<b a=\"/>\">",
            "<b a='</b>'>",
            "<b><![CDATA[</b>]]>",
            "<b><![endif]>",
            "<b><!--<![endif]-->",
        ] {
            assert!(depth(&level.repeat(5_000)).is_none_or(|depth| depth >= 5_000), "{level}");
        }
    }
}
