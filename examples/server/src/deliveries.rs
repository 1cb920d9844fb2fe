//! `connect-server deliveries list|retry|drop`: what waits to be sent or was given up, and what is done about it.

use std::process::ExitCode;

use anyhow::{Context, bail};
use connect_core::delivery::{Delivery, DeliveryList, DeliveryState, Reset};
use connect_core::{DeliveryId, Desk, Limit, WorkspaceId};

use crate::parts;
use crate::settings::Settings;

/// Most deliveries that are changed in one step.
const AT_ONCE: usize = 200;

/// Which deliveries are meant.
#[derive(Debug, Clone, Default)]
pub(crate) struct Chosen {
    /// A workspace by id or slug, or `directory`: what belongs to none, such as sign-in codes.
    pub(crate) workspace: Option<String>,
    /// A channel.
    pub(crate) channel: Option<String>,
    /// A state.
    pub(crate) state: Option<DeliveryState>,
    /// These only.
    pub(crate) ids: Vec<DeliveryId>,
}

/// What is done with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deed {
    List,
    Retry,
    Drop,
}

/// Carries it out; each row is a line.
pub(crate) async fn run(settings: &Settings, deed: Deed, chosen: Chosen) -> anyhow::Result<ExitCode> {
    let parts = parts::parts(settings).await?;
    let done = walk(&parts.desk, deed, &chosen).await;
    parts.store.close().await;
    let count = done?;
    match deed {
        Deed::List => eprintln!("{count} deliveries"),
        Deed::Retry => eprintln!("{count} deliveries are queued again"),
        Deed::Drop => eprintln!("{count} deliveries are dropped"),
    }
    Ok(ExitCode::SUCCESS)
}

async fn walk(desk: &Desk, deed: Deed, chosen: &Chosen) -> anyhow::Result<u64> {
    let mut count = 0;
    for workspace in workspaces(desk, chosen.workspace.as_deref()).await? {
        let mut list = DeliveryList {
            channel: chosen.channel.clone(),
            state: chosen.state,
            limit: Limit::MAX,
            ..DeliveryList::default()
        };
        loop {
            let page = desk.store().deliveries(workspace, list.clone()).await?;
            let rows: Vec<&Delivery> = page.iter().take(AT_ONCE).collect();
            let Some(last) = rows.last() else { break };
            list.before = Some(last.id);
            let wanted: Vec<&Delivery> =
                rows.into_iter().filter(|row| chosen.ids.is_empty() || chosen.ids.contains(&row.id)).collect();
            let ids = wanted.iter().map(|row| row.id).collect();
            let now = desk.now();
            count += match deed {
                Deed::List => {
                    wanted.iter().for_each(|row| println!("{}", line(row)));
                    wanted.len() as u64
                }
                Deed::Retry => desk.store().reset(workspace, ids, Reset::Requeue { at: now }).await?,
                Deed::Drop => {
                    let reason = "dropped by hand".to_owned();
                    desk.store().reset(workspace, ids, Reset::Drop { at: now, reason }).await?
                }
            };
            if page.len() <= AT_ONCE {
                break;
            }
        }
    }
    Ok(count)
}

/// Every workspace, the directory among them, or the one that is named.
async fn workspaces(desk: &Desk, named: Option<&str>) -> anyhow::Result<Vec<WorkspaceId>> {
    match named {
        Some("directory") => Ok(vec![WorkspaceId::DIRECTORY]),
        Some(name) => {
            let found = desk.find_workspace(name).await?.with_context(|| format!("there is no workspace {name}"))?;
            Ok(vec![found.id])
        }
        None => {
            let mut all = vec![WorkspaceId::DIRECTORY];
            loop {
                let after = all.last().copied().filter(|id| *id != WorkspaceId::DIRECTORY);
                let page = desk.store().workspaces(after, Limit::MAX).await?;
                let more = page.len() > Limit::MAX.get();
                all.extend(page.into_iter().take(Limit::MAX.get()));
                if !more {
                    return Ok(all);
                }
            }
        }
    }
}

/// A delivery on one line: nothing of what it says, and no address.
fn line(delivery: &Delivery) -> String {
    let detail = delivery.detail.as_deref().unwrap_or_default();
    let detail: String = detail.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect();
    format!(
        "{}\t{}\t{}\t{}\t{}\t{}\t{}\t{detail}",
        delivery.id,
        delivery.workspace,
        delivery.channel,
        delivery.topic,
        delivery.state.as_str(),
        delivery.attempts,
        delivery.created_at
    )
}

/// Reads what the arguments choose.
pub(crate) fn chosen(matches: &clap::ArgMatches) -> anyhow::Result<Chosen> {
    let text = |name: &str| matches.try_get_one::<String>(name).ok().flatten().cloned();
    let state = text("state").map(|word| {
        DeliveryState::parse(&word).with_context(|| format!("{word} is no state: queued, sent, failed or dropped"))
    });
    let ids = matches.try_get_many::<String>("id").ok().flatten().into_iter().flatten();
    let ids = ids.map(|id| id.parse().ok().with_context(|| format!("{id} is no id of a delivery")));
    let chosen = Chosen {
        workspace: text("workspace"),
        channel: text("channel"),
        state: state.transpose()?,
        ids: ids.collect::<anyhow::Result<_>>()?,
    };
    let is_any = chosen.workspace.is_some() || chosen.channel.is_some() || chosen.state.is_some();
    if matches.try_get_one::<bool>("all").ok().flatten() == Some(&false) && !is_any && chosen.ids.is_empty() {
        bail!("say which deliveries: by id, --workspace, --channel or --state, or --all of them");
    }
    Ok(chosen)
}
