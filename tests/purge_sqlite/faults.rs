//! What others do between the backup and the deletion.

use std::sync::mpsc;
use std::time::Duration;

use auditail::store::StoreError;
use auditail::store::purger::{Left, RestoreInto, Settled};
use rusqlite::Connection;

use super::{CUTOFF, Store, stop};

#[tokio::test]
async fn changed_gone_new_and_late_rows_stay_as_they_are() {
    let store = Store::clutch(10);
    let plan = store.plan().await;
    let batch = store.archive(&plan).await;
    let late = CUTOFF.plus(-5).to_string();
    store.sql(&format!(
        "UPDATE audit_events SET sent = 0 WHERE id = 2;
         DELETE FROM audit_events WHERE id = 3;
         DELETE FROM audit_events WHERE id = 4;
         INSERT INTO audit_events VALUES (4, '{late}', '{{}}', 1);
         UPDATE audit_events SET occurred_at = '2999-01-01' WHERE id = 5;
         INSERT INTO audit_events VALUES (100, '{late}', '{{}}', 1);
         UPDATE audit_events SET details = details || ' ' WHERE id = 6;
         UPDATE audit_events SET sent = 1.0 WHERE id = 7;
         UPDATE audit_events SET details = CAST(details AS BLOB) WHERE id = 8;"
    ));
    let (deleted, left) = store.delete(&plan, &batch).await;
    // 7: a boolean column turns 1.0 into the 1 it was.
    assert_eq!(deleted, [4]);
    let why = |id: i64| {
        let key = format!("[Int({id})]");
        left.iter()
            .find(|(shown, _)| *shown == key)
            .map(|(_, why)| *why)
    };
    assert_eq!(why(3), Some(Left::Gone));
    for id in [2, 4, 5, 6, 8] {
        assert_eq!(why(id), Some(Left::Changed), "{id}");
    }
    assert_eq!(left.len(), 6);
    assert_eq!(
        store.count("audit_events WHERE id IN (2, 4, 5, 6, 8, 100)"),
        6
    );
}

#[tokio::test]
async fn a_trigger_that_keeps_rows_is_noticed() {
    for (trigger, kept) in [
        (
            "BEFORE DELETE ON audit_events WHEN OLD.id = 3 BEGIN SELECT RAISE(IGNORE); END",
            1,
        ),
        (
            "BEFORE DELETE ON audit_events WHEN OLD.id < 3 BEGIN SELECT RAISE(ABORT, 'no'); END",
            2,
        ),
    ] {
        let store = Store::clutch(6);
        store.sql(&format!("CREATE TRIGGER keep {trigger}"));
        let plan = store.plan().await;
        assert!(
            plan.warnings
                .iter()
                .any(|warning| warning.contains("trigger keep"))
        );
        let batch = store.archive(&plan).await;
        let (deleted, left) = store.delete(&plan, &batch).await;
        assert_eq!(
            (deleted, left.len()),
            (vec![6 - kept], usize::try_from(kept).unwrap())
        );
        assert!(left.iter().all(|(_, why)| *why == Left::Refused));
        assert_eq!(
            store.count("audit_events"),
            6 + i64::try_from(kept).unwrap()
        );
    }
}

#[tokio::test]
async fn a_trigger_that_undoes_a_deletion_stops_everything() {
    for trigger in [
        "BEFORE DELETE ON audit_events BEGIN SELECT RAISE(ROLLBACK, 'never'); END",
        "AFTER DELETE ON audit_events BEGIN INSERT INTO audit_events VALUES (OLD.id, OLD.occurred_at, OLD.details, OLD.sent); END",
    ] {
        let store = Store::clutch(4);
        store.sql(&format!("CREATE TRIGGER undo {trigger}"));
        let plan = store.plan().await;
        let batch = store.archive(&plan).await;
        let mut deleter = store.deleter(&plan).await.unwrap();
        let token = stop();
        let staged = deleter.stage(&batch, &token).await;
        assert!(
            matches!(staged, Err(StoreError::Refused { .. })),
            "{trigger}"
        );
        assert_eq!(store.count("audit_events"), 8);
    }
}

#[tokio::test]
async fn a_locked_file_leaves_the_rows_for_later() {
    let store = Store::clutch(3);
    let plan = store.plan().await;
    let batch = store.archive(&plan).await;
    store.sql("BEGIN IMMEDIATE");
    let (deleted, left) = store.delete(&plan, &batch).await;
    assert_eq!((deleted, left.len()), (vec![0], 3));
    assert!(left.iter().all(|(_, why)| *why == Left::Locked));
    store.sql("COMMIT");
    assert_eq!(store.delete(&plan, &batch).await, (vec![3], vec![]));
}

#[tokio::test]
async fn a_lock_that_passes_is_waited_for() {
    let store = Store::clutch(3);
    let plan = store.plan().await;
    let batch = store.archive(&plan).await;
    let path = store.path.clone();
    let (locked, is_locked) = mpsc::sync_channel(0);
    let other = std::thread::spawn(move || {
        let other = Connection::open(path).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        locked.send(()).unwrap();
        // As long as a slow writer takes; the deleter is patient for six seconds.
        std::thread::park_timeout(Duration::from_millis(300));
        other.execute_batch("COMMIT").unwrap();
    });
    is_locked.recv().unwrap();
    assert_eq!(store.delete(&plan, &batch).await, (vec![3], vec![]));
    other.join().unwrap();
}

#[tokio::test]
async fn what_is_not_committed_is_taken_back() {
    let store = Store::clutch(5);
    let plan = store.plan().await;
    let batch = store.archive(&plan).await;
    let mut deleter = store.deleter(&plan).await.unwrap();
    let token = stop();
    let staged = deleter.stage(&batch, &token).await.unwrap();
    assert_eq!(staged.deleted(), [5]);
    staged.rollback().await.unwrap();
    assert_eq!(store.count("audit_events"), 10);
    // Dropped: the next question finds it rolled back.
    drop(deleter.stage(&batch, &stop()).await.unwrap());
    assert_eq!(deleter.present(&batch, &stop()).await.unwrap(), 5);
    store.sql("UPDATE audit_events SET sent = 0 WHERE id > 5");
}

#[tokio::test]
async fn a_lost_commit_is_settled_by_the_rows() {
    let store = Store::clutch(5);
    // A row that stays in either case must not mislead.
    store.sql("CREATE TRIGGER keep BEFORE DELETE ON audit_events WHEN OLD.id = 1 BEGIN SELECT RAISE(IGNORE); END");
    let plan = store.plan().await;
    let batch = store.archive(&plan).await;
    let mut deleter = store.deleter(&plan).await.unwrap();
    let token = stop();
    let staged = deleter.stage(&batch, &token).await.unwrap();
    let name = staged.transaction().to_owned();
    drop(staged);
    let settled = deleter.settle(&name, &batch, &token).await.unwrap();
    assert_eq!(settled, Settled::RolledBack);
    let staged = deleter.stage(&batch, &token).await.unwrap();
    let name = staged.transaction().to_owned();
    staged.commit().await.unwrap();
    let settled = deleter.settle(&name, &batch, &token).await.unwrap();
    assert_eq!(settled, Settled::Committed);
    assert_eq!(deleter.present(&batch, &token).await.unwrap(), 1);
    assert!(deleter.settle("xid 7", &batch, &token).await.is_err());
}

#[tokio::test]
async fn a_stopped_deletion_takes_everything_back() {
    let store = Store::clutch(5);
    let plan = store.plan().await;
    let batch = store.archive(&plan).await;
    let mut deleter = store.deleter(&plan).await.unwrap();
    let token = stop();
    token.cancel();
    let staged = deleter.stage(&batch, &token).await;
    assert!(matches!(staged, Err(StoreError::Cancelled)));
    drop(staged);
    assert_eq!(deleter.present(&batch, &stop()).await.unwrap(), 5);
}

#[tokio::test]
async fn restoring_leaves_other_rows_alone() {
    let store = Store::clutch(6);
    let plan = store.plan().await;
    let batch = store.archive(&plan).await;
    store.delete(&plan, &batch).await;
    store.sql(
        "INSERT INTO audit_events VALUES (2, NULL, 'somebody else', 1);
         CREATE TRIGGER stamp AFTER INSERT ON audit_events WHEN NEW.id = 3
         BEGIN UPDATE audit_events SET sent = 0 WHERE id = 3; END;",
    );
    let restored = store.restore(&plan, &batch, RestoreInto::Table).await;
    assert_eq!((restored.inserted, restored.equal), (5, 0));
    assert_eq!(
        (restored.conflicts, restored.altered),
        (vec!["2".to_owned()], vec!["3".to_owned()])
    );
    assert_eq!(
        store.count("audit_events WHERE details = 'somebody else'"),
        1
    );
}

#[tokio::test]
async fn a_table_by_another_name_takes_the_rows() {
    let mut store = Store::clutch(4);
    let plan = store.plan().await;
    let batch = store.archive(&plan).await;
    store.sql("CREATE TABLE elsewhere (id INTEGER PRIMARY KEY, occurred_at TIMESTAMPTZ, details JSONB, sent BOOLEAN)");
    store.options.table = Some("elsewhere".to_owned());
    let restored = store.restore(&plan, &batch, RestoreInto::Table).await;
    assert_eq!(restored.inserted, 4);
    assert_eq!(store.count("elsewhere"), 4);
}

#[tokio::test]
async fn keys_of_every_kind_are_found_again() {
    for key in [
        "id TEXT PRIMARY KEY",
        "id TEXT PRIMARY KEY NOT NULL",
        "id TEXT COLLATE NOCASE PRIMARY KEY",
        "id BLOB PRIMARY KEY",
        "id PRIMARY KEY",
    ] {
        for form in ["", " WITHOUT ROWID"] {
            let store = Store::new(&format!(
                "CREATE TABLE audit_events ({key}, occurred_at TIMESTAMPTZ, details JSONB, sent BOOLEAN){form}"
            ));
            let at = CUTOFF.plus(-5).to_string();
            store.sql(&format!(
                "INSERT INTO audit_events SELECT column1, '{at}', '{{}}', 1 FROM (VALUES
                 ('a'), ('B'), ('c'''), (''), (CAST(X'ff00' AS TEXT)), (X'ff01'), (X''), (7), (-2.5), ('10'), ('9'))"
            ));
            let plan = store.plan().await;
            let batch = store.archive(&plan).await;
            assert_eq!(batch.rows[0].marks.len(), 11, "{key}{form}");
            let keys: Vec<_> = batch.rows[0].marks.iter().map(|mark| &mark.key).collect();
            assert!(keys.is_sorted_by(|a, b| a < b), "{key}{form} {keys:?}");
            assert_eq!(
                store.delete(&plan, &batch).await,
                (vec![11], vec![]),
                "{key}{form}"
            );
            let restored = store.restore(&plan, &batch, RestoreInto::Table).await;
            assert_eq!(
                (restored.inserted, restored.altered),
                (11, vec![]),
                "{key}{form}"
            );
        }
    }
}
