//! The usual day: list, read, create and note on a desk of ordinary size, beside the bare server.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use connect_benches::{desk, fill, workspace};
use connect_core::Limit;
use connect_core::ticket::TicketList;
use hyper::Method;
use serde_json::json;

use crate::drive::{CONNECTIONS, Side, in_turn};
use crate::report::{aim, header, median, mib, p50, p99, rates, ratios, row, shown};
use crate::server::{Place, answers, free_port, sign_in, start_bare};
use crate::{Options, busy};

const API: &str = "/api/v1/workspaces/load";

/// Fills a place, lets a first server route its journal, and answers ids of tickets.
async fn prepare(options: &Options, place: &Place) -> anyhow::Result<Arc<Vec<String>>> {
    let opened = place.open().await?;
    let filled = Instant::now();
    let desk = desk(opened.store())?;
    let access = fill(&desk, options.tickets).await?;
    println!("{} tickets of 3 messages written in {:.1} s", options.tickets, filled.elapsed().as_secs_f64());
    for slug in busy::slugs() {
        workspace(&desk, &slug).await?;
    }
    let list = TicketList { limit: Limit::MAX, ..TicketList::default() };
    let rows = desk.tickets(&access).list(list, None).await?.rows;
    let ids = Arc::new(rows.iter().map(|row| row.ticket.id.to_string()).collect());
    // The first start routes the journal that was just written; what is measured is a start after that.
    let port = free_port()?;
    let first = place.start(options, port)?;
    answers(port, "/healthz", Instant::now()).await?;
    opened.routed().await?;
    opened.close().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    drop(first);
    Ok(ids)
}

/// Measures everything that is measured on the ordinary desk, and prints it.
pub(crate) async fn measure(options: &Options, root: &Path) -> anyhow::Result<()> {
    let place = Place::new(options, root, "usual")?;
    let ids = prepare(options, &place).await?;
    let mut starts = Vec::new();
    for _ in 0..5 {
        let (port, begun) = (free_port()?, Instant::now());
        let server = place.start(options, port)?;
        starts.push(answers(port, "/readyz", begun).await?.as_secs_f64() * 1000.0);
        drop(server);
    }
    let port = free_port()?;
    let server = place.start(options, port)?;
    answers(port, "/healthz", Instant::now()).await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let idle = server.resident();
    let token = sign_in(port).await?;
    let bare_port = free_port()?;
    let bare = start_bare(options, root, bare_port)?;
    answers(bare_port, "/list", Instant::now()).await?;

    println!("first answer after a start on this database: {:.0} ms (median of 5)", median(starts));
    println!("resident when idle: {:.1} MiB\n", mib(idle));
    println!("{CONNECTIONS} connections, {} rounds of {} s each, medians\n", options.rounds, options.seconds);
    beside_bare(options, (port, &token), bare_port, &ids).await?;
    println!();
    busy::measure(options, port, &token).await?;
    println!("\nresident after load: {:.1} MiB", mib(server.resident()));
    println!("resident after load, bare: {:.1} MiB", mib(bare.resident()));
    Ok(())
}

/// The table of the desk beside the bare server.
async fn beside_bare(
    options: &Options,
    (port, token): (u16, &str),
    bare: u16,
    ids: &Arc<Vec<String>>,
) -> anyhow::Result<()> {
    header(&["what", "requests/s", "p50 ms", "p99 ms", "bare requests/s", "bare p50 ms", "ratio", "aim"]);

    let ours = Side::new(port, token, |_| (Method::GET, format!("{API}/tickets?limit=50"), None));
    let other = Side::new(bare, "", |_| (Method::GET, "/list".to_owned(), None));
    compare(options, "list 50", 200, aim::LIST, &[&ours, &other]).await?;

    let known = ids.clone();
    let ours =
        Side::new(port, token, move |n| (Method::GET, format!("{API}/tickets/{}", known[n % known.len()]), None));
    let other = Side::new(bare, "", |n| (Method::GET, format!("/read/tkt_{:026}", n % 9_999 + 1), None));
    compare(options, "read", 200, aim::READ, &[&ours, &other]).await?;

    let body = "The parcel was to come on Monday and it is not here yet. ".repeat(4);
    let text = body.clone();
    let ours = Side::new(port, token, move |n| {
        let new = json!({
            "subject": format!("Order {n} has not arrived"), "body": text,
            "contact": {"email": format!("customer{}@load.example", n % 500)},
        });
        (Method::POST, format!("{API}/tickets"), Some(new))
    });
    let other = Side::new(bare, "", move |n| {
        let new = json!({"subject": format!("Order {n} has not arrived"), "body": body});
        (Method::POST, "/create".to_owned(), Some(new))
    });
    compare(options, "create", 201, aim::CREATE, &[&ours, &other]).await?;

    let known = ids.clone();
    let ours = Side::new(port, token, move |n| {
        let path = format!("{API}/tickets/{}/messages", known[n % known.len()]);
        (Method::POST, path, Some(json!({"kind": "note", "body": "Asked the carrier again."})))
    });
    compare(options, "note", 201, "–", &[&ours]).await
}

/// Measures the desk and, where there is one, the bare server in turn, and prints medians.
async fn compare(options: &Options, name: &str, expected: u16, aim: &str, sides: &[&Side]) -> anyhow::Result<()> {
    let measured = in_turn(options, expected, sides).await?;
    let ours = measured.first().map(Vec::as_slice).unwrap_or_default();
    let bare = measured.get(1).map(Vec::as_slice).unwrap_or_default();
    row(&[
        name,
        &shown(rates(ours), 0),
        &shown(p50(ours), 2),
        &shown(p99(ours), 2),
        &shown(rates(bare), 0),
        &shown(p50(bare), 2),
        &shown(ratios(&rates(ours), &rates(bare)), 2),
        aim,
    ]);
    Ok(())
}
