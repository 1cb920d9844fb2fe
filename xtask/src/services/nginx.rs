//! An nginx in front of several servers.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::{end, free_port, tool, wait};

/// A reverse proxy that spreads requests over ports of this machine.
pub struct Nginx {
    process: Child,
    port: u16,
}

impl Nginx {
    /// Starts one that works in the folder. A port that does not answer is passed over; a request that may
    /// have been received is not sent twice, unless it is one that changes nothing.
    pub fn start(folder: &Path, ports: &[u16]) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let port = free_port()?;
        let server = |port: &u16| format!("server 127.0.0.1:{port} max_fails=1 fail_timeout=1s;");
        let servers = ports.iter().map(server).collect::<Vec<_>>().join("\n");
        let at = folder.display();
        let user = if std::fs::metadata("/root").is_ok() { "user root;" } else { "" };
        let configuration = format!(
            "{user}
            worker_processes 1; daemon off; pid {at}/pid; error_log {at}/error.log;
            events {{ worker_connections 1024; }}
            http {{
                access_log off;
                client_body_temp_path {at}/body; proxy_temp_path {at}/proxy; fastcgi_temp_path {at}/fastcgi;
                uwsgi_temp_path {at}/uwsgi; scgi_temp_path {at}/scgi;
                upstream desk {{ {servers} }}
                server {{
                    listen 127.0.0.1:{port};
                    client_max_body_size 50m;
                    location / {{
                        proxy_pass http://desk;
                        proxy_http_version 1.1;
                        proxy_set_header Host $http_host;
                        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
                        proxy_set_header Connection \"\";
                        proxy_buffering off;
                        proxy_read_timeout 1h;
                    }}
                }}
            }}"
        );
        let file = folder.join("nginx.conf");
        std::fs::write(&file, configuration)?;
        let process = Command::new(tool("nginx")?)
            .arg("-p")
            .arg(folder)
            .arg("-c")
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        // From here on it is ended, whatever comes.
        let nginx = Self { process, port };
        wait("nginx", port)?;
        Ok(nginx)
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        end(&mut self.process, "QUIT");
    }
}
