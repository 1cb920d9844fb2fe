//! Inputs that are kept: made by hand, and found.

use std::path::{Path, PathBuf};

use anyhow::Context;

/// The folder of a target's inputs.
pub fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target)
}

/// All of them, in the order of their names.
pub fn inputs(target: &str) -> anyhow::Result<Vec<(PathBuf, Vec<u8>)>> {
    let folder = folder(target);
    let entries = std::fs::read_dir(&folder).with_context(|| folder.display().to_string())?;
    let mut paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()?;
    paths.sort();
    paths.into_iter().map(|path| std::fs::read(&path).map(|bytes| (path, bytes)).context("an input")).collect()
}
