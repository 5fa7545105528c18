//! Tables of other shapes: other keys, other times, views, values that are not what was declared.

use auditail::core::event::Event;
use auditail::core::instant::{At, Micros};
use auditail::core::json::FlatJson;
use auditail::core::profile::{TimeEncoding, load};
use auditail::core::query::parse::parse;
use auditail::core::query::predicate::{Atom, Predicate};
use auditail::core::query::resolve::{Moment, resolve};
use auditail::store::connect::OpenOptions;
use auditail::store::sqlite::SqliteStore;
use auditail::store::{PageFrom, Store, sqlite};
use rusqlite::Connection;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::file;
use crate::contract::{START, everything, ids, in_pages, page, request};

async fn open(schema: &str, table: &str) -> (TempDir, Connection, SqliteStore) {
    let (dir, path, writer) = file(schema);
    let options = OpenOptions {
        table: Some(table.to_owned()),
        ..OpenOptions::default()
    };
    let store = sqlite::open(&path, &options).await.expect("it opens");
    (dir, writer, store)
}

/// Both ways, in pages, and the same events; ids newest first.
async fn read(store: &dyn Store) -> Vec<String> {
    let back = in_pages(store, PageFrom::Newest, 2).await;
    let mut forward = in_pages(store, PageFrom::Oldest, 3).await;
    forward.reverse();
    assert_eq!(ids(&back), ids(&forward));
    ids(&back).into_iter().map(str::to_owned).collect()
}

#[tokio::test]
async fn a_table_without_a_rowid_goes_by_its_key() {
    let schema = "CREATE TABLE audit_log (tenant TEXT, n INTEGER, created_at TEXT, actor TEXT,
        action TEXT, PRIMARY KEY (tenant, n)) WITHOUT ROWID;
        CREATE INDEX t ON audit_log (created_at);
        INSERT INTO audit_log SELECT 'a', value, '2026-01-02 03:04:05', 'x', 'y' FROM generate(12);";
    let schema = schema.replace("generate(12)", &series(12));
    let (_dir, _writer, store) = open(&schema, "audit_log").await;
    let found = read(&store).await;
    let expected: Vec<_> = (0..12).rev().map(|n| format!(r#"["a",{n}]"#)).collect();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn a_table_without_a_key_goes_by_rowid_and_one_with_a_text_key_says_it() {
    let schema = "CREATE TABLE audit_log (created_at TEXT, actor TEXT, action TEXT);
        CREATE INDEX t ON audit_log (created_at);
        CREATE TABLE audit_trail (uuid TEXT PRIMARY KEY, created_at TEXT, actor TEXT, action TEXT);
        CREATE INDEX u ON audit_trail (created_at);
        INSERT INTO audit_log SELECT '2026-01-02T03:04:05Z', 'x', 'y' FROM generate;
        INSERT INTO audit_trail SELECT 'k' || (9 - value), '2026-01-02T03:04:05Z', 'x', 'y'
        FROM generate;"
        .replace("generate", &series(5));
    let (_dir, _writer, store) = open(&schema, "audit_log").await;
    assert_eq!(read(&store).await, ["5", "4", "3", "2", "1"]);
    let (_dir, _writer, store) = open(&schema, "audit_trail").await;
    assert_eq!(read(&store).await, ["k5", "k6", "k7", "k8", "k9"]);
}

#[tokio::test]
async fn a_view_is_read_by_its_id() {
    let schema =
        "CREATE TABLE t (id INTEGER PRIMARY KEY, created_at TIMESTAMPTZ, actor TEXT, action TEXT);
        INSERT INTO t SELECT value, '2026-01-02T03:04:0' || value || 'Z', 'x', 'y' FROM generate;
        CREATE VIEW audit_log AS SELECT * FROM t WHERE id <> 3;"
            .replace("generate", &series(6));
    let (_dir, _writer, store) = open(&schema, "audit_log").await;
    assert_eq!(read(&store).await, ["5", "4", "2", "1", "0"]);
}

/// `FROM` this gives the integers below `n` as `value`.
fn series(n: usize) -> String {
    let values: Vec<_> = (0..n)
        .map(|value| format!("SELECT {value} AS value"))
        .collect();
    format!("({})", values.join(" UNION ALL "))
}

async fn between(store: &dyn Store, since: Micros, until: Micros) -> Vec<Event> {
    let atom = Atom::At {
        since: Some(since),
        until: Some(until),
    };
    page(
        store,
        request(Predicate::Atom(atom), PageFrom::Newest, None),
    )
    .await
    .0
}

/// Times of every encoding are found by the same bounds.
#[tokio::test]
async fn epochs_are_told_by_their_size_and_bounded_by_instant() {
    let second = START.0 / Micros::SECOND;
    for (kind, unit, encoding) in [
        ("INTEGER", 1, TimeEncoding::EpochSeconds),
        ("REAL", 1, TimeEncoding::EpochSeconds),
        ("INTEGER", 1_000, TimeEncoding::EpochMillis),
        ("INTEGER", 1_000_000, TimeEncoding::EpochMicros),
    ] {
        let schema = format!(
            "CREATE TABLE audit_log (id INTEGER PRIMARY KEY, created_at {kind}, actor TEXT, action TEXT);
             CREATE INDEX t ON audit_log (created_at);
             INSERT INTO audit_log SELECT value, ({second} + value) * {unit}, 'x', 'y' FROM {};",
            series(20)
        );
        let (_dir, _writer, store) = open(&schema, "audit_log").await;
        assert_eq!(
            store.description().profile.time.encoding,
            encoding,
            "{kind} × {unit}"
        );
        assert_eq!(read(&store).await.len(), 20);
        let at = |seconds: i64| START.plus(seconds * Micros::SECOND);
        let found = between(&store, at(3), at(6)).await;
        assert_eq!(ids(&found), ["5", "4", "3"], "{kind} × {unit}");
        assert_eq!(found[0].at(), At::Instant(at(5)));
    }
}

/// Whatever the spelling, a bound means the instant and no row is lost.
#[tokio::test]
async fn spellings_of_time_may_be_mixed() {
    let same = [
        "2026-01-02T03:00:00Z",
        "2026-01-02 03:00:00",
        "2026-01-02T03:00:00.000000+00:00",
        "2026-01-02T08:45:00+05:45",
        "2026-01-01T21:00:00.0-06:00",
        "2026-01-02T03:00Z",
        " 2026-01-02T03:00:00Z",
    ];
    let usual = "2026-01-02T03:00:01.000000Z";
    for first in 0..2 {
        let mut schema = "CREATE TABLE audit_log (id INTEGER PRIMARY KEY, created_at TIMESTAMPTZ,
            actor TEXT, action TEXT); CREATE INDEX t ON audit_log (created_at);"
            .to_owned();
        let usual = std::iter::repeat_n(usual, 60 * first);
        for text in same
            .into_iter()
            .chain(["never", "2026-13-01", ""])
            .chain(usual)
        {
            schema.push_str(&format!(
                "INSERT INTO audit_log (created_at, actor) VALUES ('{text}', 'x');"
            ));
        }
        let (_dir, _writer, store) = open(&schema, "audit_log").await;
        let all = everything(&store).await;
        assert_eq!(all.len(), 10 + 60 * first);
        assert_eq!(read(&store).await.len(), all.len());
        let found = between(&store, START, START.plus(1)).await;
        assert_eq!(found.len(), same.len(), "{:?}", ids(&found));
        let none = between(&store, START.plus(1), START.plus(Micros::SECOND)).await;
        assert_eq!(none.len(), 0, "{:?}", ids(&none));
    }
}

#[tokio::test]
async fn predicates_read_columns_of_any_type() {
    let schema = "CREATE TABLE audit_log (id INTEGER PRIMARY KEY, created_at TIMESTAMPTZ, actor,
        action TEXT COLLATE NOCASE, metadata TEXT); CREATE INDEX t ON audit_log (created_at);
        INSERT INTO audit_log VALUES
        (1, '2026-01-02T03:00:00Z', 7, 'Login', '{\"a\":\"caf\\u00e9\",\"n\":70e-1}'),
        (2, '2026-01-02T03:00:00Z', 7.0, 'login', '{\"a\":\"café\",\"n\":7}'),
        (3, '2026-01-02T03:00:00Z', '7', 'LOGIN', '[]'),
        (4, '2026-01-02T03:00:00Z', x'37', 'other', '{\"\\u0061\":\"x\"}');";
    let (_dir, _writer, store) = open(schema, "audit_log").await;
    let all = everything(&store).await;
    let stop = CancellationToken::new();
    let catalog = store.catalog(&stop).await.unwrap();
    for (query, expected) in [
        (".actor:7", &["3", "2", "1"][..]),
        (".actor:\"7\"", &["3"]),
        (".action:Login", &["1"]),
        (".metadata.a:café", &["2", "1"]),
        (".metadata.n:7", &["2", "1"]),
        (".metadata.a:x", &["4"]),
        ("has:.metadata.a", &["4", "2", "1"]),
        ("CAFÉ", &[]),
        ("login", &["3", "2", "1"]),
    ] {
        let moment = Moment {
            now: START,
            tz: chrono_tz::UTC,
        };
        let resolved = resolve(&parse(query), &catalog, moment);
        let predicate = resolved.predicate.expect(query);
        let by_hand: Vec<_> = all
            .iter()
            .filter(|event| {
                let record = FlatJson::parse(&*event.payload.text).unwrap();
                predicate.matches(event, &record)
            })
            .map(|event| event.id.as_str())
            .collect();
        let (found, _) = page(&store, request(predicate, PageFrom::Newest, None)).await;
        assert_eq!(ids(&found), by_hand, "{query}");
        assert_eq!(by_hand, expected, "{query}");
    }
}

#[tokio::test]
async fn keys_and_times_of_broken_text_and_of_bytes_page_like_others() {
    let columns = "created_at TEXT, actor TEXT, action TEXT";
    let ordered = "CREATE INDEX t ON audit_log (created_at, id);";
    for index in [ordered, ""] {
        let schema = format!(
            "CREATE TABLE audit_log (id TEXT PRIMARY KEY, {columns}) WITHOUT ROWID; {index}
            INSERT INTO audit_log SELECT CAST(x'6bf0' || CAST(value AS BLOB) AS TEXT),
                '2026-01-02T03:04:05Z', 'x', 'y' FROM {rows};
            INSERT INTO audit_log SELECT CAST(x'ff' || CAST(value AS BLOB) AS BLOB),
                '2026-01-02T03:04:05Z', 'x', 'y' FROM {rows};
            INSERT INTO audit_log SELECT 'k' || time || value, CAST(time AS TEXT), 'x', 'y'
                FROM {rows}, (SELECT x'20ff' AS time UNION SELECT x'32303236ff'
                    UNION SELECT x'ff' UNION SELECT x'ff00ff');",
            rows = series(5)
        );
        let (_dir, _writer, store) = open(&schema, "audit_log").await;
        let found = read(&store).await;
        let mut once = found.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!((once.len(), found.len()), (30, 30), "{found:?}");
        for event in everything(&store).await {
            let fetched = store.fetch(&event.cursor, &CancellationToken::new()).await;
            assert_eq!(fetched.unwrap().map(|event| event.id), Some(event.id));
        }
    }
}

#[tokio::test]
async fn broken_text_and_numbers_of_a_computed_time_page_like_others() {
    let schema = "CREATE TABLE t (id INTEGER PRIMARY KEY, at);
        INSERT INTO t VALUES (1, 5), (2, CAST(x'20ff' AS TEXT)), (3, 7),
            (4, CAST(x'20fe' AS TEXT));
        INSERT INTO t SELECT 5 + value, '2026-01-02T03:04:05Z' FROM generate;
        CREATE VIEW audit_events AS
            SELECT id, coalesce(at, NULL) AS occurred_at, '{}' AS details FROM t;"
        .replace("generate", &series(3));
    let (_dir, path, _writer) = file(&schema);
    let options = OpenOptions {
        profile: load::named("clutch"),
        table: Some("audit_events".to_owned()),
        ..OpenOptions::default()
    };
    let store = sqlite::open(&path, &options).await.unwrap();
    assert_eq!(read(&store).await, ["7", "6", "5", "2", "4", "3", "1"]);
}
