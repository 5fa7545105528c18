//! DronaHQ's log as winston's SQL transports write it: every published form of the table, on
//! PostgreSQL and on SQLite, and tables that only look like one.

use std::path::Path;

use serde_json::Value;

use crate::harness;
use crate::harness::program::run;

/// One form of the table.
struct Form {
    name: &'static str,
    /// After `CREATE TABLE`.
    table: &'static str,
    /// The columns of level, message, meta and time.
    columns: &'static str,
}

const FORMS: [Form; 6] = [
    Form {
        name: "dhq_audit_log",
        table: "(id integer primary key, level varchar(16) not null, message text not null, \
                meta jsonb, timestamp timestamp not null)",
        columns: "level, message, meta, timestamp",
    },
    Form {
        name: "with_json",
        table: "(id integer primary key, level text, message text, meta json, \
                timestamp timestamp with time zone)",
        columns: "level, message, meta, timestamp",
    },
    Form {
        name: "with_text",
        table: "(id integer primary key, level text, message text, meta text, timestamp timestamp)",
        columns: "level, message, meta, timestamp",
    },
    Form {
        name: "winston_logs_old",
        table: "(ts timestamp, lvl varchar(16), msg varchar(200), meta json)",
        columns: "lvl, msg, meta, ts",
    },
    Form {
        name: "winston_logs_mid",
        table: "(ts timestamp, level varchar(16), msg varchar(200), meta json)",
        columns: "level, msg, meta, ts",
    },
    Form {
        name: "mid_with_text",
        table: "(ts timestamp, level varchar(16), msg varchar(200), meta text)",
        columns: "level, msg, meta, ts",
    },
];

/// Four records in the order of their times: two as DronaHQ writes them, one without `meta`, and
/// one whose text is no document, where the column takes it.
fn rows(form: &Form) -> String {
    let db_query = r#"{"time":1767225600123,"organization-id":"ACME_Team7","environment":"Production","user-email":"ana@example.com","resource-id":20253,"resource-name":"getAuthor","resource-type":"mysql","resource-action":"runapi","parent-name":"Login","event-id":"db_query","source":"automation","user-agent":"Mozilla/5.0","resource-meta":{"env_name":"Production"}}"#;
    let api_call = r#"{"time":1767225611000,"organization-id":"ACME_Team7","environment":"Production","user-email":"ben@example.com","resource-name":"createInvoice","resource-type":"rest","resource-action":"runapi","parent-name":"Billing","event-id":"api_call","source":"microapp"}"#;
    let broken = if form.table.contains("meta text") {
        "'{\"event-id\":\"db_query\", cut'"
    } else {
        "'{}'"
    };
    let values: Vec<String> = [
        (
            "info",
            "DB Connector Query Execute",
            format!("'{db_query}'"),
            "00:00:00.123",
        ),
        ("error", "API Call", format!("'{api_call}'"), "00:00:11"),
        ("info", "no meta", "NULL".to_owned(), "00:00:12"),
        ("warn", "broken", broken.to_owned(), "00:00:13"),
    ]
    .into_iter()
    .enumerate()
    .map(|(number, (level, message, meta, clock))| {
        let id = if form.table.starts_with("(id") {
            format!("{}, ", number + 1)
        } else {
            String::new()
        };
        format!("({id}'{level}', '{message}', {meta}, '2026-01-01 {clock}')")
    })
    .collect();
    let id = if form.table.starts_with("(id") {
        "id, "
    } else {
        ""
    };
    format!(
        "CREATE TABLE {} {}; INSERT INTO {} ({id}{}) VALUES {};",
        form.name,
        form.table,
        form.name,
        form.columns,
        values.join(", ")
    )
}

/// A filter and the actions of the events it finds, newest first.
const FILTERS: [(&str, &[&str]); 16] = [
    ("", &["broken", "no meta", "api_call", "db_query"]),
    ("user:ana@example.com", &["db_query"]),
    ("-user:ana@example.com", &["broken", "no meta", "api_call"]),
    ("event:api_call", &["api_call"]),
    ("event:*_*", &["api_call", "db_query"]),
    ("is:error", &["api_call"]),
    ("outcome:ok", &["broken", "no meta", "db_query"]),
    ("connector:mysql", &["db_query"]),
    ("app:Billing", &["api_call"]),
    ("automation:Login", &["db_query"]),
    ("app:Login", &[]),
    ("automation:Billing", &[]),
    ("env:Production org:ACME_Team7", &["api_call", "db_query"]),
    (".meta.resource-id:20253", &["db_query"]),
    ("missing:event", &["broken", "no meta"]),
    ("getAuthor", &["db_query"]),
];

fn check(target: &str, form: &Form) {
    let name = form.name;
    let detected = run(["profiles", "detect", target]);
    let first = detected.ok().lines().next().unwrap_or_default().to_owned();
    assert!(
        first.starts_with(&format!("{name}: DronaHQ (known")),
        "{target}: {first}"
    );
    for (filter, actions) in FILTERS {
        let found = run(["query", target, filter, "-o", "ndjson"]);
        let found: Vec<String> = found.events().iter().map(action).collect();
        assert_eq!(found, actions, "{target} {filter}");
        let counted = run(["count", target, filter, "--exact"]);
        assert_eq!(
            counted.ok().trim(),
            actions.len().to_string(),
            "{target} {filter}"
        );
    }
    let facets = run(["facets", target, "event", "-o", "json"]).ok();
    for event in ["db_query", "api_call"] {
        assert!(facets.contains(event), "{target}: {facets}");
    }
    let events = run(["query", target, "event:db_query", "-o", "ndjson"]).events();
    let [event] = events.as_slice() else {
        panic!("{target}: {events:?}")
    };
    assert_eq!(event["actor"], "ana@example.com", "{target}");
    assert_eq!(event["at"], "2026-01-01T00:00:00.123000Z", "{target}");
    assert_eq!(
        event["payload"]["meta"]["resource-meta"]["env_name"], "Production",
        "{target}"
    );
}

fn action(event: &Value) -> String {
    event["action"].as_str().unwrap_or("none").to_owned()
}

#[test]
fn every_form_is_read_on_postgres() {
    let Some(server) = harness::postgres() else {
        return;
    };
    for form in &FORMS {
        let db = server.database("winston");
        db.sql(&rows(form));
        check(&db.url, form);
    }
}

#[test]
fn every_form_is_read_on_sqlite() {
    let dir = tempfile::tempdir().unwrap();
    for form in &FORMS {
        let path = dir.path().join(form.name);
        let sqlite = rusqlite::Connection::open(&path).unwrap();
        sqlite.execute_batch(&rows(form)).unwrap();
        check(path.to_str().unwrap(), form);
    }
}

#[test]
fn a_context_without_meta_is_read() {
    let Some(server) = harness::postgres() else {
        return;
    };
    let db = server.database("winston");
    db.sql(
        "CREATE TABLE winston_logs_inn (id serial, level varchar, timestamp timestamp, \
         context varchar, message varchar, stack json); \
         INSERT INTO winston_logs_inn (level, timestamp, context, message) VALUES \
         ('error', '2026-01-01', 'http', 'it broke')",
    );
    let events = run(["query", &db.url, "is:error", "-o", "ndjson"]).events();
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(action(&events[0]), "it broke");
}

#[test]
fn tables_that_only_look_alike_are_not_taken() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("alike");
    for columns in [
        "id integer primary key, level text, message text, meta text, timestamp timestamp, tenant text",
        "id integer primary key, level integer, message text, meta text, timestamp timestamp",
        "id integer primary key, level text, message text, timestamp timestamp",
        "ts timestamp, level text, msg text, meta text, host text",
    ] {
        assert_alike(&path, columns);
    }
}

fn assert_alike(path: &Path, columns: &str) {
    let sqlite = rusqlite::Connection::open(path).unwrap();
    sqlite
        .execute_batch(&format!(
            "DROP TABLE IF EXISTS logs; CREATE TABLE logs ({columns})"
        ))
        .unwrap();
    drop(sqlite);
    let found = run(["profiles", "detect", path.to_str().unwrap()]);
    assert!(!found.out.contains("DronaHQ"), "{columns}: {}", found.out);
}
