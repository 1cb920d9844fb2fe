//! Rows as they are stored, on their way out.

use connect_core::WorkspaceId;
use connect_core::record::Record;
use connect_core::store::{ExportList, MovedRow, Part};

use super::state::State;

impl State {
    pub(super) fn export(&self, workspace: WorkspaceId, list: &ExportList) -> Vec<MovedRow> {
        let mut rows: Vec<MovedRow> = match list.part {
            Part::Records => self.records_of(workspace).map(|record| self.moved(workspace, record)).collect(),
            Part::Tickets => self.tickets_of(workspace).cloned().map(MovedRow::Ticket).collect(),
            Part::Messages => {
                let own = self.messages.iter().filter(|((at, _), _)| *at == workspace);
                own.map(|(_, message)| MovedRow::Message(message.clone())).collect()
            }
            Part::Events => self.journal(workspace, 0).cloned().map(MovedRow::Event).collect(),
            Part::Answers => {
                let own = self.answers.iter().filter(|((at, _), _)| *at == workspace);
                own.map(|(_, answer)| answer.clone()).collect()
            }
            Part::Deliveries => self.deliveries_of(workspace).cloned().map(MovedRow::Delivery).collect(),
            Part::Seals => self.seals_of(workspace).cloned().map(MovedRow::Seal).collect(),
        };
        rows.sort_by_cached_key(MovedRow::place);
        rows.retain(|row| list.after.as_ref().is_none_or(|after| row.place() > *after));
        rows.truncate(list.limit.get() + 1);
        rows
    }

    /// A record with its keys.
    pub(super) fn moved(&self, workspace: WorkspaceId, record: &Record) -> MovedRow {
        let is_holder = |holder: &(WorkspaceId, String)| holder.0 == workspace && holder.1 == record.id;
        let mut keys: Vec<_> =
            self.keys.iter().filter(|(_, by)| is_holder(by)).map(|(key, _)| key.record_key()).collect();
        keys.sort();
        MovedRow::Record { record: record.clone(), keys }
    }
}
