//! The tests there are, found in the sources.

use std::path::Path;

use anyhow::Context;

/// Where tests are looked for.
const FOLDERS: [&str; 6] = ["connect-auth", "connect-core", "connect-http", "connect-store", "examples", "xtask/tests"];
/// The conformance kit: its cases are plain functions, which adapters make tests of.
const KIT: &str = "connect-store/src/conformance/";

/// How the attribute begins that has a test passed over.
pub(super) const IGNORED: &str = "#[ignore";

/// A test, and the file it stands in, as a path below the project.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Found {
    pub(super) file: String,
    pub(super) name: String,
}

impl Found {
    /// The number of the requirement that its name tells.
    pub(super) fn number(&self) -> Option<u32> {
        self.name.strip_prefix("sec_")?.split('_').next()?.parse().ok()
    }
}

/// Every test below the project, by file and name.
pub(super) fn tests(root: &Path) -> anyhow::Result<Vec<Found>> {
    let mut found = Vec::new();
    for folder in FOLDERS {
        walk(root, &root.join(folder), &mut found)?;
    }
    found.sort();
    Ok(found)
}

fn walk(root: &Path, folder: &Path, found: &mut Vec<Found>) -> anyhow::Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "target") {
                walk(root, &path, found)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            let file = path.strip_prefix(root)?.to_string_lossy().replace('\\', "/");
            let names = in_source(&text, file.starts_with(KIT));
            found.extend(names.into_iter().map(|name| Found { file: file.clone(), name }));
        }
    }
    Ok(())
}

/// The functions of a source file that are marked as tests; of the kit, every public one. What is ignored holds
/// nothing.
pub(super) fn in_source(text: &str, is_kit: bool) -> Vec<String> {
    let (mut names, mut marked, mut ignored) = (Vec::new(), false, false);
    for line in text.lines().map(str::trim) {
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            marked = true;
        } else if line.starts_with(IGNORED) {
            ignored = true;
        } else if let Some(name) = function(line) {
            if !ignored && (marked || (is_kit && line.starts_with("pub async fn "))) {
                names.push(name.to_owned());
            }
            (marked, ignored) = (false, false);
        } else if !line.starts_with("#[") && !line.starts_with("//") {
            (marked, ignored) = (false, false);
        }
    }
    names
}

/// The name of the function that a line begins.
fn function(line: &str) -> Option<&str> {
    let line = line.strip_prefix("pub ").unwrap_or(line);
    let line = line.strip_prefix("async ").unwrap_or(line);
    line.strip_prefix("fn ")?.split(['(', '<']).next()
}
