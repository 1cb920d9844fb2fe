//! A Redis server.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::{end, free_port, tool, wait};

/// A server that keeps nothing on disk.
pub struct Redis {
    process: Option<Child>,
    folder: PathBuf,
    port: u16,
}

impl Redis {
    /// Starts one that works in the folder.
    pub fn start(folder: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let mut server = Self { process: None, folder: folder.to_owned(), port: free_port()? };
        server.resume()?;
        Ok(server)
    }

    /// Starts it again on the same port, empty.
    pub fn resume(&mut self) -> anyhow::Result<()> {
        let server = Command::new(tool("redis-server")?)
            .args([
                "--port",
                &self.port.to_string(),
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--appendonly",
                "no",
                "--dir",
            ])
            .arg(&self.folder)
            .stdout(Stdio::null())
            .spawn()?;
        self.process = Some(server);
        wait("Redis", self.port)
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            end(process, "TERM");
        }
    }
}
