//! What goes, what stays, and who may not delete.

use std::time::Duration;

use auditail::store::StoreError;
use auditail::store::purger::Left;
use mongodb::bson::{DateTime, Document, doc};
use rstest::rstest;

use super::whole::{DELETE, Fixture, PLAN};
use super::{AUDIT, BEGIN, CUTOFF, bench_on, event, head, hourly};
use crate::harness;
use crate::harness::mongo::{MongoDb, Topology};

fn ids(left: &[(String, Left)]) -> Vec<(&str, Left)> {
    left.iter().map(|(id, why)| (id.as_str(), *why)).collect()
}

fn in_range(db: &MongoDb, filter: Document) -> i32 {
    let answer = db.command(doc! {"count": AUDIT, "query": filter});
    answer.get_i32("n").expect("a count")
}

#[rstest]
#[tokio::test]
async fn what_is_archived_goes_and_nothing_else(
    #[values(Topology::ReplicaSet, Topology::Standalone)] topology: Topology,
) {
    let index = Some(doc! {"timestamp": 1});
    let Some(bench) = bench_on(topology, "purge_all", hourly(), index).await else {
        return;
    };
    let is_alone = topology == Topology::Standalone;
    let told = bench
        .plan
        .warnings
        .iter()
        .any(|warning| warning.contains("one by one"));
    assert_eq!(told, is_alone, "{:?}", bench.plan.warnings);
    let batch = bench.backup(10_000).await;
    // A late one with an old time, and one that moves below the cutoff.
    bench.db.insert(AUDIT, vec![event("late", 5)]);
    let old = DateTime::from_millis(BEGIN);
    bench.update(doc! {"_id": 1_900}, doc! {"$set": {"timestamp": old}});
    let (deleted, left) = bench.delete(&batch).await;
    assert_eq!((deleted, ids(&left)), (1_416, vec![]));
    assert_eq!(bench.db.count(AUDIT), 2_000 - 1_416 + 1);
    let cutoff = DateTime::from_millis(CUTOFF.0 / 1_000);
    assert_eq!(in_range(&bench.db, doc! {"timestamp": {"$lt": cutoff}}), 2);
    let mut deleter = bench.deleter().await;
    assert_eq!(
        deleter.present(&batch, &bench.stop).await.expect("a count"),
        0
    );
    let again = bench.delete(&head(&batch, 5)).await;
    assert_eq!(again.0, 0);
    assert!(again.1.iter().all(|(_, why)| *why == Left::Gone));
}

#[rstest]
#[tokio::test]
async fn documents_that_are_not_as_archived_stay(
    #[values(Topology::ReplicaSet, Topology::Standalone)] topology: Topology,
) {
    let Some(bench) = bench_on(topology, "purge_changed", hourly(), None).await else {
        return;
    };
    let batch = bench.backup(10_000).await;
    bench.update(
        doc! {"_id": {"$in": [3, 4]}},
        doc! {"$set": {"user": "other"}},
    );
    // The same value in another type.
    bench.update(doc! {"_id": 7}, doc! {"$set": {"details.n": 7_i32}});
    bench.db.command(doc! {"delete": AUDIT, "deletes": [
        {"q": {"_id": {"$in": [5, 6, 8]}}, "limit": 0},
    ]});
    bench.db.insert(AUDIT, vec![event(6, 1), event(8, 8)]);
    // The same again, written anew.
    bench.update(
        doc! {"_id": {"$gte": 10, "$lt": 20}},
        doc! {"$set": {"action": "DeletePod"}},
    );
    let (deleted, left) = bench.delete(&batch).await;
    let expected = [
        ("3", Left::Changed),
        ("4", Left::Changed),
        ("5", Left::Gone),
        ("6", Left::Changed),
        ("7", Left::Changed),
    ];
    assert_eq!((deleted, ids(&left).as_slice()), (1_411, &expected[..]));
    assert_eq!(in_range(&bench.db, doc! {"_id": {"$in": [3, 4, 6, 7]}}), 4);
    assert_eq!(in_range(&bench.db, doc! {"_id": 8}), 0);
}

#[tokio::test]
async fn documents_somebody_writes_to_are_left_and_found_among_many() {
    let Some(bench) = bench_on(Topology::ReplicaSet, "purge_locked", hourly(), None).await else {
        return;
    };
    let batch = head(&bench.backup(10_000).await, 900);
    let database = bench.db.open().await;
    let documents = database.collection::<Document>(AUDIT);
    let mut session = database.client().start_session().await.expect("a session");
    session.start_transaction().await.expect("a transaction");
    documents
        .update_many(
            doc! {"_id": {"$in": [7, 9, 500]}},
            doc! {"$set": {"user": "me"}},
        )
        .session(&mut session)
        .await
        .expect("updated");
    let (deleted, left) = bench.delete(&batch).await;
    let expected = [
        ("7", Left::Locked),
        ("9", Left::Locked),
        ("500", Left::Locked),
    ];
    assert_eq!((deleted, ids(&left).as_slice()), (897, &expected[..]));
    session.commit_transaction().await.expect("committed");
    assert_eq!(in_range(&bench.db, doc! {"user": "me"}), 3);
}

#[tokio::test]
async fn a_writer_between_comparison_and_commit_finds_nothing() {
    let Some(bench) = bench_on(Topology::ReplicaSet, "purge_between", hourly(), None).await else {
        return;
    };
    let batch = head(&bench.backup(10_000).await, 50);
    let mut deleter = bench.deleter().await;
    let staged = deleter.stage(&batch, &bench.stop).await.expect("staged");
    assert_eq!(staged.deleted(), [50]);
    let documents = bench.db.open().await.collection::<Document>(AUDIT);
    let writer = tokio::spawn(async move {
        let changed = documents
            .update_one(doc! {"_id": 7}, doc! {"$set": {"user": "me"}})
            .await;
        changed.expect("an answer").matched_count
    });
    bench.db.insert(AUDIT, vec![event("late", 0)]);
    staged.commit().await.expect("committed");
    assert_eq!(writer.await.expect("no panic"), 0);
    assert_eq!(bench.db.count(AUDIT), 1_951);
}

#[tokio::test]
async fn a_second_purge_of_the_collection_is_refused() {
    let Some(bench) = bench_on(Topology::ReplicaSet, "purge_second", hourly(), None).await else {
        return;
    };
    let uuid = &bench.plan.identity.facts[2].1;
    let mut client = mongodb::options::ClientOptions::parse(&bench.db.url)
        .await
        .expect("options");
    client.app_name = Some(format!("auditail purge {uuid} 0123456789abcdef"));
    let other = mongodb::Client::with_options(client).expect("a client");
    let ping = doc! {"ping": 1};
    other
        .database("admin")
        .run_command(ping)
        .await
        .expect("an answer");
    let refused = bench.purger.deleter(&bench.plan, None, &bench.stop).await;
    match refused.err() {
        Some(StoreError::Refused { message, .. }) => {
            assert!(message.contains("another purge"), "{message}");
        }
        wrong => panic!("{wrong:?}"),
    }
    other.shutdown().await;
    bench.deleter().await;
}

#[rstest]
#[tokio::test]
async fn a_tampered_archive_deletes_nothing(
    #[values(Topology::ReplicaSet, Topology::Standalone)] topology: Topology,
) {
    let Some(bench) = bench_on(topology, "purge_tampered", hourly(), None).await else {
        return;
    };
    let good = head(&bench.backup(10_000).await, 20);
    let mut deleter = bench.deleter().await;
    for what in ["payload", "digest", "key"] {
        let mut batch = head(&good, 20);
        let rows = &mut batch.rows[0];
        match what {
            "payload" => rows.payload[40] ^= 1,
            "digest" => rows.marks[3].digest.0[0] ^= 1,
            _ => rows.marks[3].key = rows.marks[4].key.clone(),
        }
        let refused = deleter.stage(&batch, &bench.stop).await.err();
        assert!(
            matches!(refused, Some(StoreError::Refused { .. })),
            "{what}: {refused:?}"
        );
    }
    drop(deleter);
    assert_eq!(bench.db.count(AUDIT), 2_000);
}

/// Nearly as long as a document can be: a condition cannot hold it, a transaction can.
#[rstest]
#[case::in_a_transaction(Topology::ReplicaSet, Ok(2))]
#[case::one_by_one(Topology::Standalone, Err(Left::Refused))]
#[tokio::test]
async fn the_longest_document(#[case] topology: Topology, #[case] fate: Result<u64, Left>) {
    let documents = vec![event("short", 1), event("vast", 2)];
    let Some(bench) = bench_on(topology, "purge_vast", documents, None).await else {
        return;
    };
    let text = "x".repeat((16 << 20) - 400);
    bench.update(doc! {"_id": "vast"}, doc! {"$set": {"details": text}});
    let batch = bench.backup(10).await;
    let (deleted, left) = bench.delete(&batch).await;
    match fate {
        Ok(count) => assert_eq!((deleted, ids(&left)), (count, vec![])),
        Err(why) => assert_eq!((deleted, ids(&left)), (1, vec![("vast", why)])),
    }
    let mut restorer = bench.restorer().await;
    let report = restorer.restore(&batch, &bench.stop).await;
    let report = report.expect("restored");
    assert_eq!((report.inserted, report.equal), (deleted, 2 - deleted));
    assert_eq!(bench.backup(10).await.rows, batch.rows);
}

/// The same from end to end, as a shell runs it: two of them beside short ones. Longer than tests
/// ought to take, so only with `AUDITAIL_CRASH_RUNS`.
#[rstest]
#[case::in_a_transaction(Topology::ReplicaSet, 22, 0)]
#[case::one_by_one(Topology::Standalone, 20, 2)]
#[test]
fn the_longest_documents_are_archived_deleted_and_come_back(
    #[case] topology: Topology,
    #[case] deleted: i32,
    #[case] refused: i32,
) {
    if std::env::var_os("AUDITAIL_CRASH_RUNS").is_none() {
        return;
    }
    let Some(server) = harness::mongo(topology) else {
        return;
    };
    let db = server.database("purge_longest");
    let mut documents: Vec<Document> = (0..20).map(|id| event(id, 1)).collect();
    for id in [20, 21] {
        let mut long = event(id, 2);
        long.insert("details", "x".repeat((16 << 20) - 400));
        documents.push(long);
    }
    db.insert(AUDIT, documents);
    let store = Fixture::on(db);
    let run = |words: &[&str]| store.run_for(Duration::from_mins(5), words).ok();
    run(&PLAN);
    for step in ["backup", "verify"] {
        run(&["purge", step, "DIR"]);
    }
    let said = run(&DELETE);
    assert!(said.contains(&format!("{deleted} rows deleted")), "{said}");
    assert_eq!(store.db.count(AUDIT), refused);
    let said = run(&["restore", "DIR", "URL"]);
    let back = format!("{deleted} rows put back, {refused} were");
    assert!(said.starts_with(&back), "{said}");
}
