//! Reports of odd stores and odd ranges, with rubbish for options, and with a server that goes away.

use std::process::{Command, Stdio};

use serde_json::json;

use super::shop::{Shop, picked};
use super::table::{JANUARY, Table};
use crate::harness;
use crate::harness::postgres::Db;
use crate::harness::program::{self, Finished, run};

/// Every report there is, by the word for it in the help of a mistyped one.
fn reports() -> Vec<String> {
    let told = run(["usage", "x.sqlite", "nothing"]).failed(2);
    let (_, names) = told.split_once("one of ").expect("the names");
    let (names, _) = names.split_once(" is needed").expect("the names");
    names.split(", ").map(str::to_owned).collect()
}

#[test]
fn nothing_and_next_to_nothing() {
    let none = Table::new("");
    let one = Table::new(
        "insert into audit_log values (1, '2026-01-31T23:59:59.999999Z', 'ann', 'open', 'error', 0);",
    );
    let all = reports();
    assert_eq!(all.len(), 16);
    for report in &all {
        for table in [&none, &one] {
            for form in ["table", "csv"] {
                table
                    .run(report, &[&["-o", form], &JANUARY[..]].concat())
                    .ok();
            }
        }
        let none = none.json(report, &JANUARY);
        let nothing = match report.as_str() {
            "totals" => json!([
                {"value": "events", "now": 0, "before": 0},
                {"value": "users", "now": 0, "before": 0},
                {"value": "new users", "now": 0, "before": null},
                {"value": "failures", "now": 0, "before": 0},
            ]),
            "users" | "activity" | "heatmap" => {
                let said = none.to_string();
                assert!(!said.contains("\"events\":1"), "{said}");
                continue;
            }
            _ => json!([]),
        };
        assert_eq!(none["rows"], nothing, "{report}");
    }
    let rows = |report: &str| one.json(report, &JANUARY)["rows"].clone();
    assert_eq!(
        picked(&rows("latency"), &["value", "p50_ms", "p99_ms"]),
        [json!(["open", 0.0, 0.0])]
    );
    assert_eq!(
        picked(&rows("new-users"), &["value", "events", "failed"]),
        [json!(["ann", 1, 1])]
    );
    assert_eq!(
        picked(&rows("top-users"), &["value", "events"]),
        [json!(["ann", 1])]
    );
    // The end of a range is not in it.
    let before = one.json(
        "actions",
        &[
            "--since",
            "2026-01-01",
            "--until",
            "2026-01-31T23:59:59.999999Z",
        ],
    );
    assert_eq!(before["rows"], json!([]));
}

#[test]
fn ranges_that_are_none_are_told() {
    let table = Table::new(
        "insert into audit_log values (1, '2026-01-31T00:00:00Z', 'ann', 'open', 'error', 0);",
    );
    let future = table.run("actions", &["--since", "2999-01-01", "-o", "csv"]);
    assert!(
        future.err.contains("the range lies in the future"),
        "{}",
        future.err
    );
    assert_eq!(future.ok().lines().count(), 1);
    let turned = table.run(
        "actions",
        &["--since", "2026-02-01", "--until", "2026-01-01"],
    );
    let said = turned.failed(2);
    assert!(said.contains("the range ends before it begins"), "{said}");
    let long = table
        .run("users", &["--since", "1900-01-01", "--period", "day"])
        .failed(2);
    assert!(
        long.contains("more than 10000 parts") && long.contains("--period"),
        "{long}"
    );
}

#[test]
fn rubbish_is_refused_with_a_sentence() {
    let table = Table::new("");
    for (report, rest, said) in [
        ("actions", &["--top", "-1"][..], "a whole number from 1"),
        ("actions", &["--top", "many"], "a whole number from 1"),
        ("actions", &["--top", "0"], "a whole number from 1"),
        ("actions", &["--period", "year"], "one of day, week, month"),
        ("actions", &["--since", "yesteryear"], "--since yesteryear"),
        ("actions", &["--until", "\u{1b}[2J"], "--until"),
        ("actions", &["--tz", "Mars/Olympus"], "Mars/Olympus"),
        (
            "actions",
            &["--tz", "kolkata"],
            "did you mean Asia/Kolkata?",
        ),
        (
            "actions",
            &["--tz", "+05:30"],
            "a name such as Europe/Berlin",
        ),
        ("actions", &["-o", "xml"], "xml"),
        ("actions", &["user:("], "the filter cannot be understood"),
        ("actoins", &[], "one of totals, users, actions"),
        ("", &[], "one of totals, users, actions"),
    ] {
        let failed = table.run(report, rest).failed(2);
        assert!(failed.contains(said), "{report} {rest:?}: {failed}");
        assert!(!failed.contains('\u{1b}'), "{failed:?}");
    }
    let none = run(["usage", "/nonexistent/x.sqlite", "actions"]);
    assert!(
        matches!(none.code, Some(1..=3)) && none.err.starts_with("error: "),
        "{}",
        none.err
    );
}

#[test]
fn groups_that_nobody_is_in_are_told() {
    let table = Table::new(
        "insert into audit_log values (1, '2026-01-07T00:00:00Z', 'ann', 'open', 'ok', 0);",
    );
    let file = std::path::Path::new(&table.path).with_extension("csv");
    let file = file.to_str().expect("a plain path");
    let by_group = ["--by-group", "--groups", file, "--since", "2026-01-01"];
    for (lines, is_told, overlaps) in [
        ("ops,ann\n", true, false),
        ("ann,ops\n", false, false),
        ("ann,ops\nann,dev\n", false, true),
    ] {
        std::fs::write(file, lines).expect("written");
        let found = table.run("top-users", &by_group);
        let told = found.err.contains("nobody who is in a group");
        assert_eq!(
            (told, found.err.contains("of several groups")),
            (is_told, overlaps),
            "{lines}: {}",
            found.err
        );
        found.ok();
        for none in [&["--since", "2030-01-01"][..], &["--top", "1", "x:y"]] {
            let found = table.run("actions", &[&by_group, none].concat());
            assert!(
                !found.err.contains("nobody who is in a group"),
                "{}",
                found.err
            );
        }
    }
}

#[test]
fn many_users_are_counted_exactly() {
    let table = Table::new(
        "with recursive n (n) as (select 1 union all select n + 1 from n where n < 30000) \
         insert into audit_log select n, '2026-01-' || printf('%02d', 1 + n % 28) || 'T00:00:00Z', \
         case when n % 3 = 0 then 'bot' else 'u' || n end, 'open', 'ok', null from n;",
    );
    let users = table.json("users", &[&["--period", "month"], &JANUARY[..]].concat());
    assert_eq!(users["buckets"][0]["users"], 20_001);
    let top = table.run(
        "top-users",
        &[&["--top", "1", "-o", "csv"], &JANUARY[..]].concat(),
    );
    assert_eq!(
        top.err,
        "showing the 1 most frequent of 20001; --top N shows more\n\
         the log begins at 2026-01-01 UTC: there is no time before to compare with\n"
    );
    let recent = (1..=30_000).filter(|n| n % 3 == 0 && n % 28 >= 17);
    let expected = format!(
        "user,events,last 14 d,before,failed\nbot,10000,{},0,0\n",
        recent.count()
    );
    assert_eq!(top.ok(), expected);
}

/// A report that waits for a table that somebody else has locked, while `meanwhile` is done to it.
fn waiting(db: &Db, meanwhile: impl FnOnce(u32)) -> Finished {
    std::thread::scope(|scope| {
        let locked = scope.spawn(|| {
            // It ends with an error when the server goes, or with the lock.
            let lock = "begin; lock table audit_log; select pg_sleep(60)";
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| db.sql(lock)))
        });
        let is_said = |sql: &str| db.sql(sql).trim() == "t";
        while !is_said(
            "select exists (select from pg_locks where mode = 'AccessExclusiveLock' and granted and relation = 'audit_log'::regclass)",
        ) {
            std::thread::yield_now();
        }
        let mut child = Command::new(program::PATH);
        let child = child
            .args(["usage", &db.url, "actions", "--table", "audit_log"])
            .env_clear()
            .env("HOME", program::HOME)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        while !is_said("select exists (select from pg_locks where not granted)") {
            std::thread::yield_now();
        }
        meanwhile(child.id());
        let finished = child.wait_with_output().expect("a child").into();
        // Where the server lives on, the lock goes with its holder.
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            db.sql("select pg_terminate_backend(pid) from pg_locks where relation = 'audit_log'::regclass and mode = 'AccessExclusiveLock'")
        }));
        drop(locked.join());
        finished
    })
}

#[test]
fn a_server_that_is_killed_and_a_report_that_is() {
    let Some(cluster) = harness::private_postgres() else {
        return;
    };
    let db = cluster.database("usage_killed");
    db.sql(
        "create table audit_log (id int primary key, created_at timestamptz, actor text, action text); \
         create index on audit_log (created_at); analyze",
    );
    let stopped = waiting(&db, |pid| {
        let kill = Command::new("kill")
            .args(["-INT", &pid.to_string()])
            .status();
        assert!(kill.is_ok_and(|status| status.success()));
    });
    assert_eq!(
        (stopped.code, stopped.out.as_str()),
        (Some(130), ""),
        "{}",
        stopped.err
    );
    let waits = db.sql("select count(*) from pg_stat_activity where wait_event_type = 'Lock'");
    assert_eq!(waits.trim(), "0");
    let said = waiting(&db, |_| cluster.crash()).failed(3);
    assert!(
        said.starts_with("error: ") && said.contains("hint: "),
        "{said}"
    );
}

#[test]
fn days_are_as_long_as_the_clocks_make_them() {
    // A Sunday of 23 hours in Berlin, one of 25, and one in a zone that is off by a quarter of an hour.
    let table = Table::new(
        "with recursive n (n) as (select 0 union all select n + 1 from n where n < 24 * 365 - 1) \
         insert into audit_log select n, strftime('%Y-%m-%dT%H:%M:%SZ', '2026-01-01', n || ' hours'), 'ann', 'open', 'ok', null from n;",
    );
    for (tz, day, hours) in [
        ("Europe/Berlin", "2026-03-29", 23),
        ("Europe/Berlin", "2026-10-25", 25),
        ("Asia/Kathmandu", "2026-06-01", 24),
        // Half past thirteen is no full hour of UTC: one more begins within 24 and a half.
        ("Australia/Lord_Howe", "2026-04-05", 25),
    ] {
        let found = table.json(
            "users",
            &[
                "--period", "day", "--tz", tz, "--since", day, "--until", day,
            ],
        );
        let buckets = found["buckets"].as_array().expect("days");
        assert_eq!(
            (buckets.len(), &buckets[0]["events"]),
            (1, &json!(hours)),
            "{tz} {day}: {found}"
        );
        assert!(
            buckets[0]["start"]
                .as_str()
                .expect("a time")
                .starts_with(day),
            "{found}"
        );
    }
    let weeks = table.json(
        "users",
        &[
            "--tz",
            "Europe/Berlin",
            "--since",
            "2026-03-23",
            "--until",
            "2026-04-05",
        ],
    );
    assert_eq!(
        picked(&weeks["buckets"], &["events", "users"]),
        [json!([167, 1]), json!([168, 1])]
    );
}

#[test]
fn a_filter_obeys_everywhere() {
    Shop::everywhere("usage_filter", |shop, store| {
        let all = shop.sql("select count(*) from log where who = 'ann' and did = 'read'");
        for report in ["actions", "services", "resources", "top-users", "users"] {
            let found = shop.report(
                store,
                &[
                    report,
                    "user:ann action:read",
                    "--since",
                    "2025-12-01",
                    "--until",
                    "2026-03-01",
                    "--top",
                    "100",
                ],
            );
            let rows = if report == "users" {
                &found["buckets"]
            } else {
                &found["rows"]
            };
            let sum: u64 = rows
                .as_array()
                .expect("rows")
                .iter()
                .filter_map(|row| row["events"].as_u64())
                .sum();
            assert_eq!(json!([sum]), all[0], "{report} {}", store.target());
        }
    });
}
