//! Throwaway servers for the tests: on free ports, with data folders of their own, stopped at the end.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};

use crate::tools;

/// The servers, for as long as this value lives.
pub(crate) struct Services {
    processes: Vec<Child>,
    folder: PathBuf,
    /// What the tests are told.
    pub(crate) environment: Vec<(&'static str, String)>,
}

impl Drop for Services {
    fn drop(&mut self) {
        for process in &mut self.processes {
            // Politely first: PostgreSQL leaves shared memory behind when it is killed.
            let _ = Command::new("kill").arg("-INT").arg(process.id().to_string()).status();
            for _ in 0..50 {
                if process.try_wait().is_ok_and(|ended| ended.is_some()) {
                    break;
                }
                std::thread::sleep(Duration::from_millis(100));
            }
            let _ = process.kill();
            let _ = process.wait();
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn wait(name: &str, port: u16) -> anyhow::Result<()> {
    for _ in 0..150 {
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    bail!("{name} does not answer on port {port}")
}

fn tool(program: &str) -> anyhow::Result<PathBuf> {
    tools::find(program).with_context(|| format!("{program} is not installed"))
}

impl Services {
    /// Starts all of them.
    pub(crate) fn start() -> anyhow::Result<Self> {
        let folder = std::env::temp_dir().join(format!("connect-test-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let mut services = Self { processes: Vec::new(), folder: folder.clone(), environment: Vec::new() };
        services.postgres(&folder.join("postgres"))?;
        services.redis(&folder.join("redis"))?;
        services.environment.push(("CONNECT_TEST_CHROMIUM", tool("chromium")?.display().to_string()));
        services.environment.push(("CONNECT_TEST_CHROMEDRIVER", tool("chromedriver")?.display().to_string()));
        Ok(services)
    }

    fn postgres(&mut self, folder: &Path) -> anyhow::Result<()> {
        std::fs::create_dir_all(folder)?;
        let port = free_port()?;
        let is_root = Command::new("id").arg("-u").output()?.stdout.trim_ascii() == b"0";
        // PostgreSQL refuses to run as root: there it runs as the user its package has made.
        let run_as = |program: PathBuf| {
            if is_root {
                let mut command = Command::new("setpriv");
                command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program);
                command
            } else {
                Command::new(program)
            }
        };
        if is_root {
            let owned = Command::new("chown").args(["-R", "postgres:postgres"]).arg(folder).status()?;
            if !owned.success() {
                bail!("the data folder cannot be given to the user postgres");
            }
        }
        let data = folder.join("data");
        let made = run_as(tool("initdb")?)
            .args(["--auth=trust", "--username=connect", "--encoding=UTF8", "--locale=C", "--pgdata"])
            .arg(&data)
            .current_dir("/")
            .stdout(Stdio::null())
            .status()?;
        if !made.success() {
            bail!("initdb failed");
        }
        let server = run_as(tool("postgres")?)
            .arg("-D")
            .arg(&data)
            .args(["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", &format!("port={port}")])
            .current_dir("/")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        self.processes.push(server);
        wait("PostgreSQL", port)?;
        self.environment.push(("CONNECT_TEST_POSTGRES_URL", format!("postgres://connect@127.0.0.1:{port}/postgres")));
        Ok(())
    }

    fn redis(&mut self, folder: &Path) -> anyhow::Result<()> {
        std::fs::create_dir_all(folder)?;
        let port = free_port()?;
        let server = Command::new(tool("redis-server")?)
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir"])
            .arg(folder)
            .stdout(Stdio::null())
            .spawn()?;
        self.processes.push(server);
        wait("Redis", port)?;
        self.environment.push(("CONNECT_TEST_REDIS_URL", format!("redis://127.0.0.1:{port}/")));
        Ok(())
    }
}
