//! A program of Node.js with packages of its own, named with their hashes.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, bail};

use super::{end, free_port, tool, wait};

/// A program that serves on a port of this machine.
pub(super) struct NodeProgram {
    process: Child,
    pub(super) port: u16,
}

impl NodeProgram {
    /// Installs and starts one in the folder: the last of the files is the program, which is told its port.
    pub(super) fn start(name: &str, folder: &Path, files: &[(&str, &str)]) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder)?;
        for (file, text) in files {
            std::fs::write(folder.join(file), text)?;
        }
        let installed = Command::new(tool("npm")?)
            .args(["ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"])
            .current_dir(folder)
            .stdout(Stdio::null())
            .status()
            .context("npm")?;
        if !installed.success() {
            bail!("the packages of {name} cannot be installed");
        }
        let port = free_port()?;
        let program = files.last().map_or("", |(file, _)| *file);
        let process = Command::new(tool("node")?)
            .arg(program)
            .arg(port.to_string())
            .current_dir(folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        // From here on it is ended, whatever comes.
        let program = Self { process, port };
        wait(name, port)?;
        Ok(program)
    }
}

impl Drop for NodeProgram {
    fn drop(&mut self) {
        end(&mut self.process, "TERM");
    }
}
