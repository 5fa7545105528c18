//! Facets of stores that are too large to count quickly: the newest events, and what is said of it.

use std::sync::Arc;

use auditail::app::facets::facet::{Ask, Basis, Counted, How};
use auditail::core::aggregate::{
    Aggregate, AggregateRequest, GroupKey, GroupValue, Measure, Subject,
};
use auditail::core::event::{Cursor, Event, Field};
use auditail::core::instant::Micros;
use auditail::core::path::Path;
use auditail::core::query::catalog::Catalog;
use auditail::core::query::predicate::Predicate;
use auditail::runtime::effects::facets::count;
use auditail::store::connect::{OpenOptions, open};
use auditail::store::{
    AggregateItem, BoxFuture, Count, CountMode, Description, Explanation, Finding, PageEnd,
    PageItem, PageRequest, Store, StoreError, TailItem, TailRequest,
};
use rusqlite::Connection;
use tempfile::TempDir;
use tokio::sync::mpsc::{self, Sender};
use tokio_util::sync::CancellationToken;

/// Rows of the table: more than a sample takes.
const ROWS: i64 = 12_000;

/// A table whose newest 10,000 rows are not like all of them.
fn table() -> (TempDir, String, Connection) {
    let dir = TempDir::new().expect("a directory");
    let path = dir.path().join("audit.db");
    let db = Connection::open(&path).expect("a file");
    db.execute_batch(&format!(
        "CREATE TABLE audit_events (
             id INTEGER PRIMARY KEY, occurred_at TIMESTAMPTZ, details JSONB, sent BOOLEAN);
         CREATE INDEX sort_audit_events ON audit_events (occurred_at);
         WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {ROWS})
         INSERT INTO audit_events
         SELECT n, strftime('%Y-%m-%d %H:%M:%S+00:00', 1767225600 + n, 'unixepoch'),
                json_object('user_name', CASE WHEN n < 3000 THEN 'early' ELSE 'user' || (n % 7) END,
                            'method_name', 'Poke', 'request_body',
                            json_object('cluster', 'c' || (n % 5)), 'response_body', json('{{}}')), 1
         FROM n;"
    ))
    .expect("a table");
    let target = path.to_str().expect("a path").to_owned();
    (dir, target, db)
}

fn ask(subject: Subject, how: How) -> Ask {
    Ask {
        request: AggregateRequest {
            predicate: Arc::new(Predicate::All),
            keys: vec![GroupKey::Value(subject)],
            measure: Measure::Count,
            top: Some(31),
        },
        how,
    }
}

fn user() -> Subject {
    Subject::Field(Field::Actor)
}

async fn counted(store: &dyn Store, ask: Ask) -> Result<Counted, StoreError> {
    let stop = CancellationToken::new();
    let (out, mut pieces) = mpsc::channel(4);
    let drain = async { while pieces.recv().await.is_some() {} };
    tokio::join!(count(store, ask, out, &stop), drain).0
}

fn numbers(counted: &Counted) -> Vec<(String, u64)> {
    let groups = counted.answer.groups.iter();
    let one = |group: &auditail::core::aggregate::Group| match &group.key[0] {
        GroupValue::Text(text) => (text.clone(), group.count),
        other => panic!("{other:?}"),
    };
    groups.map(one).collect()
}

/// The same in SQL.
fn by_sql(db: &Connection, key: &str, newest: i64) -> Vec<(String, u64)> {
    let sql = format!(
        "SELECT details ->> '{key}', count(*)
         FROM (SELECT * FROM audit_events ORDER BY occurred_at DESC, id DESC LIMIT {newest})
         GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 31"
    );
    let mut statement = db.prepare(&sql).expect("SQL");
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?)));
    let number = |(value, count): (String, i64)| (value, u64::try_from(count).expect("positive"));
    let rows: Result<Vec<_>, _> = rows.expect("rows").collect();
    rows.expect("rows").into_iter().map(number).collect()
}

#[tokio::test]
async fn a_sample_is_of_the_newest_events() {
    let (_dir, target, db) = table();
    let store = open(&target, &OpenOptions::default()).await.expect("opens");
    let all = counted(&*store, ask(user(), How::Bounded))
        .await
        .expect("counted");
    assert_eq!(all.basis, Basis::All);
    assert_eq!(numbers(&all), by_sql(&db, "$.user_name", ROWS));
    let part = counted(&*store, ask(user(), How::Sampled))
        .await
        .expect("counted");
    assert_eq!(part.basis, Basis::Newest(10_000));
    assert_eq!(numbers(&part), by_sql(&db, "$.user_name", 10_000));
    assert_ne!(numbers(&part), numbers(&all));
    let cluster = Path::parse("details.request_body.cluster").expect("a path");
    let part = counted(&*store, ask(Subject::Path(cluster), How::Sampled)).await;
    let of_sql = by_sql(&db, "$.request_body.cluster", 10_000);
    assert_eq!(numbers(&part.expect("counted")), of_sql);
    // What is less than a sample is everything.
    db.execute("DELETE FROM audit_events WHERE id > 500", [])
        .expect("deleted");
    let all = counted(&*store, ask(user(), How::Sampled))
        .await
        .expect("counted");
    assert_eq!(
        (all.basis, numbers(&all)),
        (Basis::All, vec![("early".to_owned(), 500)])
    );
}

/// A store that counts until it is stopped.
struct Slow(Arc<dyn Store>);

impl Store for Slow {
    fn description(&self) -> Arc<Description> {
        self.0.description()
    }

    fn catalog<'a>(
        &'a self,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Catalog, StoreError>> {
        self.0.catalog(stop)
    }

    fn page<'a>(
        &'a self,
        request: PageRequest,
        out: Sender<PageItem>,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<PageEnd, StoreError>> {
        self.0.page(request, out, stop)
    }

    fn fetch<'a>(
        &'a self,
        cursor: &'a Cursor,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Option<Event>, StoreError>> {
        self.0.fetch(cursor, stop)
    }

    fn aggregate<'a>(
        &'a self,
        _: AggregateRequest,
        out: Sender<AggregateItem>,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Aggregate, StoreError>> {
        Box::pin(async move {
            stop.cancelled().await;
            drop(out);
            Err(StoreError::Cancelled)
        })
    }

    fn count<'a>(
        &'a self,
        predicate: &'a Predicate,
        mode: CountMode,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Count, StoreError>> {
        self.0.count(predicate, mode, stop)
    }

    fn span<'a>(
        &'a self,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Option<(Micros, Micros)>, StoreError>> {
        self.0.span(stop)
    }

    fn explain<'a>(
        &'a self,
        predicate: &'a Predicate,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Explanation, StoreError>> {
        self.0.explain(predicate, stop)
    }

    fn tail<'a>(
        &'a self,
        request: TailRequest,
        out: Sender<TailItem>,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        self.0.tail(request, out, stop)
    }

    fn examine<'a>(
        &'a self,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Vec<Finding>, StoreError>> {
        self.0.examine(stop)
    }

    fn now<'a>(&'a self, stop: &'a CancellationToken) -> BoxFuture<'a, Result<Micros, StoreError>> {
        self.0.now(stop)
    }
}

#[tokio::test]
async fn what_takes_long_becomes_a_sample_unless_all_is_wanted() {
    let (_dir, target, db) = table();
    let store = open(&target, &OpenOptions::default()).await.expect("opens");
    let slow = Slow(store);
    let part = counted(&slow, ask(user(), How::Bounded))
        .await
        .expect("counted");
    assert_eq!(part.basis, Basis::Newest(10_000));
    assert_eq!(numbers(&part), by_sql(&db, "$.user_name", 10_000));
    // What is stopped by somebody is no sample either.
    for how in [How::Bounded, How::Whole] {
        let stop = CancellationToken::new();
        let (out, mut pieces) = mpsc::channel(4);
        let stopped = async {
            stop.cancel();
            while pieces.recv().await.is_some() {}
        };
        let (result, ()) = tokio::join!(count(&slow, ask(user(), how), out, &stop), stopped);
        assert!(matches!(result, Err(StoreError::Cancelled)), "{result:?}");
    }
}

#[tokio::test]
async fn of_very_many_values_only_the_first_travel() {
    let dir = TempDir::new().expect("a directory");
    let path = dir.path().join("audit.db");
    let db = Connection::open(&path).expect("a file");
    db.execute_batch(
        "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
         CREATE TABLE audit_events (
             id INTEGER PRIMARY KEY, occurred_at TIMESTAMPTZ, details JSONB, sent BOOLEAN);
         CREATE INDEX sort_audit_events ON audit_events (occurred_at);
         WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 120003)
         INSERT INTO audit_events SELECT n, '2026-01-01 00:00:00+00:00',
             json_object('user_name', 'user' || max(n, 3), 'response_body', json('{}')), 1 FROM n;",
    )
    .expect("a table");
    let options = OpenOptions::default();
    let store = open(path.to_str().expect("a path"), &options);
    let store = store.await.expect("opens");
    let all = counted(&*store, ask(user(), How::Whole))
        .await
        .expect("counted");
    assert_eq!(all.answer.groups.len(), 31);
    assert_eq!(numbers(&all)[0], ("user3".to_owned(), 3));
    assert!(numbers(&all)[1..].iter().all(|(_, count)| *count == 1));
}
