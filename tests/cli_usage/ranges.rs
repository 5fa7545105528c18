//! Which events a range means, and where it begins.

use serde_json::json;

use super::shop::picked;
use super::table::{JANUARY, Table};

#[test]
fn a_filter_is_not_widened_by_a_range() {
    let table = Table::new(
        "insert into audit_log values (1, '2026-01-05T00:00:00Z', 'ann', 'open', 'ok', 0), \
         (2, '2026-01-10T12:00:00Z', 'ann', 'open', 'ok', 0), (3, '2026-01-20T00:00:00Z', 'ann', 'open', 'ok', 0);",
    );
    for (filter, range, events) in [
        ("", &JANUARY[..], 3),
        ("since:2026-01-06", &JANUARY, 2),
        ("until:2026-01-10", &JANUARY, 2),
        ("at:2026-01-10", &JANUARY, 1),
        (
            "since:2026-01-02",
            &["--since", "2026-01-08", "--until", "2026-01-31"],
            2,
        ),
    ] {
        let found = table.json("actions", &[&[filter], range].concat());
        assert_eq!(found["rows"][0]["events"], events, "{filter} {range:?}");
    }
}

#[test]
fn the_first_part_of_the_calendar_may_be_short_and_says_so() {
    let table = Table::new(
        "insert into audit_log values (1, '2026-01-07T00:00:00Z', 'ann', 'open', 'ok', 0);",
    );
    let short = table.run("users", &["--since", "2026-01-07", "--until", "2026-01-31"]);
    let says = "the first week counts from 2026-01-07 UTC on";
    assert!(short.err.contains(says), "{}", short.err);
    // A Monday.
    let whole = table.run("users", &["--since", "2026-01-05", "--until", "2026-01-31"]);
    assert!(!whole.err.contains("the first week"), "{}", whole.err);
    short.ok();
    whole.ok();
}

/// The range is looked at in stretches: the newest hour, two hours before it, and so on.
#[test]
fn errors_follow_across_the_stretches_of_a_range() {
    let table = Table::new(
        "insert into audit_log (id, created_at, actor, action, outcome) values \
         (1, '2026-01-31T08:59:59Z', 'ann', 'early', 'ok'), (2, '2026-01-31T09:00:02Z', 'ann', 'late', 'error'), \
         (3, '2026-01-31T10:59:56Z', 'ben', 'early', 'ok'), (4, '2026-01-31T11:00:00Z', 'ben', 'late', 'error'), \
         (5, '2026-01-01T10:59:56Z', 'ben', 'early', 'ok'), (6, '2026-01-01T11:00:04Z', 'ben', 'late', 'error'), \
         (7, '2026-01-31T11:59:59Z', 'cid', 'early', 'ok'), (8, '2026-01-31T12:00:03Z', 'cid', 'late', 'error');",
    );
    let range = ["--since", "2026-01-01", "--until", "2026-01-31T12:00:00Z"];
    let found = table.json("followed", &range);
    assert_eq!(
        picked(&found["rows"], &["value", "events", "followed"]),
        [json!(["early", 4, 3]), json!(["late", 3, 0])]
    );
}
