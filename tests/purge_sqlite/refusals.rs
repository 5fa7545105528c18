//! What is refused before anything is read, and with which words.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;

use auditail::store::StoreError;

use super::Store;

/// The refusal's message.
async fn refused(store: &Store) -> String {
    match store.probe().await {
        Err(StoreError::Refused { message, .. }) => message,
        other => panic!("it should be refused: {other:?}"),
    }
}

const COLUMNS: &str = "occurred_at TIMESTAMPTZ, details JSONB, sent BOOLEAN";

#[tokio::test]
async fn a_table_without_a_key_is_refused() {
    let store = Store::new(&format!(
        "CREATE TABLE audit_events (id INTEGER, {COLUMNS})"
    ));
    assert!(refused(&store).await.contains("declares no key"));
}

#[tokio::test]
async fn a_unique_index_is_a_key_when_none_of_it_may_be_null() {
    let table = |null: &str| {
        format!(
            "CREATE TABLE audit_events (id INTEGER {null}, {COLUMNS});
             CREATE UNIQUE INDEX by_id ON audit_events (id);"
        )
    };
    let store = Store::new(&table("NOT NULL"));
    assert_eq!(store.probe().await.unwrap().relations[0].key, ["id"]);
    let store = Store::new(&table(""));
    assert!(refused(&store).await.contains("declares no key"));
}

#[tokio::test]
async fn rows_whose_key_is_null_are_refused() {
    let store = Store::new(&format!(
        "CREATE TABLE audit_events (id TEXT PRIMARY KEY, {COLUMNS})"
    ));
    assert!(store.probe().await.is_ok());
    store.sql("INSERT INTO audit_events(sent) VALUES (1)");
    assert!(refused(&store).await.contains("NULL"));
}

#[tokio::test]
async fn a_view_is_refused() {
    let store = Store::new(&format!(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, {COLUMNS});
         CREATE VIEW audit_events AS SELECT * FROM t;"
    ));
    let mut store = store;
    store.options.table = Some("audit_events".to_owned());
    assert!(refused(&store).await.contains("is a view"));
}

#[tokio::test]
async fn a_virtual_table_is_refused() {
    let mut store = Store::new(
        "CREATE VIRTUAL TABLE log USING fts5(timestamp, action, user);
         INSERT INTO log VALUES ('2026-01-01T00:00:00Z', 'read', 'alice');",
    );
    store.options.table = Some("log".to_owned());
    // It may already be no table to the reader; either way nothing is purged.
    assert!(store.probe().await.is_err());
}

#[tokio::test]
async fn a_read_only_file_is_refused() {
    let store = Store::clutch(1);
    store.sql("PRAGMA journal_mode = DELETE");
    let plan = store.plan().await;
    std::fs::set_permissions(&store.path, Permissions::from_mode(0o400)).unwrap();
    assert!(refused(&store).await.contains("read-only"));
    assert!(store.deleter(&plan).await.is_err());
}

#[tokio::test]
async fn text_in_utf_16_is_refused() {
    let store = Store::new("");
    std::fs::remove_file(&store.path).unwrap();
    let writer = rusqlite::Connection::open(&store.path).unwrap();
    writer
        .execute_batch("PRAGMA encoding = 'UTF-16le';")
        .unwrap();
    writer.execute_batch(super::CLUTCH).unwrap();
    assert!(refused(&store).await.contains("UTF-16le"));
}

#[tokio::test]
async fn another_file_of_the_same_name_is_not_the_plans() {
    let store = Store::clutch(5);
    let plan = store.plan().await;
    let batch = store.archive(&plan).await;
    let other = Store::clutch(5);
    let mut deleter = store.deleter(&plan).await.unwrap();
    std::fs::rename(&other.path, &store.path).unwrap();
    let token = super::stop();
    let staged = deleter.stage(&batch, &token).await;
    assert!(matches!(staged, Err(StoreError::Refused { .. })));
    drop(staged);
    drop(deleter);
    let message = store.deleter(&plan).await.err().unwrap().to_string();
    assert!(message.contains("inode"), "{message}");
}

#[tokio::test]
async fn another_schema_is_not_the_plans() {
    for change in [
        "ALTER TABLE audit_events ADD COLUMN more TEXT",
        "ALTER TABLE audit_events DROP COLUMN sent",
        "ALTER TABLE audit_events RENAME COLUMN sent TO done",
        "CREATE TRIGGER t AFTER DELETE ON audit_events BEGIN SELECT 1; END",
    ] {
        let store = Store::clutch(3);
        let plan = store.plan().await;
        let batch = store.archive(&plan).await;
        let mut deleter = store.deleter(&plan).await.unwrap();
        store.sql(change);
        let token = super::stop();
        let staged = deleter.stage(&batch, &token).await;
        assert!(
            matches!(staged, Err(StoreError::Refused { .. })),
            "{change}"
        );
        drop(staged);
        drop(deleter);
        assert!(store.deleter(&plan).await.is_err(), "{change}");
        assert_eq!(store.count("audit_events"), 6);
    }
}

#[tokio::test]
async fn two_purges_of_one_file_are_one_too_many() {
    let store = Store::clutch(1);
    let plan = store.plan().await;
    let first = store.deleter(&plan).await.unwrap();
    let second = store.deleter(&plan).await.err().unwrap();
    assert!(matches!(second, StoreError::Refused { .. }));
    assert!(second.to_string().contains("another purge"), "{second}");
    drop(first);
    assert!(store.deleter(&plan).await.is_ok());
    let names = std::fs::read_dir(store.path.parent().unwrap()).unwrap();
    let litter = names.filter(|name| {
        let name = name.as_ref().unwrap().file_name();
        name.to_string_lossy().contains("purge")
    });
    assert_eq!(litter.count(), 0);
}

#[tokio::test]
async fn a_file_has_no_roles() {
    let store = Store::clutch(1);
    let plan = store.plan().await;
    let purger = store.purger().await;
    let refusal = purger.deleter(&plan, Some("root"), &super::stop()).await;
    assert!(matches!(refusal.err(), Some(StoreError::Refused { .. })));
}

#[tokio::test]
async fn a_guessed_time_without_a_zone_needs_one() {
    let mut store = Store::new(
        "CREATE TABLE log (id INTEGER PRIMARY KEY, created_at DATETIME, action TEXT, user TEXT);
         INSERT INTO log VALUES (1, '2026-01-01 10:00:00', 'read', 'alice');",
    );
    store.options.table = Some("log".to_owned());
    assert!(refused(&store).await.contains("zone"));
    store.options.column_tz = Some(chrono_tz::Europe::Berlin);
    assert!(store.probe().await.is_ok());
}
