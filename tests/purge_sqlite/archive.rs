//! Every value comes back as it was, and SQLite's own shell can do it.

use std::io::Write as _;
use std::process::{Command, Stdio};

use auditail::core::purge::decode::insert::record;
use auditail::core::purge::row::RowMark;
use auditail::store::connect::{self, OpenOptions};
use auditail::store::purger::RestoreInto;
use auditail::store::{PageFrom, PageItem, PageRequest, PayloadNeed};
use rusqlite::Connection;
use rusqlite::types::Value;

use super::{CUTOFF, Store, stop};

/// Columns of every affinity.
const TYPES: &str = "CREATE TABLE \"audit \"\"log\" (
    id INTEGER PRIMARY KEY, \"timestamp\" TEXT, action TEXT, \"user\" TEXT,
    i INTEGER, r REAL, n NUMERIC, b BLOB, untyped, t TEXT, v VARCHAR(3),
    made TEXT GENERATED ALWAYS AS (action || '!') STORED)";

/// Edges of every storage class; text that a shell might stumble over.
fn values(random: &mut fastrand::Rng) -> Value {
    let texts: [&[u8]; 12] = [
        b"",
        b"it's",
        b"a\0b",
        b"\xff\xfe",
        b"two\nlines",
        b"cr\r\nlf",
        b"--",
        b"');\n.quit\n",
        b"\x1b[31m",
        "\u{202e}\u{feff}\u{9b}".as_bytes(),
        b"12",
        b"1e5",
    ];
    let reals = [
        0.1,
        -0.0,
        1e-300,
        f64::MAX,
        f64::MIN_POSITIVE,
        f64::from_bits(1),
        f64::INFINITY,
        f64::NEG_INFINITY,
        1_690_000_000.123_456,
        9_007_199_254_740_993.0,
    ];
    match random.u8(0..7) {
        0 => Value::Null,
        1 => Value::Integer(
            *[0, 1, -1, i64::MIN, i64::MAX]
                .get(random.usize(0..5))
                .unwrap(),
        ),
        2 => Value::Integer(random.i64(..)),
        3 => Value::Real(reals[random.usize(0..reals.len())]),
        4 => Value::Real(f64::from_bits(random.u64(..))),
        5 => Value::Blob((0..random.usize(0..9)).map(|_| random.u8(..)).collect()),
        _ => Value::Blob(texts[random.usize(0..texts.len())].to_vec()),
    }
}

fn generated(rows: i64) -> Store {
    let store = Store::new(TYPES);
    let mut random = fastrand::Rng::with_seed(7);
    for id in 0..rows {
        let at = CUTOFF.plus(-1_000_000 * (id + 1)).to_string();
        // Broken text can only be bound as bytes and made text there.
        let marks: Vec<_> = (0..7)
            .map(|_| {
                if random.bool() {
                    "?"
                } else {
                    "CAST(? AS TEXT)"
                }
            })
            .collect();
        let sql = format!(
            "INSERT INTO \"audit \"\"log\"(id, timestamp, action, user, i, r, n, b, untyped, t, v)
             VALUES ({id}, '{at}', 'read', 'alice', {})",
            marks.join(", ")
        );
        let row: Vec<_> = (0..7).map(|_| values(&mut random)).collect();
        store
            .writer
            .execute(&sql, rusqlite::params_from_iter(row))
            .unwrap();
    }
    store
}

#[tokio::test]
async fn every_storage_class_in_every_affinity_comes_back() {
    let store = generated(600);
    let plan = store.plan().await;
    let batch = store.archive(&plan).await;
    assert_eq!(batch.rows[0].marks.len(), 600);
    let names: Vec<_> = plan.relations[0]
        .columns
        .iter()
        .map(|column| &column.name)
        .collect();
    assert!(names.iter().all(|name| *name != "made"), "it is generated");
    assert!(
        plan.warnings
            .iter()
            .any(|warning| warning.contains("generated"))
    );
    let drill = store.restore(&plan, &batch, RestoreInto::Scratch).await;
    assert_eq!((drill.inserted, drill.altered), (600, vec![]));
    assert_eq!(store.delete(&plan, &batch).await, (vec![600], vec![]));
    assert_eq!(store.count("\"audit \"\"log\""), 0);
    let restored = store.restore(&plan, &batch, RestoreInto::Table).await;
    assert_eq!((restored.inserted, restored.altered), (600, vec![]));
    assert_eq!(store.archive(&plan).await.rows, batch.rows);
}

/// Without this program: the archive's plain bytes and `sqlite3`.
#[tokio::test]
async fn the_shell_restores_an_archive() {
    let store = generated(600);
    let plan = store.plan().await;
    let batch = store.archive(&plan).await;
    let copy = tempfile::tempdir().unwrap();
    let path = copy.path().join("copy.db");
    let statements = [TYPES.as_bytes(), b";\n", &batch.rows[0].payload].concat();
    let shell = Command::new("sqlite3")
        .arg("-bail")
        .arg(&path)
        .stdin(Stdio::piped())
        .spawn();
    match shell {
        Ok(mut shell) => {
            shell.stdin.take().unwrap().write_all(&statements).unwrap();
            assert!(shell.wait().unwrap().success());
        }
        // The same statements without its shell.
        Err(_) => Connection::open(&path)
            .unwrap()
            .execute_batch(std::str::from_utf8(&statements).unwrap())
            .unwrap(),
    }
    let restored = Store {
        writer: Connection::open(&path).unwrap(),
        path,
        options: OpenOptions::default(),
        _dir: copy,
    };
    let again = restored.archive(&restored.plan().await).await;
    let digests = |marks: &[RowMark]| marks.iter().map(|mark| mark.digest).collect::<Vec<_>>();
    assert_eq!(digests(&again.rows[0].marks), digests(&batch.rows[0].marks));
}

/// A filter means the same on an archived row and on the row itself.
#[tokio::test]
async fn an_archived_row_is_the_record_its_reader_shows() {
    let store = Store::clutch(30);
    store.sql(
        "UPDATE audit_events SET details = CAST(X'7bff' AS TEXT) WHERE id = 3;
         UPDATE audit_events SET details = 'no json' WHERE id = 4;
         UPDATE audit_events SET details = X'00', sent = 2.5 WHERE id = 5;
         UPDATE audit_events SET details = NULL, sent = 0 WHERE id = 6",
    );
    let plan = store.plan().await;
    let batch = store.archive(&plan).await;
    let opened = connect::open(store.path.to_str().unwrap(), &store.options)
        .await
        .unwrap();
    let (out, mut pages) = tokio::sync::mpsc::channel(100);
    let request = PageRequest {
        predicate: std::sync::Arc::new(auditail::core::query::predicate::Predicate::All),
        from: PageFrom::Oldest,
        limit: None,
        payload: PayloadNeed::Whole,
    };
    opened.page(request, out, &stop()).await.unwrap();
    let mut shown = std::collections::HashMap::new();
    while let Some(item) = pages.recv().await {
        if let PageItem::Events(events) = item {
            shown.extend(
                events
                    .into_iter()
                    .map(|event| (event.id, event.payload.text)),
            );
        }
    }
    assert_eq!(batch.rows[0].marks.len(), 30);
    for (mark, bytes) in batch.rows[0].iter() {
        let id = auditail::core::event::EventId::of_key(&mark.key.0);
        let text = record(&plan.relations[0], bytes).unwrap();
        assert_eq!(text, *shown[&id], "{id}");
    }
}
