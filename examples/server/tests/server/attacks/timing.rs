//! What an answer's time tells.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{ACME, Target, ask};

const PEOPLE: usize = 60;
const ROUNDS: usize = 10;

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64()
}

/// 600 requests for addresses that get a code, and 600 for such as nobody has, in turn: so whatever else the
/// machine does falls on both alike. What is compared is how the medians stand to each other; no time is too long.
#[tokio::test(flavor = "multi_thread")]
async fn sec_19_known_and_unknown_addresses_take_the_same_time_over_a_socket() {
    let target = Target::start(&[("CONNECT_SIGN_UP", "invited")]);
    let owner = target.owner().await;
    for n in 0..PEOPLE {
        let contact = json!({"name": format!("Person {n}"), "email": format!("known{n}@customer.example")});
        owner.post(&format!("{ACME}/contacts"), &contact).await.expect(201);
    }
    let client = target.stranger();
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        for n in 0..PEOPLE {
            let mut pair =
                [(true, format!("known{n}@customer.example")), (false, format!("ghost{n}@customer.example"))];
            if (round + n) % 2 == 1 {
                pair.reverse();
            }
            for (is_known, email) in pair {
                let start = Instant::now();
                ask(&client, &email).await.expect(202);
                if is_known { &mut known } else { &mut unknown }.push(start.elapsed());
            }
        }
    }
    assert_eq!((known.len(), unknown.len()), (600, 600));
    let ratio = median(known) / median(unknown);
    println!("known to unknown: {ratio:.3}");
    assert!((0.75..1.33).contains(&ratio), "the medians of 600 each stand like {ratio}");
    let asked = target.journal("auth.code_requested").await;
    assert_eq!(asked.len(), 2 * PEOPLE * ROUNDS + 1, "both are in the journal");
    assert!(asked.iter().all(|entry| entry.event["fact"]["muted"] == false));
    target.mail(|mail| mail["to"] == "known0@customer.example").await;
    assert!(target.mails().await.iter().all(|mail| !mail["to"].as_str().unwrap_or_default().starts_with("ghost")));
}
