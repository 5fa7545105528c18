//! Archives as stores: the contract that holds without a writer, the command line, and a terminal.

use std::sync::OnceLock;

use auditail::core::instant::At;
use auditail::store::Store;
use auditail::store::archive::{self, ArchiveStore};
use auditail::store::connect::OpenOptions;

use crate::contract::{Bench, Later, NewRow};
use crate::harness::archive::{Archive, BEFORE};
use crate::harness::clutch::{Clutch, DATED};
use crate::harness::program;
use crate::terminal::pty::Terminal;

/// A Clutch table in a file that is archived when it has rows.
struct Shelf {
    directory: tempfile::TempDir,
    empty: (Archive, ArchiveStore),
    full: OnceLock<(Archive, ArchiveStore)>,
}

const SCHEMA: &str = "CREATE TABLE audit_events (
    id INTEGER PRIMARY KEY, occurred_at TIMESTAMPTZ, details JSONB, sent BOOLEAN DEFAULT FALSE);
    CREATE INDEX sort_audit_events ON audit_events (occurred_at);";

impl Shelf {
    async fn archived(directory: &tempfile::TempDir) -> (Archive, ArchiveStore) {
        let path = directory.path().join("audit.db");
        let target = path.to_str().expect("a plain path");
        let archive = Archive::of(target, &["--profile", "clutch"]);
        let opened = archive::open(&archive.path(), &OpenOptions::default()).await;
        (archive, opened.expect("it opens"))
    }

    fn write(&self, rows: &[NewRow]) -> Vec<i64> {
        let path = self.directory.path().join("audit.db");
        let mut connection = rusqlite::Connection::open(path).expect("a file");
        let all = connection.transaction().expect("a transaction");
        let mut ids = Vec::new();
        for row in rows {
            let at = match row.at {
                At::Absent => None,
                at => Some(at.to_string()),
            };
            all.execute(
                "INSERT INTO audit_events (occurred_at, details, sent) VALUES (?, ?, 1)",
                (at, &row.details),
            )
            .expect("a row");
            ids.push(all.last_insert_rowid());
        }
        all.commit().expect("committed");
        ids
    }
}

async fn clutch(_: &str) -> Option<Shelf> {
    let directory = tempfile::tempdir().expect("a directory");
    let connection = rusqlite::Connection::open(directory.path().join("audit.db"));
    connection
        .and_then(|connection| connection.execute_batch(SCHEMA))
        .expect("a table");
    let empty = Shelf::archived(&directory).await;
    Some(Shelf {
        directory,
        empty,
        full: OnceLock::new(),
    })
}

impl Bench for Shelf {
    fn store(&self) -> &dyn Store {
        &self.full.get().unwrap_or(&self.empty).1
    }

    fn insert<'a>(&'a self, rows: &'a [NewRow]) -> Later<'a, Vec<i64>> {
        Box::pin(async move {
            let ids = self.write(rows);
            let full = Self::archived(&self.directory).await;
            assert!(self.full.set(full).is_ok(), "an archive is made once");
            ids
        })
    }

    fn update<'a>(&'a self, _: i64, _: &'a str) -> Later<'a, ()> {
        unreachable!("archives do not change")
    }

    fn delete(&self, _: i64) -> Later<'_, ()> {
        unreachable!("archives do not change")
    }

    fn holds(&self, row: &NewRow) -> bool {
        row.at.is_dated()
    }
}

crate::contract!(clutch:
    forward_is_the_reverse_of_back,
    cursors_tell_a_microsecond,
    a_stop_ends_the_work,
    filters_mean_the_same_as_in_memory,
    a_filter_may_be_very_long,
    a_huge_record_is_a_head_in_a_list,
    span_is_of_dated_events,
    a_search_without_matches_looks_at_everything,
    an_explanation_names_the_index,
    an_aggregate_is_what_counting_by_hand_gives,
    facets_are_what_counting_by_hand_gives,
);

/// Each command gives of an archive what it gives of the store.
#[test]
fn commands_answer_as_of_the_store() {
    for store in Clutch::everywhere("archive_commands") {
        let archive = Archive::of(store.target(), &[]);
        let target = archive.target();
        let both = |words: &[&str], without: &str| {
            let of = |target: &str| {
                let words = words
                    .iter()
                    .map(|word| if *word == "TARGET" { target } else { word });
                program::run(words).ok().replace(without, "")
            };
            assert_eq!(of(&target), of(store.target()), "{words:?}");
        };
        for order in ["newest", "oldest"] {
            both(
                &[
                    "query",
                    "TARGET",
                    "has:at user:alice",
                    "-o",
                    "ndjson",
                    "--order",
                    order,
                ],
                "",
            );
        }
        both(
            &[
                "query",
                "TARGET",
                "outcome:denied action:Desc*",
                "-o",
                "csv",
            ],
            "",
        );
        both(&["query", "TARGET", "has:at", "--limit", "7"], "");
        both(&["count", "TARGET", "has:at -user:bob", "--exact"], "");
        both(&["facets", "TARGET", "action", "has:at"], "");
        let doctor = program::run(["doctor", &target]).ok();
        assert!(
            doctor.contains("an archive; nothing writes to it"),
            "{doctor}"
        );
        assert!(
            doctor.contains(&format!("auditail purge verify {target}")),
            "{doctor}"
        );
        let detected = program::run(["profiles", "detect", &target]).ok();
        assert!(detected.contains("Lyft Clutch (known"), "{detected}");
        let plan = ["purge", "plan", &target, "--before", BEFORE, "--to", "x"];
        assert!(program::run(plan).failed(4).contains("no database"));
    }
}

#[test]
fn following_an_archive_says_that_nothing_comes() {
    let Some(store) = Clutch::everywhere("archive_tail").into_iter().next() else {
        return;
    };
    let archive = Archive::of(store.target(), &[]);
    let target = archive.target();
    let nothing = program::run(["tail", &target, "-o", "ndjson", "--for", "1s"]);
    assert_eq!(nothing.events().len(), 0);
    let since = [
        "tail",
        &target,
        "-o",
        "ndjson",
        "--for",
        "1s",
        "--since",
        "2026-01-01T03:59",
    ];
    assert_eq!(program::run(since).events().len(), DATED - 238);
}

#[test]
fn a_directory_without_an_archive_is_no_store() {
    let directory = tempfile::tempdir().expect("a directory");
    let target = directory.path().to_str().expect("a plain path");
    let error = program::run(["query", target]).failed(2);
    assert!(
        error.contains("no archive: it has no journal.log"),
        "{error}"
    );
}

#[test]
fn a_damaged_file_is_named() {
    let Some(store) = Clutch::everywhere("archive_damage").into_iter().next() else {
        return;
    };
    let archive = Archive::of(store.target(), &[]);
    let name = "seg-000001.idx.zst";
    let path = archive.path().join(name);
    let mut bytes = std::fs::read(&path).expect("a sidecar");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, bytes).expect("written");
    // Opening looks at sizes; reading looks at every byte it relies upon.
    let error = program::run(["query", &archive.target(), "-o", "ndjson"]).failed(1);
    assert!(
        error.contains(name) && error.contains("purge verify"),
        "{error}"
    );
}

/// The explorer on an archive: what it is, a filter, an event.
#[test]
fn an_archive_in_a_terminal() {
    for (store, size) in Clutch::everywhere("archive_terminal")
        .into_iter()
        .zip([(80, 24), (120, 40)])
    {
        let archive = Archive::of(store.target(), &[]);
        let mut terminal = Terminal::auditail(&[&archive.target()], size);
        terminal.see("archive · RO");
        terminal.see("■ nothing new comes");
        terminal.see("journal and sizes checked");
        terminal.see("events · newest");
        terminal.press("f");
        terminal.press("is:denied user:alice");
        terminal.see("filter ▸ is:denied user:alice");
        terminal.wait("denied events only", |screen| {
            let contents = screen.contents();
            let words = |word| contents.matches(word).count();
            contents.contains("8 of ") && words(" denied ") > 2 && words(" ok  ") == 0
        });
        terminal.press("\r");
        terminal.see("Enter open");
        terminal.press("\r");
        terminal.see("▾ details");
        terminal.press("q");
        terminal.press("q");
        assert_eq!(terminal.end(), 0);
    }
}
