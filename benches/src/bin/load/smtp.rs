//! A mail server that takes everything and keeps the codes it is sent for whoever waits for them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

type Waiting = Arc<Mutex<HashMap<String, oneshot::Sender<String>>>>;

/// The server. It ends with this value.
pub(crate) struct Mailboxes {
    pub(crate) port: u16,
    waiting: Waiting,
    task: JoinHandle<()>,
}

impl Drop for Mailboxes {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Mailboxes {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let waiting = Waiting::default();
        let kept = waiting.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let waiting = kept.clone();
                tokio::spawn(async move {
                    // Whoever breaks off has a mail less; the one who waits for it says so.
                    let _ = session(stream, &waiting).await;
                });
            }
        });
        Ok(Self { port, waiting, task })
    }

    /// The code of the next mail to an address.
    pub(crate) fn next_code(&self, email: &str) -> oneshot::Receiver<String> {
        let (sender, receiver) = oneshot::channel();
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(email.to_owned(), sender);
        receiver
    }
}

/// The line of a mail that has eight digits and a gap.
fn is_code(line: &str) -> bool {
    line.len() == 9 && line.bytes().all(|byte| byte.is_ascii_digit() || byte == b' ')
}

async fn session(stream: TcpStream, waiting: &Waiting) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    write.write_all(b"220 load\r\n").await?;
    let mut to = String::new();
    while let Some(line) = lines.next_line().await? {
        let answer: &[u8] = match line.get(..4).unwrap_or(&line) {
            "EHLO" => b"250-load\r\n250 8BITMIME\r\n",
            "RCPT" => {
                line.split(['<', '>']).nth(1).unwrap_or_default().clone_into(&mut to);
                b"250 ok\r\n"
            }
            "DATA" => {
                write.write_all(b"354 go on\r\n").await?;
                let mut code = None;
                while let Some(line) = lines.next_line().await?.filter(|line| line != ".") {
                    code = code.or_else(|| is_code(&line).then_some(line));
                }
                let waits = waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&to);
                if let (Some(code), Some(waits)) = (code, waits) {
                    // Nobody waits any more when the stretch is over.
                    let _ = waits.send(code);
                }
                b"250 kept\r\n"
            }
            "QUIT" => return write.write_all(b"221 bye\r\n").await,
            _ => b"250 ok\r\n",
        };
        write.write_all(answer).await?;
    }
    Ok(())
}
