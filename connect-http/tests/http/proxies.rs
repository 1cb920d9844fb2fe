//! Who the client is, behind proxies and without.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use connect_auth::{AuthSettings, Quotas};
use connect_core::store::Quota;
use connect_http::{HttpSettings, ServeSettings};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::app::{Answer, Made, TestApp, settings};

fn trusting(proxies: &[&str]) -> HttpSettings {
    let trusted_proxies = proxies.iter().map(|text| text.parse().expect("a network")).collect();
    HttpSettings { trusted_proxies, ..HttpSettings::default() }
}

/// Asks for a code over a socket peer of this address, with these further headers.
pub async fn ask(app: &TestApp, peer: &str, headers: &[(&str, &str)], email: &str) -> Answer {
    let mut request = Request::post("/api/v1/auth/otp/request").header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = json!({"email": email, "token": true}).to_string();
    let mut request = request.body(Body::from(body)).expect("a request");
    let peer = SocketAddr::new(peer.parse().expect("an address"), 50_000);
    request.extensions_mut().insert(ConnectInfo(peer));
    app.anonymous().send(request).await
}

/// One request over a connection of its own: the status, and the body as JSON.
async fn over_socket(address: SocketAddr, head: &str, body: &Value) -> (u16, Value) {
    let mut stream = TcpStream::connect(address).await.expect("connected");
    let body = body.to_string();
    let request =
        format!("{head}Host: desk.example\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, serde_json::from_str(body).expect("JSON"))
}

const POST: &str = "Content-Type: application/json\r\n";

#[tokio::test]
async fn sec_68_over_a_socket_the_client_is_whom_the_trusted_proxy_saw() {
    let app = TestApp::made(Made { http: trusting(&["127.0.0.1", "10.0.0.0/8"]), ..Made::default() }, |desk| desk);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving =
        tokio::spawn(connect_http::serve(listener, app.router.clone(), ServeSettings::default(), async move {
            let _ = stopped.await;
        }));
    for (lines, ip) in [
        ("", "127.0.0.1"),
        ("X-Forwarded-For: 203.0.113.9\r\n", "203.0.113.9"),
        ("X-Forwarded-For: 192.0.2.66, 203.0.113.9, 10.0.0.7\r\n", "203.0.113.9"),
        ("X-Forwarded-For: 192.0.2.66\r\nX-Forwarded-For: 203.0.113.9\r\n", "203.0.113.9"),
        ("X-Forwarded-For: [2001:DB8::9]:4711, 10.0.0.7:80\r\n", "2001:db8::9"),
        ("X-Forwarded-For: ::ffff:203.0.113.9\r\n", "203.0.113.9"),
        ("X-Forwarded-For: 203.0.113.9, who?, 10.0.0.7\r\n", "10.0.0.7"),
        ("Forwarded: for=203.0.113.9\r\nX-Real-IP: 203.0.113.9\r\nX_Forwarded_For: 203.0.113.9\r\n", "127.0.0.1"),
    ] {
        let ask = format!("POST /api/v1/auth/otp/request HTTP/1.1\r\n{POST}{lines}");
        let email = "ada@example.org";
        let (status, issued) = over_socket(address, &ask, &json!({"email": email, "token": true})).await;
        assert_eq!(status, 202, "{lines:?}: {issued}");
        app.deliver().await;
        let enter = format!("POST /api/v1/auth/otp/verify HTTP/1.1\r\n{POST}{lines}");
        let guess = json!({
            "challenge_id": issued["challenge_id"], "challenge_secret": issued["challenge_secret"],
            "code": app.code(email), "token": true,
        });
        let (status, answer) = over_socket(address, &enter, &guess).await;
        assert_eq!(status, 200, "{answer}");
        let token = answer["session"]["token"].as_str().expect("a token");
        let list = format!("GET /api/v1/auth/sessions HTTP/1.1\r\nAuthorization: Bearer {token}\r\n");
        let (_, sessions) = over_socket(address, &list, &Value::Null).await;
        let sessions = sessions["data"].as_array().expect("a list");
        let own = sessions.iter().find(|session| session["current"] == true).expect("its own");
        assert_eq!(own["ip"], ip, "{lines:?}");
    }
    let _ = stop.send(());
    serving.await.expect("it stops");
    app.finish().await;
}

#[tokio::test]
async fn sec_68_nobody_gets_another_share_by_what_they_say() {
    let quotas = Quotas { sends_per_ip: Quota::per_seconds(2, 3600), ..settings().quotas };
    let settings = AuthSettings { quotas, ..settings() };
    let app = TestApp::made(Made { settings, http: trusting(&["10.0.0.1"]), ..Made::default() }, |desk| desk);
    // A stranger who says so themselves, and one whom the proxy saw.
    for (peer, behind) in [("203.0.113.1", ""), ("10.0.0.1", ", 203.0.113.2")] {
        let mut statuses = Vec::new();
        for n in 0..4 {
            let list = format!("198.51.100.{n}{behind}");
            let headers = [
                ("x-forwarded-for", list.as_str()),
                ("forwarded", "for=198.51.100.7"),
                ("x-real-ip", "198.51.100.7"),
                ("cf-connecting-ip", "198.51.100.7"),
                ("x_forwarded_for", "198.51.100.7"),
            ];
            statuses.push(ask(&app, peer, &headers, "ada@example.org").await.status.as_u16());
        }
        assert_eq!(statuses, [202, 202, 429, 429], "{peer}");
    }
    let other = ask(&app, "10.0.0.1", &[("x-forwarded-for", "203.0.113.3")], "ada@example.org").await;
    assert_eq!(other.status, 202, "another client of the proxy has a share of its own");
    app.finish().await;
}

#[tokio::test]
async fn sec_69_ipv6_counts_per_network_and_per_site() {
    let quotas = Quotas {
        sends_per_ip: Quota::per_seconds(2, 3600),
        sends_per_site: Quota::per_seconds(5, 3600),
        ..settings().quotas
    };
    let app = TestApp::with(AuthSettings { quotas, ..settings() });
    let ask = async |ip: &str| ask(&app, ip, &[], "ada@example.org").await.status.as_u16();
    assert_eq!([ask("2001:db8:1:1::1").await, ask("2001:db8:1:1:ffff::2").await], [202, 202]);
    assert_eq!(ask("2001:db8:1:1::3").await, 429, "a /64 is one client, whichever of its addresses asks");
    assert_eq!([ask("2001:db8:1:2::1").await, ask("2001:db8:1:3::1").await, ask("2001:db8:1:4::1").await], [202; 3]);
    assert_eq!(ask("2001:db8:1:5::1").await, 429, "a /48 has more, but not one share for each of its networks");
    assert_eq!(ask("2001:db8:2:1::1").await, 202, "another site has a share of its own");
    assert_eq!([ask("203.0.113.9").await, ask("::ffff:203.0.113.9").await], [202, 202]);
    assert_eq!(ask("::ffff:cb00:7109").await, 429, "a mapped address is the IPv4 address it stands for");
    assert_eq!(ask("203.0.113.10").await, 202);
    app.finish().await;
}

#[tokio::test]
async fn sec_69_how_wide_a_client_is_can_be_set() {
    let quotas = Quotas { sends_per_ip: Quota::per_seconds(1, 3600), ..settings().quotas };
    let app = TestApp::with(AuthSettings { quotas, ipv6_prefix: 56, ..settings() });
    assert_eq!(ask(&app, "2001:db8:1:1::1", &[], "ada@example.org").await.status, 202);
    assert_eq!(ask(&app, "2001:db8:1:ff::1", &[], "ada@example.org").await.status, 429);
    assert_eq!(ask(&app, "2001:db8:1:100::1", &[], "ada@example.org").await.status, 202);
    app.finish().await;
}
