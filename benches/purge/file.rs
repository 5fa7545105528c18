//! SQLite: the purge against `sqlite3 | zstd` and DELETE.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use auditail::core::instant::Micros;
use auditail::demo::{History, Plan};
use auditail::store::sqlite::demo::{DemoFile, Place};

use crate::measure::run;
use crate::rounds::{self, Pair, Round, Wanted};
use crate::steps::Purge;

const WANTED: Wanted = Wanted {
    dump: "sqlite3 .mode insert | zstd -1",
    backup: "reported",
    verify: ">= 1.0",
    delete: ["reported", "reported"],
    whole: "reported",
};

/// The history ends here.
const NOW: Micros = Micros(1_790_000_000_000_000);

pub fn measure(rows: u64) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let history = Plan {
        seed: 1,
        events: rows + rows / 10,
        now: NOW,
    };
    let base = DemoFile::create(&Place::Temporary, History::new(history)).expect("a file");
    let connection = rusqlite::Connection::open(base.path()).expect("a database");
    let before: String = connection
        .query_row(
            "SELECT occurred_at FROM audit_events ORDER BY occurred_at LIMIT 1 OFFSET ?",
            [rows.cast_signed()],
            |row| row.get(0),
        )
        .expect("a cutoff");
    let rows: i64 = connection
        .query_row(
            "SELECT count(*) FROM audit_events WHERE occurred_at < ?",
            [&before],
            |row| row.get(0),
        )
        .expect("a number");
    drop(connection);
    let rows = rows.unsigned_abs();
    rounds::play("SQLite", rows, &WANTED, |round| {
        let copy = |name: &str| {
            let path = directory.path().join(format!("{name}{round}.db"));
            fs::copy(base.path(), &path).expect("a copy");
            path
        };
        let plain = copy("plain");
        let pair = pair(&plain, &before, directory.path());
        fs::remove_file(plain).expect("our own file");
        let exact = copy("exact");
        let target = exact.to_str().expect("a plain path");
        let name = format!("archive{round}");
        let purge = Purge::plan(target, &before, directory.path(), &name);
        let round = Round::of(pair, &purge, rows);
        fs::remove_file(&exact).expect("our own file");
        round
    });
}

fn pair(file: &Path, before: &str, directory: &Path) -> Pair {
    let shell = |script: &str| {
        let mut command = Command::new("/bin/sh");
        command.env_clear().env("PATH", "/usr/bin:/bin");
        command.env("FILE", file);
        command.env("DUMP", directory.join("dump.zst"));
        let rows = format!("from audit_events where occurred_at < '{before}'");
        command.env(
            "SELECT",
            format!("select * {rows} order by occurred_at, id"),
        );
        command.env("DELETE", format!("delete {rows}"));
        let begun = Instant::now();
        run(command.args(["-c", script]));
        begun.elapsed()
    };
    let dump = "sqlite3 \"$FILE\" '.mode insert audit_events' \"$SELECT\" \
        | zstd -1 -q -f -o \"$DUMP\"";
    Pair {
        dump: shell(dump),
        delete: shell("sqlite3 \"$FILE\" \"$DELETE\""),
    }
}
