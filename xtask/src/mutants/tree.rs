//! A copy of the workspace to plant faults in.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

/// The variables by which a fault in a statement gets into the running program.
pub(super) const FIND: &str = "CONNECT_FAULT_FIND";
pub(super) const REPLACE: &str = "CONNECT_FAULT_REPLACE";

/// Where statements get their final text, and what stands there in the copy instead.
const STATEMENTS: &str = "connect-store/src/statements.rs";
const FILLED: &str = "std::sync::Arc::<str>::from(text.replace($placeholder, place))";
const FILLED_WITH_FAULT: &str = r#"{
                    #[allow(clippy::disallowed_methods)]
                    let said = |name: &str| std::env::var(name).unwrap_or_default();
                    let (find, replace) = (said("CONNECT_FAULT_FIND"), said("CONNECT_FAULT_REPLACE"));
                    let text = if find.is_empty() { text.to_owned() } else { text.replace(&find, &replace) };
                    std::sync::Arc::<str>::from(text.replace($placeholder, place))
                }"#;

/// The copy.
pub(super) struct Tree {
    folder: PathBuf,
}

impl Tree {
    /// Copies the manifest, the lock file and all members. What is the same already stays untouched, so
    /// that a second run has little to build; what an interrupted run left behind is put right.
    pub(super) fn copy(root: &Path, folder: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(folder)?;
        for name in ["Cargo.toml", "Cargo.lock"] {
            file(&root.join(name), &folder.join(name))?;
        }
        let manifest = fs::read_to_string(root.join("Cargo.toml"))?;
        for member in members(&manifest) {
            mirror(&root.join(member), &folder.join(member)).with_context(|| member.to_owned())?;
        }
        let tree = Self { folder: folder.to_owned() };
        let statements = tree.read(STATEMENTS)?;
        if statements.matches(FILLED).count() != 1 {
            bail!("{STATEMENTS} no longer fills statements as the faults expect");
        }
        tree.write(STATEMENTS, &statements.replacen(FILLED, FILLED_WITH_FAULT, 1))?;
        Ok(tree)
    }

    /// Where it is.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn read(&self, path: &str) -> anyhow::Result<String> {
        fs::read_to_string(self.folder.join(path)).with_context(|| path.to_owned())
    }

    pub(super) fn write(&self, path: &str, text: &str) -> anyhow::Result<()> {
        fs::write(self.folder.join(path), text).with_context(|| path.to_owned())
    }
}

/// The folders that the workspace's manifest lists as members.
pub(super) fn members(manifest: &str) -> Vec<&str> {
    let list = manifest.split("\nmembers = [").nth(1).and_then(|rest| rest.split(']').next()).unwrap_or_default();
    list.split('"').skip(1).step_by(2).collect()
}

/// Makes a folder equal to another one, what Cargo builds aside.
fn mirror(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to)?;
    let mut wanted = BTreeSet::new();
    for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
        let name = entry?.file_name();
        let (here, there) = (from.join(&name), to.join(&name));
        if here.is_dir() {
            if name == "target" {
                continue;
            }
            mirror(&here, &there)?;
        } else {
            file(&here, &there)?;
        }
        wanted.insert(name);
    }
    for entry in fs::read_dir(to)? {
        let entry = entry?;
        if wanted.contains(&entry.file_name()) {
            continue;
        }
        if entry.path().is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Copies a file unless its copy is the same: a new time of change would have Cargo build it again.
fn file(from: &Path, to: &Path) -> anyhow::Result<()> {
    let bytes = fs::read(from).with_context(|| from.display().to_string())?;
    if fs::read(to).is_ok_and(|known| known == bytes) {
        return Ok(());
    }
    fs::write(to, bytes).with_context(|| to.display().to_string())
}
