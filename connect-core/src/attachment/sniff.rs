//! What a file is, from its first bytes and its name.

use serde::{Deserialize, Serialize};

use super::FileName;

/// How many first bytes are looked at.
pub(crate) const HEAD: usize = 512;

macro_rules! content_types {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)+) => {
        /// What a file is. The list is short on purpose: what is not on it is a [`Binary`](Self::Binary), which
        /// browsers save and do not show.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum ContentType {
            $($(#[$doc])* #[serde(rename = $text)] $name,)+
            /// Anything else, and everything that a browser might run.
            #[serde(rename = "application/octet-stream", other)]
            Binary,
        }

        impl ContentType {
            /// The media type.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                    Self::Binary => "application/octet-stream",
                }
            }
        }
    };
}

content_types! {
    /// An image.
    Png = "image/png";
    /// An image.
    Jpeg = "image/jpeg";
    /// An image.
    Gif = "image/gif";
    /// An image.
    Webp = "image/webp";
    /// Text without any markup that browsers know.
    Text = "text/plain";
    /// A table as text.
    Csv = "text/csv";
    /// A document, which may hold scripts.
    Pdf = "application/pdf";
    /// An archive.
    Zip = "application/zip";
}

/// Endings of what browsers run or render. A file that is called so is never shown, whatever it holds.
const ACTIVE: [&str; 15] =
    ["htm", "html", "shtml", "xht", "xhtml", "mht", "mhtml", "svg", "svgz", "xml", "xsl", "xslt", "js", "mjs", "swf"];

impl ContentType {
    /// What a file of these first bytes and this name is. What the uploader claims is not asked.
    pub fn of(head: &[u8], name: &FileName) -> Self {
        let extension = name.extension();
        let extension = extension.as_str();
        if ACTIVE.contains(&extension) {
            return Self::Binary;
        }
        if let Some(known) = Self::by_magic(head) {
            return known;
        }
        match extension {
            "txt" | "text" | "log" | "md" if is_plain(head) => Self::Text,
            "csv" if is_plain(head) => Self::Csv,
            _ => Self::Binary,
        }
    }

    fn by_magic(head: &[u8]) -> Option<Self> {
        let is_webp = head.starts_with(b"RIFF") && head.get(8..12) == Some(b"WEBP");
        match head {
            _ if head.starts_with(b"\x89PNG\r\n\x1a\n") => Some(Self::Png),
            _ if head.starts_with(b"\xff\xd8\xff") => Some(Self::Jpeg),
            _ if head.starts_with(b"GIF87a") || head.starts_with(b"GIF89a") => Some(Self::Gif),
            _ if is_webp => Some(Self::Webp),
            _ if head.starts_with(b"%PDF-") => Some(Self::Pdf),
            _ if head.starts_with(b"PK\x03\x04") => Some(Self::Zip),
            _ => None,
        }
    }

    /// Whether a browser may show it in the desk's own origin.
    pub const fn is_inline(self) -> bool {
        matches!(self, Self::Png | Self::Jpeg | Self::Gif | Self::Webp | Self::Text)
    }
}

impl std::fmt::Display for ContentType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether it reads as text, and not as markup.
fn is_plain(head: &[u8]) -> bool {
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        // The head may end within a character.
        Err(error) if error.error_len().is_none() && head.len() >= HEAD => {
            std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    let text = text.trim_start_matches('\u{feff}').trim_start();
    !text.starts_with('<') && !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{c}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_name_decide() {
        let long = "ä".repeat(300).into_bytes();
        let table: &[(&[u8], &str, &str, bool)] = &[
            (b"\x89PNG\r\n\x1a\n\0\0", "a.png", "image/png", true),
            (b"\x89PNG\r\n\x1a\n\0\0", "a", "image/png", true),
            (b"\x89PNG\r\n\x1a\n\0\0", "a.html", "application/octet-stream", false),
            (b"\x89PNG\r\n\x1a\n\0\0", "a.SVG", "application/octet-stream", false),
            (b"\xff\xd8\xff\xe0", "a.jpg", "image/jpeg", true),
            (b"GIF89a;", "a.gif", "image/gif", true),
            (b"RIFF\0\0\0\0WEBPVP8 ", "a.webp", "image/webp", true),
            (b"RIFF\0\0\0\0WAVE", "a.webp", "application/octet-stream", false),
            (b"%PDF-1.7", "a.pdf", "application/pdf", false),
            (b"PK\x03\x04", "a.docx", "application/zip", false),
            (b"hello", "a.txt", "text/plain", true),
            (b"", "empty.txt", "text/plain", true),
            (&long[..HEAD - 1], "cut.txt", "application/octet-stream", false),
            (&long[..HEAD], "whole.txt", "text/plain", true),
            (b"a;b\r\n", "a.csv", "text/csv", false),
            (b"hello", "a", "application/octet-stream", false),
            (b"hello\0", "a.txt", "application/octet-stream", false),
            (b"\xff\xfe", "a.txt", "application/octet-stream", false),
            (b" <html><script>alert(1)</script>", "a.txt", "application/octet-stream", false),
            (b"<svg onload=alert(1)>", "a.png", "application/octet-stream", false),
            (b"<!doctype html>", "a.html", "application/octet-stream", false),
            (b"<?xml version='1.0'?>", "a.xml", "application/octet-stream", false),
            (b"alert(1)", "a.js", "application/octet-stream", false),
            (b"MZ\x90", "a.exe", "application/octet-stream", false),
        ];
        for (head, name, kind, inline) in table {
            let found = ContentType::of(head, &FileName::clean(name));
            assert_eq!((found.as_str(), found.is_inline()), (*kind, *inline), "{name}");
        }
        let cut = [b"a".as_slice(), &long].concat();
        assert_eq!(ContentType::of(&cut[..HEAD], &FileName::clean("a.txt")), ContentType::Text, "cut in a character");
    }

    #[test]
    fn a_type_of_a_newer_version_reads_as_binary() {
        let read: ContentType = serde_json::from_str("\"image/avif\"").expect("it reads");
        assert_eq!(read, ContentType::Binary);
        assert_eq!(serde_json::to_string(&ContentType::Png).expect("it writes"), "\"image/png\"");
    }
}
