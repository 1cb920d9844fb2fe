//! Heads of journals that were noted: a file of lines as `connect-server audit verify` printed them.

use std::collections::HashMap;
use std::path::Path;

use anyhow::Context;
use connect_core::WorkspaceId;
use connect_core::audit::Head;

/// What was noted, by workspace.
#[derive(Debug, Default)]
pub(crate) struct Heads(HashMap<WorkspaceId, Vec<Head>>);

impl Heads {
    /// Reads a file. A line that is none of the command's is refused: it could be a damaged one.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
        let mut heads = Self::default();
        for (place, line) in text.lines().enumerate() {
            let bad = || format!("line {} of {} is not as audit verify prints it", place + 1, path.display());
            let (id, head) = of_line(line).with_context(bad)?;
            if let (Some(id), Some(head)) = (id, head) {
                heads.0.entry(id).or_default().push(head);
            }
        }
        Ok(heads)
    }

    /// The heads of a workspace, which are looked at now.
    pub(crate) fn take(&mut self, workspace: WorkspaceId) -> Vec<Head> {
        self.0.remove(&workspace).unwrap_or_default()
    }

    /// The workspaces that nobody has looked at.
    pub(crate) fn workspaces(&self) -> impl Iterator<Item = &WorkspaceId> {
        self.0.keys()
    }
}

/// How a line ends whose journal has no head.
const NOTHING_SEALED: &str = ", sealed up to 0";
/// How the line of a workspace ends that is not here any more.
pub(crate) const GONE: &str = "0 events, but heads were noted of it";

/// The workspace and the head of a line. A journal that was not sealed yet has no head, and a further flaw belongs
/// to the line before it.
fn of_line(line: &str) -> anyhow::Result<(Option<WorkspaceId>, Option<Head>)> {
    if line.starts_with(' ') || line.is_empty() {
        return Ok((None, None));
    }
    let rest = line.strip_prefix("ok ").or_else(|| line.strip_prefix("BROKEN ")).context("it begins otherwise")?;
    let (_, rest) = rest.split_once('(').context("it names no workspace")?;
    let (id, rest) = rest.split_once("): ").context("it names no workspace")?;
    let head = match rest.split_once(", head ") {
        Some((_, rest)) => Some(rest.split(',').next().unwrap_or_default().parse::<Head>()?),
        None if rest.ends_with(NOTHING_SEALED) || rest.contains(", sealed up to 0, ") || rest.ends_with(GONE) => None,
        None => anyhow::bail!("it has no head, and should have one"),
    };
    Ok((Some(id.parse::<WorkspaceId>()?), head))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_read_as_they_are_printed_and_damaged_ones_are_refused() {
        let (id, mac) = (WorkspaceId::from_bits(7), "9f".repeat(32));
        let head = Some(Head { last: 118, mac: mac.clone() });
        for (line, expected) in [
            (format!("ok      acme ({id}): 120 events, sealed up to 118, head 118:{mac}"), (Some(id), head.clone())),
            (
                format!("BROKEN  acme ({id}): 9 events, sealed up to 118, head 118:{mac}, first bad 5: event 5, gone"),
                (Some(id), head),
            ),
            (format!("ok      acme ({id}): 0 events, sealed up to 0"), (Some(id), None)),
            (format!("BROKEN  acme ({id}): 3 events, sealed up to 0, first bad 1: event 1, gone"), (Some(id), None)),
            (format!("BROKEN  what is not here ({id}): {GONE}"), (Some(id), None)),
            ("        event 7 is missing, or not in its place".to_owned(), (None, None)),
            (String::new(), (None, None)),
        ] {
            assert_eq!(of_line(&line).expect(&line), expected);
        }
        let cut = format!("ok      acme ({id}): 120 events, sealed up to 118, head 118:{}", &mac[..40]);
        for line in ["hello", "ok      acme (acme): 1 events, sealed up to 0", "ok  acme", &cut] {
            of_line(line).expect_err(line);
        }
        // Wherever a line is cut off that has a head, it is seen.
        for end in 1..cut.len() {
            of_line(&cut[..end]).expect_err(&cut[..end]);
        }
    }
}
