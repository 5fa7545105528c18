//! A small table of a test's own, in a file.

use serde_json::Value;

use crate::harness::program::{Finished, run};

/// Of most of their rows.
pub const JANUARY: [&str; 4] = ["--since", "2026-01-01", "--until", "2026-01-31"];

/// A table that is guessed, filled by a statement.
pub struct Table {
    _directory: tempfile::TempDir,
    pub path: String,
}

impl Table {
    pub fn new(rows: &str) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("odd.sqlite");
        let connection = rusqlite::Connection::open(&path).expect("a new file");
        connection
            .execute_batch(&format!(
                "create table audit_log (id integer primary key, created_at text, actor text, action text, \
                 outcome text, duration_ms real); create index at on audit_log (created_at); {rows}"
            ))
            .expect(rows);
        Self {
            path: path.to_str().expect("a plain path").to_owned(),
            _directory: directory,
        }
    }

    pub fn run(&self, report: &str, rest: &[&str]) -> Finished {
        run(["usage", &self.path, report].iter().chain(rest))
    }

    pub fn json(&self, report: &str, rest: &[&str]) -> Value {
        let out = self.run(report, &[rest, &["-o", "json"]].concat()).ok();
        serde_json::from_str(&out).expect("one JSON object")
    }
}
