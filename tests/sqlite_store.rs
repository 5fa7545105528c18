//! SQLite against the contract of all stores, and what is SQLite's own.

mod demo;
mod files;
mod following;
mod shapes;

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard};

use auditail::core::instant::At;
use auditail::store::Store;
use auditail::store::connect::OpenOptions;
use auditail::store::sqlite::{self, SqliteStore};
use rusqlite::{Connection, params};
use tempfile::TempDir;

use crate::contract::{Bench, Later, NewRow};

/// Clutch's table as SQLite spells it.
const CLUTCH: &str = "CREATE TABLE audit_events (
    id INTEGER PRIMARY KEY, occurred_at TIMESTAMPTZ, details JSONB, sent BOOLEAN DEFAULT FALSE);
    CREATE INDEX sort_audit_events ON audit_events (occurred_at);";

struct File {
    writer: Mutex<Connection>,
    store: SqliteStore,
    _dir: TempDir,
}

impl File {
    fn writer(&self) -> MutexGuard<'_, Connection> {
        self.writer.lock().expect("no test panics while it writes")
    }
}

fn text(at: At) -> Option<String> {
    match at {
        At::Absent => None,
        At::NegInfinity => Some("-infinity".to_owned()),
        At::PosInfinity => Some("infinity".to_owned()),
        At::Instant(at) => Some(at.to_string()),
    }
}

impl Bench for File {
    fn store(&self) -> &dyn Store {
        &self.store
    }

    fn insert<'a>(&'a self, rows: &'a [NewRow]) -> Later<'a, Vec<i64>> {
        Box::pin(async move {
            let mut writer = self.writer();
            let transaction = writer.transaction().unwrap();
            let mut ids = Vec::new();
            for row in rows {
                let sql = "INSERT INTO audit_events (occurred_at, details) VALUES (?, ?)";
                transaction
                    .execute(sql, params![text(row.at), row.details])
                    .unwrap();
                ids.push(transaction.last_insert_rowid());
            }
            transaction.commit().unwrap();
            ids
        })
    }

    fn update<'a>(&'a self, id: i64, details: &'a str) -> Later<'a, ()> {
        Box::pin(async move {
            let sql = "UPDATE audit_events SET details = ? WHERE id = ?";
            self.writer().execute(sql, params![details, id]).unwrap();
        })
    }

    fn delete(&self, id: i64) -> Later<'_, ()> {
        Box::pin(async move {
            self.writer()
                .execute("DELETE FROM audit_events WHERE id = ?", [id])
                .unwrap();
        })
    }
}

/// A file with this schema and a connection that writes to it.
fn file(schema: &str) -> (TempDir, PathBuf, Connection) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("audit.db");
    let writer = Connection::open(&path).unwrap();
    writer.execute_batch("PRAGMA journal_mode = WAL").unwrap();
    writer.execute_batch(schema).unwrap();
    (dir, path, writer)
}

async fn clutch(_: &str) -> Option<File> {
    let (dir, path, writer) = file(CLUTCH);
    let store = sqlite::open(&path, &OpenOptions::default())
        .await
        .expect("it opens");
    assert_eq!(store.description().profile.name, "clutch");
    Some(File {
        writer: Mutex::new(writer),
        store,
        _dir: dir,
    })
}

crate::contract!(clutch);

/// Without an index on the time everything is slower and nothing is different.
mod unindexed {
    use super::*;

    async fn clutch(_: &str) -> Option<File> {
        let (dir, path, writer) = file(CLUTCH.split_once(';').unwrap().0);
        let store = sqlite::open(&path, &OpenOptions::default())
            .await
            .expect("it opens");
        Some(File {
            writer: Mutex::new(writer),
            store,
            _dir: dir,
        })
    }

    crate::contract!(clutch);
}
