//! The server behind nginx: it tells clients apart by whom nginx saw, and believes nobody else.

use std::net::Ipv4Addr;

use serde_json::json;
use xtask::services::Nginx;

use crate::http::Client;
use crate::process::{Server, captured, sign_in};

const ASK: &str = "/api/v1/auth/otp/request";

async fn ask(client: &Client) -> u16 {
    client.post(ASK, &json!({"email": "ada@example.org", "token": true})).await.status.as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_68_behind_a_trusted_proxy_clients_are_told_apart_and_cannot_lie() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = [("CONNECT_TRUSTED_PROXIES", "127.0.0.1"), ("CONNECT_LIMIT_SENDS_PER_IP", "3/1h")];
    let server = Server::start(&folder.path().join("data"), &settings);
    let nginx = Nginx::start(&folder.path().join("nginx"), &[server.port]).expect("nginx starts");
    let front = Client::new(nginx.port());
    let (ada, bob) = (front.from(Ipv4Addr::new(127, 0, 0, 2)), front.from(Ipv4Addr::new(127, 0, 0, 3)));
    for _ in 0..3 {
        assert_eq!(ask(&ada).await, 202);
    }
    assert_eq!(ask(&ada).await, 429);
    for made_up in ["192.0.2.66", "127.0.0.1", "192.0.2.66, 127.0.0.1", "127.0.0.3", "unknown"] {
        assert_eq!(ask(&ada.forwarded_for(made_up)).await, 429, "{made_up}");
    }
    assert_eq!(ask(&bob).await, 202, "another client has a share of its own");
    // Around the proxy: who is not trusted is who the socket says.
    let around = server.client().from(Ipv4Addr::new(127, 0, 0, 4)).forwarded_for("127.0.0.5");
    let found = async |email: &str| captured(&server, email).await;
    let carla = sign_in(&server, "carla@example.org", found).await;
    let sessions = carla.from(Ipv4Addr::new(127, 0, 0, 4)).get("/api/v1/auth/sessions").await.expect(200);
    assert_eq!(sessions["data"][0]["ip"], "127.0.0.1", "signed in from the machine itself, without a list");
    for _ in 0..3 {
        assert_eq!(ask(&around).await, 202);
    }
    assert_eq!(ask(&around.forwarded_for("127.0.0.6")).await, 429);
}
