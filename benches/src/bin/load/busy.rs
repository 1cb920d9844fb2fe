//! One busy tenant: creates that all go to one workspace, beside creates that are spread over many.

use hyper::Method;
use serde_json::{Value, json};

use crate::Options;
use crate::drive::{CONNECTIONS, Side, drive, in_turn};
use crate::report::{aim, header, p50, rates, ratios, row, shown};

/// Over how many workspaces the creates are spread.
const WORKSPACES: usize = 32;

/// The short names of the workspaces that this needs; all are new and empty.
pub(crate) fn slugs() -> impl Iterator<Item = String> {
    std::iter::once("busy".to_owned()).chain((0..WORKSPACES).map(|place| format!("many{place}")))
}

fn create(workspace: &str, place: usize, contact: usize) -> (Method, String, Option<Value>) {
    let new = json!({
        "subject": format!("Order {place} has not arrived"),
        "body": "The parcel was to come on Monday and it is not here yet. ".repeat(4),
        "contact": {"email": format!("customer{contact}@load.example")},
    });
    (Method::POST, format!("/api/v1/workspaces/{workspace}/tickets"), Some(new))
}

/// Measures both in turn, and prints the table.
pub(crate) async fn measure(options: &Options, port: u16, token: &str) -> anyhow::Result<()> {
    let one = Side::new(port, token, |place| create("busy", place, place % 512));
    // Each connection goes round all workspaces, so that no workspace has a connection of its own. Both sides
    // have 512 contacts.
    let many = Side::new(port, token, |place| {
        let turn = place / CONNECTIONS;
        create(&format!("many{}", (turn + place) % WORKSPACES), place, turn % 16)
    });
    // Contacts are made by a first ticket; that is not what is measured.
    for side in [&one, &many] {
        drive(side, 2, 201).await?;
    }
    let measured = in_turn(options, 201, &[&one, &many]).await?;
    let [one, many] = measured.as_slice() else { anyhow::bail!("two sides were measured") };
    let spread = format!("{WORKSPACES} workspaces requests/s");
    header(&["what", "one workspace requests/s", "p50 ms", &spread, "p50 ms", "ratio", "aim"]);
    row(&[
        "create",
        &shown(rates(one), 0),
        &shown(p50(one), 2),
        &shown(rates(many), 0),
        &shown(p50(many), 2),
        &shown(ratios(&rates(one), &rates(many)), 2),
        aim::BUSY,
    ]);
    Ok(())
}
