//! How deep markup is nested, found before it is parsed: the parser calls itself for every level.

/// Elements that have no end.
const VOID: [&str; 12] = ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"];

/// The most elements that are open at once, counted generously.
pub(super) fn depth(markup: &str) -> usize {
    let (mut open, mut most) = (0_usize, 0_usize);
    for tag in markup.split('<').skip(1) {
        if tag.starts_with('/') {
            open = open.saturating_sub(1);
            continue;
        }
        let name = tag.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').next().unwrap_or_default();
        let inner = tag.split('>').next().unwrap_or_default();
        if name.is_empty() || inner.ends_with('/') || VOID.contains(&name) {
            continue;
        }
        open += 1;
        most = most.max(open);
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_elements_are_counted() {
        assert_eq!(depth("<a><b>x</b><b/><br><img src='x'></a><!-- c --> 1 < 2"), 2);
        assert_eq!(depth(&"<mj-section>".repeat(500)), 500);
        assert_eq!(depth(&"<p>x</p>".repeat(500)), 1);
    }
}
