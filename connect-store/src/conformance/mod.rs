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

pub mod api_keys;
pub mod atomicity;
pub mod auth;
pub mod blobs;
pub mod consumers;
pub mod cursors;
pub mod dispatch;
pub mod erasure;
pub mod feed;
pub mod idempotency;
pub mod isolation;
pub mod journal;
pub mod limits;
pub mod numbering;
pub mod records;
pub mod seals;
pub mod search;
pub mod teams;
pub mod transfer;
pub mod turns;
pub mod versions;
mod world;

use std::any::Any;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use connect_core::{AuthStore, BlobStore, LiveFeed, RateLimiter, Store};

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

/// An unused limiter to try a case on.
pub struct FreshLimiter {
    /// Two nodes that count together; the same one twice where it is one process only.
    pub nodes: [Arc<dyn RateLimiter>; 2],
    /// Whatever must live as long.
    pub guard: Box<dyn Any + Send + Sync>,
}

/// A feed that nobody has used yet.
pub struct FreshFeed {
    /// Two nodes that wake each other; the same one twice where it is one process only.
    pub nodes: [Arc<dyn LiveFeed>; 2],
    /// Whatever must live as long.
    pub guard: Box<dyn Any + Send + Sync>,
}

/// An empty store for large content.
pub struct FreshBlobs {
    /// The store.
    pub blobs: Arc<dyn BlobStore>,
    /// Whatever must live as long.
    pub guard: Box<dyn Any + Send + Sync>,
}

macro_rules! opaque {
    ($($name:ident),+) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    )+};
}

opaque!(Fresh, FreshLimiter, FreshFeed, FreshBlobs);

/// What a case is played on, made of what an adapter's test gives.
pub trait Stage: Sized {
    /// What the case takes.
    type Set;
    /// Sets it up.
    fn set(self) -> Self::Set;
}

impl Stage for Fresh {
    type Set = World;
    fn set(self) -> World {
        World::new(self)
    }
}

macro_rules! plain_stage {
    ($($name:ident),+) => {$(
        impl Stage for $name {
            type Set = Self;
            fn set(self) -> Self {
                self
            }
        }
    )+};
}

plain_stage!(FreshLimiter, FreshFeed, FreshBlobs);

/// Runs a case on a runtime with two threads.
pub fn run<S, M, C>(fresh: M, case: impl FnOnce(S::Set) -> C)
where
    S: Stage,
    M: Future<Output = S>,
    C: Future<Output = ()>,
{
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    match runtime {
        Ok(runtime) => runtime.block_on(async { case(fresh.await.set()).await }),
        Err(error) => panic!("no runtime for the case: {error}"),
    }
}

/// Makes a test of every case. The argument is an async function that gives a [`Fresh`] store.
#[macro_export]
macro_rules! conformance {
    ($fresh:path) => {
        $crate::auth_conformance!($fresh);

        $crate::__conformance_cases! {
            atomicity: all_parts_are_kept_together, a_refused_set_leaves_nothing, a_change_survives_reopening,
                a_caller_that_goes_away_leaves_whole_changes_only, parallel_sets_are_each_kept_or_refused;
            versions: a_second_writer_of_a_version_is_refused, one_of_many_writers_wins, an_insert_of_what_exists_is_refused,
                an_update_of_what_is_absent_is_refused, a_record_of_an_old_version_is_refused;
            numbering: tickets_are_numbered_densely, tickets_are_numbered_densely_under_parallel_commits, two_processes_number_densely_together,
                workspaces_number_on_their_own, a_refused_ticket_takes_no_number, a_written_ticket_keeps_its_number;
            isolation: a_ticket_of_another_workspace_is_absent, a_record_of_another_workspace_is_absent,
                a_message_of_another_workspace_is_absent, lists_show_one_workspace, a_contact_of_another_workspace_is_refused,
                a_message_to_a_ticket_of_another_workspace_is_refused, a_write_to_a_ticket_of_another_workspace_is_refused,
                events_and_deliveries_show_one_workspace, answers_belong_to_one_workspace, keys_are_unique_by_workspace,
                a_key_of_another_workspace_is_absent, records_of_one_id_stay_apart;
            records: a_key_has_one_holder, a_key_is_released_by_its_holder, a_key_everywhere_has_one_holder_everywhere,
                one_of_many_takes_a_key, a_key_moves_within_one_set, records_are_found_by_key, records_are_located_everywhere,
                records_come_in_pages, records_are_read_by_id, a_removed_record_is_gone, workspaces_are_listed,
                a_record_of_another_kind_is_absent;
            api_keys: sec_63_a_key_is_found_by_its_id_alone, sec_67_a_revoked_key_is_found_no_more,
                sec_67_one_of_parallel_rotations_is_kept;
            cursors: every_order_walks_all_tickets_once, a_walk_is_stable_while_rows_change, filters_agree_with_their_meaning,
                messages_come_in_order_and_pages, notes_are_left_out_when_asked;
            search: words_are_found_in_subject_and_messages, notes_are_searched_only_when_asked, accents_and_case_do_not_matter,
                the_last_word_may_be_a_beginning, a_changed_subject_is_found_and_the_old_one_is_not, query_signs_are_words,
                a_ticket_is_found_by_its_number;
            teams: sec_60_tickets_of_a_team_are_told_apart, sec_60_a_list_is_held_to_teams_and_an_assignee,
                sec_60_a_moved_ticket_leaves_the_list, sec_60_a_held_list_shows_one_workspace;
            idempotency: the_same_key_answers_the_same, another_request_with_the_key_is_refused, parallel_twins_write_once,
                an_ended_key_is_free, a_key_belongs_to_one_actor, a_refused_set_keeps_no_key, a_key_ends_exactly_at_its_end;
            journal: events_are_numbered_densely_in_order, events_follow_commit_order_under_parallel_commits,
                a_reader_never_finds_an_earlier_event_later, a_ticket_has_its_own_events, public_events_are_told_apart, events_come_in_pages;
            dispatch: new_events_are_unrouted_until_routed, a_cursor_moves_once, a_delivery_is_queued_once,
                a_claim_takes_what_is_due, a_lease_holds_until_it_ends, parallel_claims_take_each_once,
                a_late_result_is_discarded, a_retry_waits_for_its_time, settled_deliveries_stay_settled,
                a_crash_between_routing_and_sending_loses_nothing, deliveries_are_listed_by_message_and_state,
                the_oldest_is_taken_first, a_cursor_does_not_pass_the_journal, another_workspace_settles_nothing,
                a_page_of_deliveries_says_that_there_is_more;
            consumers: a_consumer_gets_every_event_once, what_a_consumer_refuses_comes_again;
            turns: workspaces_take_turns, a_claim_keeps_to_the_shares, a_claim_is_of_one_channel, lost_workers_are_counted,
                deliveries_are_reset_by_hand, what_became_of_deliveries_is_kept, users_read_what_is_for_them, the_queue_is_measured;
            transfer: what_is_exported_is_all_there_is, a_workspace_moves_whole, a_moved_workspace_goes_on, an_import_may_be_repeated,
                nothing_is_seen_before_the_counters, a_workspace_that_exists_takes_no_import,
                an_import_that_does_not_fit_is_refused_whole;
            seals: a_seal_is_kept_with_its_route, a_refused_route_keeps_no_seal, one_of_many_routers_seals,
                seals_come_in_order_and_pages, seals_show_one_workspace, a_seal_survives_reopening;
            erasure: a_value_written_over_is_nowhere, a_subject_written_over_is_nowhere, the_journal_holds_no_words_of_people,
                an_event_comes_back_with_its_origin, a_forgotten_origin_is_nowhere, origins_are_forgotten_as_far_as_asked,
                origins_of_one_actor_are_forgotten;
        }
    };
}

/// Makes a test of every case of an [`AuthStore`]; [`conformance!`](crate::conformance!) has them already.
#[macro_export]
macro_rules! auth_conformance {
    ($fresh:path) => {
        fn __fresh() -> impl ::std::future::Future<Output = $crate::conformance::Fresh> {
            $fresh()
        }

        $crate::__conformance_cases! {
            auth: guesses_are_counted_exactly, a_wrong_secret_costs_nothing, an_ended_challenge_is_refused, a_challenge_is_used_once,
                a_wrong_guess_does_not_prolong, another_code_keeps_the_count_and_the_end, codes_are_resent_so_often,
                live_challenges_are_capped_without_eviction, a_guess_survives_a_caller_that_goes_away, a_budget_is_exact,
                a_budget_unit_can_be_given_back, a_session_is_found_by_its_token, a_touch_does_not_revive,
                sessions_are_revoked_one_or_all, a_new_session_replaces_the_old, what_has_ended_is_swept,
                what_lives_is_not_swept, an_ended_challenge_gets_no_code, a_budget_window_does_not_slide, ended_sessions_are_not_listed,
                units_are_given_back_together, a_session_is_renewed, a_revoked_session_is_not_renewed,
                a_session_is_renewed_once, ending_all_sessions_ends_those_that_are_being_renewed,
                a_code_replaces_no_revoked_session, a_flow_is_taken_once, a_flow_is_kept_once, an_ended_flow_is_never_given;
        }
    };
}

/// Makes a test of every case of a limiter. The argument is an async function that gives a [`FreshLimiter`].
#[macro_export]
macro_rules! limiter_conformance {
    ($fresh:path) => {
        fn __fresh() -> impl ::std::future::Future<Output = $crate::conformance::FreshLimiter> {
            $fresh()
        }

        $crate::__conformance_cases! {
            limits: exactly_the_limit_passes, a_window_ends, keys_count_apart, the_verdict_tells_what_is_left,
                what_is_given_back_may_be_taken_again, giving_back_makes_no_room_that_was_not_taken,
                a_quota_of_nothing_allows_nothing, a_window_of_no_length_only_looks;
        }
    };
}

/// Makes a test of every case of a feed. The argument is an async function that gives a [`FreshFeed`].
#[macro_export]
macro_rules! feed_conformance {
    ($fresh:path) => {
        fn __fresh() -> impl ::std::future::Future<Output = $crate::conformance::FreshFeed> {
            $fresh()
        }

        $crate::__conformance_cases! {
            feed: a_hint_reaches_every_node, the_newest_of_a_burst_arrives, a_slow_subscriber_is_told_of_the_gap,
                publishing_never_waits, a_connected_feed_is_ready,
                signs_reach_every_node, signs_take_no_room_from_hints;
        }
    };
}

/// Makes a test of every case of a store for large content. The argument is an async function that gives
/// [`FreshBlobs`].
#[macro_export]
macro_rules! blob_conformance {
    ($fresh:path) => {
        fn __fresh() -> impl ::std::future::Future<Output = $crate::conformance::FreshBlobs> {
            $fresh()
        }

        $crate::__conformance_cases! {
            blobs: what_was_put_is_read_back, large_content_is_streamed_both_ways, a_range_is_cut_to_what_there_is,
                a_range_behind_the_end_is_refused, missing_content_is_told, too_much_is_refused_and_leaves_nothing,
                content_that_is_cut_off_leaves_nothing, a_caller_that_goes_away_leaves_nothing_visible,
                a_key_written_again_is_replaced_whole, removed_content_is_gone, parallel_writers_leave_one_whole;
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
