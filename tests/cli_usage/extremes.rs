//! More users than anybody remembers, one who does everything, and clocks that ran backwards.

use serde_json::{Value, json};

use super::shop::picked;
use crate::harness;
use crate::harness::postgres::Db;
use crate::harness::program::run;

const RANGE: [&str; 4] = ["--since", "2026-01-01", "--until", "2026-01-31"];

/// A table of PostgreSQL, filled by a query of id, time, user, action and outcome.
fn table(test: &str, rows: &str) -> Option<Db> {
    let db = harness::postgres()?.database(test);
    db.sql(&format!(
        "create table audit_log (id bigint primary key, created_at timestamptz, actor text, action text, \
         outcome text); insert into audit_log {rows}; create index on audit_log (created_at); analyze"
    ));
    Some(db)
}

fn report(db: &Db, report: &str, rest: &[&str]) -> Value {
    let arguments = ["usage", &db.url, report, "-o", "json"];
    let out = run(arguments.iter().chain(&RANGE).chain(rest)).ok();
    serde_json::from_str(&out).expect("one JSON object")
}

#[test]
fn more_users_than_are_remembered_are_counted_all_the_same() {
    // 105,000 users within 20 days, each of whom opens and closes.
    let Some(db) = table(
        "usage_crowd",
        "select 2 * n + k, timestamptz '2026-01-02Z' + n * interval '15 s', 'u' || n, \
         case k when 0 then 'open' else 'close' end, 'ok' \
         from generate_series(1, 105000) n, generate_series(0, 1) k",
    ) else {
        return;
    };
    let actions = report(&db, "actions", &[]);
    assert_eq!(
        picked(&actions["rows"], &["value", "events", "users", "failed"]),
        [
            json!(["close", 105_000, 105_000, 0]),
            json!(["open", 105_000, 105_000, 0])
        ]
    );
    let month = report(&db, "users", &["--period", "month"]);
    assert_eq!(
        picked(&month["buckets"], &["users", "events"]),
        [json!([105_000, 210_000])]
    );
    // Who they are is more than is remembered: then nobody is called new, and the number is a lower bound.
    let arguments = ["usage", &db.url, "totals", "-o", "json"];
    let totals = run(arguments.iter().chain(&RANGE));
    assert!(
        totals.err.contains("too many different users"),
        "{}",
        totals.err
    );
    let totals: Value = serde_json::from_str(&totals.ok()).expect("JSON");
    assert_eq!(totals["rows"][0]["now"], 210_000);
    let users = totals["rows"][1]["now"].as_u64().expect("a number");
    assert!((50_000..=105_000).contains(&users), "{users}");
}

#[test]
fn one_user_may_do_everything_and_clocks_may_run_backwards() {
    // Ids go up while the clock goes down, over the end of the year; one row is from the future.
    let Some(db) = table(
        "usage_backwards",
        "select n, timestamptz '2026-01-05Z' - n * interval '10 min', 'ann', 'open', \
         case when n % 10 = 0 then 'error' else 'ok' end from generate_series(1, 1000) n \
         union all select 1001, timestamptz '2999-01-01Z', 'ann', 'open', 'ok'",
    ) else {
        return;
    };
    // Four days of ten-minute steps before 2026-01-05.
    let within = 4 * 24 * 6;
    let failed = within / 10;
    let users = report(&db, "top-users", &[]);
    assert_eq!(
        picked(&users["rows"], &["value", "events", "failed", "before"]),
        [json!(["ann", within, failed, 1000 - within])]
    );
    let weeks = report(&db, "users", &[]);
    let sum: u64 = picked(&weeks["buckets"], &["events"])
        .iter()
        .filter_map(|row| row[0].as_u64())
        .sum();
    assert_eq!(json!(sum), json!(within));
    let hours = report(&db, "heatmap", &[]);
    let busiest = &hours["busiest"];
    assert_eq!(
        (&busiest["events"], &busiest["since"]),
        (&json!(6), &json!("2026-01-01T00:00:00.000000Z"))
    );
    let ahead = [
        "usage",
        &db.url,
        "actions",
        "-o",
        "json",
        "--since",
        "2900-01-01",
        "--until",
        "3000-01-01",
    ];
    let ahead: Value = serde_json::from_str(&run(ahead).ok()).expect("JSON");
    assert_eq!(
        picked(&ahead["rows"], &["value", "events"]),
        [json!(["open", 1])]
    );
}
