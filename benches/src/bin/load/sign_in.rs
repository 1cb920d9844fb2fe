//! Signing in with a code: asked for, mailed over SMTP, read by the harness, entered.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use hyper::Method;
use serde_json::{Value, json};

use crate::Options;
use crate::drive::{CONNECTIONS, Stretch, connect, send};
use crate::report::{header, p50, p99, rates, row, shown};
use crate::server::{Place, answers, free_port};
use crate::smtp::Mailboxes;

/// People of each connection, who sign in in turn.
const PEOPLE: usize = 16;
/// How long a mail may take.
const MAIL: Duration = Duration::from_secs(30);

/// What one stretch gave: asking for a code, entering it, and both with the mail between.
struct Round {
    ask: Stretch,
    enter: Stretch,
    whole: Stretch,
}

/// One person signs in; how long each part took.
async fn once(
    sender: &mut hyper::client::conn::http1::SendRequest<http_body_util::Full<bytes::Bytes>>,
    mails: &Mailboxes,
    email: &str,
) -> anyhow::Result<[Duration; 3]> {
    let code = mails.next_code(email);
    let ask = json!({"email": email, "token": true});
    let begun = Instant::now();
    let (status, issued) = send(sender, Method::POST, "/api/v1/auth/otp/request", "", Some(&ask)).await?;
    let asked = begun.elapsed();
    ensure!(status == 202, "asking for a code answered {status}: {}", String::from_utf8_lossy(&issued));
    let issued: Value = serde_json::from_slice(&issued)?;
    let code = tokio::time::timeout(MAIL, code).await.context("no code arrived")??;
    let verify = json!({
        "challenge_id": issued["challenge_id"], "challenge_secret": issued["challenge_secret"], "code": code,
        "token": true,
    });
    let entering = Instant::now();
    let (status, answer) = send(sender, Method::POST, "/api/v1/auth/otp/verify", "", Some(&verify)).await?;
    ensure!(status == 200, "signing in answered {status}: {}", String::from_utf8_lossy(&answer));
    Ok([asked, entering.elapsed(), begun.elapsed()])
}

async fn drive(port: u16, mails: &Arc<Mailboxes>, seconds: u64) -> anyhow::Result<Round> {
    let until = Instant::now() + Duration::from_secs(seconds);
    let mut tasks = tokio::task::JoinSet::new();
    for worker in 0..CONNECTIONS {
        let mails = mails.clone();
        tasks.spawn(async move {
            let (mut sender, mut times, mut turn) = (connect(port).await?, Vec::new(), 0);
            while Instant::now() < until {
                let email = format!("person{worker}-{}@load.example", turn % PEOPLE);
                times.push(once(&mut sender, &mails, &email).await?);
                turn += 1;
            }
            anyhow::Ok(times)
        });
    }
    let mut times = Vec::new();
    while let Some(done) = tasks.join_next().await {
        times.extend(done??);
    }
    let part = |place: usize| Stretch::of(times.iter().map(|parts| parts[place]).collect(), seconds);
    Ok(Round { ask: part(0), enter: part(1), whole: part(2) })
}

/// Measures it on a desk of its own, and prints the table.
pub(crate) async fn measure(options: &Options, root: &Path) -> anyhow::Result<()> {
    let place = Place::new(options, root, "sign_in")?;
    let (mails, port) = (Arc::new(Mailboxes::start().await?), free_port()?);
    let smtp = format!("smtp://127.0.0.1:{}", mails.port);
    let server = place.start_with(options, port, &[("CONNECT_SMTP_URL", smtp.as_str())])?;
    answers(port, "/healthz", Instant::now()).await?;
    // People are made by their first sign-in; that is not what is measured.
    drive(port, &mails, 2).await?;
    let (mut ask, mut enter, mut whole) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        let round = drive(port, &mails, options.seconds).await?;
        ask.push(round.ask);
        enter.push(round.enter);
        whole.push(round.whole);
    }
    println!();
    header(&["what", "sign-ins/s", "p50 ms", "p99 ms"]);
    for (name, stretches) in [("a code is asked for", &ask), ("it is entered", &enter), ("both and the mail", &whole)] {
        row(&[name, &shown(rates(stretches), 0), &shown(p50(stretches), 2), &shown(p99(stretches), 2)]);
    }
    drop(server);
    Ok(())
}
