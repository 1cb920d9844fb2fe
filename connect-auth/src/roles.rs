//! The matrix of roles: what each standing may do. One table, from which the documents are made.

use std::fmt::Write;

use connect_core::{Action, Policy, Role, Standing};

/// One row: an action, and whether viewer, member, admin, owner and customer may do it.
type Row = (Action, [bool; 5]);

const YES: bool = true;
const NO: bool = false;

/// The table. Columns: viewer, member, admin, owner, customer (on their own tickets only).
const MATRIX: [Row; 21] = [
    (Action::ReadWorkspace, [YES, YES, YES, YES, YES]),
    (Action::UpdateWorkspace, [NO, NO, YES, YES, NO]),
    (Action::ReadMembers, [YES, YES, YES, YES, NO]),
    (Action::ManageMembers, [NO, NO, YES, YES, NO]),
    (Action::TransferOwnership, [NO, NO, NO, YES, NO]),
    (Action::ManageApiKeys, [NO, NO, YES, YES, NO]),
    (Action::ManageWebhooks, [NO, NO, YES, YES, NO]),
    (Action::ManageMail, [NO, NO, YES, YES, NO]),
    (Action::ReadNotifications, [YES, YES, YES, YES, NO]),
    (Action::ChooseNotifications, [YES, YES, YES, YES, NO]),
    (Action::ReadContacts, [YES, YES, YES, YES, NO]),
    (Action::WriteContacts, [NO, YES, YES, YES, NO]),
    (Action::ReadLabels, [YES, YES, YES, YES, NO]),
    (Action::WriteLabels, [NO, YES, YES, YES, NO]),
    (Action::ReadTickets, [YES, YES, YES, YES, YES]),
    (Action::OpenTickets, [NO, YES, YES, YES, YES]),
    (Action::ReplyToTickets, [NO, YES, YES, YES, YES]),
    (Action::UpdateTickets, [NO, YES, YES, YES, NO]),
    (Action::ReadNotes, [NO, YES, YES, YES, NO]),
    (Action::WriteNotes, [NO, YES, YES, YES, NO]),
    (Action::ReadAudit, [NO, NO, YES, YES, NO]),
];

/// The policy of the matrix. The embedding application may do everything.
#[derive(Debug, Clone, Copy, Default)]
pub struct RoleMatrix;

impl Policy for RoleMatrix {
    fn allows(&self, standing: Standing, action: Action) -> bool {
        let column = match standing {
            Standing::Host => return true,
            Standing::Member(Role::Viewer) => 0,
            Standing::Member(Role::Member) => 1,
            Standing::Member(Role::Admin) => 2,
            Standing::Member(Role::Owner) => 3,
            Standing::Contact => 4,
        };
        MATRIX.iter().find(|(known, _)| *known == action).is_some_and(|(_, row)| row[column])
    }
}

impl RoleMatrix {
    /// The matrix as a table in Markdown.
    pub fn markdown() -> String {
        let mut text =
            String::from("| action | viewer | member | admin | owner | customer |\n|---|---|---|---|---|---|\n");
        for (action, row) in MATRIX {
            let cells: Vec<&str> = row.iter().map(|yes| if *yes { "yes" } else { "–" }).collect();
            let _ = writeln!(text, "| `{}` | {} |", action.as_str(), cells.join(" | "));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sec_58_every_action_has_one_row_and_power_only_grows() {
        for action in Action::ALL {
            assert_eq!(MATRIX.iter().filter(|(known, _)| known == action).count(), 1, "{action:?}");
            let allowed: Vec<bool> =
                Role::ALL.iter().map(|role| RoleMatrix.allows(Standing::Member(*role), *action)).collect();
            assert!(allowed.is_sorted(), "a stronger role may do all that a weaker one may: {action:?}");
            assert!(RoleMatrix.allows(Standing::Host, *action));
        }
        assert_eq!(MATRIX.len(), Action::ALL.len());
    }

    #[test]
    fn sec_58_viewers_and_customers_see_no_notes() {
        for standing in [Standing::Member(Role::Viewer), Standing::Contact] {
            assert!(!RoleMatrix.allows(standing, Action::ReadNotes));
            assert!(!RoleMatrix.allows(standing, Action::WriteNotes));
        }
    }

    #[test]
    fn the_table_in_the_documents_is_this_one() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/roles.md");
        let documented = std::fs::read_to_string(path).expect("docs/roles.md is there");
        assert!(documented.contains(&RoleMatrix::markdown()), "docs/roles.md must hold:\n{}", RoleMatrix::markdown());
    }
}
