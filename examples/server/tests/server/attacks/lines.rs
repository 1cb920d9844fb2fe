//! What would end a line where it must not: in headers, in mail, in logs, in the journal.

use std::time::Duration;

use hyper::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{ACME, Target, id};
use crate::http::Client;
use crate::process::{Server, acme, captured, sign_in};

/// Sends bytes as they are; all that comes back until the server has said enough.
async fn raw(port: u16, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.expect("connected");
    stream.write_all(bytes).await.expect("sent");
    let mut answer = Vec::new();
    let reading = stream.read_to_end(&mut answer);
    let _ = tokio::time::timeout(Duration::from_secs(5), reading).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_a_client_says_becomes_a_header_of_an_answer() {
    let target = Target::start(&[]);
    let owner = target.owner().await;
    for path in [
        "/sign-in?to=%0d%0aSet-Cookie:%20planted=1",
        "/sign-in/code?to=/%0d%0a%0d%0a%3Chtml%3Eplanted",
        "/acme%0d%0aplanted:1/tickets",
        "/acme/join/inv_x?token=%0d%0aplanted:1",
        "/api/v1/workspaces/%0d%0aplanted:1",
        "/api/v1/workspaces/acme/tickets?cursor=%0d%0aplanted:1",
    ] {
        for client in [target.stranger(), owner.clone()] {
            let answer = client.get(path).await;
            for (name, value) in &answer.headers {
                let value = String::from_utf8_lossy(value.as_bytes());
                assert!(name.as_str() != "planted" && !value.starts_with("planted"), "{path}: {name}: {value}");
                assert!(!value.contains(['\r', '\n']), "{path}: {name}: {value}");
            }
        }
    }
    // A file whose name would go on to a header of the answer that gives it back.
    let path = format!("{ACME}/attachments?name=a%0d%0aSet-Cookie:planted=1%22;x=%22.txt");
    let file = owner.send(Method::POST, &path, None, Some(&json!("content"))).await.expect(201);
    let kept = owner.get(&format!("{ACME}/attachments/{}", id(&file))).await;
    assert_eq!(kept.status, 200);
    assert!(kept.headers.get("set-cookie").is_none());
    let disposition = kept.headers["content-disposition"].to_str().expect("text");
    assert_eq!(disposition.matches('"').count(), 2, "{disposition}");
    // On the wire: a header that is broken over lines, one with a bare line feed, a name with a space.
    for header in ["X-A: b\r\n Set-Cookie: planted=1", "X-A: b\rplanted: 1", "X-A : planted", "X-A\0: planted"] {
        let answer = raw(
            target.server.port,
            format!("GET /healthz HTTP/1.1\r\nHost: desk\r\nConnection: close\r\n{header}\r\n\r\n").as_bytes(),
        )
        .await;
        assert!(answer.starts_with("HTTP/1.1 ") && !answer.contains("planted"), "{header:?}: {answer}");
    }
    // One request in another's body: it is answered once, or refused.
    let smuggled = "GET /readyz HTTP/1.1\r\nHost: desk\r\n\r\n";
    let both = format!(
        "POST /api/v1/auth/otp/request HTTP/1.1\r\nHost: desk\r\nConnection: close\r\nContent-Length: {}\r\n\
         Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n{smuggled}",
        5 + smuggled.len()
    );
    let answer = raw(target.server.port, both.as_bytes()).await;
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_a_client_says_becomes_a_header_of_a_mail() {
    let target = Target::start(&[]);
    let owner = target.owner().await;
    let planted = "x\r\nBcc: mole@evil.example\r\n\r\nplanted";
    let tickets = format!("{ACME}/tickets");
    let contact = |email: &str, name: &str| json!({"email": email, "name": name});
    for body in [
        json!({"subject": planted, "body": "B", "contact": contact("carla@customer.example", "Carla")}),
        json!({"subject": "S", "body": "B", "contact": contact("carla@customer.example", planted)}),
        json!({"subject": "S", "body": "B", "contact": contact("carla@customer.example\r\nBcc: x@y.example", "Carla")}),
        json!({"subject": "S", "body": "B", "contact": contact("carla@customer.example, mole@evil.example", "Carla")}),
    ] {
        assert_eq!(owner.post(&tickets, &body).await.expect(422)["code"], "invalid", "{body}");
    }
    for email in
        ["a@b.example\nBcc: c@d.example", "a@b.example%0aBcc:c@d.example", "<a@b.example>", "a@b.example;c@d.example"]
    {
        super::ask(&target.stranger(), email).await.expect(422);
        let invited = owner.post(&format!("{ACME}/invitations"), &json!({"email": email, "role": "viewer"})).await;
        invited.expect(422);
    }
    for kind in ["ticket.opened", "contact.created", "invitation.created"] {
        assert!(target.journal(kind).await.is_empty(), "{kind}");
    }
    assert!(target.mails().await.iter().all(|mail| mail["to"] == "owner@acme.example"));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_writes_lines_of_their_own_into_logs_and_the_journal() {
    let folder = tempfile::tempdir().expect("a folder");
    let (data, log) = (folder.path().join("data"), folder.path().join("log"));
    let server = Server::start_logging(&data, std::fs::File::create(&log).expect("a file"));
    let owner = sign_in(&server, "owner@acme.example", async |email| captured(&server, email).await).await;
    acme(&owner).await;
    let forged = "a\u{9}\u{85}\u{2028}FORGED \u{202e}=cmd()";
    let send = async |client: &Client, method: Method, path: &str, body: Option<&serde_json::Value>| {
        let mut request = client.request(method, path, None, body);
        let agent = hyper::header::HeaderValue::from_bytes(forged.as_bytes()).expect("a value");
        request.headers_mut().insert("user-agent", agent.clone());
        request.headers_mut().insert("referer", agent.clone());
        request.headers_mut().insert("x-request-id", agent);
        client.try_send(request).await.expect("an answer")
    };
    send(&owner, Method::POST, &format!("{ACME}/labels"), Some(&json!({"name": "x"}))).await.expect(201);
    let line = "a\nFORGED a line\r\n\u{1b}[31mFORGED\u{1b}[0m";
    for (path, body) in [
        ("/api/v1/auth/otp/request".to_owned(), json!({"email": line})),
        (format!("{ACME}/labels"), json!({"name": line})),
        (format!("{ACME}/tickets"), json!({"subject": line, "body": line, "contact": {"email": line}})),
    ] {
        send(&owner, Method::POST, &path, Some(&body)).await.expect(422);
    }
    for path in ["/x%0aFORGED%20a%20line", "/acme/tickets?q=%0d%0aFORGED", "/api/v1/%1b[31mFORGED", "/%00FORGED"] {
        send(&owner, Method::GET, path, None).await;
        send(&server.client(), Method::GET, path, None).await;
    }
    let audit = owner.get(&format!("{ACME}/audit?type=label.created")).await.expect(200);
    let row = &audit["data"][0];
    assert_eq!(row["agent"], r"a\u{9}\u{85}\u{2028}FORGED \u{202e}=cmd()");
    assert!(row["request_id"].as_str().is_some_and(|id| id.starts_with("req_")), "{row}");
    let csv = owner.get(&format!("{ACME}/audit?format=csv&type=label.created")).await;
    assert_eq!(csv.text.lines().count(), 2, "{}", csv.text);
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
    let logged = String::from_utf8_lossy(&std::fs::read(&log).expect("the log")).into_owned();
    assert!(logged.lines().count() > 10, "much was logged");
    for bad in ["\nFORGED", "\rFORGED", "\u{1b}[31mFORGED", "\u{85}FORGED", "\u{2028}FORGED"] {
        assert!(!logged.contains(bad), "{bad:?} is in the log");
    }
}
