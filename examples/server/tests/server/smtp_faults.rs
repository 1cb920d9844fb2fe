//! Mail servers that are down, slow, or break off: what is acknowledged arrives, and what may have arrived comes again under
//! its Message-ID.

use serde_json::{Value, json};

use crate::http::Client;
use crate::process::{Server, acme, sign_in, ticket};
use crate::smtp::{Arrived, Manner, SmtpServer};
use crate::wait::until;

const MESSAGES: &str = "/api/v1/workspaces/acme/tickets/1/messages";

struct World {
    smtp: SmtpServer,
    server: Server,
    agent: Client,
    _folder: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let smtp = SmtpServer::start().await;
        let server = Server::start(folder.path(), &[("CONNECT_SMTP_URL", smtp.url().as_str())]);
        let agent = sign_in(&server, "agent@acme.example", async |email| smtp.newest(email)).await;
        acme(&agent).await;
        agent.post("/api/v1/workspaces/acme/tickets", &ticket("Printer")).await.expect(201);
        Self { smtp, server, agent, _folder: folder }
    }

    async fn answer(&self) {
        self.agent.post(MESSAGES, &json!({"kind": "reply", "body": "Unplug it. ".repeat(200)})).await.expect(201);
    }

    /// The newest answer's mail, once it is in this state.
    async fn settled(&self, wanted: &str) -> Value {
        until(&format!("mail that is {wanted}"), async || {
            let listed = self.agent.get(MESSAGES).await.expect(200);
            let newest = listed["data"].as_array().and_then(|all| all.last()).expect("a message");
            let delivery = &newest["deliveries"][0];
            (delivery["state"] == wanted).then(|| delivery.clone())
        })
        .await
    }

    async fn tried(&self) -> Value {
        until("attempt", async || {
            let delivery = self.settled("queued").await;
            delivery["detail"].is_string().then_some(delivery)
        })
        .await
    }

    fn arrived(&self) -> Vec<Arrived> {
        self.smtp.to("carla@customer.example")
    }
}

fn ids(mails: &[Arrived]) -> Vec<String> {
    let mut ids: Vec<String> = mails.iter().map(|mail| mail.header("Message-ID").expect("an id")).collect();
    ids.dedup();
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_server_that_is_down_gets_the_mail_once_it_is_up() {
    let mut world = World::new().await;
    let port = world.smtp.port;
    let down = std::mem::replace(&mut world.smtp, SmtpServer::start().await);
    down.stop();
    world.answer().await;
    let waiting = world.tried().await;
    assert!(waiting["detail"].as_str().expect("a cause").to_lowercase().contains("connect"), "{waiting}");
    world.smtp = SmtpServer::on(port).await;
    assert!(world.settled("sent").await["attempts"].as_u64().expect("a number") >= 2);
    assert_eq!(world.arrived().len(), 1, "once");
    drop(world.server);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_mail_server_gets_each_mail_once() {
    let world = World::new().await;
    world.smtp.behave(Manner::Slow(400));
    world.answer().await;
    let sent = world.settled("sent").await;
    assert_eq!((&sent["attempts"], world.arrived().len()), (&json!(1), 1), "slow is no reason to send it again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_server_that_hangs_up_in_a_mail_gets_it_again() {
    let world = World::new().await;
    world.smtp.behave(Manner::CutInData);
    world.answer().await;
    assert!(world.settled("sent").await["attempts"].as_u64().expect("a number") >= 2);
    assert_eq!(world.arrived().len(), 1, "what broke off never arrived");
    // Here it did arrive, and nobody can know: it comes again, and its reader's program sees one mail.
    world.smtp.behave(Manner::CutAfterData);
    world.answer().await;
    world.settled("sent").await;
    let mails = world.arrived();
    assert_eq!((mails.len(), ids(&mails[1..]).len()), (3, 1), "twice, under one id");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_reader_who_is_refused_keeps_no_other_from_their_mail_and_is_mailed_no_more() {
    let world = World::new().await;
    let mut other = ticket("Paper");
    other["contact"]["email"] = json!("dora@customer.example");
    world.agent.post("/api/v1/workspaces/acme/tickets", &other).await.expect(201);
    world.smtp.behave(Manner::RejectOne("carla"));
    let reply = json!({"kind": "reply", "body": "See there."});
    world.answer().await;
    world.agent.post("/api/v1/workspaces/acme/tickets/2/messages", &reply).await.expect(201);
    let failed = world.settled("failed").await;
    assert!(failed["detail"].as_str().expect("a cause").contains("5.1.1"), "{failed}");
    until("mail to the other", async || world.smtp.to("dora@customer.example").pop()).await;
    assert_eq!(world.smtp.to("dora@customer.example").len(), 1);
    let list = world.agent.get("/api/v1/workspaces/acme/suppressions").await.expect(200);
    assert_eq!(list["data"][0]["email"], "carla@customer.example", "there is no such mailbox: {list}");
    world.smtp.behave(Manner::Accept);
    world.answer().await;
    let dropped = world.settled("dropped").await;
    assert!(dropped["detail"].as_str().expect("a cause").contains("suppression"), "{dropped}");
    assert!(world.arrived().is_empty());
}
