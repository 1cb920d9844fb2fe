//! A text as a QR code: a picture of the desk's own, so that no secret is drawn elsewhere.

use std::fmt::Write;

use qrcodegen::{QrCode, QrCodeEcc};

/// How many light modules are around the code: readers ask for four.
const QUIET: i32 = 4;

/// The picture as SVG, black on white whatever the page looks like; empty if the text is too long for one.
pub(crate) fn svg(text: &str) -> String {
    let Ok(code) = QrCode::encode_text(text, QrCodeEcc::Medium) else { return String::new() };
    let mut dark = String::new();
    for y in 0..code.size() {
        for x in 0..code.size() {
            if code.get_module(x, y) {
                // Text is written to a string, which does not fail.
                let _ = write!(dark, "M{},{}h1v1h-1z", x + QUIET, y + QUIET);
            }
        }
    }
    let side = code.size() + 2 * QUIET;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" role=\"img\" aria-label=\"QR code\" \
         shape-rendering=\"crispEdges\"><path fill=\"#fff\" d=\"M0,0h{side}v{side}h-{side}z\"/><path fill=\"#000\" \
         d=\"{dark}\"/></svg>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_drawn_with_its_three_corners_and_nothing_of_the_text() {
        let uri = "otpauth://totp/Desk:ada%40example.org?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Desk";
        let svg = svg(uri);
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>") && !svg.contains("GEZDGNBV"), "{svg}");
        let side: i32 = svg
            .split("viewBox=\"0 0 ")
            .nth(1)
            .and_then(|rest| rest.split(' ').next())
            .expect("a side")
            .parse()
            .expect("a number");
        let is_dark = |x: i32, y: i32| svg.contains(&format!("M{x},{y}h1v1h-1z"));
        let last = side - QUIET - 1;
        // A finder is seven wide: dark around, light within, dark in its middle.
        for (x, y) in [(QUIET, QUIET), (last - 6, QUIET), (QUIET, last - 6)] {
            assert!(
                is_dark(x, y) && is_dark(x + 6, y + 6) && !is_dark(x + 1, y + 1) && is_dark(x + 3, y + 3),
                "{x},{y}"
            );
        }
        assert!(!is_dark(QUIET - 1, QUIET), "the edge is light");
        assert_eq!(super::svg(&"x".repeat(5000)), "", "too long for any code");
    }
}
