//! A process that is killed while it deletes leaves all of a batch or none of it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};

use auditail::store::purger::Settled;

use super::{Store, stop};

/// Names the file to a child of this test.
const FILE: &str = "AUDITAIL_TEST_KILL_FILE";

const ROWS: i64 = 3_000;

/// What [`killed`] starts: stages a batch, says so, and commits when a line comes in.
#[tokio::test]
#[ignore = "the part of the killed process in the tests below"]
async fn victim() {
    let Some(path) = std::env::var_os(FILE) else {
        return;
    };
    let store = Store {
        writer: rusqlite::Connection::open(&path).unwrap(),
        path: path.into(),
        options: auditail::store::connect::OpenOptions::default(),
        _dir: tempfile::tempdir().unwrap(),
    };
    let plan = store.plan().await;
    let batch = store.archive(&plan).await;
    let mut deleter = store.deleter(&plan).await.unwrap();
    let token = stop();
    let staged = deleter.stage(&batch, &token).await.unwrap();
    say(&format!("staged {}", staged.transaction()));
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    staged.commit().await.unwrap();
    say("committed");
    std::io::stdin().read_line(&mut line).unwrap();
}

/// On a line of its own, among the lines of the test run.
fn say(what: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\n{what}").unwrap();
}

struct Victim {
    child: Child,
    orders: ChildStdin,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Victim {
    fn start(store: &Store) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "purge_sqlite::kill::victim",
                "--exact",
                "--ignored",
                "--nocapture",
            ])
            .env(FILE, &store.path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let orders = child.stdin.take().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self {
            child,
            orders,
            lines,
        }
    }

    /// Waits for a line that begins so.
    fn says(&mut self, word: &str) -> String {
        let mut lines = self.lines.by_ref().map(Result::unwrap);
        let line = lines.find(|line| line.starts_with(word));
        line.expect("the victim says it")[word.len()..]
            .trim()
            .to_owned()
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// When the victim is killed.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Moment {
    BeforeCommit,
    /// So many microseconds after it was told to commit.
    During(u64),
    AfterCommit,
}

async fn killed(mode: &str, moment: Moment) -> Settled {
    let store = Store::clutch(ROWS);
    store.sql(&format!("PRAGMA journal_mode = {mode}"));
    let plan = store.plan().await;
    let batch = store.archive(&plan).await;
    let mut victim = Victim::start(&store);
    let name = victim.says("staged");
    if moment != Moment::BeforeCommit {
        victim.orders.write_all(b"\n").unwrap();
        victim.orders.flush().unwrap();
    }
    match moment {
        Moment::AfterCommit => drop(victim.says("committed")),
        Moment::During(micros) => {
            let until = std::time::Instant::now() + std::time::Duration::from_micros(micros);
            while std::time::Instant::now() < until {
                std::hint::spin_loop();
            }
        }
        Moment::BeforeCommit => {}
    }
    victim.kill();
    // The dead one's lock is free, and what it left half done is taken back by opening the file.
    let mut deleter = store
        .deleter(&plan)
        .await
        .expect("the lock died with its owner");
    let settled = deleter.settle(&name, &batch, &stop()).await.unwrap();
    let present = deleter.present(&batch, &stop()).await.unwrap();
    let all = u64::try_from(ROWS).unwrap();
    match settled {
        Settled::Committed => assert_eq!(present, 0, "{mode} {moment:?}"),
        Settled::RolledBack => assert_eq!(present, all, "{mode} {moment:?}"),
        Settled::InProgress => panic!("nobody is left to go on"),
    }
    assert_eq!(store.count("audit_events WHERE id > 3000"), ROWS);
    let check: String = store
        .writer
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(check, "ok");
    settled
}

#[tokio::test]
async fn a_killed_deletion_is_whole_or_nothing() {
    for mode in ["WAL", "DELETE"] {
        assert_eq!(
            killed(mode, Moment::BeforeCommit).await,
            Settled::RolledBack
        );
        assert_eq!(killed(mode, Moment::AfterCommit).await, Settled::Committed);
        for step in 0..4 {
            killed(mode, Moment::During(step * 700)).await;
        }
    }
}

/// As the files are when a machine stops in the middle of a transaction that has begun to write.
#[tokio::test]
async fn what_a_killed_program_left_is_taken_back() {
    let store = Store::clutch(ROWS);
    store.sql("PRAGMA journal_mode = DELETE; PRAGMA cache_size = 2; BEGIN IMMEDIATE; DELETE FROM audit_events");
    let left = tempfile::tempdir().unwrap();
    let beside = |path: &std::path::Path| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        path.with_file_name(format!("{name}-journal"))
    };
    let path = left.path().join("audit.db");
    std::fs::copy(&store.path, &path).unwrap();
    std::fs::copy(beside(&store.path), beside(&path)).unwrap();
    store.sql("ROLLBACK");
    let options = auditail::store::connect::OpenOptions::default();
    let target = path.to_str().unwrap();
    // Who only reads says what is wrong.
    let refused = auditail::store::connect::open(target, &options).await;
    let refused = refused.err().expect("it cannot be read").to_string();
    assert!(refused.contains("was killed while it wrote"), "{refused}");
    let purger = auditail::store::connect::purger(target, &options).await;
    purger.expect("it opens");
    let again = rusqlite::Connection::open(&path).unwrap();
    let rows: i64 = again
        .query_row("SELECT count(*) FROM audit_events", [], |row| row.get(0))
        .unwrap();
    assert_eq!(rows, store.count("audit_events"));
    assert!(rows >= ROWS);
    assert!(!beside(&path).exists());
}
