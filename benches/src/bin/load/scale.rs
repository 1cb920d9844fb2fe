//! Size: the first page of a list on a large desk, beside the same on a small one.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::ensure;
use connect_benches::desk;
use connect_core::store::TicketKey;
use connect_core::ticket::TicketList;
use hyper::Method;

use crate::Options;
use crate::drive::{Side, drive, in_turn};
use crate::fill;
use crate::report::{aim, header, mib, p50, p99, ratios, row, shown};
use crate::server::{Place, Process, answers, free_port, sign_in};

/// Tickets of the small desk.
pub(crate) const SMALL: u64 = 10_000;

/// How many tickets are written as a desk writes them; the others are copies of these.
const TEMPLATES: u64 = 500;

/// A desk with so many tickets, and a server on it.
struct Served {
    tickets: u64,
    server: Process,
    list: Side,
}

async fn serve(options: &Options, root: &Path, name: &str, tickets: u64) -> anyhow::Result<Served> {
    let place = Place::new(options, root, name)?;
    let opened = place.open().await?;
    let access = connect_benches::fill(&desk(opened.store())?, usize::try_from(TEMPLATES)?).await?;
    opened.close().await;
    let begun = Instant::now();
    fill::copy(&place, &access.workspace_id().to_string(), TEMPLATES, tickets).await?;
    println!("{tickets} tickets in {:.1} s", begun.elapsed().as_secs_f64());

    // The copies read, and the last one is the first of the list, as it should be.
    let opened = place.open().await?;
    let desk = desk(opened.store())?;
    let last = desk.tickets(&access).get(TicketKey::Number(tickets)).await?.ticket;
    let page = desk.tickets(&access).list(TicketList::default(), None).await?.rows;
    ensure!(last.number == tickets, "the last copy has the number {}", last.number);
    ensure!(page.first().is_some_and(|row| row.ticket.id == last.id), "the last copy is not the first of the list");

    let port = free_port()?;
    let server = place.start(options, port)?;
    answers(port, "/healthz", Instant::now()).await?;
    opened.routed().await?;
    opened.close().await;
    let token = sign_in(port).await?;
    let list = Side::new(port, &token, |_| (Method::GET, "/api/v1/workspaces/load/tickets?limit=50".to_owned(), None));
    Ok(Served { tickets, server, list })
}

/// Measures both in turn, and prints the table.
pub(crate) async fn measure(options: &Options, root: &Path) -> anyhow::Result<()> {
    println!();
    let small = serve(options, root, "small", SMALL).await?;
    let large = serve(options, root, "large", options.scale).await?;
    // What the database still has to do after so many rows is not what is measured.
    tokio::time::sleep(Duration::from_secs(5)).await;
    for side in [&small.list, &large.list] {
        drive(side, 1, 200).await?;
    }
    let measured = in_turn(options, 200, &[&large.list, &small.list]).await?;
    let [large_list, small_list] = measured.as_slice() else { anyhow::bail!("two sides were measured") };
    println!();
    let (of_large, of_small) =
        (format!("{} tickets p50 ms", large.tickets), format!("{} tickets p50 ms", small.tickets));
    header(&["what", &of_large, "p99 ms", &of_small, "p99 ms", "ratio of p50", "aim"]);
    row(&[
        "list 50",
        &shown(p50(large_list), 2),
        &shown(p99(large_list), 2),
        &shown(p50(small_list), 2),
        &shown(p99(small_list), 2),
        &shown(ratios(&p50(large_list), &p50(small_list)), 2),
        aim::SCALE,
    ]);
    println!("\nresident after lists, {} tickets: {:.1} MiB", large.tickets, mib(large.server.resident()));
    println!("resident after lists, {} tickets: {:.1} MiB", small.tickets, mib(small.server.resident()));
    Ok(())
}
