//! Mail bombing: other people's mailboxes filled by asking for codes.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::{Target, ask, told};
use crate::wait::until;

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_gets_three_codes_whoever_asks_for_how_many() {
    let target = Target::start(&[("CONNECT_LIMIT_SENDS_PER_ADDRESS", "3/15m")]);
    let asking = (0..60_u8).map(|n| {
        let client = target.stranger().from(Ipv4Addr::new(127, 0, 1, n + 1));
        let spelt = ["victim@example.org", "VICTIM@example.org", " Victim@Example.Org "][usize::from(n) % 3];
        tokio::spawn(async move { ask(&client, spelt).await })
    });
    let mut answers = Vec::new();
    for asked in asking.collect::<Vec<_>>() {
        let answer = asked.await.expect("no panic");
        let fields: Vec<String> = answer.expect(202).as_object().expect("an object").keys().cloned().collect();
        answers.push((fields, answer.headers.len(), answer.text.len()));
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "whether a mail leaves is told to nobody");
    let mails = async || {
        let mails = target.mails().await;
        mails
            .iter()
            .filter(|mail| mail["to"].as_str().is_some_and(|to| to.to_lowercase() == "victim@example.org"))
            .count()
    };
    until("third code", async || (mails().await >= 3).then_some(())).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(mails().await, 3);
    let asked = target.journal("auth.code_requested").await;
    assert_eq!(asked.len(), 60, "the journal has all of them");
    assert_eq!(asked.iter().filter(|entry| entry.event["fact"]["muted"] == false).count(), 3);
    let from: std::collections::BTreeSet<String> =
        asked.iter().map(|entry| entry.origin["address"].to_string()).collect();
    assert_eq!(from.len(), 60, "and from where each came");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_client_reaches_so_many_mailboxes_and_no_more() {
    let target = Target::start(&[("CONNECT_LIMIT_ADDRESSES_PER_IP", "5/1h")]);
    let client = target.stranger();
    let mut refusals = Vec::new();
    for n in 0..20 {
        let answer = ask(&client, &format!("p{n}@example.org")).await;
        if n < 5 {
            answer.expect(202);
        } else {
            answer.expect(429);
            assert!(answer.retry_after.is_some());
            refusals.push(told(&answer)["code"].clone());
        }
    }
    assert!(refusals.iter().all(|code| code == "rate_limited"), "{refusals:?}");
    ask(&client.from(Ipv4Addr::new(127, 0, 0, 2)), "p9@example.org").await.expect(202);
    assert_eq!(target.journal("auth.code_requested").await.len(), 6);
    let limited = target.journal("access.limited").await;
    assert_eq!(limited.len(), 15);
    assert!(limited.iter().all(|entry| entry.event["fact"]["route"] == "POST /api/v1/auth/otp/request"));
}
