//! The tests there are, found in the sources.

use std::collections::{BTreeMap, BTreeSet};
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

/// Sources by their path below the project.
pub(super) type Sources = BTreeMap<String, String>;

/// Every source below the project that could hold a test.
pub(super) fn sources(root: &Path) -> anyhow::Result<Sources> {
    let mut sources = Sources::new();
    for folder in FOLDERS {
        walk(root, &root.join(folder), &mut sources)?;
    }
    Ok(sources)
}

/// Every test in the sources, by file and name.
pub(super) fn tests(sources: &Sources) -> Vec<Found> {
    let of_file = |(file, text): (&String, &String)| {
        let names = in_source(text, file.starts_with(KIT));
        names.into_iter().map(|name| Found { file: file.clone(), name }).collect::<Vec<_>>()
    };
    let mut found: Vec<Found> = sources.iter().flat_map(of_file).collect();
    found.sort();
    found
}

/// The sources that are compiled with nothing: no other one names them as a module, and they are no beginning of a
/// crate or of a test. What stands in them runs never.
pub(super) fn unnamed(sources: &Sources) -> Vec<&str> {
    let named: BTreeSet<String> = sources.iter().flat_map(|(file, text)| modules(file, text)).collect();
    sources.keys().map(String::as_str).filter(|file| !is_beginning(file) && !named.contains(*file)).collect()
}

/// The files that a source may name as its modules.
fn modules(file: &str, text: &str) -> Vec<String> {
    let (folder, name) = file.rsplit_once('/').unwrap_or(("", file));
    let mut named = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(path) = line.strip_prefix("#[path = \"").and_then(|rest| rest.split('"').next()) {
            named.push(joined(folder, path));
        } else if let Some(module) = module(line) {
            let is_first = name == "mod.rs" || is_beginning(file);
            let place = if is_first { folder } else { file.trim_end_matches(".rs") };
            named.extend([format!("{place}/{module}.rs"), format!("{place}/{module}/mod.rs")]);
        }
    }
    named
}

/// The module that a line names.
fn module(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("pub").unwrap_or(line).trim_start();
    let rest = if rest.starts_with('(') { rest.split_once(')')?.1.trim_start() } else { rest };
    rest.strip_prefix("mod ")?.strip_suffix(';')
}

/// A path from a folder, which may lead upwards.
fn joined(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').collect();
    for part in path.split('/') {
        match part {
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// Whether cargo finds this file by itself.
fn is_beginning(file: &str) -> bool {
    let parts: Vec<&str> = file.split('/').collect();
    match parts.as_slice() {
        [.., "src", "lib.rs" | "main.rs"]
        | [.., "build.rs"]
        | [.., "bin" | "tests" | "benches" | "examples", _, "main.rs"] => true,
        [.., "bin" | "tests" | "benches" | "examples", name] => *name != "mod.rs",
        _ => false,
    }
}

fn walk(root: &Path, folder: &Path, sources: &mut Sources) -> anyhow::Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "target") {
                walk(root, &path, sources)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            let file = path.strip_prefix(root)?.to_string_lossy().replace('\\', "/");
            sources.insert(file, text);
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
