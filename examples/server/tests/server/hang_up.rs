//! Clients that go away at any moment: nothing acknowledged is lost, nothing is half-written.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hyper::Method;
use tokio::sync::Semaphore;

use crate::database::Schema;
use crate::process::{Server, acme, captured, sign_in, ticket};

/// Requests that are cut off.
const REQUESTS: usize = 10_000;

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_requests_cut_off_at_random_moments_on_sqlite() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path(), &[]);
    ten_thousand_requests_cut_off(server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_requests_cut_off_at_random_moments_on_postgres() {
    let folder = tempfile::tempdir().expect("a folder");
    let schema = Schema::new("hang_up");
    let server = Server::start(folder.path(), &schema.settings());
    ten_thousand_requests_cut_off(server).await;
    assert_eq!(schema.idle_in_transaction().await, 0, "no connection waits inside a transaction");
}

async fn ten_thousand_requests_cut_off(server: Server) {
    let agent = sign_in(&server, "agent@acme.example", async |email| captured(&server, email).await).await;
    acme(&agent).await;
    let permits = Arc::new(Semaphore::new(48));
    let mut tasks = tokio::task::JoinSet::new();
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    for n in 0..REQUESTS {
        // Xorshift: most are cut off at a moment of their way, every third one waits for its answer.
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        let patience = Duration::from_micros(if n % 3 == 0 { 20_000_000 } else { seed % 120_000 });
        let permit = permits.clone().acquire_owned().await.expect("a permit");
        let client = agent.clone();
        tasks.spawn(async move {
            let subject = format!("Ticket {n}");
            let request =
                client.request(Method::POST, "/api/v1/workspaces/acme/tickets", None, Some(&ticket(&subject)));
            let answered = tokio::time::timeout(patience, client.try_send(request)).await;
            drop(permit);
            matches!(answered, Ok(Ok(answer)) if answer.status == 201).then_some(subject)
        });
    }
    let acknowledged: Vec<String> = tasks.join_all().await.into_iter().flatten().collect();
    let mut stored: BTreeMap<String, u64> = BTreeMap::new();
    let mut cursor = String::new();
    loop {
        let page =
            agent.get(&format!("/api/v1/workspaces/acme/tickets?sort=number&limit=200{cursor}")).await.expect(200);
        for row in page["data"].as_array().expect("a list") {
            let subject = row["subject"].as_str().expect("text").to_owned();
            let number = row["number"].as_u64().expect("a number");
            assert_eq!(number, stored.len() as u64 + 1, "numbers are dense");
            assert_eq!(row["version"], 1);
            assert_eq!(stored.insert(subject, number), None, "nothing twice");
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let lost: Vec<&String> = acknowledged.iter().filter(|subject| !stored.contains_key(*subject)).collect();
    println!("{} cut off or not, {} acknowledged, {} stored", REQUESTS, acknowledged.len(), stored.len());
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    assert!(acknowledged.len() > 100 && acknowledged.len() < REQUESTS, "some were cut off, some were not");
    // Whole, each with its message: those that were cut off most of all.
    for number in stored.values().step_by(97) {
        let messages = agent.get(&format!("/api/v1/workspaces/acme/tickets/{number}/messages")).await.expect(200);
        assert_eq!(messages["data"].as_array().map(Vec::len), Some(1), "ticket {number} is whole");
    }
    agent.get("/readyz").await.expect(200);
}
