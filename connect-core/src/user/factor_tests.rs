use super::*;
use crate::change::Moment;

fn factor() -> SecondFactor {
    SecondFactor::none_of(UserId::from_bits(7))
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

/// What a change leaves.
fn after(change: Option<RecordChange>) -> SecondFactor {
    let ids = crate::Ids::new(
        std::sync::Arc::new(crate::testing::ManualClock::default()),
        std::sync::Arc::new(crate::testing::SeededRandom::new(1)),
    );
    let moment = Moment::new(&ids, at(0), Actor::System);
    let parts = ChangeSet::new(&moment).record(change.expect("a change"), &moment).into_parts();
    parts.records[0].record.read().expect("it reads")
}

fn enrolled() -> SecondFactor {
    let begun = after(Some(factor().begin(PendingApp { sealed: vec![1], ends_at: at(600) })));
    after(begun.enrol(100, &[[1; 32], [2; 32]], at(599)))
}

#[test]
fn an_app_counts_once_its_code_was_entered_in_time() {
    assert!(factor().enrol(1, &[], at(0)).is_none(), "nothing was begun");
    let begun = after(Some(factor().begin(PendingApp { sealed: vec![1], ends_at: at(600) })));
    assert!(begun.app.is_none() && begun.use_step(1).is_none(), "it does not count yet");
    assert!(begun.enrol(1, &[], at(600)).is_none(), "it has ended");
    let enrolled = enrolled();
    assert!(enrolled.pending.is_none() && enrolled.app.is_some());
    assert_eq!(enrolled.recovery.len(), 2);
}

#[test]
fn a_step_is_used_once_and_no_older_one_after_it() {
    let enrolled = enrolled();
    assert!(enrolled.use_step(100).is_none(), "the code that set it up");
    let used = after(enrolled.use_step(102));
    for step in [0, 101, 102] {
        assert!(used.use_step(step).is_none(), "{step}");
    }
    assert!(used.use_step(103).is_some());
}

#[test]
fn a_recovery_code_is_used_once() {
    let enrolled = enrolled();
    let used = after(enrolled.use_recovery(&[1; 32]));
    assert_eq!(used.recovery, [[2; 32]]);
    assert!(used.use_recovery(&[1; 32]).is_none() && used.use_recovery(&[3; 32]).is_none());
    assert_eq!(after(Some(used.replace_recovery(&[[4; 32]]))).recovery, [[4; 32]], "the older ones are gone");
}

#[test]
fn another_app_takes_the_place_of_the_first_and_leaves_the_recovery_codes() {
    let begun = after(Some(enrolled().begin(PendingApp { sealed: vec![9], ends_at: at(600) })));
    assert!(begun.use_step(101).is_some(), "the first one goes on meanwhile");
    let next = after(begun.enrol(7, &[[5; 32]], at(1)));
    assert_eq!(next.app.map(|app| (app.sealed, app.last_step)), Some((vec![9], 7)));
    assert_eq!(next.recovery, [[1; 32], [2; 32]]);
}

#[test]
fn whoever_shows_it_ends_a_reset_that_was_asked_for() {
    assert!(factor().ask_reset(at(1000), false, at(0)).is_none(), "there is nothing to take");
    let asked = after(enrolled().ask_reset(at(1000), false, at(0)));
    assert!(asked.ask_reset(at(5000), false, at(1)).is_none(), "asking again moves nothing");
    let week = 7 * 24 * 3600;
    assert_eq!((asked.reset(at(999 + week)), asked.reset(at(1000 + week))), (Some(at(1000)), None), "it ends");
    assert_eq!(after(asked.use_step(500)).reset_from, None);
    assert_eq!(after(asked.use_recovery(&[1; 32])).reset_from, None);
    assert_eq!(after(asked.begin(PendingApp { sealed: vec![1], ends_at: at(600) }).into()).reset_from, Some(at(1000)));
}

#[test]
fn what_is_removed_is_gone() {
    assert!(factor().remove(false).is_none());
    assert_eq!(after(enrolled().remove(true)).recovery.len(), 2);
    let gone = after(enrolled().remove(false));
    assert!(gone.app.is_none() && gone.recovery.is_empty());
    assert!(!format!("{:?}", enrolled()).contains("sealed"), "nothing shows itself");
}

#[test]
fn whoever_has_passkeys_only_can_ask_for_a_reset_and_a_passkey_ends_it() {
    let asked = after(factor().ask_reset(at(1000), true, at(0)));
    assert_eq!(asked.reset_from, Some(at(1000)));
    assert_eq!(after(asked.keep()).reset_from, None);
    assert!(factor().keep().is_none() && enrolled().keep().is_none(), "nobody has asked");
}

#[test]
fn nothing_that_was_planted_outlasts_what_clears_it() {
    assert!(factor().clear().is_none(), "there is nothing");
    for planted in [
        enrolled(),
        after(Some(factor().begin(PendingApp { sealed: vec![1], ends_at: at(600) }))),
        after(Some(factor().replace_recovery(&[[1; 32]]))),
        after(factor().ask_reset(at(1000), true, at(0))),
    ] {
        let cleared = after(planted.clear());
        assert!(cleared.app.is_none() && cleared.pending.is_none() && cleared.recovery.is_empty());
        assert!(cleared.reset_from.is_none() && cleared.clear().is_none());
    }
}
