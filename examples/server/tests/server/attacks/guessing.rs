//! Guesses at codes: many at once, cut off, and with one code after the other.

use std::collections::BTreeSet;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::{ASK, Target, VERIFY, ask, guess, id, wrong};

const VICTIM: &str = "victim@example.org";

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_of_guesses_on_one_http_2_connection_looks_at_three() {
    let target = Target::start(&[]);
    let (issued, code) = target.challenge(VICTIM).await;
    let stream = TcpStream::connect(("127.0.0.1", target.server.port)).await.expect("connected");
    let (sender, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.expect("the server speaks HTTP/2");
    tokio::spawn(connection);
    let body = Bytes::from(guess(&issued, &wrong(&code)).to_string());
    let guesses = (0..200).map(|_| {
        let (mut sender, body) = (sender.clone(), body.clone());
        tokio::spawn(async move {
            sender.ready().await.expect("open");
            let request = Request::post(format!("http://desk{VERIFY}")).header("content-type", "application/json");
            let answer =
                sender.send_request(request.body(Full::new(body)).expect("a request")).await.expect("answered");
            let status = answer.status().as_u16();
            let bytes = answer.into_body().collect().await.expect("whole").to_bytes();
            (status, serde_json::from_slice::<Value>(&bytes).expect("JSON"))
        })
    });
    let mut told = Vec::new();
    for guess in guesses.collect::<Vec<_>>() {
        let (status, body) = guess.await.expect("no panic");
        assert_eq!(status, 401, "{body}");
        told.extend(body["attempts_remaining"].as_u64());
    }
    assert_eq!(told.len(), 3, "three of two hundred were looked at");
    assert_eq!(told.iter().copied().collect::<BTreeSet<_>>(), [0, 1, 2].into());
    target.stranger().post(VERIFY, &guess(&issued, &code)).await.expect(401);
    let refused = target.journal("auth.code_refused").await;
    assert_eq!(refused.len(), 20, "so many of one client are kept one by one, looked at or not");
    for entry in refused {
        assert_eq!(entry.event["fact"]["challenge"], issued["challenge_id"]);
        assert_eq!(entry.origin["address"], "127.0.0.1");
    }
    assert!(target.journal("auth.signed_in").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_on_dropped_connections_are_not_given_back() {
    let target = Target::start(&[]);
    let (issued, code) = target.challenge(VICTIM).await;
    let body = guess(&issued, &wrong(&code)).to_string();
    let request = format!(
        "POST {VERIFY} HTTP/1.1\r\nHost: desk\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    for n in 0..60 {
        let mut stream = TcpStream::connect(("127.0.0.1", target.server.port)).await.expect("connected");
        stream.write_all(request.as_bytes()).await.expect("sent");
        // The client is gone at once, or a moment later: wherever the guess is just then.
        tokio::time::sleep(Duration::from_micros(n % 12 * 250)).await;
        drop(stream);
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let late = target.stranger().post(VERIFY, &guess(&issued, &code)).await;
    assert_eq!(late.expect(401)["code"], "code_not_right", "what was guessed is spent, whoever heard the answer");
    assert!(target.journal("auth.signed_in").await.is_empty());
    assert!(!target.journal("auth.code_refused").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn asking_again_and_again_buys_no_guesses_at_short_codes() {
    let target = Target::start(&[]);
    let stranger = target.stranger();
    let (mut cookie, mut short, mut codes) = (String::new(), 0, 0);
    for _ in 0..14 {
        let mut request = stranger.request(hyper::Method::POST, ASK, None, Some(&json!({"email": VICTIM})));
        request.headers_mut().insert("sec-fetch-site", "same-origin".parse().expect("a value"));
        if !cookie.is_empty() {
            request.headers_mut().insert("cookie", cookie.parse().expect("a value"));
        }
        let asked = stranger.try_send(request).await.expect("an answer");
        let issued = asked.expect(202);
        if let Some(set) = asked.headers.get("set-cookie") {
            cookie = set.to_str().expect("text").split(';').next().expect("a pair").to_owned();
        }
        codes += 1;
        let mut mails = 0;
        for _ in 0..80 {
            mails = target.mails().await.iter().filter(|mail| mail["to"] == VICTIM).count();
            if mails >= codes {
                break;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        codes = mails;
        let code = target.code(VICTIM).await;
        let body = json!({"challenge_id": issued["challenge_id"], "code": wrong(&code)});
        let mut request = stranger.request(hyper::Method::POST, VERIFY, None, Some(&body));
        request.headers_mut().insert("sec-fetch-site", "same-origin".parse().expect("a value"));
        request.headers_mut().insert("cookie", cookie.parse().expect("a value"));
        let answer = stranger.try_send(request).await.expect("an answer").expect(401);
        if answer["attempts_remaining"].is_u64() && code.len() == 8 {
            short += 1;
        }
    }
    assert!((3..=5).contains(&short), "at most five guesses at short codes: {short}");
    assert_eq!(target.code(VICTIM).await.len(), 10, "by now the codes are long ones");
    assert!(target.journal("auth.signed_in").await.is_empty());
    // The victim, in a browser of their own, still signs in.
    target.sign_in(VICTIM).await.get("/api/v1/me").await.expect(200);
    assert_eq!(target.journal("auth.signed_in").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_who_knows_the_challenge_but_not_its_secret_gets_nowhere() {
    let target = Target::start(&[]);
    let (issued, code) = target.challenge(VICTIM).await;
    let own = ask(&target.stranger(), "mallory@example.org").await.expect(202);
    let mixed = json!({
        "challenge_id": issued["challenge_id"], "challenge_secret": own["challenge_secret"], "code": code, "token": true,
    });
    for _ in 0..10 {
        let answer = target.stranger().post(VERIFY, &mixed).await.expect(401);
        assert!(answer["attempts_remaining"].is_null(), "nothing is told: {answer}");
    }
    let other = json!({
        "challenge_id": own["challenge_id"], "challenge_secret": own["challenge_secret"], "code": code, "token": true,
    });
    target.stranger().post(VERIFY, &other).await.expect(401);
    // None of that cost the victim anything.
    let me = target.stranger().post(VERIFY, &guess(&issued, &code)).await.expect(200);
    let signed_in = target.journal("auth.signed_in").await;
    assert_eq!(signed_in.len(), 1);
    assert_eq!(signed_in[0].event["fact"]["session"], id(&me["session"]));
}
