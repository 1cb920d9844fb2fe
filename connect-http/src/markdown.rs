//! Markdown as safe HTML.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::LazyLock;

static CLEANER: LazyLock<ammonia::Builder<'static>> = LazyLock::new(|| {
    let mut cleaner = ammonia::Builder::default();
    // No images: a remote one would tell its owner who reads the message, and when.
    cleaner
        .rm_tags(["img"])
        .url_schemes(HashSet::from(["http", "https", "mailto", "tel"]))
        .link_rel(Some("noopener noreferrer nofollow ugc"));
    cleaner
});

/// The HTML of a text in Markdown. Raw HTML in it is dropped, and what comes out is sanitised besides.
pub(crate) fn html(text: &str) -> String {
    if !needs_rendering(text) {
        return paragraph(text);
    }
    let mut options = comrak::Options::default();
    options.extension.autolink = true;
    options.extension.strikethrough = true;
    options.extension.table = true;
    options.render.hardbreaks = true;
    CLEANER.clean(&comrak::markdown_to_html(text, &options)).to_string()
}

/// Whether a text has anything in it that Markdown or HTML would read as more than words on one line.
fn needs_rendering(text: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, ' ' | ',' | '?');
    let inner_dots = text.trim_end_matches(['.', '!']);
    text.starts_with(|c: char| c.is_ascii_digit() || c == ' ')
        || !inner_dots.chars().all(plain)
        || inner_dots.contains("www")
}

fn paragraph(text: &str) -> String {
    let text: Cow<'_, str> = text.trim_end().into();
    format!("<p>{text}</p>\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_rendered_and_active_content_is_not() {
        assert_eq!(html("It **burns**"), "<p>It <strong>burns</strong></p>\n");
        assert_eq!(html("Plain words, no more."), "<p>Plain words, no more.</p>\n");
        for hostile in [
            "<script>alert(1)</script>",
            "<img src=x onerror=alert(1)>",
            "![x](http://tracker.example/a.png)",
            "[x](javascript:alert(1))",
            "<a href=\"jav&#x09;ascript:alert(1)\">x</a>",
            "<svg/onload=alert(1)>",
            "<iframe src=//evil.example></iframe>",
            "[x](data:text/html;base64,PHNjcmlwdD4=)",
        ] {
            let html = html(hostile).to_lowercase();
            for bad in ["<script", "onerror", "<img", "javascript:", "<svg", "<iframe", "data:text"] {
                assert!(!html.contains(bad), "{hostile} gave {html}");
            }
        }
        assert!(html("see https://example.org/x").contains("href=\"https://example.org/x\""));
    }

    #[test]
    fn the_short_way_gives_what_the_long_one_does() {
        for text in ["On my way.", "Is it done?", "Ja, wirklich toll!", "a b c"] {
            let options = comrak::Options::default();
            assert_eq!(html(text), comrak::markdown_to_html(text, &options));
        }
    }
}
