//! PostgreSQL against the contract of all stores, and what is PostgreSQL's own: plans, cancelling
//! on the server, odd encodings, tables without a key.

mod odd_rows;
mod parts;

use std::sync::Arc;
use std::time::{Duration, Instant};

use auditail::core::event::Field;
use auditail::core::instant::At;
use auditail::core::path::Path;
use auditail::core::query::predicate::{Atom, Literal, Predicate, Test};
use auditail::store::connect::OpenOptions;
use auditail::store::postgres::{self, PostgresStore};
use auditail::store::{CountMode, Exactness, FindingLevel, PageFrom, Store, StoreError};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::contract::{Bench, Later, NewRow, PATIENCE, everything, ids, page, request};
use crate::harness;
use crate::harness::postgres::Db;

/// Clutch's table.
pub const CLUTCH: &str = "CREATE TABLE audit_events (
    id bigserial PRIMARY KEY, occurred_at timestamptz, details jsonb, sent boolean DEFAULT false);
    CREATE INDEX sort_audit_events ON audit_events (occurred_at);
    CREATE INDEX audit_events_json ON audit_events USING gin (details jsonb_path_ops);
    CREATE INDEX sent_audit_events ON audit_events (sent) WHERE sent = false;";

/// A table in the shared cluster with a writer beside the store.
pub struct Table {
    pub db: Db,
    pub writer: tokio_postgres::Client,
    pub store: PostgresStore,
}

pub fn time(at: At) -> String {
    match at {
        At::Absent => "NULL".to_owned(),
        other => format!("'{other}'"),
    }
}

pub fn quoted(text: &str) -> String {
    text.replace('\'', "''")
}

impl Bench for Table {
    fn store(&self) -> &dyn Store {
        &self.store
    }

    fn insert<'a>(&'a self, rows: &'a [NewRow]) -> Later<'a, Vec<i64>> {
        Box::pin(async move {
            let values: Vec<String> = rows
                .iter()
                .map(|row| format!("({}, '{}')", time(row.at), quoted(&row.details)))
                .collect();
            let statement = format!(
                "INSERT INTO audit_events (occurred_at, details) VALUES {} RETURNING id",
                values.join(", ")
            );
            let rows = self.writer.query(&statement, &[]).await.unwrap();
            rows.iter().map(|row| row.get(0)).collect()
        })
    }

    fn update<'a>(&'a self, id: i64, details: &'a str) -> Later<'a, ()> {
        Box::pin(async move {
            let details = quoted(details);
            let statement =
                format!("UPDATE audit_events SET details = '{details}' WHERE id = {id}");
            self.writer.batch_execute(&statement).await.unwrap();
        })
    }

    fn delete(&self, id: i64) -> Later<'_, ()> {
        Box::pin(async move {
            let statement = format!("DELETE FROM audit_events WHERE id = {id}");
            self.writer.batch_execute(&statement).await.unwrap();
        })
    }
}

pub async fn table(test: &str, schema: &str) -> Option<Table> {
    let db = harness::postgres()?.database(test);
    db.sql(schema);
    let writer = db.client().await;
    let store = postgres::open(&db.url, &OpenOptions::default())
        .await
        .expect("it opens");
    Some(Table { db, writer, store })
}

pub async fn clutch(test: &str) -> Option<Table> {
    let table = table(test, CLUTCH).await?;
    assert_eq!(table.store.description().profile.name, "clutch");
    Some(table)
}

crate::contract!(clutch);

/// Without an index everything is slower and nothing is different.
mod unindexed {
    use super::{CLUTCH, Table, table};

    async fn clutch(test: &str) -> Option<Table> {
        table(&format!("plain_{test}"), CLUTCH.split_once(';').unwrap().0).await
    }

    crate::contract!(clutch:
        paging_meets_every_event_once_beside_a_writer,
        forward_is_the_reverse_of_back,
        undated_events_come_last_in_the_order_of_their_kind,
        filters_mean_the_same_as_in_memory,
        a_tail_tells_everything_once,
        a_search_without_matches_looks_at_everything,
        an_aggregate_is_what_counting_by_hand_gives,
    );
}

/// Rows that nothing but their place in the table tells apart.
mod keyless {
    use super::*;

    #[tokio::test]
    async fn rows_without_a_key_are_paged_once_and_fetched() {
        let schema = "CREATE TABLE activity_log (
            created_at timestamptz, actor text, action text, metadata jsonb);
            INSERT INTO activity_log SELECT '2026-01-01'::timestamptz + (n / 7) * interval '1 s',
            'user' || n % 5, 'login', '{}' FROM generate_series(1, 1000) n;";
        let Some(table) = table("keyless", schema).await else {
            return;
        };
        let all = everything(&table.store).await;
        let mut seen: Vec<_> = ids(&all);
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 1000);
        let (first, _) = page(
            &table.store,
            request(Predicate::All, PageFrom::Newest, Some(10)),
        )
        .await;
        let from = PageFrom::Before(first[9].cursor.clone());
        let (second, _) = page(&table.store, request(Predicate::All, from, Some(10))).await;
        assert_eq!(ids(&second), ids(&all[10..20]));
        let stop = CancellationToken::new();
        let found = table
            .store
            .fetch(&second[3].cursor, &stop)
            .await
            .unwrap()
            .expect("it is there");
        assert_eq!(found.id, second[3].id);
    }
}

fn user(name: &str) -> Predicate {
    Predicate::Atom(Atom::Field(
        Field::Actor,
        Test::Equals(Literal::Bare(name.to_owned())),
    ))
}

const MANY: &str = "INSERT INTO audit_events (occurred_at, details, sent)
    SELECT '2026-01-01'::timestamptz + n * interval '1 s', jsonb_build_object(
        'user_name', CASE WHEN n % 10000 = 1 THEN 'rare' ELSE 'user' || n % 20 END,
        'method_name', 'DescribePod', 'status', '{\"code\": 0}'::jsonb,
        'request_body', '{}'::jsonb, 'response_body', '{}'::jsonb), true
    FROM generate_series(1, 60000) n; ANALYZE audit_events;";

#[tokio::test]
async fn a_rare_user_is_found_by_the_gin_index_and_the_order_by_the_time_index() {
    let Some(table) = clutch("gin").await else {
        return;
    };
    table.db.sql(MANY);
    let stop = CancellationToken::new();
    let rare = table.store.explain(&user("rare"), &stop).await.unwrap();
    assert_eq!(rare.indexes, ["audit_events_json"], "{:#?}", rare.plan);
    assert_eq!(rare.exactness, Exactness::Exact);
    assert!(rare.statement.contains("details"));
    let all = table.store.explain(&Predicate::All, &stop).await.unwrap();
    assert_eq!(all.indexes, ["sort_audit_events"], "{:#?}", all.plan);
    assert!(
        !all.plan
            .iter()
            .any(|line| line.trim().starts_with("-> Sort")),
        "{:#?}",
        all.plan
    );
    let (events, _) = page(
        &table.store,
        request(user("rare"), PageFrom::Newest, Some(200)),
    )
    .await;
    assert_eq!(
        ids(&events),
        ["50001", "40001", "30001", "20001", "10001", "1"]
    );
    let findings = table.store.examine(&stop).await.unwrap();
    assert!(
        findings
            .iter()
            .all(|finding| finding.level != FindingLevel::Problem),
        "{findings:#?}"
    );
}

#[tokio::test]
async fn doctor_gives_the_statements_that_mend_a_bare_table() {
    let schema = format!("{}; {MANY}", CLUTCH.split_once(';').unwrap().0);
    let Some(table) = table("bare", &schema).await else {
        return;
    };
    let stop = CancellationToken::new();
    let findings = table.store.examine(&stop).await.unwrap();
    let remedy = |subject: &str| {
        let finding = findings
            .iter()
            .find(|finding| finding.subject == subject)
            .expect(subject);
        assert_ne!(finding.level, FindingLevel::Good, "{finding:?}");
        finding.remedy.clone().expect("a remedy")
    };
    for subject in ["index on time", "index on JSON"] {
        let statement = remedy(subject);
        assert!(
            statement.starts_with("CREATE INDEX CONCURRENTLY ON"),
            "{statement}"
        );
        table.db.sql(&statement);
    }
    let again = postgres::open(&table.db.url, &OpenOptions::default())
        .await
        .unwrap();
    let findings = again.examine(&stop).await.unwrap();
    let bad: Vec<_> = findings
        .iter()
        .filter(|finding| {
            finding.subject.starts_with("index") && finding.level != FindingLevel::Good
        })
        .collect();
    assert!(bad.is_empty(), "{bad:#?}");
}

/// What the server is doing for the store.
fn running(table: &Table) -> Vec<String> {
    table.db.rows(
        "SELECT query FROM pg_stat_activity WHERE application_name = 'auditail' AND state = 'active' \
         AND datname = current_database()",
    )
}

#[tokio::test]
async fn a_stopped_count_ends_on_the_server_and_the_connection_goes_on() {
    let schema = format!(
        "{CLUTCH} CREATE FUNCTION slow(jsonb) RETURNS jsonb LANGUAGE sql VOLATILE AS \
         $$ SELECT $1 FROM pg_sleep(60) $$; \
         INSERT INTO audit_events (occurred_at, details) VALUES (now(), '{{}}'); \
         CREATE VIEW slow_events AS SELECT id, occurred_at, slow(details) AS details, sent FROM audit_events;"
    );
    let Some(table) = table("cancel", &schema).await else {
        return;
    };
    let options = OpenOptions {
        table: Some("slow_events".to_owned()),
        ..OpenOptions::default()
    };
    let store = Arc::new(
        postgres::open(&table.db.url, &options)
            .await
            .expect("a view opens"),
    );
    let path = Path::parse("details.user_name").unwrap();
    let slow = Predicate::Atom(Atom::Path(
        path,
        Test::Equals(Literal::Bare("x".to_owned())),
    ));
    let stop = CancellationToken::new();
    let counting = tokio::spawn({
        let (store, stop) = (store.clone(), stop.clone());
        async move { store.count(&slow, CountMode::Exact, &stop).await }
    });
    wait_until("the count runs", || {
        running(&table)
            .iter()
            .any(|query| query.contains("count(*)"))
    })
    .await;
    let asked = Instant::now();
    stop.cancel();
    let end = counting.await.unwrap();
    assert!(matches!(end, Err(StoreError::Cancelled)), "{end:?}");
    assert!(
        asked.elapsed() < Duration::from_secs(30),
        "it waited for the server's own end"
    );
    wait_until("nothing runs", || running(&table).is_empty()).await;
    let fresh = CancellationToken::new();
    store.now(&fresh).await.expect("the store still answers");
    assert!(
        store
            .count(&Predicate::Never, CountMode::Exact, &fresh)
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_dropped_page_ends_on_the_server() {
    let schema = format!(
        "{CLUTCH} INSERT INTO audit_events (occurred_at, details) VALUES (now(), '{{}}'); \
         CREATE VIEW slow_events AS SELECT id, occurred_at, details, sent, pg_sleep(60)::text AS nap \
         FROM audit_events;"
    );
    let Some(table) = table("dropped", &schema).await else {
        return;
    };
    let options = OpenOptions {
        table: Some("slow_events".to_owned()),
        ..OpenOptions::default()
    };
    let store = Arc::new(
        postgres::open(&table.db.url, &options)
            .await
            .expect("a view opens"),
    );
    let paging = tokio::spawn({
        let store = store.clone();
        async move {
            let (out, _pieces) = mpsc::channel(1);
            let stop = CancellationToken::new();
            store
                .page(
                    request(Predicate::All, PageFrom::Newest, Some(5)),
                    out,
                    &stop,
                )
                .await
        }
    });
    wait_until("the page runs", || {
        running(&table)
            .iter()
            .any(|query| query.contains("nap") || query.contains("to_json"))
    })
    .await;
    paging.abort();
    drop(paging.await);
    wait_until("nothing runs", || running(&table).is_empty()).await;
}

/// Waits for a condition on the server, not for a time.
pub async fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_session_cannot_write_and_there_are_never_more_than_four() {
    let Some(table) = clutch("guest").await else {
        return;
    };
    let stop = CancellationToken::new();
    let store = &table.store;
    let all = Predicate::All;
    let (a, b, c, d) = tokio::join!(
        store.count(&all, CountMode::Exact, &stop),
        store.count(&all, CountMode::Exact, &stop),
        store.count(&all, CountMode::Exact, &stop),
        store.now(&stop),
    );
    assert!(a.is_ok() && b.is_ok() && c.is_ok() && d.is_ok());
    let sessions = table.db.sql(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'auditail' \
         AND datname = current_database()",
    );
    assert!(sessions.trim().parse::<u32>().unwrap() <= 4, "{sessions}");
    // PGOPTIONS of the user's cannot switch it off either: ours come last.
    let url = format!(
        "{}?options=-c%20default_transaction_read_only%3Doff",
        table.db.url
    );
    postgres::open(&url, &OpenOptions::default())
        .await
        .expect("still read-only");
}
