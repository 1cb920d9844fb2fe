//! Faults in the store in memory.

use super::{Adapter, Fault};

const fn store(name: &'static str, find: &'static str, replace: &'static str, caught_by: &'static str) -> Fault {
    Fault { name, file: "connect-store/src/memory/mod.rs", find, replace, caught_by, adapter: Adapter::Memory }
}

const fn state(name: &'static str, find: &'static str, replace: &'static str, caught_by: &'static str) -> Fault {
    Fault { name, file: "connect-store/src/memory/state.rs", find, replace, caught_by, adapter: Adapter::Memory }
}

pub(super) const FAULTS: &[Fault] = &[
    store(
        "ticket by id forgets the workspace",
        "TicketKey::Id(id) => state.tickets.get(&(workspace, id)),",
        "TicketKey::Id(id) => state.tickets.values().find(|ticket| ticket.id == id),",
        "isolation::a_ticket_of_another_workspace_is_absent",
    ),
    store(
        "message forgets the workspace",
        "self.state().messages.get(&(workspace, id)).cloned()",
        "self.state().messages.values().find(|message| message.id == id).cloned()",
        "isolation::a_message_of_another_workspace_is_absent",
    ),
    store(
        "record forgets the workspace",
        "self.state().records.get(&(workspace, id)).filter(",
        "self.state().records.values().find(|record| record.id == id).filter(",
        "isolation::a_record_of_another_workspace_is_absent",
    ),
    store(
        "a record is found by a key in another workspace",
        ".into_iter().filter(|(at, _)| *at == workspace);",
        ".into_iter();",
        "isolation::keys_are_unique_by_workspace",
    ),
    store(
        "the directory is listed as a workspace",
        ".filter(|id| *id > after)",
        ".filter(|id| *id >= after)",
        "records::workspaces_are_listed",
    ),
    state(
        "lists and searches forget the workspace",
        "self.tickets.range(range).map(|(_, ticket)| ticket)",
        "self.tickets.values()",
        "isolation::lists_show_one_workspace",
    ),
    state(
        "a record of another kind is found by a key",
        "known.kind == kind && known.key == key",
        "known.key == key",
        "records::records_are_found_by_key",
    ),
    state(
        "the newest workspace is located first",
        "found.sort_by_key(|(workspace, _)| *workspace);",
        "found.sort_by_key(|(workspace, _)| std::cmp::Reverse(*workspace));",
        "records::records_are_located_everywhere",
    ),
];
