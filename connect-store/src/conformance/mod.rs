//! The conformance kit: what the ports promise, one case one test.
//!
//! ```text
//! async fn fresh() -> connect_store::conformance::Fresh { /* an empty store */ }
//! connect_store::conformance!(fresh);
//! ```
//!
//! makes a `#[test]` of every case. Each gets a store of its own. A failing case says what the contract
//! demands and what was seen.

// A case fails by panicking: that is what a test does.
#![allow(clippy::expect_used, clippy::unnecessary_wraps)]

pub mod atomicity;
pub mod auth;
pub mod cursors;
pub mod dispatch;
pub mod idempotency;
pub mod isolation;
pub mod journal;
pub mod limits;
pub mod numbering;
pub mod records;
pub mod search;
pub mod versions;
mod world;

use std::any::Any;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use connect_core::{AuthStore, Store};

pub use world::World;

/// The two ports of one store.
pub type Ports = (Arc<dyn Store>, Arc<dyn AuthStore>);

/// Opens the store once more, as a process started after the first one was killed would.
pub type Reopen = Box<dyn Fn() -> Pin<Box<dyn Future<Output = Ports> + Send>> + Send + Sync>;

/// An empty store to try a case on.
pub struct Fresh {
    /// The ports.
    pub ports: Ports,
    /// Opens the same store again while the first handle is still there but unused.
    pub reopen: Reopen,
    /// Whatever must live as long as the store, such as a temporary folder.
    pub guard: Box<dyn Any + Send + Sync>,
}

impl std::fmt::Debug for Fresh {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fresh").finish_non_exhaustive()
    }
}

/// Runs a case on a runtime with two threads.
pub fn run<M, C>(fresh: M, case: impl FnOnce(World) -> C)
where
    M: Future<Output = Fresh>,
    C: Future<Output = ()>,
{
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    match runtime {
        Ok(runtime) => runtime.block_on(async { case(World::new(fresh.await)).await }),
        Err(error) => panic!("no runtime for the case: {error}"),
    }
}

/// Makes a test of every case. The argument is an async function that gives a [`Fresh`] store.
#[macro_export]
macro_rules! conformance {
    ($fresh:path) => {
        fn __fresh() -> impl ::std::future::Future<Output = $crate::conformance::Fresh> {
            $fresh()
        }

        $crate::__conformance_cases! {
            atomicity: all_parts_are_kept_together, a_refused_set_leaves_nothing, a_change_survives_reopening,
                a_caller_that_goes_away_leaves_whole_changes_only, parallel_sets_are_each_kept_or_refused;
            versions: a_second_writer_of_a_version_is_refused, one_of_many_writers_wins, an_insert_of_what_exists_is_refused,
                an_update_of_what_is_absent_is_refused, a_record_of_an_old_version_is_refused;
            numbering: tickets_are_numbered_densely, tickets_are_numbered_densely_under_parallel_commits,
                workspaces_number_on_their_own, a_refused_ticket_takes_no_number;
            isolation: a_ticket_of_another_workspace_is_absent, a_record_of_another_workspace_is_absent,
                a_message_of_another_workspace_is_absent, lists_show_one_workspace, a_contact_of_another_workspace_is_refused,
                a_message_to_a_ticket_of_another_workspace_is_refused, a_write_to_a_ticket_of_another_workspace_is_refused,
                events_and_deliveries_show_one_workspace, answers_belong_to_one_workspace, keys_are_unique_by_workspace;
            records: a_key_has_one_holder, a_key_is_released_by_its_holder, a_key_everywhere_has_one_holder_everywhere,
                one_of_many_takes_a_key, a_key_moves_within_one_set, records_are_found_by_key, records_are_located_everywhere,
                records_come_in_pages, records_are_read_by_id, a_removed_record_is_gone, workspaces_are_listed;
            cursors: every_order_walks_all_tickets_once, a_walk_is_stable_while_rows_change, filters_agree_with_their_meaning,
                messages_come_in_order_and_pages, notes_are_left_out_when_asked;
            search: words_are_found_in_subject_and_messages, notes_are_searched_only_when_asked, accents_and_case_do_not_matter,
                the_last_word_may_be_a_beginning, a_changed_subject_is_found_and_the_old_one_is_not, query_signs_are_words;
            idempotency: the_same_key_answers_the_same, another_request_with_the_key_is_refused, parallel_twins_write_once,
                an_ended_key_is_free, a_key_belongs_to_one_actor, a_refused_set_keeps_no_key;
            journal: events_are_numbered_densely_in_order, events_follow_commit_order_under_parallel_commits,
                a_reader_never_finds_an_earlier_event_later, a_ticket_has_its_own_events, public_events_are_told_apart, events_come_in_pages;
            dispatch: new_events_are_unrouted_until_routed, a_cursor_moves_once, a_delivery_is_queued_once,
                a_claim_takes_what_is_due, a_lease_holds_until_it_ends, parallel_claims_take_each_once,
                a_late_result_is_discarded, a_retry_waits_for_its_time, settled_deliveries_stay_settled,
                a_crash_between_routing_and_sending_loses_nothing, deliveries_are_listed_by_message_and_state;
            auth: guesses_are_counted_exactly, a_wrong_secret_costs_nothing, an_ended_challenge_is_refused, a_challenge_is_used_once,
                a_wrong_guess_does_not_prolong, another_code_keeps_the_count_and_the_end, codes_are_resent_so_often,
                live_challenges_are_capped_without_eviction, a_guess_survives_a_caller_that_goes_away, a_budget_is_exact,
                a_budget_unit_can_be_given_back, a_session_is_found_by_its_token, a_touch_does_not_revive,
                sessions_are_revoked_one_or_all, a_new_session_replaces_the_old, what_has_ended_is_swept;
        }
    };
}

/// Makes a test of every case of a limiter. The argument is a function that gives a fresh one.
#[macro_export]
macro_rules! limiter_conformance {
    ($fresh:path) => {
        fn __fresh() -> impl ::connect_core::RateLimiter + 'static {
            $fresh()
        }

        mod limits {
            $crate::__limiter_cases! { exactly_the_limit_passes, a_window_ends, keys_count_apart, the_verdict_tells_what_is_left, what_is_given_back_may_be_taken_again }
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_cases {
    ($($group:ident: $($case:ident),+;)+) => {$(
        mod $group {
            $(
                #[test]
                fn $case() {
                    $crate::conformance::run(super::__fresh(), $crate::conformance::$group::$case);
                }
            )+
        }
    )+};
}

#[doc(hidden)]
#[macro_export]
macro_rules! __limiter_cases {
    ($($case:ident),+) => {$(
        #[test]
        fn $case() {
            $crate::conformance::limits::$case(std::sync::Arc::new(super::__fresh()));
        }
    )+};
}
