//! The fault table of the purge: what may go wrong, and the tests that show what happens then. A test
//! below holds it against the tests there are.

use std::path::Path;

/// A line of the table.
struct Fault {
    row: usize,
    /// What goes wrong.
    what: &'static str,
    /// File below `tests/` (or `src/`), and the function in it.
    shown_by: &'static [(&'static str, &'static str)],
}

const fn fault(
    row: usize,
    what: &'static str,
    shown_by: &'static [(&'static str, &'static str)],
) -> Fault {
    Fault {
        row,
        what,
        shown_by,
    }
}

const FAULTS: [Fault; 42] = [
    fault(
        1,
        "killed while the archive is written",
        &[
            (
                "tests/purge/power.rs",
                "after_a_death_at_any_operation_the_same_steps_end_well",
            ),
            (
                "tests/purge/creation.rs",
                "a_creation_that_died_at_any_operation_is_taken_over",
            ),
            (
                "tests/purge/crash.rs",
                "killed_at_every_line_of_the_journal_nothing_is_lost",
            ),
        ],
    ),
    fault(
        2,
        "killed while it is sealed or verified",
        &[
            (
                "tests/purge/power.rs",
                "after_a_death_at_any_operation_the_same_steps_end_well",
            ),
            (
                "tests/purge/damage.rs",
                "a_journal_without_its_last_lines_goes_on_from_there",
            ),
        ],
    ),
    fault(
        3,
        "killed around an intent, a COMMIT, a done",
        &[
            (
                "tests/purge/power.rs",
                "after_a_death_at_any_operation_the_same_steps_end_well",
            ),
            (
                "tests/purge/crash.rs",
                "killed_while_it_purges_a_server_nothing_is_lost",
            ),
            (
                "tests/purge_sqlite/kill.rs",
                "a_killed_deletion_is_whole_or_nothing",
            ),
        ],
    ),
    fault(
        4,
        "killed at random under a competitor",
        &[
            (
                "tests/purge/crash.rs",
                "killed_at_random_moments_nothing_is_lost",
            ),
            (
                "tests/purge/crash.rs",
                "killed_while_it_purges_a_server_nothing_is_lost",
            ),
            (
                "tests/mongo_purge/whole.rs",
                "killed_anywhere_nothing_is_lost",
            ),
        ],
    ),
    fault(
        5,
        "COMMIT without an answer",
        &[
            (
                "tests/purge/network.rs",
                "a_commit_without_an_answer_is_settled",
            ),
            (
                "tests/postgres_purge.rs",
                "a_transaction_is_settled_and_one_left_open_takes_nothing",
            ),
            (
                "tests/purge_sqlite/faults.rs",
                "a_lost_commit_is_settled_by_the_rows",
            ),
        ],
    ),
    fault(
        6,
        "the server crashes",
        &[(
            "tests/purge/servers.rs",
            "a_server_that_crashes_is_gone_on_with",
        )],
    ),
    fault(
        7,
        "a standby that lags takes over",
        &[(
            "tests/purge/servers.rs",
            "a_standby_that_takes_over_needs_another_plan",
        )],
    ),
    fault(
        8,
        "the archive's disk is full",
        &[(
            "tests/purge/space.rs",
            "a_backup_stops_at_a_bad_disk_and_goes_on_later",
        )],
    ),
    fault(
        9,
        "the journal's disk is full at an intent",
        &[(
            "tests/purge/space.rs",
            "nothing_is_deleted_that_cannot_be_journalled",
        )],
    ),
    fault(
        10,
        "a sync fails, or lies",
        &[
            (
                "tests/purge/space.rs",
                "a_backup_stops_at_a_bad_disk_and_goes_on_later",
            ),
            (
                "tests/purge/power.rs",
                "a_purge_that_did_not_sync_would_be_caught",
            ),
        ],
    ),
    fault(
        11,
        "the connection is cut or falls silent in the middle of a COPY",
        &[
            (
                "tests/purge/network.rs",
                "a_backup_that_is_cut_goes_on_at_its_key",
            ),
            (
                "tests/purge/network.rs",
                "a_server_that_falls_silent_is_not_waited_for",
            ),
        ],
    ),
    fault(
        12,
        "a byte of the archive flips",
        &[
            ("tests/purge/damage.rs", "a_flipped_byte_is_found"),
            (
                "tests/purge/damage.rs",
                "a_byte_flipped_before_the_deletion_is_found",
            ),
        ],
    ),
    fault(
        13,
        "parts are cut, dropped, swapped, doubled",
        &[(
            "tests/purge/damage.rs",
            "cut_dropped_swapped_and_doubled_parts_are_found",
        )],
    ),
    fault(
        14,
        "the archive changes after its verification",
        &[
            (
                "tests/purge/damage.rs",
                "a_segment_that_changed_after_the_verification_deletes_nothing",
            ),
            (
                "tests/purge.rs",
                "an_archive_that_was_touched_deletes_nothing",
            ),
            (
                "tests/postgres_purge.rs",
                "a_tampered_archive_deletes_nothing_it_does_not_hold",
            ),
        ],
    ),
    fault(
        15,
        "a row is updated after the backup",
        &[
            (
                "tests/postgres_purge.rs",
                "rows_that_are_not_as_archived_stay",
            ),
            (
                "tests/purge_sqlite/faults.rs",
                "changed_gone_new_and_late_rows_stay_as_they_are",
            ),
            (
                "tests/mongo_purge/deleting.rs",
                "documents_that_are_not_as_archived_stay",
            ),
            (
                "tests/purge/mutants.rs",
                "the_real_server_passes_and_each_mutant_is_caught",
            ),
        ],
    ),
    fault(
        16,
        "a row is deleted by others",
        &[
            (
                "tests/postgres_purge.rs",
                "rows_that_are_not_as_archived_stay",
            ),
            (
                "tests/purge_sqlite/faults.rs",
                "changed_gone_new_and_late_rows_stay_as_they_are",
            ),
        ],
    ),
    fault(
        17,
        "a row is deleted and another put in its place",
        &[
            (
                "tests/postgres_purge.rs",
                "rows_that_are_not_as_archived_stay",
            ),
            (
                "tests/purge/mutants.rs",
                "the_real_store_passes_and_each_mutant_is_caught",
            ),
        ],
    ),
    fault(
        18,
        "a row arrives late, with an old time",
        &[
            (
                "tests/postgres_purge.rs",
                "what_is_read_is_deleted_and_nothing_else",
            ),
            (
                "tests/purge/mutants.rs",
                "the_real_server_passes_and_each_mutant_is_caught",
            ),
        ],
    ),
    fault(
        19,
        "a row's time is changed while the table is read",
        &[(
            "tests/purge/rivals.rs",
            "a_row_that_moves_while_it_is_read_is_kept_or_goes_as_it_is_now",
        )],
    ),
    fault(
        20,
        "the same content in another version",
        &[(
            "tests/postgres_purge.rs",
            "rows_that_are_not_as_archived_stay",
        )],
    ),
    fault(
        21,
        "somebody holds locks",
        &[
            (
                "tests/postgres_purge.rs",
                "locked_rows_are_left_and_nobody_waits_long",
            ),
            (
                "tests/purge/rivals.rs",
                "a_row_that_stays_locked_is_left_and_listed",
            ),
            (
                "tests/purge_sqlite/faults.rs",
                "a_locked_file_leaves_the_rows_for_later",
            ),
        ],
    ),
    fault(
        22,
        "a trigger keeps rows, or raises",
        &[
            ("tests/postgres_purge.rs", "rows_the_server_keeps_are_told"),
            (
                "tests/purge/rivals.rs",
                "a_trigger_that_keeps_every_row_stops_the_first_batch",
            ),
            (
                "tests/purge_sqlite/faults.rs",
                "a_trigger_that_undoes_a_deletion_stops_everything",
            ),
        ],
    ),
    fault(
        23,
        "foreign keys restrict, cascade, set null",
        &[
            ("tests/postgres_purge.rs", "rows_the_server_keeps_are_told"),
            (
                "tests/postgres_purge/refusals.rs",
                "what_cannot_be_purged_is_refused_with_the_reason",
            ),
            (
                "tests/purge_sqlite/related.rs",
                "foreign_keys_that_would_change_other_rows_are_refused",
            ),
        ],
    ),
    fault(
        24,
        "row-level security hides rows",
        &[(
            "tests/postgres_purge/refusals.rs",
            "a_role_that_may_not_or_cannot_see_everything_is_refused",
        )],
    ),
    fault(
        25,
        "rules, views, foreign tables, no certain key",
        &[
            (
                "tests/postgres_purge/refusals.rs",
                "what_cannot_be_purged_is_refused_with_the_reason",
            ),
            (
                "tests/purge_sqlite/refusals.rs",
                "a_table_without_a_key_is_refused",
            ),
            ("tests/purge_sqlite/refusals.rs", "a_view_is_refused"),
        ],
    ),
    fault(
        26,
        "rights are missing, or taken away",
        &[
            (
                "tests/postgres_purge/refusals.rs",
                "a_role_that_may_not_or_cannot_see_everything_is_refused",
            ),
            (
                "tests/purge/rivals.rs",
                "rights_that_are_not_enough_are_refused",
            ),
            (
                "tests/purge/rivals.rs",
                "a_right_that_is_taken_away_stops_the_deletion",
            ),
        ],
    ),
    fault(
        27,
        "the server only reads",
        &[
            (
                "tests/purge/servers.rs",
                "a_standby_that_takes_over_needs_another_plan",
            ),
            (
                "tests/postgres_purge/refusals.rs",
                "a_role_that_may_not_or_cannot_see_everything_is_refused",
            ),
            (
                "tests/purge_sqlite/refusals.rs",
                "a_read_only_file_is_refused",
            ),
        ],
    ),
    fault(
        28,
        "two purges at once",
        &[
            (
                "tests/purge.rs",
                "a_second_purge_in_the_same_directory_is_refused_while_the_first_is_at_work",
            ),
            (
                "tests/postgres_purge.rs",
                "a_transaction_is_settled_and_one_left_open_takes_nothing",
            ),
            (
                "tests/purge_sqlite/refusals.rs",
                "two_purges_of_one_file_are_one_too_many",
            ),
            (
                "tests/mongo_purge/deleting.rs",
                "a_second_purge_of_the_collection_is_refused",
            ),
        ],
    ),
    fault(
        29,
        "clocks disagree, or go back",
        &[
            (
                "tests/purge/clocks.rs",
                "this_machines_clock_decides_nothing",
            ),
            (
                "tests/purge/clocks.rs",
                "a_cutoff_stays_when_the_servers_clock_does_not",
            ),
        ],
    ),
    fault(
        30,
        "times that are none, infinite, far, of unknown zone or unit, or text",
        &[
            (
                "tests/postgres_purge.rs",
                "what_is_read_is_deleted_and_nothing_else",
            ),
            (
                "tests/postgres_purge/refusals.rs",
                "what_cannot_be_purged_is_refused_with_the_reason",
            ),
            (
                "tests/purge_sqlite.rs",
                "a_survey_says_what_goes_and_what_stays",
            ),
            (
                "tests/purge_sqlite/refusals.rs",
                "a_guessed_time_without_a_zone_needs_one",
            ),
            ("tests/mongo_purge/reading.rs", "only_certain_times_go"),
        ],
    ),
    fault(
        31,
        "the schema changes between two steps",
        &[
            (
                "tests/postgres_purge/refusals.rs",
                "a_table_that_changed_since_the_plan_is_refused",
            ),
            (
                "tests/postgres_purge/shapes.rs",
                "a_partitioned_table_is_purged_until_its_partitions_change",
            ),
            (
                "tests/purge_sqlite/refusals.rs",
                "another_schema_is_not_the_plans",
            ),
        ],
    ),
    fault(
        32,
        "hostile text, bytes without an encoding, huge rows",
        &[
            (
                "tests/purge/values.rs",
                "bytes_without_an_encoding_and_huge_rows_come_back",
            ),
            (
                "tests/purge/values.rs",
                "generated_values_of_every_type_come_back",
            ),
            ("src/ui/tests.rs", "hostile_text_is_shown_and_marked"),
        ],
    ),
    fault(
        33,
        "values of every type, with edges",
        &[
            (
                "tests/purge/values.rs",
                "generated_values_of_every_type_come_back",
            ),
            (
                "tests/postgres_purge/forms.rs",
                "every_base_type_is_decoded_deleted_and_restored",
            ),
            (
                "tests/purge_sqlite/archive.rs",
                "every_storage_class_in_every_affinity_comes_back",
            ),
            (
                "tests/purge_sqlite/archive.rs",
                "the_shell_restores_an_archive",
            ),
            (
                "tests/mongo_purge/restoring.rs",
                "every_type_comes_back_with_equal_digests",
            ),
        ],
    ),
    fault(
        34,
        "an archive made to do harm",
        &[
            (
                "tests/purge/hostile.rs",
                "forged_archives_are_refused_in_time",
            ),
            ("tests/purge/hostile.rs", "what_is_no_plain_file_is_refused"),
            ("tests/purge/hostile.rs", "rows_under_other_keys_do_not_go"),
        ],
    ),
    fault(
        35,
        "a password gets out",
        &[("tests/purge/secrets.rs", "a_password_is_nowhere")],
    ),
    fault(
        36,
        "others may read or write the archive",
        &[
            ("tests/purge/modes.rs", "nobody_else_can_read_an_archive"),
            (
                "tests/purge/modes.rs",
                "a_place_that_is_not_safe_is_refused",
            ),
        ],
    ),
    fault(
        37,
        "the server is pressed",
        &[
            (
                "tests/purge/clocks.rs",
                "a_deletion_waits_for_a_server_under_pressure",
            ),
            ("src/purge/pace.rs", "a_rate_is_kept"),
        ],
    ),
    fault(
        38,
        "a hold is added late",
        &[
            ("tests/purge.rs", "the_filter_and_the_holds_decide"),
            (
                "tests/purge/rivals.rs",
                "a_hold_that_is_added_meanwhile_is_heeded",
            ),
        ],
    ),
    fault(
        39,
        "MongoDB's primary steps down",
        &[
            (
                "tests/mongo_purge/failover.rs",
                "a_step_down_during_a_commit_ends_in_exact_counts",
            ),
            (
                "tests/mongo_purge/settling.rs",
                "faults_end_in_exact_counts",
            ),
        ],
    ),
    fault(
        40,
        "time series, capped collections, views, standalone servers",
        &[
            (
                "tests/mongo_purge/refusals.rs",
                "what_is_no_ordinary_collection_is_refused",
            ),
            (
                "tests/mongo_purge/deleting.rs",
                "what_is_archived_goes_and_nothing_else",
            ),
        ],
    ),
    fault(
        41,
        "restoring into tables that are empty, partly full, stamped, renamed",
        &[
            (
                "tests/postgres_purge/restoring.rs",
                "an_archive_goes_back_once_and_conflicts_are_told",
            ),
            (
                "tests/postgres_purge/restoring.rs",
                "what_a_trigger_changes_is_told_and_another_table_takes_the_rows",
            ),
            (
                "tests/purge_sqlite/faults.rs",
                "restoring_leaves_other_rows_alone",
            ),
            (
                "tests/purge_sqlite/faults.rs",
                "a_table_by_another_name_takes_the_rows",
            ),
        ],
    ),
    fault(
        42,
        "Ctrl-C, SIGTERM, a terminal that is closed",
        &[
            (
                "tests/purge/signals.rs",
                "a_signal_ends_a_purge_where_it_can_go_on",
            ),
            ("tests/purge.rs", "a_stop_file_ends_a_step_resumably"),
        ],
    ),
];

/// Whether a file has a test of this name: an attribute above the function says so.
fn is_test(text: &str, name: &str) -> bool {
    let Some(at) = text.find(&format!("fn {name}(")) else {
        return false;
    };
    let before = text[..at].rsplit("\n}").next().unwrap_or_default();
    ["#[test]", "#[tokio::test", "#[rstest]"]
        .iter()
        .any(|attribute| before.contains(attribute))
}

#[test]
fn every_fault_is_shown_by_a_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (place, fault) in FAULTS.iter().enumerate() {
        assert_eq!(fault.row, place + 1, "{}", fault.what);
        assert!(!fault.shown_by.is_empty(), "{}", fault.what);
        for (file, name) in fault.shown_by {
            let text = std::fs::read_to_string(root.join(file)).expect(file);
            assert!(
                is_test(&text, name),
                "{}: {file} has no test {name}",
                fault.what
            );
        }
    }
}

#[test]
fn a_name_that_is_no_test_would_be_noticed() {
    let text = "#[test]\nfn one() {\n}\n\nfn two() {\n}\n";
    assert!(is_test(text, "one"));
    assert!(!is_test(text, "two") && !is_test(text, "three"));
}
