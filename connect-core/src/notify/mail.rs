//! A mail as the desk composes it.

use crate::EmailAddress;
use crate::mail_event::MailReference;
use crate::template::Rendered;

/// One mail to one recipient. Automatic: it always says so (`Auto-Submitted`), so that no machine answers.
#[derive(Debug, Clone)]
pub struct Mail {
    /// For whom.
    pub to: EmailAddress,
    /// From whom.
    pub from: MailIdentity,
    /// What about. Control characters are taken out.
    pub subject: String,
    /// The text part.
    pub text: String,
    /// The HTML part.
    pub html: String,
    /// The Message-ID without brackets, the same at every attempt.
    pub message_id: String,
    /// The message it answers.
    pub in_reply_to: Option<String>,
    /// The messages of its thread, oldest first; at most ten.
    pub references: Vec<String>,
    /// The value of `Auto-Submitted`; none for what a person wrote.
    pub auto_submitted: Option<&'static str>,
    /// Where one request ends mail like this (RFC 8058).
    pub unsubscribe: Option<String>,
    /// Which delivery it is of. Set when it is handed over.
    pub reference: Option<MailReference>,
}

/// Who a mail is from.
#[derive(Debug, Clone)]
pub struct MailIdentity {
    /// The name beside the address.
    pub name: Option<String>,
    /// The address.
    pub address: EmailAddress,
}

/// Text as HTML: escaped, paragraphs kept. User text never becomes markup or a link.
pub(crate) fn html_paragraphs(text: &str) -> String {
    let mut html = String::with_capacity(text.len() + 64);
    for paragraph in text.split("\n\n").filter(|p| !p.trim().is_empty()) {
        html.push_str("<p>");
        for c in paragraph.chars() {
            match c {
                '&' => html.push_str("&amp;"),
                '<' => html.push_str("&lt;"),
                '>' => html.push_str("&gt;"),
                '"' => html.push_str("&quot;"),
                '\'' => html.push_str("&#39;"),
                '\n' => html.push_str("<br>\n"),
                c => html.push(c),
            }
        }
        html.push_str("</p>\n");
    }
    html
}

impl Mail {
    /// A mail of these words, which belongs to no thread yet.
    pub(crate) fn of(words: Rendered, to: EmailAddress, from: MailIdentity, message_id: String) -> Self {
        let Rendered { subject, text, html } = words;
        Self {
            to,
            from,
            subject,
            text,
            html,
            message_id,
            in_reply_to: None,
            references: Vec::new(),
            auto_submitted: None,
            unsubscribe: None,
            reference: None,
        }
    }

    /// Both parts from a text and, below it, one link of the desk's own.
    #[must_use]
    pub fn parts(text: &str, link: Option<(&str, &str)>) -> (String, String) {
        let mut plain = text.trim_end().to_owned();
        let mut html = html_paragraphs(text);
        if let Some((label, url)) = link {
            plain = format!("{plain}\n\n{label}:\n{url}");
            let label = html_paragraphs(label).replace("<p>", "").replace("</p>\n", "");
            let url = url.replace('&', "&amp;").replace('"', "%22").replace('<', "%3C");
            html = format!("{html}<p><a href=\"{url}\">{label}</a></p>\n");
        }
        plain.push('\n');
        let html = format!(
            "<!doctype html>\n<html><body style=\"font:16px/1.5 sans-serif;color:#1f2933\">\n{html}</body></html>\n"
        );
        (plain, html)
    }

    /// A header value on one line.
    pub fn one_line(text: &str) -> String {
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sec_79_user_text_is_escaped_and_stays_on_its_line() {
        let (text, html) =
            Mail::parts("<script>x</script>\n\nhttp://evil.example & co", Some(("Open", "https://a.example/?a=1&b=2")));
        assert!(!html.contains("<script>"));
        assert!(html.contains("&lt;script&gt;"));
        assert_eq!(html.matches("<a ").count(), 1, "only the desk's own link is a link");
        assert!(text.ends_with("https://a.example/?a=1&b=2\n"));
        assert_eq!(Mail::one_line("a\r\nBcc: b"), "a  Bcc: b");
    }
}
