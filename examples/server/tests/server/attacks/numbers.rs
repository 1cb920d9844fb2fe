//! Numbers, times and places in lists that are far off: refused or answered, never a fault of the server.

use super::{ACME, Target};
use crate::process::ticket;

/// As a cursor: numbers, pairs and places beyond what there can be.
const CURSORS: [&str; 9] = [
    // 18446744073709551615, 9223372036854775808, -1
    "MTg0NDY3NDQwNzM3MDk1NTE2MTU",
    "OTIyMzM3MjAzNjg1NDc3NTgwOA",
    "LTE",
    // [true,18446744073709551615], [false,9223372036854775808], [true,0]
    "W3RydWUsMTg0NDY3NDQwNzM3MDk1NTE2MTVd",
    "W2ZhbHNlLDkyMjMzNzIwMzY4NTQ3NzU4MDhd",
    "W3RydWUsMF0",
    // "", null, [[[[
    "IiI",
    "bnVsbA",
    "W1tbWw",
];

#[tokio::test(flavor = "multi_thread")]
async fn what_is_far_off_is_never_a_fault_of_the_server() {
    let target = Target::start(&[]);
    let owner = target.owner().await;
    owner.post(&format!("{ACME}/tickets"), &ticket("Printer")).await.expect(201);
    let lists = [
        "tickets",
        "tickets/1/messages",
        "tickets/1/timeline",
        "contacts",
        "members",
        "labels",
        "audit",
        "api-keys",
        "invitations",
    ];
    let mut paths: Vec<String> =
        lists.iter().flat_map(|list| CURSORS.map(|cursor| format!("{list}?cursor={cursor}"))).collect();
    for number in
        ["0", "-1", "9223372036854775807", "9223372036854775808", "18446744073709551615", "99999999999999999999999"]
    {
        paths.push(format!("tickets/{number}"));
        paths.push(format!("tickets?q=%23{number}"));
        paths.push(format!("tickets?q=number:{number}"));
        paths.push(format!("tickets?limit={number}"));
        paths.push(format!("audit?ticket={number}"));
        paths.push(format!("audit?limit={number}"));
    }
    for time in ["9999-12-31", "-009999-01-01", "9999-12-31T23:59:59.999999Z", "0000-00-00", "99999-01-01"] {
        for comparison in ["", "<", "<=", ">", ">="] {
            let comparison = comparison.replace('<', "%3C").replace('>', "%3E");
            paths.push(format!("tickets?q=created:{comparison}{time}"));
        }
        paths.push(format!("audit?after={time}"));
        paths.push(format!("audit?before={time}&order=oldest"));
    }
    for path in paths {
        let answer = owner.get(&format!("{ACME}/{path}")).await;
        assert!(matches!(answer.status.as_u16(), 200 | 404 | 422), "{path}: {} {}", answer.status, answer.text);
    }
}
