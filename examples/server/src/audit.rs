//! `connect-server audit verify`: whether the journal is what was sealed.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use connect_core::audit::Verified;
use connect_core::{Desk, DeskSettings, WorkspaceId};

use crate::heads::{GONE, Heads};
use crate::settings::Settings;
use crate::{parts, secret};

/// Walks the journals of all workspaces and of the directory, or of one workspace, and says of each how far it is good.
/// Each must still have the heads that were noted of it. Answers with success only if all is well.
pub(crate) async fn verify(
    settings: &Settings,
    workspace: Option<&str>,
    heads: Option<&Path>,
) -> anyhow::Result<ExitCode> {
    let mut heads = heads.map(Heads::read).transpose()?.unwrap_or_default();
    let opened = parts::open(&settings.storage).await?;
    let desk = Desk::builder(opened.store(), Arc::new(connect_auth::RoleMatrix))
        .sealer(Arc::new(secret::key_ring(settings)?))
        .build(DeskSettings::new(settings.public_url.clone(), settings.mail_from.clone()));
    let mut well = true;
    if let Some(workspace) = workspace {
        let found = desk.find_workspace(workspace).await?;
        let found = found.with_context(|| format!("there is no workspace {workspace:?}"))?;
        well &= one(&desk, found.slug.as_str(), found.id, &mut heads).await?;
    } else {
        if desk.store().counters(WorkspaceId::DIRECTORY).await?.is_some() {
            well &= one(&desk, "the directory", WorkspaceId::DIRECTORY, &mut heads).await?;
        }
        let mut workspaces = desk.every_workspace();
        while let Some(id) = workspaces.next().await? {
            let slug = desk.workspace(id).await?.map(|workspace| workspace.slug.to_string());
            well &= one(&desk, slug.as_deref().unwrap_or("a workspace without a record"), id, &mut heads).await?;
        }
        for id in heads.workspaces() {
            println!("BROKEN  what is not here ({id}): {GONE}");
            well = false;
        }
    }
    opened.close().await;
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn one(desk: &Desk, name: &str, id: WorkspaceId, heads: &mut Heads) -> anyhow::Result<bool> {
    let Verified { events, began, sealed, head, flaws, .. } =
        desk.verify_against(id, heads.take(id)).await.with_context(|| format!("the journal of {name} ({id})"))?;
    let began = if began > 0 { format!(", sealing began behind event {began}") } else { String::new() };
    let head = head.map(|head| format!(", head {head}")).unwrap_or_default();
    let line = format!("{name} ({id}): {events} events{began}, sealed up to {sealed}{head}");
    match flaws.split_first() {
        None => println!("ok      {line}"),
        Some((first, others)) => {
            println!("BROKEN  {line}, first bad {}: {first}", first.first());
            for flaw in others {
                println!("        {flaw}");
            }
        }
    }
    Ok(flaws.is_empty())
}
