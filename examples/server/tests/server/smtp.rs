//! A real SMTP listener that keeps what it is sent, and can be told to misbehave.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// How the listener answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    Accept,
    /// 451 to the recipient: try later.
    Later,
    /// 550 to this recipient, for ever.
    Reject,
    /// The same, to the address of this name only.
    RejectOne(&'static str),
    /// Each answer after so many milliseconds.
    Slow(u64),
    /// Hangs up in the middle of the next mail.
    CutInData,
    /// Takes the next mail, and hangs up in the place of saying so.
    CutAfterData,
}

/// A message as it arrived.
#[derive(Debug, Clone)]
pub struct Arrived {
    pub to: String,
    pub raw: String,
}

impl Arrived {
    pub fn header(&self, name: &str) -> Option<String> {
        let head = self.raw.split("\r\n\r\n").next()?;
        let unfolded = head.replace("\r\n ", " ").replace("\r\n\t", " ");
        let line =
            unfolded.lines().find(|line| line.to_lowercase().starts_with(&format!("{}:", name.to_lowercase())))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    }
}

pub struct SmtpServer {
    pub port: u16,
    arrived: Arc<Mutex<Vec<Arrived>>>,
    manner: Arc<Mutex<Manner>>,
    task: JoinHandle<()>,
}

impl SmtpServer {
    pub async fn start() -> Self {
        Self::on(0).await
    }

    pub async fn on(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (arrived, manner) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Manner::Accept)));
        let (kept, how) = (arrived.clone(), manner.clone());
        let task = tokio::spawn(async move {
            // Ended with the listener.
            let mut sessions = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                sessions.spawn(session(stream, kept.clone(), how.clone()));
            }
        });
        Self { port, arrived, manner, task }
    }

    pub fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    pub fn behave(&self, manner: Manner) {
        *self.manner.lock().expect("manner") = manner;
    }

    pub fn mails(&self) -> Vec<Arrived> {
        self.arrived.lock().expect("mails").clone()
    }

    pub fn to(&self, email: &str) -> Vec<Arrived> {
        self.mails().into_iter().filter(|mail| mail.to == email).collect()
    }

    /// The text of the newest mail to an address.
    pub fn newest(&self, email: &str) -> Option<String> {
        self.to(email).last().map(|mail| mail.raw.replace("\r\n", "\n"))
    }

    /// Stops listening; what arrived stays known.
    pub fn stop(self) -> Vec<Arrived> {
        self.task.abort();
        self.mails()
    }
}

async fn session(stream: TcpStream, arrived: Arc<Mutex<Vec<Arrived>>>, manner: Arc<Mutex<Manner>>) {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    let _ = write.write_all(b"220 listener\r\n").await;
    let mut to = String::new();
    while let Ok(Some(line)) = lines.next_line().await {
        let verb = line.get(..4).unwrap_or(&line).to_uppercase();
        let how = *manner.lock().expect("manner");
        if let Manner::Slow(milliseconds) = how {
            tokio::time::sleep(std::time::Duration::from_millis(milliseconds)).await;
        }
        let answer: &[u8] = match verb.as_str() {
            "EHLO" => b"250-listener\r\n250 8BITMIME\r\n",
            "RCPT" => match how {
                Manner::Later => b"451 4.7.1 later\r\n",
                Manner::Reject => b"550 5.1.1 nobody\r\n",
                Manner::RejectOne(name) if line.contains(name) => b"550 5.1.1 nobody\r\n",
                _ => {
                    to = line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
                    b"250 ok\r\n"
                }
            },
            "DATA" => {
                let _ = write.write_all(b"354 go on\r\n").await;
                let mut raw = String::new();
                loop {
                    // A mail that breaks off before its final dot was never handed over.
                    let Ok(Some(line)) = lines.next_line().await else { return };
                    if line == "." {
                        break;
                    }
                    if how == Manner::CutInData && raw.len() > 500 {
                        *manner.lock().expect("manner") = Manner::Accept;
                        return;
                    }
                    raw.push_str(line.strip_prefix('.').unwrap_or(&line));
                    raw.push_str("\r\n");
                }
                arrived.lock().expect("mails").push(Arrived { to: to.clone(), raw });
                if how == Manner::CutAfterData {
                    *manner.lock().expect("manner") = Manner::Accept;
                    return;
                }
                b"250 kept\r\n"
            }
            "QUIT" => {
                let _ = write.write_all(b"221 bye\r\n").await;
                return;
            }
            _ => b"250 ok\r\n",
        };
        if write.write_all(answer).await.is_err() {
            return;
        }
    }
}
