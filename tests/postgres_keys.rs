//! What tells rows of odd PostgreSQL tables apart, and what is said of tables that cannot be read.

use std::collections::BTreeSet;

use auditail::core::event::Event;
use auditail::core::path::Path;
use auditail::core::query::predicate::{Atom, Literal, Predicate, Test};
use auditail::store::connect::OpenOptions;
use auditail::store::postgres;
use auditail::store::{Count, CountMode, PageFrom, Store};
use tokio_util::sync::CancellationToken;

use crate::contract::{PATIENCE, everything, ids, page, request};
use crate::postgres_store::{Table, clutch, table};

/// Every event once, in small pages, and each fetched as itself.
async fn each_once(table: &Table, rows: usize) -> Vec<Event> {
    let stop = CancellationToken::new();
    let mut all = Vec::new();
    let mut from = PageFrom::Newest;
    loop {
        let (events, _) = page(&table.store, request(Predicate::All, from, Some(3))).await;
        let Some(last) = events.last() else { break };
        from = PageFrom::Before(last.cursor.clone());
        all.extend(events);
        assert!(all.len() <= rows, "a repeat: {:?}", ids(&all));
    }
    let unique: BTreeSet<_> = all.iter().map(|event| event.id.as_str()).collect();
    assert_eq!(unique.len(), rows, "{unique:?}");
    for event in &all {
        let found = table.store.fetch(&event.cursor, &stop).await.unwrap();
        let found = found.unwrap_or_else(|| panic!("{} is not found", event.id.as_str()));
        assert_eq!(found.payload.text, event.payload.text);
    }
    all
}

const LOG: &str = "created_at timestamptz NOT NULL, actor text, action text, metadata jsonb";

#[tokio::test]
async fn rows_of_children_are_not_mistaken_for_each_other() {
    let schema = format!(
        "CREATE TABLE activity_log (id int PRIMARY KEY, {LOG});
         CREATE TABLE one () INHERITS (activity_log); CREATE TABLE two () INHERITS (activity_log);
         INSERT INTO one VALUES (1, '2026-01-01', 'a', 'login', '{{}}');
         INSERT INTO two VALUES (1, '2026-01-01', 'b', 'login', '{{}}');
         INSERT INTO activity_log VALUES (1, '2026-01-01', 'c', 'login', '{{}}');"
    );
    let Some(table) = table("children", &schema).await else {
        return;
    };
    each_once(&table, 3).await;
}

#[tokio::test]
async fn keys_of_padded_text_and_addresses_are_met_again() {
    for (test, kind, values) in [
        ("padded", "char(5)", ["ab", "abc", "B", "z z"]),
        ("inet", "inet", ["10.0.0.1", "10.0.0.0/8", "::1", "2.0.0.0"]),
        ("label", "mood", ["sad", "ok", "happy", "angry"]),
    ] {
        let rows: Vec<String> = values
            .iter()
            .map(|value| format!("('{value}', '2026-01-01', 'a', 'login', '{{}}')"))
            .collect();
        let schema = format!(
            "CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy', 'angry');
             CREATE TABLE activity_log (id {kind} PRIMARY KEY, {LOG});
             INSERT INTO activity_log VALUES {};",
            rows.join(", ")
        );
        let Some(table) = table(test, &schema).await else {
            return;
        };
        each_once(&table, 4).await;
    }
}

#[tokio::test]
async fn a_key_nothing_makes_unique_gets_help() {
    let schema = format!(
        "CREATE TABLE activity_log (id int, {LOG});
         INSERT INTO activity_log SELECT nullif(n % 2, 0), '2026-01-01', 'a' || n, 'login', '{{}}'
         FROM generate_series(1, 10) n;"
    );
    let Some(table) = table("unsure", &schema).await else {
        return;
    };
    each_once(&table, 10).await;
}

#[tokio::test]
async fn text_keys_are_met_again() {
    let schema = format!(
        "CREATE TABLE activity_log (id text PRIMARY KEY, {LOG});
         INSERT INTO activity_log SELECT 'k' || n, '2026-01-01', 'a', 'login', '{{}}'
         FROM generate_series(1, 10) n;"
    );
    let Some(table) = table("textkey", &schema).await else {
        return;
    };
    each_once(&table, 10).await;
}

#[tokio::test]
async fn a_text_that_is_no_time_does_not_end_the_pages() {
    let schema = "CREATE TABLE activity_log (id int PRIMARY KEY, created_at text, actor text,
         action text, metadata jsonb);
         INSERT INTO activity_log SELECT n,
            CASE WHEN n % 4 = 0 THEN 'about ' || n WHEN n = 7 THEN NULL
            ELSE '2026-01-0' || n % 9 + 1 || 'T00:00:00Z' END, 'a', 'login', '{}'
         FROM generate_series(1, 20) n;";
    let Some(table) = table("notime", schema).await else {
        return;
    };
    let paged = each_once(&table, 20).await;
    let all = everything(&table.store).await;
    assert_eq!(ids(&paged), ids(&all));
}

#[tokio::test]
async fn a_closed_key_column_is_answered_with_the_grant() {
    let Some(table) = clutch("closed").await else {
        return;
    };
    let role = format!("closed_{}", table.db.name);
    table.db.sql(&format!(
        "CREATE ROLE {role} LOGIN PASSWORD 'closed'; GRANT SELECT (id, details) ON audit_events TO {role};"
    ));
    let cluster = crate::harness::postgres().expect("it runs");
    let target = cluster.url(&role, "closed", &table.db.name);
    let Err(error) = postgres::open(&target, &OpenOptions::default()).await else {
        panic!("it opened");
    };
    table
        .db
        .sql(&format!("DROP OWNED BY {role}; DROP ROLE {role};"));
    assert!(error.to_string().contains("occurred_at"), "{error}");
    let hint = error.hint().unwrap_or_default();
    assert!(hint.contains("GRANT SELECT (\"occurred_at\")"), "{hint}");
}

#[tokio::test]
async fn partitions_are_counted_once() {
    let schema = format!(
        "CREATE TABLE activity_log (id int, {LOG}, PRIMARY KEY (id, created_at))
             PARTITION BY RANGE (created_at);
         CREATE TABLE p1 PARTITION OF activity_log FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
         CREATE TABLE p2 PARTITION OF activity_log FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
         CREATE TABLE p3 PARTITION OF activity_log FOR VALUES FROM ('2026-03-01') TO ('2026-04-01');
         INSERT INTO activity_log SELECT n, '2026-01-01'::timestamptz + n % 50 * interval '1 day',
            'a', 'login', '{{}}' FROM generate_series(1, 1000) n;"
    );
    let Some(table) = table("parts", &schema).await else {
        return;
    };
    assert_eq!(table.store.description().estimate, None, "never analysed");
    table.db.sql("ANALYZE");
    let store = postgres::open(&table.db.url, &OpenOptions::default())
        .await
        .expect("it opens");
    assert_eq!(store.description().estimate, Some(1000));
}

/// A filter the server only narrows down.
fn pattern() -> Predicate {
    let path = Path::parse("details.user_name").unwrap();
    Predicate::Atom(Atom::Path(
        path,
        Test::Equals(Literal::Bare("nobody".to_owned())),
    ))
}

#[tokio::test]
async fn a_search_does_not_keep_others_from_browsing() {
    let Some(table) = clutch("guest").await else {
        return;
    };
    table
        .writer
        .batch_execute("BEGIN; LOCK TABLE audit_events IN ACCESS EXCLUSIVE MODE")
        .await
        .unwrap();
    let stop = CancellationToken::new();
    let search = page(
        &table.store,
        request(
            Predicate::Not(Box::new(pattern())),
            PageFrom::Newest,
            Some(5),
        ),
    );
    let asked = async {
        // The search waits for the lock; the clock must not wait for the search.
        crate::postgres_store::wait_until("the search waits", || {
            let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' \
                           AND datname = current_database()";
            table.db.sql(waiting).trim() == "1"
        })
        .await;
        let now = tokio::time::timeout(PATIENCE, table.store.now(&stop)).await;
        table.writer.batch_execute("COMMIT").await.unwrap();
        now
    };
    let (_, now) = tokio::join!(search, asked);
    assert!(now.expect("it answers at once").is_ok());
}

#[tokio::test]
async fn another_time_is_another_event() {
    let schema = format!(
        "CREATE TABLE activity_log ({LOG});
         INSERT INTO activity_log VALUES ('2026-01-01', 'a', 'login', '{{}}');"
    );
    let Some(table) = table("place", &schema).await else {
        return;
    };
    let (events, _) = page(
        &table.store,
        request(Predicate::All, PageFrom::Newest, Some(1)),
    )
    .await;
    table.db.sql("DELETE FROM activity_log");
    table.db.sql("VACUUM activity_log");
    table
        .db
        .sql("INSERT INTO activity_log VALUES ('2026-01-02', 'b', 'login', '{}')");
    let stop = CancellationToken::new();
    let found = table.store.fetch(&events[0].cursor, &stop).await.unwrap();
    assert!(found.is_none(), "{found:?}");
}

#[tokio::test]
async fn an_estimate_is_of_the_filter_and_not_of_what_it_is_part_of() {
    // The server cannot look for the id of a row without a key.
    let schema = format!(
        "CREATE TABLE activity_log ({LOG});
         INSERT INTO activity_log SELECT '2026-01-01', 'a', 'login', '{{}}'
         FROM generate_series(1, 10000); ANALYZE activity_log;"
    );
    let Some(table) = table("share", &schema).await else {
        return;
    };
    let stop = CancellationToken::new();
    let one = Test::Equals(Literal::Bare("no such row".to_owned()));
    let count = table
        .store
        .count(&Predicate::Atom(Atom::Id(one)), CountMode::Estimate, &stop)
        .await;
    let (Count::Estimate(number) | Count::Exact(number)) = count.unwrap();
    assert!(number < 100, "{number}");
}
