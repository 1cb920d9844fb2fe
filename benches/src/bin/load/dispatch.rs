//! What follows a change: events dispatched and mails handed over a second, and what dispatching adds to a commit. In this
//! process, over the store itself: no HTTP is in between.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use async_trait::async_trait;
use connect_auth::RoleMatrix;
use connect_benches::{fill, new_ticket};
use connect_core::dispatch::DispatchSettings;
use connect_core::notify::{
    Channel, ChannelLimits, Handed, MailIdentity, Outgoing, SendFailure, SmtpChannel, SmtpSettings,
};
use connect_core::store::TicketKey;
use connect_core::ticket::ReplyOptions;
use connect_core::{Access, Body, Desk, DeskSettings, EmailAddress, Store, TicketId};
use connect_store::MemoryStore;
use tokio::task::JoinSet;

use crate::Options;
use crate::drive::CONNECTIONS;
use crate::report::{header, median, ratios, row, shown};
use crate::server::Place;
use crate::smtp::Mailboxes;

/// Answers of a backlog.
const BACKLOG: usize = 2_000;
/// How many of those answers are timed that come one after the other.
const PACED: usize = 400;

/// Takes every mail at once.
#[derive(Debug)]
struct Nowhere;

#[async_trait]
impl Channel for Nowhere {
    fn name(&self) -> &'static str {
        "mail"
    }

    fn limits(&self) -> ChannelLimits {
        ChannelLimits::at_once(8)
    }

    async fn send(&self, _: &Outgoing) -> Result<Handed, SendFailure> {
        Ok(Handed::default())
    }

    async fn probe(&self) -> Result<(), SendFailure> {
        Ok(())
    }
}

fn desk(store: Arc<dyn Store>, channel: Arc<dyn Channel>) -> anyhow::Result<Desk> {
    let mail_from = MailIdentity { name: None, address: EmailAddress::parse("mail_from", "desk@load.example")? };
    let settings = DeskSettings::new("http://127.0.0.1", mail_from);
    Ok(Desk::builder(store, Arc::new(RoleMatrix)).channel(channel).build(settings))
}

async fn reply(desk: &Desk, access: &Access, ticket: TicketId) -> anyhow::Result<()> {
    let body = Body::parse("body", "We have asked the carrier and tell you tomorrow.")?;
    desk.tickets(access).reply(TicketKey::Id(ticket), body, ReplyOptions::default()).await?;
    Ok(())
}

/// Answers so many tickets from many tasks, each ticket once in its turn; answers a second.
async fn rate(desk: &Desk, access: &Access, tickets: &Arc<Vec<TicketId>>) -> anyhow::Result<f64> {
    let (mut tasks, begun) = (JoinSet::new(), Instant::now());
    for worker in 0..CONNECTIONS {
        let (desk, access, tickets) = (desk.clone(), access.clone(), tickets.clone());
        tasks.spawn(async move {
            for ticket in tickets.iter().skip(worker).step_by(CONNECTIONS) {
                reply(&desk, &access, *ticket).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.context("a task that answers")??;
    }
    Ok(per_second(tickets.len(), begun.elapsed()))
}

/// Answers tickets at a steady pace, however long each takes; how long one takes in the middle, in milliseconds.
async fn paced(desk: &Desk, access: &Access, tickets: &Arc<Vec<TicketId>>, pace: u32) -> anyhow::Result<f64> {
    let (mut tasks, mut beat) = (JoinSet::new(), tokio::time::interval(Duration::from_secs(1) / pace));
    for place in 0..PACED {
        beat.tick().await;
        let (desk, access, ticket) = (desk.clone(), access.clone(), tickets[place % tickets.len()]);
        tasks.spawn(async move {
            let begun = Instant::now();
            reply(&desk, &access, ticket).await?;
            anyhow::Ok(begun.elapsed().as_secs_f64() * 1000.0)
        });
    }
    let mut times = Vec::with_capacity(PACED);
    while let Some(done) = tasks.join_next().await {
        times.push(done.context("a task that answers")??);
    }
    Ok(median(times))
}

#[allow(clippy::cast_precision_loss)]
fn per_second(count: usize, taken: Duration) -> f64 {
    count as f64 / taken.as_secs_f64()
}

/// Runs a dispatcher until nothing is left; how long that took.
async fn drained(desk: &Desk) -> anyhow::Result<Duration> {
    let begun = Instant::now();
    let running = desk.dispatcher(DispatchSettings::default()).start();
    for _ in 0..60_000 {
        let is_routed = desk.store().unrouted(connect_core::Limit::ONE).await?.is_empty();
        if is_routed && desk.store().queue().await?.iter().all(|channel| channel.queued == 0) {
            let taken = begun.elapsed();
            running.stop().await;
            return Ok(taken);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    bail!("the backlog is not worked off after five minutes")
}

/// Measures one store.
async fn store(options: &Options, name: &str, store: Arc<dyn Store>, smtp: &Mailboxes) -> anyhow::Result<()> {
    let plain = desk(store.clone(), Arc::new(Nowhere))?;
    let access = fill(&plain, 1).await?;
    let mut tickets = Vec::with_capacity(BACKLOG);
    for place in 0..BACKLOG {
        tickets.push(plain.tickets(&access).open(new_ticket(place)?).await?.ticket.id);
    }
    let tickets = Arc::new(tickets);
    drained(&plain).await?;
    let (mut alone, mut beside, mut events, mut mails) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut calm, mut shared) = (Vec::new(), Vec::new());
    let url = format!("smtp://127.0.0.1:{}", smtp.port);
    let settings = SmtpSettings { url, timeout: Duration::from_secs(20), dkim: None, provider: None };
    let mailing = desk(store, Arc::new(SmtpChannel::new(&settings)?))?;
    for _ in 0..options.rounds {
        alone.push(rate(&plain, &access, &tickets).await?);
        events.push(per_second(BACKLOG, drained(&plain).await?));
        let running = plain.dispatcher(DispatchSettings::default()).start();
        beside.push(rate(&plain, &access, &tickets).await?);
        running.stop().await;
        drained(&plain).await?;
        calm.push(paced(&plain, &access, &tickets, options.pace).await?);
        drained(&plain).await?;
        let running = plain.dispatcher(DispatchSettings::default()).start();
        shared.push(paced(&plain, &access, &tickets, options.pace).await?);
        running.stop().await;
        drained(&plain).await?;
        rate(&mailing, &access, &tickets).await?;
        mails.push(per_second(BACKLOG, drained(&mailing).await?));
    }
    let kept = median(ratios(&beside, &alone));
    let added = median(ratios(&shared, &calm));
    row(&[
        name,
        &shown(alone, 0),
        &shown(beside, 0),
        &format!("{kept:.2}"),
        &shown(calm, 2),
        &shown(shared, 2),
        &format!("{added:.2}"),
        &shown(events, 0),
        &shown(mails, 0),
    ]);
    Ok(())
}

/// Measures and prints it, on the memory store and on the one that was asked for.
pub(crate) async fn measure(options: &Options, root: &Path) -> anyhow::Result<()> {
    let smtp = Mailboxes::start().await?;
    println!(
        "{CONNECTIONS} tasks answer {BACKLOG} tickets of one workspace, or {} a second come; each answer is an event and a mail; {} rounds, medians\n",
        options.pace, options.rounds
    );
    header(&[
        "store",
        "burst, answers/s alone",
        "with the dispatcher",
        "ratio",
        "steady, p50 ms alone",
        "with the dispatcher",
        "ratio",
        "dispatched/s",
        "to SMTP/s",
    ]);
    store(options, "memory", Arc::new(MemoryStore::new()), &smtp).await?;
    let opened = Place::new(options, root, "dispatch")?.open().await?;
    let name = if options.postgres.is_some() { "PostgreSQL" } else { "SQLite" };
    store(options, name, opened.store(), &smtp).await?;
    opened.close().await;
    Ok(())
}
