//! What a competitor did to a store during a purge, and whether everything is where it ought to be
//! at the end.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use rusqlite::Connection;

use super::{Fixture, SCHEMA, rows};

/// What should be true of each row, by id: its details, or that somebody else deleted it.
pub type Truth = BTreeMap<i64, Option<String>>;

/// What was found at the end of a run.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Rows that are neither in the store nor, as they were last, in the archive.
    pub lost: Vec<i64>,
    /// Rows that went although they were never archived, or are there although nobody has them.
    pub wrong: Vec<i64>,
    /// Rows that the purge deleted.
    pub deleted: usize,
}

/// The archive as plain `sqlite3` would restore it; nothing when there is none.
pub fn archived(archive: &Path) -> BTreeMap<i64, String> {
    let db = Connection::open_in_memory().expect("memory");
    db.execute_batch(SCHEMA).expect("a schema");
    let files = std::fs::read_dir(archive).into_iter().flatten().flatten();
    for file in files.map(|entry| entry.path()) {
        if !file.to_string_lossy().ends_with(".sql.zst") {
            continue;
        }
        let packed = std::fs::File::open(&file).expect("a segment");
        let mut sql = String::new();
        let unpacked = zstd::stream::read::Decoder::new(packed)
            .and_then(|mut reader| reader.read_to_string(&mut sql));
        // A damaged segment holds nothing that counts.
        if unpacked.is_ok() {
            db.execute_batch(&format!("begin;{sql}commit;"))
                .expect("plain SQL");
        }
    }
    rows(&db).into_iter().map(|row| (row.0, row.2)).collect()
}

/// Compares the end with what the competitor knows.
pub fn judge(store: &Fixture, truth: &Truth) -> Verdict {
    let there: BTreeMap<i64, String> = store.rows().into_iter().map(|row| (row.0, row.2)).collect();
    let archive = archived(&store.archive());
    let mut verdict = Verdict::default();
    for (id, last) in truth {
        match (last, there.get(id)) {
            (Some(last), Some(found)) if last != found => verdict.wrong.push(*id),
            (Some(_), Some(_)) | (None, None) => {}
            (Some(last), None) => match archive.get(id) {
                Some(kept) if kept == last => verdict.deleted += 1,
                _ => verdict.lost.push(*id),
            },
            (None, Some(_)) => verdict.wrong.push(*id),
        }
    }
    verdict
}
