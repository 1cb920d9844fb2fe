//! A workspace on its way from one store to another, as lines that a file can hold.
//!
//! The order of the lines is the order in which they are imported: what others refer to comes first, and
//! what makes people find the workspace (its members, its own record, its counters) comes last. So an
//! import that was cut off is not seen by anybody, and is repeated.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Workspace;
use crate::member::{Invitation, Member};
use crate::record::{Record, RecordKind};
use crate::store::{Counters, ExportList, Import, MovedRow, Part, RecordList};
use crate::user::User;
use crate::{Actor, CommitError, Desk, Error, Limit, Result, Store, UserId, Version, WorkspaceId};

/// The version of the lines.
const FORMAT: u32 = 1;
/// Rows imported at once.
const BATCH: usize = 200;

/// What a line of an export says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// The first line: what is moved.
    Header(Header),
    /// A row.
    Row(MovedRow),
    /// A user who is or was a member. Users belong to no workspace.
    User(User),
    /// The last line: how many rows and users came before it. Without it the export is not whole.
    End {
        /// How many.
        lines: u64,
    },
}

/// What an export holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The version of the lines.
    pub format: u32,
    /// The workspace.
    pub workspace: WorkspaceId,
    /// Its counters. An export is of the moment that they name.
    pub counters: Counters,
}

/// Where an export stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Rows(usize),
    Users,
    Late,
    End,
    Done,
}

/// Records by which people find the workspace: they come last.
fn is_late(record: &Record) -> bool {
    matches!(record.kind.as_str(), Workspace::KIND | Member::KIND | Invitation::KIND)
}

/// A workspace that is being exported.
#[derive(Debug)]
pub struct Export {
    store: Arc<dyn Store>,
    header: Header,
    stage: Stage,
    after: Option<String>,
    people: BTreeSet<UserId>,
    late: Vec<MovedRow>,
    lines: u64,
    resumed: bool,
}

impl Export {
    /// Begins to export a workspace. [`Error::NotFound`] if there is none.
    pub async fn begin(store: Arc<dyn Store>, workspace: WorkspaceId) -> Result<Self> {
        let counters = store.counters(workspace).await?.ok_or(Error::NotFound("workspace"))?;
        let header = Header { format: FORMAT, workspace, counters };
        let (stage, after) = (Stage::Rows(0), None);
        Ok(Self { store, header, stage, after, people: BTreeSet::new(), late: Vec::new(), lines: 0, resumed: false })
    }

    /// The first line.
    pub fn header(&self) -> Header {
        self.header
    }

    /// Rows that were written so far.
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// Takes note of a row that an earlier, interrupted export has written already, line by line from the
    /// first; it goes on behind the last.
    pub fn written(&mut self, row: &MovedRow) {
        self.note(row);
        self.lines += 1;
        self.resumed = true;
        let place = Part::ALL.iter().position(|part| *part == row.part()).unwrap_or(0);
        (self.stage, self.after) = (Stage::Rows(place), Some(row.place()));
    }

    /// The next lines; none at the end. [`Error::Contended`] at the end if the workspace has changed since the
    /// export began: what was exported is then of no single moment, and there is no last line.
    pub async fn next(&mut self) -> Result<Option<Vec<Line>>> {
        if self.resumed {
            // The records that come last were passed over when they were read.
            self.resumed = false;
            self.read_late().await?;
        }
        loop {
            let lines = match self.stage {
                Stage::Rows(place) => match Part::ALL.get(place) {
                    Some(part) => self.rows(*part, place).await?,
                    None => {
                        self.stage = Stage::Users;
                        continue;
                    }
                },
                Stage::Users => {
                    self.stage = Stage::Late;
                    self.users().await?
                }
                Stage::Late => {
                    self.stage = Stage::End;
                    std::mem::take(&mut self.late).into_iter().map(Line::Row).collect()
                }
                Stage::End => {
                    if self.store.counters(self.header.workspace).await? != Some(self.header.counters) {
                        return Err(Error::Contended);
                    }
                    self.stage = Stage::Done;
                    return Ok(Some(vec![Line::End { lines: self.lines }]));
                }
                Stage::Done => return Ok(None),
            };
            if !lines.is_empty() {
                self.lines += lines.len() as u64;
                return Ok(Some(lines));
            }
        }
    }

    async fn rows(&mut self, part: Part, place: usize) -> Result<Vec<Line>> {
        let list = ExportList { part, after: self.after.take(), limit: Limit::MAX };
        let mut rows = self.store.export(self.header.workspace, list).await?;
        if rows.len() > Limit::MAX.get() {
            rows.truncate(Limit::MAX.get());
            self.after = rows.last().map(MovedRow::place);
        } else {
            self.stage = Stage::Rows(place + 1);
        }
        let mut lines = Vec::with_capacity(rows.len());
        for row in rows {
            self.note(&row);
            match &row {
                MovedRow::Record { record, .. } if is_late(record) => self.late.push(row),
                _ => lines.push(Line::Row(row)),
            }
        }
        Ok(lines)
    }

    fn note(&mut self, row: &MovedRow) {
        match row {
            MovedRow::Event(event) => {
                if let Actor::User(user) = event.actor {
                    self.people.insert(user);
                }
            }
            MovedRow::Record { record, .. } if record.kind == Member::KIND => {
                self.people.extend(record.id.parse::<UserId>().ok());
            }
            _ => {}
        }
    }

    async fn read_late(&mut self) -> Result<()> {
        let mut after = None;
        loop {
            let list = ExportList { part: Part::Records, after: after.take(), limit: Limit::MAX };
            let mut rows = self.store.export(self.header.workspace, list).await?;
            let more = rows.len() > Limit::MAX.get();
            rows.truncate(Limit::MAX.get());
            after = rows.last().map(MovedRow::place);
            // Those behind the place where the export goes on are met again.
            let behind = |row: &MovedRow| match (&self.stage, &self.after) {
                (Stage::Rows(0), Some(place)) => row.place() > *place,
                _ => false,
            };
            rows.retain(|row| matches!(row, MovedRow::Record { record, .. } if is_late(record)) && !behind(row));
            rows.iter().for_each(|row| self.note(row));
            self.late.extend(rows);
            if !more {
                return Ok(());
            }
        }
    }

    async fn users(&self) -> Result<Vec<Line>> {
        let ids: Vec<String> = self.people.iter().map(ToString::to_string).collect();
        let mut lines = Vec::with_capacity(ids.len());
        for ids in ids.chunks(BATCH) {
            let list = RecordList { ids: Some(ids.to_vec()), after: None, limit: Limit::MAX };
            for record in self.store.records(WorkspaceId::DIRECTORY, User::KIND, list).await? {
                // Addresses of before are nobody's business elsewhere, and another desk sees its people for itself:
                // there they begin anew.
                let (former, proven, version) = (Vec::new(), false, Version::FIRST);
                lines.push(Line::User(User { proven, former, version, ..record.read()? }));
            }
        }
        Ok(lines)
    }
}

/// A workspace that is being imported.
#[derive(Debug)]
pub struct Importing {
    desk: Desk,
    header: Header,
    waiting: Vec<MovedRow>,
    lines: u64,
}

/// Why a workspace was not imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The lines are of a version that this program does not know.
    #[error("the export has format {0}, this program knows format {FORMAT}")]
    Format(u32),
    /// The store refused rows.
    #[error("the store refuses the rows around line {line}: {cause}")]
    Refused {
        /// The line.
        line: u64,
        /// Why.
        cause: CommitError,
    },
    /// The workspace is there already.
    #[error("the workspace {0} is there already")]
    Exists(WorkspaceId),
    /// Another user has the address of one who is to be imported.
    #[error("the address {email} belongs to the user {here} here, and to {there} in the export")]
    AnotherUser {
        /// The address.
        email: String,
        /// Who has it here.
        here: UserId,
        /// Who has it in the export.
        there: UserId,
    },
    /// The export ends too early, or lines are missing.
    #[error("the export is not whole: {0}")]
    NotWhole(String),
    /// The desk did not answer as it should.
    #[error(transparent)]
    Desk(#[from] Error),
}

impl Importing {
    /// Begins to import what a header names. A workspace whose import was cut off is begun again from the
    /// first line; what is there is passed over.
    pub async fn begin(desk: &Desk, header: Header) -> Result<Self, ImportError> {
        if header.format != FORMAT {
            return Err(ImportError::Format(header.format));
        }
        if desk.store().counters(header.workspace).await.map_err(Error::from)?.is_some() {
            return Err(ImportError::Exists(header.workspace));
        }
        Ok(Self { desk: desk.clone(), header, waiting: Vec::new(), lines: 0 })
    }

    /// Takes the next line; answers whether it was the last.
    pub async fn take(&mut self, line: Line) -> Result<bool, ImportError> {
        match line {
            Line::Header(_) => return Err(ImportError::NotWhole("it has two first lines".to_owned())),
            Line::Row(row) => {
                self.lines += 1;
                self.waiting.push(row);
                if self.waiting.len() >= BATCH {
                    self.write(None).await?;
                }
            }
            Line::User(user) => {
                self.lines += 1;
                let there = user.id;
                let email = user.email.clone();
                let here = self.desk.users().adopt(user).await?;
                if here != there {
                    return Err(ImportError::AnotherUser { email: email.to_string(), here, there });
                }
            }
            Line::End { lines } if lines != self.lines => {
                let told = format!("it names {lines} lines, and has {}", self.lines);
                return Err(ImportError::NotWhole(told));
            }
            Line::End { .. } => {
                self.write(None).await?;
                self.write(Some(self.header.counters)).await?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn write(&mut self, counters: Option<Counters>) -> Result<(), ImportError> {
        let rows = std::mem::take(&mut self.waiting);
        if rows.is_empty() && counters.is_none() {
            return Ok(());
        }
        let written = self.desk.store().import(self.header.workspace, Import { rows, counters }).await;
        written.map_err(|cause| match cause {
            CommitError::Conflict { .. } => ImportError::Exists(self.header.workspace),
            cause => ImportError::Refused { line: self.lines + 1, cause },
        })
    }
}
