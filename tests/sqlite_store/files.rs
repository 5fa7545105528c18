//! Files that cannot be opened, and files that somebody else is writing to.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use auditail::core::event::Field;
use auditail::core::profile::load;
use auditail::core::query::predicate::Predicate;
use auditail::store::connect::OpenOptions;
use auditail::store::{
    Access, Change, FindingLevel, Store, StoreError, TailFrom, TailItem, sqlite,
};
use rusqlite::Connection;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{CLUTCH, file};
use crate::contract::{everything, tail_request};

/// Kind, message and hint of what opening says.
async fn refusal(path: &Path, options: &OpenOptions) -> String {
    match sqlite::open(path, options).await {
        Ok(_) => panic!("{} was opened", path.display()),
        Err(error) => {
            let kind = match &error {
                StoreError::Connect { .. } => "connect",
                StoreError::Failed { .. } => "failed",
                _ => panic!("{error:?}"),
            };
            let name = path.display().to_string();
            let text = format!("{kind}: {error} | {}", error.hint().unwrap_or("-"));
            text.replace(&name, "FILE")
        }
    }
}

#[tokio::test]
async fn what_cannot_be_opened_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let options = OpenOptions::default();
    let path = |name: &str| dir.path().join(name);
    let missing = refusal(&path("missing.db"), &options).await;
    assert!(
        missing.starts_with("connect: there is no file FILE | give the path"),
        "{missing}"
    );
    let directory = refusal(dir.path(), &options).await;
    assert!(
        directory.starts_with("connect: FILE is a directory"),
        "{directory}"
    );
    fs::write(path("empty.db"), "").unwrap();
    let empty = refusal(&path("empty.db"), &options).await;
    assert!(empty.starts_with("connect: FILE is empty"), "{empty}");
    fs::write(
        path("text.db"),
        "hello, this is a text file and no database",
    )
    .unwrap();
    let text = refusal(&path("text.db"), &options).await;
    assert!(
        text.starts_with("connect: FILE is not an SQLite database, or it is encrypted"),
        "{text}"
    );
    fs::write(path("short.db"), "SQLite").unwrap();
    let short = refusal(&path("short.db"), &options).await;
    assert!(
        short.starts_with("connect: FILE is not an SQLite database"),
        "{short}"
    );
    let mut damaged = b"SQLite format 3\0".to_vec();
    damaged.resize(4096, 0x5a);
    fs::write(path("damaged.db"), damaged).unwrap();
    let damaged = refusal(&path("damaged.db"), &options).await;
    assert!(damaged.starts_with("connect: FILE "), "{damaged}");
}

#[tokio::test]
async fn a_table_that_cannot_be_used_says_why() {
    let (_dir, path, writer) = file("CREATE TABLE t (a INTEGER, b TEXT)");
    let nothing = refusal(&path, &OpenOptions::default()).await;
    assert_eq!(
        nothing,
        "failed: no table of FILE looks like an audit log | \
         t has no column that could be the time of an event; \
         name one with --table, and what its columns mean with --profile FILE"
    );
    let asked = |table: &str| OpenOptions {
        table: Some(table.to_owned()),
        ..OpenOptions::default()
    };
    let other = refusal(&path, &asked("u\u{1b}")).await;
    assert_eq!(other, "failed: FILE has no table u\u{241b} | there are t");
    let named = refusal(&path, &asked("t")).await;
    assert!(named.starts_with("failed: t cannot be read: "), "{named}");
    let unfit = OpenOptions {
        profile: load::named("clutch"),
        ..OpenOptions::default()
    };
    let unfit = refusal(&path, &unfit).await;
    assert!(
        unfit.starts_with("failed: no table of FILE fits the profile clutch | t has no column "),
        "{unfit}"
    );
    let mut both = asked("t");
    both.profile = load::named("clutch");
    let timeless = refusal(&path, &both).await;
    assert!(
        timeless.starts_with("failed: table t has no column occurred_at"),
        "{timeless}"
    );
    writer.execute_batch("DROP TABLE t").unwrap();
    let bare = refusal(&path, &OpenOptions::default()).await;
    assert!(bare.starts_with("failed: FILE has no tables"), "{bare}");
}

#[tokio::test]
async fn a_file_locked_by_its_writer_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("locked.db");
    let writer = Connection::open(&path).unwrap();
    writer.execute_batch(CLUTCH).unwrap();
    writer.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let locked = refusal(&path, &OpenOptions::default()).await;
    assert!(
        locked.starts_with("connect: FILE is locked by another program"),
        "{locked}"
    );
}

#[tokio::test]
async fn nothing_is_written_beside_a_live_writer() {
    let (_dir, path, writer) = file(CLUTCH);
    let insert = "INSERT INTO audit_events (occurred_at, details) VALUES (?, '{}')";
    writer.execute(insert, ["2026-01-02T03:04:05Z"]).unwrap();
    // An open transaction of the writer's hides nothing and blocks nothing.
    writer.execute_batch("BEGIN IMMEDIATE").unwrap();
    writer.execute(insert, ["2026-01-02T03:04:06Z"]).unwrap();
    let before = fs::read(&path).unwrap();
    let store = sqlite::open(&path, &OpenOptions::default()).await.unwrap();
    assert_eq!(everything(&store).await.len(), 1);
    writer.execute_batch("COMMIT").unwrap();
    assert_eq!(everything(&store).await.len(), 2);
    let stop = CancellationToken::new();
    store.catalog(&stop).await.unwrap();
    assert_eq!(fs::read(&path).unwrap(), before);
    assert_eq!(store.description().access, Access::RoleCanWrite);
}

#[tokio::test]
async fn broken_text_is_shown_and_found() {
    let (_dir, path, writer) = file(CLUTCH);
    let insert = "INSERT INTO audit_events (occurred_at, details) VALUES (?, CAST(? AS TEXT))";
    let broken: &[u8] = b"{\"user_name\":\"\xff\xfe\x1b[31m\"}";
    writer
        .execute(insert, rusqlite::params!["2026-01-02T03:04:05Z", broken])
        .unwrap();
    writer
        .execute(
            insert,
            rusqlite::params!["2026-01-02T03:04:04Z", &b"{\"user_name\":\"ann\"}"[..]],
        )
        .unwrap();
    let mut options = OpenOptions {
        table: Some("audit_events".into()),
        ..OpenOptions::default()
    };
    options.profile = load::named("clutch");
    let store = sqlite::open(&path, &options).await.unwrap();
    let events = everything(&store).await;
    let text = &events[0].payload.text;
    assert!(text.contains(r"\\xff\\xfe\u001b[31m"), "{text}");
    assert_eq!(events[1].first(Field::Actor), Some("ann"));
}

#[tokio::test]
async fn an_examination_gives_the_exact_statement() {
    let (_dir, path, writer) = file(CLUTCH);
    writer
        .execute_batch("DROP INDEX sort_audit_events; PRAGMA journal_mode = DELETE")
        .unwrap();
    let stop = CancellationToken::new();
    let store = sqlite::open(&path, &OpenOptions::default()).await.unwrap();
    let findings = store.examine(&stop).await.unwrap();
    let remedy = |subject: &str| {
        let found = findings
            .iter()
            .find(|finding| finding.subject == subject)
            .expect(subject);
        assert_eq!(found.level, FindingLevel::Advice, "{found:?}");
        found.remedy.clone().expect(subject)
    };
    assert_eq!(remedy("journal"), "PRAGMA journal_mode=WAL;");
    drop(store);
    writer.execute_batch(&remedy("index on time")).unwrap();
    writer.execute_batch(&remedy("journal")).unwrap();
    let store = sqlite::open(&path, &OpenOptions::default()).await.unwrap();
    let findings = store.examine(&stop).await.unwrap();
    assert!(
        findings
            .iter()
            .all(|finding| finding.level == FindingLevel::Good),
        "{findings:?}"
    );
    let explained = store.explain(&Predicate::All, &stop).await.unwrap();
    assert_eq!(explained.indexes, ["audit_events_by_time"]);
}

#[tokio::test]
async fn a_dropped_store_lets_go_of_the_file() {
    let (_dir, path, writer) = file(CLUTCH);
    let store = Arc::new(sqlite::open(&path, &OpenOptions::default()).await.unwrap());
    assert_eq!(everything(&*store).await.len(), 0);
    drop(store);
    // The threads end by themselves; the file can then be taken out of WAL mode, which needs it alone.
    let patience = Instant::now() + Duration::from_secs(20);
    let alone = || {
        let mode: rusqlite::Result<String> =
            writer.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get(0));
        mode.is_ok_and(|mode| mode == "delete")
    };
    while !alone() {
        assert!(Instant::now() < patience, "a connection is still open");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_tail_follows_the_name_to_another_file() {
    // Not in WAL mode: there a file cannot change its name while it is open.
    let plain = format!("PRAGMA journal_mode = DELETE; {CLUTCH}");
    let (_dir, path, writer) = file(&plain);
    let store = sqlite::open(&path, &OpenOptions::default()).await.unwrap();
    let now = store.now(&CancellationToken::new()).await.unwrap();
    let insert = |file: &Connection, id: i64| {
        let sql = "INSERT INTO audit_events (id, occurred_at, details) VALUES (?, ?, '{}')";
        file.execute(sql, rusqlite::params![id, now.to_string()])
            .unwrap();
    };
    let (out, mut items) = mpsc::channel(8);
    let stop = CancellationToken::new();
    let request = tail_request(Predicate::All, TailFrom::Now, None);
    let script = async {
        let mut next = async || {
            let item = tokio::time::timeout(Duration::from_secs(30), items.recv());
            item.await
                .expect("the tail is silent")
                .expect("the tail ended")
        };
        while !matches!(next().await, TailItem::Complete(_)) {}
        drop(writer);
        let (_other, fresh, rotated) = file(&plain);
        insert(&rotated, 77);
        drop(rotated);
        fs::rename(fresh, &path).unwrap();
        let begun = Instant::now();
        while !matches!(next().await, TailItem::Reconnected) {
            assert!(
                begun.elapsed() < Duration::from_secs(30),
                "it does not come back"
            );
        }
        loop {
            if let TailItem::Events(events) = next().await {
                assert_eq!(
                    (events[0].event.id.as_str(), events[0].change),
                    ("77", Change::New)
                );
                break;
            }
        }
        stop.cancel();
    };
    let (_, ()) = tokio::join!(store.tail(request, out, &stop), script);
}
