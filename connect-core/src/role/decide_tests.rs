use std::sync::Arc;

use super::*;
use crate::testing::{ManualClock, SeededRandom};
use crate::{Actor, Ids};

fn ids() -> Ids {
    Ids::new(Arc::new(ManualClock::default()), Arc::new(SeededRandom::new(5)))
}

fn set(actions: &[Action]) -> Permissions {
    actions.iter().copied().collect()
}

fn named(base: Role, actions: &[Action]) -> NewRole {
    NewRole { name: Name::parse("name", "Some role").expect("a name"), base, permissions: set(actions) }
}

/// A giver of this rank who may do this, where members may do everything but administer.
fn giver(rank: Role, own: &[Action]) -> Giver<impl Fn(Action) -> bool + use<>, impl Fn(Role, Action) -> bool + use<>> {
    let own = set(own);
    let base_may = |base: Role, action: Action| match base {
        Role::Viewer => action == Action::ReadTickets,
        Role::Member => !matches!(action, Action::ManageMembers | Action::ReadAudit),
        Role::Admin | Role::Owner => true,
    };
    Giver { rank: Some(rank), may: move |action| own.contains(action), base_may }
}

const OWN: [Action; 4] = [Action::ManageMembers, Action::ReadTickets, Action::ReplyToTickets, Action::ReadMembers];

#[test]
fn sec_57_nobody_makes_a_role_of_what_they_have_not() {
    let (ids, giver) = (ids(), giver(Role::Admin, &OWN));
    let moment = Moment::new(&ids, Timestamp::default(), Actor::Host);
    for action in Action::ALL.iter().filter(|action| !action.is_for_owners()) {
        let made = CustomRole::create(named(Role::Admin, &[*action]), &giver, &moment);
        assert_eq!(made.is_ok(), OWN.contains(action), "{action:?}");
    }
    let above =
        CustomRole::create(named(Role::Admin, &[Action::ReadTickets]), &self::giver(Role::Member, &OWN), &moment);
    assert!(matches!(above, Err(Error::Forbidden(_))), "a role of a base above one's own");
}

#[test]
fn sec_57_a_role_has_nothing_that_its_base_has_not_and_nothing_of_owners() {
    let (ids, giver) = (ids(), giver(Role::Owner, &OWN));
    let moment = Moment::new(&ids, Timestamp::default(), Actor::Host);
    let code = |made: Result<(CustomRole, RecordChange)>| match made {
        Err(Error::Invalid(errors)) => errors[0].code,
        other => panic!("was {other:?}"),
    };
    assert_eq!(code(CustomRole::create(named(Role::Owner, &[]), &giver, &moment)), "owner_only");
    assert_eq!(code(CustomRole::create(named(Role::Member, &[Action::ManageMembers]), &giver, &moment)), "beyond_base");
    assert_eq!(
        code(CustomRole::create(named(Role::Viewer, &[Action::ReplyToTickets]), &giver, &moment)),
        "beyond_base"
    );
    let errors = Permissions::parse("p", &["ownership.transfer".to_owned()]).expect_err("for owners");
    assert_eq!(errors[0].code, "owner_only");
    let stored: Permissions =
        serde_json::from_str(r#"["tickets.read","ownership.transfer","tickets.teleport"]"#).expect("it reads");
    assert_eq!(stored.words(), ["tickets.read"], "even if it is stored there");
}

#[test]
fn sec_57_nobody_puts_into_a_role_or_takes_out_of_it_what_they_have_not() {
    let (ids, owner) = (ids(), giver(Role::Owner, &[&OWN[..], &[Action::ReadAudit, Action::ReadNotes]].concat()));
    let moment = Moment::new(&ids, Timestamp::default(), Actor::Host);
    let new = named(Role::Admin, &[Action::ManageMembers, Action::ReadNotes]);
    let (role, _) = CustomRole::create(new, &owner, &moment).expect("made");
    let limited = giver(Role::Admin, &OWN);
    let set_to = |actions: &[Action]| {
        let patch = RolePatch { permissions: Some(set(actions)), ..RolePatch::default() };
        role.update(patch, &limited)
    };
    let audit = set_to(&[Action::ManageMembers, Action::ReadNotes, Action::ReadAudit]);
    assert!(matches!(audit, Err(Error::Forbidden("audit.read"))), "put in: {audit:?}");
    let notes = set_to(&[Action::ManageMembers]);
    assert!(matches!(notes, Err(Error::Forbidden("notes.read"))), "taken out: {notes:?}");
    assert!(set_to(&[Action::ManageMembers, Action::ReadNotes]).expect("allowed").is_none(), "nothing is different");
    let tickets = set_to(&[Action::ReadTickets, Action::ReadNotes]).expect("what they have themselves");
    assert!(tickets.is_some());
    let renamed = RolePatch { name: Some(Name::parse("name", "Other").expect("a name")), ..RolePatch::default() };
    assert!(role.update(renamed, &limited).expect("a name gives nothing").is_some());
}
