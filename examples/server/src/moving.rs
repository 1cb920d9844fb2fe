//! `connect-server export` and `import`: a workspace as JSON lines, from any database into any other.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, IsTerminal, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use connect_core::workspace::moving::{Export, Importing, Line};
use connect_core::{Desk, DeskSettings, Error, Store};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::parts;
use crate::settings::Settings;

/// A bar on a terminal, nothing elsewhere.
fn bar(total: Option<u64>, template: &str) -> anyhow::Result<ProgressBar> {
    let target =
        if std::io::stderr().is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = total.map_or_else(ProgressBar::no_length, ProgressBar::new);
    bar.set_draw_target(target);
    bar.set_style(ProgressStyle::with_template(template)?);
    Ok(bar)
}

fn desk(settings: &Settings, store: Arc<dyn Store>) -> Desk {
    let settings = DeskSettings::new(settings.public_url.clone(), settings.mail_from.clone());
    Desk::builder(store, Arc::new(connect_auth::RoleMatrix)).build(settings)
}

/// Writes a workspace to a file, or to the standard output.
pub(crate) async fn export(settings: &Settings, workspace: &str, file: Option<&Path>) -> anyhow::Result<ExitCode> {
    let opened = parts::open(&settings.storage).await?;
    let desk = desk(settings, opened.store());
    let found = desk.find_workspace(workspace).await?;
    let found = found.with_context(|| format!("there is no workspace {workspace:?}"))?;
    let mut export = Export::begin(opened.store(), found.id).await?;
    let mut out: Box<dyn Write> = match file {
        Some(path) => Box::new(BufWriter::new(begin_or_go_on(path, &mut export)?)),
        None => Box::new(std::io::stdout().lock()),
    };
    if export.lines() == 0 {
        write_line(&mut out, &Line::Header(export.header()))?;
    } else {
        eprintln!("going on behind the {} rows that are there", export.lines());
    }
    let bar = bar(None, "{spinner} {pos} rows, {per_sec}, {elapsed}")?;
    loop {
        let lines = match export.next().await {
            Ok(Some(lines)) => lines,
            Ok(None) => break,
            Err(Error::Contended) => {
                bail!("the workspace was changed while it was exported: stop the servers that use it, and export again")
            }
            Err(error) => return Err(error.into()),
        };
        for line in &lines {
            write_line(&mut out, line)?;
        }
        // What an interruption leaves behind ends with a whole batch, or with a line that is cut off.
        out.flush()?;
        bar.set_position(export.lines());
    }
    bar.finish_and_clear();
    eprintln!("exported the workspace {} ({}): {} rows", found.slug, found.id, export.lines());
    opened.close().await;
    Ok(ExitCode::SUCCESS)
}

fn write_line(out: &mut dyn Write, line: &Line) -> anyhow::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    Ok(out.write_all(b"\n")?)
}

/// Opens the file to write: anew, or behind what an interrupted export of the same moment has left there.
fn begin_or_go_on(path: &Path, export: &mut Export) -> anyhow::Result<File> {
    let told = || format!("the file {}", path.display());
    let mut file = File::options().read(true).write(true).create(true).truncate(false).open(path).with_context(told)?;
    let mut reader = BufReader::new(&mut file);
    let (mut whole, mut text) = (0, String::new());
    // Whether the last part has begun: people, and the records by which they find the workspace. They are few
    // and are written again, unless all of them are there.
    let (mut first, mut last_part) = (true, false);
    loop {
        text.clear();
        let read = reader.read_line(&mut text).with_context(told)?;
        // A line without its end was being written when the export was interrupted.
        if read == 0 || !text.ends_with('\n') {
            break;
        }
        match serde_json::from_str(&text) {
            Ok(Line::Header(header)) if first && header == export.header() => {}
            Ok(Line::Row(row)) if !first && !last_part => export.written(&row),
            Ok(Line::User(_) | Line::Row(_)) if !first => last_part = true,
            Ok(Line::End { .. }) => bail!("{} holds a whole export already", path.display()),
            Ok(_) if first => {
                bail!("{} holds an export of something else, or of another moment: remove it", path.display())
            }
            Ok(_) => break,
            Err(error) => bail!("{} is no export: {error}", path.display()),
        }
        first = false;
        whole += if last_part { 0 } else { read as u64 };
    }
    drop(reader);
    file.set_len(whole).with_context(told)?;
    file.seek(SeekFrom::End(0)).with_context(told)?;
    Ok(file)
}

/// Reads a workspace from a file, or from the standard input.
pub(crate) async fn import(settings: &Settings, file: Option<&Path>) -> anyhow::Result<ExitCode> {
    let opened = parts::open(&settings.storage).await?;
    let desk = desk(settings, opened.store());
    let (input, size): (Box<dyn Read>, Option<u64>) = match file {
        Some(path) => {
            let file = File::open(path).with_context(|| format!("the file {}", path.display()))?;
            let size = file.metadata()?.len();
            (Box::new(file), Some(size))
        }
        None => (Box::new(std::io::stdin().lock()), None),
    };
    let template =
        if size.is_some() { "{bar:40} {bytes}/{total_bytes}, {eta}" } else { "{spinner} {bytes}, {elapsed}" };
    let bar = bar(size, template)?;
    let mut importing: Option<Importing> = None;
    let (mut number, mut ended) = (0_u64, false);
    for text in BufReader::new(bar.wrap_read(input)).lines() {
        number += 1;
        let text = text.with_context(|| format!("line {number}"))?;
        let line: Line =
            serde_json::from_str(&text).with_context(|| format!("line {number} is no line of an export"))?;
        match (&mut importing, line) {
            (None, Line::Header(header)) => importing = Some(Importing::begin(&desk, header).await?),
            (None, _) => bail!("line {number}: an export begins with its header"),
            (Some(run), line) => ended = run.take(line).await.with_context(|| format!("line {number}"))?,
        }
        if ended {
            break;
        }
    }
    bar.finish_and_clear();
    if !ended {
        bail!(
            "the export ends after {number} lines without its last one: it is not whole, and the workspace stays closed"
        );
    }
    eprintln!("imported {number} lines; the workspace is open");
    opened.close().await;
    Ok(ExitCode::SUCCESS)
}
