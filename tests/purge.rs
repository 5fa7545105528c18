//! The purge from end to end, as a shell or cron runs it: every step, twice, and killed anywhere.

mod arena;
mod by_hand;
mod chain;
mod clocks;
mod crash;
mod creation;
mod damage;
mod disk;
mod double;
mod faults;
mod hostile;
mod ledger;
mod long;
mod modes;
mod mutants;
mod network;
mod pair;
mod power;
mod rivals;
mod secrets;
mod servers;
mod signals;
mod space;
mod steps;
mod values;

use std::path::PathBuf;

use rusqlite::Connection;

use crate::harness::program;

/// A table of the Clutch shape in a file, and a place for its archive.
pub struct Fixture {
    directory: tempfile::TempDir,
    rows: (i64, i64),
}

/// Rows before the cutoff that may go.
pub const OLD: i64 = 2_500;
/// Rows after it.
pub const YOUNG: i64 = 100;
/// The cutoff of these tests.
pub const CUTOFF: &str = "2026-06-01";

pub const SCHEMA: &str = "create table audit_events (
    id integer primary key, occurred_at timestamptz, details json, sent boolean default false);
create index sort_audit_events on audit_events (occurred_at);";

pub fn details(id: i64, user: &str) -> String {
    format!(
        "{{\"user_name\":\"{user}\",\"service_name\":\"k8s\",\"method_name\":\"M{}\",\"type\":\"READ\",\
         \"status\":{{\"code\":0}},\"request_resources\":[],\"request_body\":{{\"n\":{id}}},\"response_body\":{{}}}}",
        id % 7
    )
}

impl Fixture {
    pub fn new() -> Self {
        Self::of(OLD, YOUNG)
    }

    /// So many rows before the cutoff, and after it.
    pub fn of(old: i64, young: i64) -> Self {
        let fixture = Self {
            directory: tempfile::tempdir().expect("a directory"),
            rows: (old, young),
        };
        let mut db = fixture.connect();
        db.execute_batch(&format!("pragma journal_mode = wal;{SCHEMA}"))
            .expect("a schema");
        let all = db.transaction().expect("a transaction");
        {
            let mut insert = all
                .prepare("insert into audit_events values (?1, ?2, ?3, 1)")
                .expect("a statement");
            for id in 1..=old + young {
                let month = if id <= old { 1 + id % 5 } else { 6 + id % 2 };
                let at = format!("2026-{month:02}-02T03:04:05.{id:06}+00:00");
                insert
                    .execute((
                        id,
                        at,
                        details(id, ["alice", "bob"][usize::from(id % 2 == 1)]),
                    ))
                    .expect("a row");
            }
        }
        all.commit().expect("committed");
        fixture
    }

    pub fn file(&self) -> PathBuf {
        self.directory.path().join("audit.sqlite")
    }

    pub fn archive(&self) -> PathBuf {
        self.directory.path().join("archive")
    }

    pub fn connect(&self) -> Connection {
        let db = Connection::open(self.file()).expect("a file");
        db.busy_timeout(std::time::Duration::from_secs(20))
            .expect("a timeout");
        db
    }

    pub fn rows(&self) -> Vec<Row> {
        rows(&self.connect())
    }

    pub fn run(&self, words: &[&str]) -> program::Finished {
        program::run(words.iter().map(|word| match *word {
            "FILE" => self.file().into_os_string(),
            "DIR" => self.archive().into_os_string(),
            word => word.into(),
        }))
    }
}

/// Id, time, details, whether it was sent.
pub type Row = (i64, Option<String>, String, String);

pub fn rows(db: &Connection) -> Vec<Row> {
    let mut select = db
        .prepare(
            "select id, occurred_at, details, cast(sent as text) from audit_events order by id",
        )
        .expect("a table");
    select
        .query_map((), |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })
        .and_then(Iterator::collect)
        .expect("rows")
}

pub const PLAN: [&str; 7] = ["purge", "plan", "FILE", "--before", CUTOFF, "--to", "DIR"];
const DELETE: [&str; 6] = [
    "purge",
    "delete",
    "DIR",
    "--yes",
    "--expect-count",
    "1..99999",
];

#[test]
fn every_step_can_be_done_twice_and_what_went_comes_back() {
    let store = Fixture::new();
    let before = store.rows();
    assert!(store.run(&PLAN).ok().contains("2,500 rows of audit_events"));
    for _ in 0..2 {
        store.run(&["purge", "backup", "DIR"]).ok();
        store.run(&["purge", "verify", "DIR", "--drill"]).ok();
    }
    assert_eq!(
        store.rows(),
        before,
        "nothing is deleted before somebody says yes"
    );
    for _ in 0..2 {
        assert!(store.run(&DELETE).ok().contains("2,500 rows deleted"));
    }
    assert_eq!(store.rows().len(), usize::try_from(YOUNG).expect("few"));
    assert!(
        store
            .run(&["purge", "status", "DIR"])
            .ok()
            .starts_with("complete")
    );
    let found = || {
        store
            .run(&["purge", "status", "DIR", "--target", "FILE"])
            .ok()
    };
    assert!(found().contains("\n0 of 2,500 archived rows are in the store\n"));
    assert!(
        store
            .run(&["restore", "DIR", "FILE"])
            .ok()
            .starts_with("2,500 rows put back, 0 were")
    );
    assert!(found().contains("\nwent and are back: 2,500 rows (1 and others"));
    assert_eq!(store.rows(), before);
    assert!(
        store
            .run(&["restore", "DIR", "FILE"])
            .ok()
            .starts_with("0 rows put back, 2,500 were")
    );
}

#[test]
fn steps_out_of_order_are_refused() {
    let store = Fixture::new();
    store.run(&PLAN).ok();
    assert!(
        store
            .run(&["purge", "verify", "DIR"])
            .failed(4)
            .contains("not finished")
    );
    assert!(store.run(&DELETE).failed(4).contains("not verified"));
    store.run(&["purge", "backup", "DIR"]).ok();
    assert!(store.run(&DELETE).failed(4).contains("not verified"));
    assert_eq!(
        store.rows().len(),
        usize::try_from(OLD + YOUNG).expect("few")
    );
}

#[test]
fn a_deletion_needs_the_number_of_rows() {
    let store = Fixture::new();
    store.run(&PLAN).ok();
    store.run(&["purge", "backup", "DIR"]).ok();
    store.run(&["purge", "verify", "DIR"]).ok();
    store.run(&["purge", "delete", "DIR", "--yes"]).failed(2);
    store.run(&["purge", "delete", "DIR"]).failed(4);
    let wrong = ["purge", "delete", "DIR", "--yes", "--expect-count", "2499"];
    assert!(
        store
            .run(&wrong)
            .failed(4)
            .contains("2,500 rows are in the archive")
    );
    assert_eq!(
        store.rows().len(),
        usize::try_from(OLD + YOUNG).expect("few")
    );
}

#[test]
fn there_is_no_default_cutoff_and_none_in_the_future() {
    let store = Fixture::new();
    store
        .run(&["purge", "plan", "FILE", "--to", "DIR"])
        .failed(2);
    let later = [
        "purge", "plan", "FILE", "--before", "2999-01", "--to", "DIR",
    ];
    store.run(&later).failed(2);
    assert!(!store.archive().exists());
}

#[test]
fn the_filter_and_the_holds_decide() {
    let store = Fixture::new();
    let mut plan: Vec<&str> = PLAN.to_vec();
    plan.extend(["user:alice", "--profile", "clutch", "--keep", "action:M3"]);
    store.run(&plan).ok();
    store.run(&["purge", "backup", "DIR"]).ok();
    store.run(&["purge", "verify", "DIR"]).ok();
    std::fs::write(
        store.archive().join("HOLDS"),
        "# since the backup\naction:M5\n",
    )
    .expect("writable");
    store.run(&DELETE).ok();
    for (id, _, _, _) in before_cutoff(&store) {
        let goes = id % 2 == 0 && id % 7 != 3 && id % 7 != 5;
        assert!(!goes, "{id} should have gone");
    }
    let gone = (1..=OLD).filter(|id| id % 2 == 0 && id % 7 != 3 && id % 7 != 5);
    let stay = OLD + YOUNG - i64::try_from(gone.count()).expect("few");
    assert_eq!(i64::try_from(store.rows().len()).expect("few"), stay);
}

fn before_cutoff(store: &Fixture) -> Vec<Row> {
    let mut rows = store.rows();
    rows.retain(|(id, ..)| *id <= OLD);
    rows
}

#[test]
fn a_second_purge_in_the_same_directory_is_refused_while_the_first_is_at_work() {
    let store = Fixture::new();
    store.run(&PLAN).ok();
    let lock = std::fs::File::open(store.archive().join("LOCK")).expect("a lock");
    lock.lock().expect("nobody has it");
    assert!(
        store
            .run(&["purge", "backup", "DIR"])
            .failed(4)
            .contains("another purge")
    );
    drop(lock);
    store.run(&["purge", "backup", "DIR"]).ok();
}

#[test]
fn a_stop_file_ends_a_step_resumably() {
    let store = Fixture::new();
    store.run(&PLAN).ok();
    store.run(&["purge", "backup", "DIR"]).ok();
    store.run(&["purge", "verify", "DIR"]).ok();
    let stop = store.archive().join("STOP");
    std::fs::write(&stop, "").expect("writable");
    assert!(store.run(&DELETE).failed(5).contains("STOP"));
    assert_eq!(
        store.rows().len(),
        usize::try_from(OLD + YOUNG).expect("few")
    );
    std::fs::remove_file(stop).expect("there");
    store.run(&DELETE).ok();
}

#[test]
fn an_archive_that_was_touched_deletes_nothing() {
    let store = Fixture::new();
    store.run(&PLAN).ok();
    store.run(&["purge", "backup", "DIR"]).ok();
    store.run(&["purge", "verify", "DIR"]).ok();
    for name in [
        "seg-000001.sql.zst",
        "seg-000001.idx.zst",
        "plan.json",
        "journal.log",
    ] {
        let path = store.archive().join(name);
        let good = std::fs::read(&path).expect("there");
        for at in [0, good.len() / 3, good.len() / 2] {
            let mut bad = good.clone();
            bad[at] ^= 0x10;
            std::fs::write(&path, bad).expect("writable");
            store.run(&DELETE).failed(4);
        }
        std::fs::write(&path, good).expect("writable");
    }
    assert_eq!(
        store.rows().len(),
        usize::try_from(OLD + YOUNG).expect("few")
    );
}
