//! `usage`: its numbers, counted once more from what the rows were made of, on every store.

mod bad_input;
mod extremes;
mod groups;
mod latency;
mod membership;
mod pipelines;
mod ranges;
mod rankings;
mod shop;
mod streamed;
mod table;

use std::collections::BTreeSet;

use mongodb::bson::{DateTime, Document, doc};
use serde_json::Value;

use crate::harness;
use crate::harness::clutch::{self, Clutch, DATED};
use crate::harness::mongo::Topology;
use crate::harness::program::{Finished, run};

/// Milliseconds at which 2026 begins.
const NEW_YEAR: i64 = 1_767_225_600_000;

/// Runs a check on the Clutch table of every store.
fn everywhere(test: &str, check: impl Fn(&str)) {
    for store in Clutch::everywhere(test) {
        check(store.target());
    }
    let Some(server) = harness::mongo(Topology::ReplicaSet) else {
        return;
    };
    let db = server.database(test);
    let documents = (1..=DATED).map(|n| {
        let details = mongodb::bson::serialize_to_bson(&clutch::details(n)).expect("JSON");
        let minutes = i64::try_from(n).expect("small");
        let at = DateTime::from_millis(NEW_YEAR + minutes * 60_000);
        doc! {"_id": minutes, "id": minutes, "occurred_at": at, "details": details, "sent": true}
    });
    db.insert("audit_events", documents.collect::<Vec<Document>>());
    check(&db.url);
}

fn report(target: &str, rest: &[&str]) -> Value {
    let arguments = ["usage", target, "-o", "json", "--profile", "clutch"];
    let out = run(arguments.iter().chain(rest)).ok();
    serde_json::from_str(&out).expect("one JSON object")
}

fn user(n: usize) -> String {
    let details = clutch::details(n);
    details["user_name"].as_str().expect("a name").to_owned()
}

fn users(rows: impl Iterator<Item = usize>) -> usize {
    rows.map(user).collect::<BTreeSet<_>>().len()
}

#[test]
fn users_are_counted_by_the_days_of_the_zone() {
    everywhere("usage_users", |target| {
        let found = report(
            target,
            &[
                "users",
                "--since",
                "2025-12-31",
                "--until",
                "2026-01-01",
                "--period",
                "day",
                "--tz",
                "America/St_Johns",
            ],
        );
        assert_eq!(found["report"], "users");
        assert_eq!(found["tz"], "America/St_Johns");
        assert_eq!(found["period"], "day");
        assert_eq!(found["since"], "2025-12-31T03:30:00.000000Z");
        assert_eq!(found["until"], "2026-01-02T03:30:00.000000Z");
        // Midnight of St. John's is half past three in UTC: row 210.
        let expected = serde_json::json!([
            {"start": "2025-12-31T00:00:00-03:30", "users": users(1..210), "events": 209},
            {"start": "2026-01-01T00:00:00-03:30", "users": users(210..=DATED), "events": 31},
        ]);
        assert_eq!(found["buckets"], expected, "{target}");
        let filtered = report(
            target,
            &[
                "users",
                "user:alice",
                "--since",
                "2026-01-01",
                "--until",
                "2026-01-01",
            ],
        );
        let alice = (1..=DATED).filter(|n| user(*n) == "alice").count();
        let expected = serde_json::json!([
            {"start": "2025-12-29T00:00:00Z", "users": 1, "events": alice},
        ]);
        assert_eq!(filtered["buckets"], expected, "{target}");
    });
}

#[test]
fn actions_are_ranked_with_their_users_failures_and_what_was_before() {
    everywhere("usage_actions", |target| {
        // The second hour against the first.
        let found = report(
            target,
            &[
                "actions",
                "--since",
                "2026-01-01T01:00Z",
                "--until",
                "2026-01-01T02:00Z",
                "--top",
                "2",
            ],
        );
        let until = found["until"].as_str().expect("a time").to_owned();
        let last = if until == "2026-01-01T02:00:00.000000Z" {
            120
        } else {
            121
        };
        let method = |n: usize| {
            let details = clutch::details(n);
            details["method_name"].as_str().expect("a name").to_owned()
        };
        let length = last - 60;
        let of = |name: &str, rows: std::ops::Range<usize>| -> Vec<usize> {
            rows.filter(|n| *n > 0 && method(*n) == name).collect()
        };
        let mut expected: Vec<Value> = (0..5_usize)
            .map(|n| method(n + 5))
            .map(|name| {
                let rows = of(&name, 60..last);
                let failed = rows.iter().filter(|n| matches!(*n % 7, 0 | 3)).count();
                serde_json::json!({
                    "value": name, "events": rows.len(), "last_14d": null, "users": users(rows.iter().copied()),
                    "failed": failed, "before": of(&name, 60_usize.saturating_sub(length)..60).len(),
                })
            })
            .collect();
        expected.sort_by_key(|row| {
            let events = row["events"].as_u64().expect("a number");
            (
                std::cmp::Reverse(events),
                row["value"].as_str().map(str::to_owned),
            )
        });
        expected.truncate(2);
        assert_eq!(found["rows"], Value::Array(expected), "{target}");
    });
}

#[test]
fn failures_are_ranked_by_what_they_said() {
    everywhere("usage_errors", |target| {
        let found = report(
            target,
            &["errors", "--since", "2026-01-01", "--until", "2026-01-01"],
        );
        let rows = found["rows"].as_array().expect("rows");
        let of = |text: &str| {
            let row = rows.iter().find(|row| row["value"] == text);
            row.and_then(|row| row["events"].as_u64())
        };
        let count = |rest: usize| u64::try_from((1..=DATED).filter(|n| n % 7 == rest).count()).ok();
        assert_eq!(of("permission denied"), count(0), "{target}");
        assert_eq!(of("it's broken"), count(3), "{target}");
        assert_eq!(of("OK"), None, "{target}");
    });
}

#[test]
fn a_week_has_its_hours_where_the_clock_says() {
    everywhere("usage_heatmap", |target| {
        let found = report(
            target,
            &[
                "heatmap",
                "--since",
                "2025-12-20",
                "--until",
                "2026-01-10",
                "--tz",
                "Asia/Kolkata",
            ],
        );
        // Thursday, 05:30 by the clocks of Kolkata when 2026 begins in UTC.
        let mut expected = [0; 24];
        for n in 1..=DATED {
            expected[(n + 330) / 60] += 1;
        }
        let rows = found["rows"].as_array().expect("seven days");
        assert_eq!(rows.len(), 7);
        for row in rows {
            let hours: Vec<u64> = serde_json::from_value(row["hours"].clone()).expect("numbers");
            let wanted = if row["day"] == "Thu" {
                expected
            } else {
                [0; 24]
            };
            assert_eq!(hours, wanted, "{target} {}", row["day"]);
        }
    });
}

/// A store without actor, outcome and duration: what a report of its three events prints.
fn plain(report: &str, format: &str) -> Finished {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("plain.sqlite");
    let connection = rusqlite::Connection::open(&path).expect("a new file");
    connection
        .execute_batch(
            "create table audit_log (id integer primary key, created_at text, action text);
             insert into audit_log values (1, '2026-01-01T00:00:00Z', 'open'),
                (2, '2026-01-01T01:00:00Z', 'open'), (3, '2026-01-01T02:00:00Z', 'close');",
        )
        .expect("SQL");
    let target = path.to_str().expect("a plain path");
    let range = ["--since", "2026-01-01", "--until", "2026-01-01"];
    run(["usage", target, report, "-o", format].iter().chain(&range))
}

#[test]
fn what_a_store_does_not_say_is_absent_and_told() {
    let users = plain("users", "json");
    assert!(
        users.err.contains("does not say who acted"),
        "{}",
        users.err
    );
    let users: Value = serde_json::from_str(&users.ok()).expect("JSON");
    assert_eq!(users["buckets"][0]["users"], Value::Null);
    assert_eq!(users["buckets"][0]["events"], 3);
    let actions = plain("actions", "csv");
    assert!(
        actions.err.contains("does not say what failed"),
        "{}",
        actions.err
    );
    let expected = "action,events,users,before,failed\nopen,2,,0,\nclose,1,,0,\n";
    assert_eq!(actions.ok(), expected);
    let errors = plain("errors", "json");
    assert!(
        errors.err.contains("does not say what failed"),
        "{}",
        errors.err
    );
    let errors: Value = serde_json::from_str(&errors.ok()).expect("JSON");
    assert_eq!(errors["rows"], serde_json::json!([]));
    for (report, lack) in [
        ("services", "where it belongs"),
        ("resources", "what it was done to"),
        ("top-users", "who acted"),
        ("new-users", "who acted"),
        ("similar", "who acted"),
        ("latency", "how long anything took"),
        ("followed", "what failed"),
    ] {
        let found = plain(report, "json");
        let sentence = format!("this store does not say {lack}\n");
        assert_eq!(found.err, sentence, "{report}");
        let found: Value = serde_json::from_str(&found.ok()).expect("JSON");
        assert_eq!(found["rows"], serde_json::json!([]), "{report}");
    }
    let activity = plain("activity", "csv");
    assert!(
        activity.err.contains("who acted") && activity.err.contains("what failed"),
        "{}",
        activity.err
    );
    let expected = "day,users,events,failed,actions\n2026-01-01,,3,,\"open 2, close 1\"\n";
    assert_eq!(activity.ok(), expected);
}
