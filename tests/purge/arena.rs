//! Stores in which a purge and somebody else compete, the same for every kind of store.

pub mod postgres;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rusqlite::{Connection, OptionalExtension};

use super::{Fixture, SCHEMA, rows};

/// A store with rows of the Clutch shape, and a place for an archive.
pub trait Arena: Sync {
    /// As a command line names it.
    fn target(&self) -> String;
    /// Where the archive goes.
    fn archive(&self) -> PathBuf;
    /// What is in the store: details by id.
    fn rows(&self) -> BTreeMap<i64, String>;
    /// What the archive holds, as the store's own tools would restore it.
    fn archived(&self) -> BTreeMap<i64, String>;
    /// Somebody who writes.
    fn rival(&self) -> Box<dyn Rival>;
    /// Somebody who can do anything to the store, from wherever he is.
    fn hand(&self) -> Hand;
    /// The condition that a row is this one and has this version.
    fn is_version(&self) -> fn(i64, &str) -> String;
    /// The same rows again, and no archive.
    fn again(&mut self);
}

/// Runs SQL.
pub type Hand = Arc<dyn Fn(&str) + Send + Sync>;

/// Somebody who writes. Details come back as the store spells them.
pub trait Rival {
    /// A row with an old time; `None` when the id is taken.
    fn insert(&mut self, id: i64, details: &str) -> Option<String>;
    /// Changes a row; `None` when there is none.
    fn update(&mut self, id: i64, details: &str) -> Option<String>;
    /// Whether there was one to delete.
    fn delete(&mut self, id: i64) -> bool;
}

/// The text of every whole segment of an archive; a damaged one holds nothing that counts.
pub fn segments(archive: &Path, extension: &str) -> Vec<String> {
    let files = std::fs::read_dir(archive).into_iter().flatten().flatten();
    let mut texts = Vec::new();
    for file in files.map(|entry| entry.path()) {
        if !file.to_string_lossy().ends_with(extension) {
            continue;
        }
        let packed = std::fs::File::open(&file).expect("a segment");
        let mut text = String::new();
        let unpacked = zstd::stream::read::Decoder::new(packed)
            .and_then(|mut reader| reader.read_to_string(&mut text));
        if unpacked.is_ok() {
            texts.push(text);
        }
    }
    texts
}

/// A SQLite archive as plain `sqlite3` would restore it.
pub fn restored(archive: &Path) -> BTreeMap<i64, String> {
    let db = Connection::open_in_memory().expect("memory");
    db.execute_batch(SCHEMA).expect("a schema");
    for sql in segments(archive, ".sql.zst") {
        db.execute_batch(&format!("begin;{sql}commit;"))
            .expect("plain SQL");
    }
    rows(&db).into_iter().map(|row| (row.0, row.2)).collect()
}

impl Arena for Fixture {
    fn target(&self) -> String {
        self.file().to_str().expect("text").to_owned()
    }

    fn archive(&self) -> PathBuf {
        self.archive()
    }

    fn rows(&self) -> BTreeMap<i64, String> {
        let rows = self.rows().into_iter();
        rows.map(|row| (row.0, row.2)).collect()
    }

    fn archived(&self) -> BTreeMap<i64, String> {
        restored(&self.archive())
    }

    fn rival(&self) -> Box<dyn Rival> {
        Box::new(self.connect())
    }

    fn hand(&self) -> Hand {
        let db = Mutex::new(self.connect());
        Arc::new(move |sql| {
            let db = db.lock().expect("nobody panics with it");
            db.execute_batch(sql).expect("done");
        })
    }

    /// A row of SQLite has no version.
    fn is_version(&self) -> fn(i64, &str) -> String {
        |id, _| format!("id = {id}")
    }

    fn again(&mut self) {
        *self = Self::of(self.rows.0, self.rows.1);
    }
}

impl Rival for Connection {
    fn insert(&mut self, id: i64, details: &str) -> Option<String> {
        let sql = "insert into audit_events values (?1, '2026-01-02T00:00:00+00:00', ?2, 1)
                   on conflict do nothing returning details";
        self.query_row(sql, (id, details), |row| row.get(0))
            .optional()
            .expect("inserted")
    }

    fn update(&mut self, id: i64, details: &str) -> Option<String> {
        let sql = "update audit_events set details = ?2 where id = ?1 returning details";
        self.query_row(sql, (id, details), |row| row.get(0))
            .optional()
            .expect("updated")
    }

    fn delete(&mut self, id: i64) -> bool {
        self.execute("delete from audit_events where id = ?1", [id])
            .expect("deleted")
            == 1
    }
}
