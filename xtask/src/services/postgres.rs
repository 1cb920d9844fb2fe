//! A PostgreSQL server.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::bail;

use super::{end, free_port, signal, tool};

/// A server with a data folder of its own.
pub struct Postgres {
    process: Option<Child>,
    data: PathBuf,
    settings: Vec<String>,
    port: u16,
}

impl Postgres {
    /// Starts one with its data in the folder.
    pub fn start(folder: &Path) -> anyhow::Result<Self> {
        Self::start_with(folder, &[], &[])
    }

    /// The same with further arguments of `initdb`, and settings of the form `name=value`.
    pub fn start_with(folder: &Path, initdb: &[&str], settings: &[&str]) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder)?;
        if is_root()? {
            let owned = Command::new("chown").args(["-R", "postgres:postgres"]).arg(folder).status()?;
            if !owned.success() {
                bail!("the data folder cannot be given to the user postgres");
            }
            // The folders above may be closed to others.
            let mut above = folder.parent();
            while let Some(parent) = above.filter(|parent| parent.starts_with(std::env::temp_dir())) {
                Command::new("chmod").arg("o+x").arg(parent).status()?;
                above = parent.parent();
            }
        }
        let data = folder.join("data");
        let made = run_as_postgres(tool("initdb")?)?
            .args(["--auth=trust", "--username=connect", "--encoding=UTF8", "--locale=C", "--pgdata"])
            .arg(&data)
            .args(initdb)
            .current_dir("/")
            .stdout(Stdio::null())
            .status()?;
        if !made.success() {
            bail!("initdb failed");
        }
        let settings = settings.iter().map(|setting| (*setting).to_owned()).collect();
        let mut server = Self { process: None, data, settings, port: free_port()? };
        server.resume()?;
        Ok(server)
    }

    /// Starts it again, on the same port with the same data.
    pub fn resume(&mut self) -> anyhow::Result<()> {
        // A server that was killed leaves its lock behind, and children that are still ending.
        for _ in 0..50 {
            let mut command = run_as_postgres(tool("postgres")?)?;
            command.arg("-D").arg(&self.data).args(["-c", "listen_addresses=127.0.0.1"]);
            command.args(["-c", "unix_socket_directories=", "-c", &format!("port={}", self.port)]);
            for setting in &self.settings {
                command.args(["-c", setting]);
            }
            let mut process = command.current_dir("/").stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
            for _ in 0..400 {
                if self.answers()? {
                    self.process = Some(process);
                    return Ok(());
                }
                if process.try_wait()?.is_some() {
                    break;
                }
                std::thread::sleep(Duration::from_millis(50));
            }
            end(&mut process, "INT");
            std::thread::sleep(Duration::from_millis(200));
        }
        bail!("PostgreSQL does not start on port {}", self.port)
    }

    fn answers(&self) -> anyhow::Result<bool> {
        let asked = Command::new(tool("pg_isready")?)
            .args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()?;
        Ok(asked.success())
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("postgres://connect@127.0.0.1:{}/postgres", self.port)
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The id of its first process; 0 when it is not running.
    pub fn id(&self) -> u32 {
        self.process.as_ref().map_or(0, Child::id)
    }

    /// `kill -9` of its first process; the others notice and end.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Stops it at once, but in order.
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            self.thaw_processes(process.id());
            end(&mut process, "INT");
        }
    }

    /// Lets none of its processes go on.
    pub fn freeze(&self) {
        let id = self.id();
        signal("STOP", id);
        for child in children(id) {
            signal("STOP", child);
        }
    }

    /// Lets them go on.
    pub fn thaw(&self) {
        self.thaw_processes(self.id());
    }

    fn thaw_processes(&self, id: u32) {
        for child in children(id) {
            signal("CONT", child);
        }
        signal("CONT", id);
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Politely: it leaves shared memory behind when it is killed.
        self.stop();
    }
}

fn children(process: u32) -> Vec<u32> {
    let path = format!("/proc/{process}/task/{process}/children");
    let list = std::fs::read_to_string(path).unwrap_or_default();
    list.split_whitespace().filter_map(|id| id.parse().ok()).collect()
}

fn is_root() -> anyhow::Result<bool> {
    Ok(Command::new("id").arg("-u").output()?.stdout.trim_ascii() == b"0")
}

/// PostgreSQL refuses to run as root: there it runs as the user its package has made.
fn run_as_postgres(program: PathBuf) -> anyhow::Result<Command> {
    if !is_root()? {
        return Ok(Command::new(program));
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program);
    Ok(command)
}
