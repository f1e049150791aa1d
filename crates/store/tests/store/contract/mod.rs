//! The contract of [`Store`]: one suite for every engine.
//!
//! An engine joins with [`contract_suite!`]; its name is in the name of every test.

pub(crate) mod binaries;
pub(crate) mod claims;
pub(crate) mod deletion;
pub(crate) mod housekeeping;
pub(crate) mod installs;
pub(crate) mod interfaces;
pub(crate) mod life;
pub(crate) mod lookup;
pub(crate) mod machines;
pub(crate) mod owners;
pub(crate) mod pages;
pub(crate) mod processes;
pub(crate) mod strategies;
pub(crate) mod submissions;
pub(crate) mod used;
pub(crate) mod whole;
pub(crate) mod world;

use hostledger_store::Store;

/// An engine under test: a ledger of its own per test, gone with the harness.
pub(crate) trait Harness: Sync {
    /// Whether the engine can be tested on this host.
    fn available() -> bool {
        true
    }

    /// A store that nothing was written to.
    fn fresh() -> Self;

    fn store(&self) -> &dyn Store;

    /// The same ledger, opened once more beside it, as another program would.
    fn another(&self) -> Box<dyn Store>;

    /// Closes the store and opens the same ledger again.
    fn reopen(self) -> Self;
}

/// Makes every test of the contract a test of one engine.
macro_rules! contract_suite {
    ($harness:ty: $($topic:ident { $($test:ident,)+ })+) => {$(
        mod $topic {
            $(
                #[test]
                fn $test() {
                    use $crate::contract::Harness;
                    if <$harness>::available() {
                        $crate::contract::$topic::$test::<$harness>();
                    }
                }
            )+
        }
    )+};
    ($harness:ty) => {
        $crate::contract::contract_suite! { $harness:
            machines {
                reads_back_as_written,
                is_found_by_guid,
                saving_facts_leaves_the_rest_alone,
                saving_facts_of_a_machine_that_is_gone_is_refused,
                config_is_saved_over_what_was_read_only,
                the_same_id_or_guid_again_is_an_error,
                uses_are_counted,
            }
            interfaces {
                reads_back_as_written,
                saving_the_same_fingerprint_updates_its_row,
                a_changed_fingerprint_is_a_new_row,
                is_found_by_fingerprint_on_its_machine_only,
                of_a_machine_come_oldest_first,
                of_a_machine_that_is_not_there_is_an_error,
            }
            binaries {
                reads_back_as_written,
                the_valid_one_modified_last_is_found_whatever_its_case,
                updating_keeps_identity_and_health,
                updating_one_that_is_gone_is_refused,
            }
            used {
                a_claim_tells_when_installed_ones_have_come_gone_or_changed,
                all_that_are_installed_come_latest_first,
                which_one_a_process_runs_is_written_while_it_waits,
            }
            installs {
                a_request_that_waits_goes_on_as_often_as_it_was_to_be,
                every_change_does_to_the_row_what_it_does_in_memory,
                a_claim_needs_a_row_that_is_due_or_a_dead_owner_s,
                of_many_claims_one_wins,
                only_its_owner_changes_it_while_it_is_not_final,
                a_request_is_put_into_the_row_of_its_name,
                a_request_leaves_what_somebody_is_at_work_on_alone,
                those_that_are_not_final_come_in_the_order_in_which_they_are_due,
                is_found_by_name_and_by_path,
                rows_of_the_same_file_become_one_when_it_is_installed,
                a_deleted_one_leaves_its_processes,
            }
            processes {
                any_record_reads_back_as_written,
                one_that_is_only_queued_reads_back_with_all_that_was_asked,
                an_unknown_one_is_none,
                naming_a_record_that_is_not_there_is_an_error,
                are_listed_by_what_is_asked,
                a_limit_keeps_the_newest_oldest_first,
                running_ones_are_found_by_pid_and_machine,
                children_come_for_many_parents_at_once,
            }
            life {
                every_change_does_to_the_row_what_it_does_in_memory,
                a_claim_needs_a_row_that_is_queued_and_due,
                of_many_claims_one_wins,
                only_its_owner_starts_or_defers_it,
                an_end_is_written_by_its_owner_by_anybody_if_it_has_none_or_by_settling,
                what_has_ended_changes_no_more,
                only_the_first_stop_is_kept,
                an_end_by_itself_is_refused_once_a_stop_was_asked_for,
                a_start_is_refused_to_those_who_do_not_know_that_a_stop_was_asked_for,
                each_outcome_has_its_place_in_a_life,
                only_what_runs_can_be_detached,
                an_end_before_the_start_leaves_nothing_of_an_earlier_start,
                a_requeued_attempt_goes_to_the_history,
            }
            whole {
                a_start_and_an_end_together_are_what_they_are_one_by_one,
                uses_are_counted_with_what_is_written_and_not_with_what_is_refused,
            }
            claims {
                take_what_is_due_in_its_order,
                tell_of_one_s_own_whose_lease_is_over,
                of_the_same_moment_go_by_their_making_then_their_id,
                last_for_a_lease_and_no_longer,
                go_to_one_of_many_who_ask_at_once,
                what_is_given_back_stands_where_it_stood,
                are_found_by_their_owner_until_they_have_ended,
                what_becomes_due_is_heard_of_whoever_writes_it,
                a_watch_outlives_its_store_in_silence,
            }
            owners {
                are_known_until_they_have_gone_with_nothing_left,
                go_with_their_machine,
            }
            deletion {
                a_process_leaves_its_children_and_takes_its_attempts,
                a_machine_takes_everything_of_its_own,
                what_is_gone_cannot_be_deleted,
                what_has_ended_is_pruned_with_what_belongs_to_it_and_nothing_else,
            }
            lookup {
                a_unique_prefix_finds_any_kind_of_record,
                an_ambiguous_prefix_names_candidates_of_all_kinds,
            }
            pages {
                every_record_comes_once_in_order,
                pages_end_with_the_table,
                records_added_meanwhile_disturb_nothing,
            }
            housekeeping {
                running_ones_are_named_and_counted_by_machine_and_type,
                are_found_by_parent_and_by_name,
                many_are_read_by_their_ids,
                those_taken_on_are_queued_owned_and_under_a_lease,
                secrets_are_needed_until_the_last_of_their_batch_has_ended,
                descendants_come_level_by_level_through_those_that_have_ended,
                ancestors_lead_from_the_parent_to_the_root,
                a_long_line_of_parents_is_followed_to_its_ends,
                worker_ids_count_up_for_each_type_and_outlive_every_record,
                no_worker_id_is_given_out_twice,
                those_that_ended_before_a_time_come_in_pages,
            }
            submissions {
                of_nothing_is_applied_and_a_fresh_ledger_is_sound,
                are_written_all_or_nothing_when_refused,
                are_written_all_or_nothing_when_they_fail,
                one_that_fails_spares_those_beside_it,
                are_written_in_order,
                many_processes_are_inserted_at_once_or_none_of_them,
                what_was_submitted_is_written_before_the_store_closes,
                many_threads_count_without_losing_any,
            }
        }
    };
}
pub(crate) use contract_suite;
