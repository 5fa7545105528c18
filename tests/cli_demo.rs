//! `demo --into`: Clutch's table in a database, and the promise that a filter means what the same
//! question means in SQL.

use crate::harness;
use crate::harness::program::{ids, run};

#[test]
fn a_filter_finds_what_hand_written_sql_finds() {
    let Some(postgres) = harness::postgres() else {
        return;
    };
    let db = postgres.database("demo_into");
    let load = [
        "demo", "--into", &db.url, "--system", "clutch", "--events", "100000",
    ];
    let loaded = run(load);
    assert!(
        loaded.err.contains("loaded 100000 events"),
        "{}",
        loaded.err
    );
    assert!(!loaded.err.contains(harness::postgres::PASSWORD));
    assert_eq!(loaded.ok(), "");

    let errors = "(details->'status'->>'code')::int <> 0 and not \
        (details ? 'request_body' and not details ? 'response_body') \
        and details->>'method_name' not like 'Describe%' \
        and occurred_at >= now() - interval '90 days'";
    let user = db.sql(&format!(
        "select details->>'user_name' from audit_events where {errors} \
         group by 1 order by count(*) desc limit 1"
    ));
    let user = user.trim();
    let by_hand = db.rows(&format!(
        "select id from audit_events where details->>'user_name' = '{user}' and {errors} \
         order by occurred_at desc, id desc"
    ));
    let filter = format!("user:\"{user}\" -action:Describe* is:error since:90d");
    let found = ids(&run(["query", &db.url, &filter, "-o", "ndjson"]).events());
    assert!(found.len() > 10, "too few to prove anything: {found:?}");
    assert_eq!(found, by_hand);

    let again = run(load);
    assert!(again.err.contains("former run"), "{}", again.err);
    assert_eq!(db.sql("select count(*) from audit_events").trim(), "100000");
}

#[test]
fn rows_of_others_are_not_touched() {
    let Some(postgres) = harness::postgres() else {
        return;
    };
    let db = postgres.database("demo_refused");
    db.sql(
        "create table audit_events (id bigserial primary key, occurred_at timestamptz,
            details jsonb, sent boolean); insert into audit_events (sent) values (true)",
    );
    let error = run(["demo", "--into", &db.url, "--events", "10"]).failed(4);
    assert!(
        error.contains("audit_events") && error.contains("hint: "),
        "{error}"
    );
    assert_eq!(db.sql("select count(*) from audit_events").trim(), "1");
    let error = run(["demo", "--into", "demo.db"]).failed(2);
    assert!(error.contains("--keep DIRECTORY"), "{error}");
    let error = run(["demo", "--into", "postgre://u:secret@h/d"]).failed(2);
    assert!(!error.contains("secret"), "{error}");
    let error = run(["demo", "--into", &db.url, "--system", "nonesuch"]).failed(2);
    assert!(
        error.contains("nonesuch") && error.contains("clutch"),
        "{error}"
    );
}

#[test]
fn a_demo_can_keep_writing_and_finish_what_it_began() {
    let Some(postgres) = harness::postgres() else {
        return;
    };
    let db = postgres.database("demo_writes");
    let writer = harness::following::Following::start(&[
        "demo", "--into", &db.url, "--events", "100", "--rate", "200",
    ]);
    let mut tail = loop {
        if db
            .sql("select to_regclass('audit_events') is not null")
            .trim()
            == "t"
            && db.sql("select count(*) >= 100 from audit_events").trim() == "t"
        {
            break harness::following::Following::start(&["tail", &db.url, "-o", "ndjson"]);
        }
    };
    tail.until(|line| line["outcome"] == "pending" && line["change"] == "new");
    tail.until(|line| line["outcome"] != "pending" && line["change"] == "update");
    assert_eq!(writer.signal("TERM").0, Some(143));
    assert_eq!(tail.signal("TERM").0, Some(143));
}

#[test]
fn without_a_terminal_a_kept_demo_is_a_file() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    for (system, name) in [("clutch", "audit.db"), ("dronahq", "dronahq.db")] {
        let kept = directory.path().to_str().expect("a plain path");
        let line = [
            "demo", "--system", system, "--events", "100", "--keep", kept,
        ];
        let made = run(line);
        assert!(made.err.contains("loaded 1"), "{}", made.err);
        made.ok();
        let file = directory.path().join(name);
        let file = file.to_str().expect("a plain path");
        let rows: u64 = run(["count", file]).ok().trim().parse().expect("a number");
        assert!(rows >= 100, "{rows}");
        // It stays as it is.
        let again = run(line);
        assert!(again.err.contains("former run"), "{}", again.err);
        again.ok();
        assert_eq!(run(["count", file]).ok().trim(), rows.to_string());
    }
}
