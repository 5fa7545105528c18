//! What goes, what stays, and what becomes of commits that nobody answered.

use std::time::Duration;

use auditail::store::StoreError;
use auditail::store::connect;
use auditail::store::purger::{Left, Settled};
use mongodb::bson::{DateTime, Document, doc};
use rstest::rstest;
use tokio_util::sync::CancellationToken;

use super::{AUDIT, BEGIN, Bench, CUTOFF, bench_on, event, head, hourly, options, plan};
use crate::harness;
use crate::harness::mongo::{Login, MongoDb, Topology};

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
async fn a_transaction_is_settled_and_one_left_open_takes_nothing() {
    let Some(bench) = bench_on(Topology::ReplicaSet, "purge_settle", hourly(), None).await else {
        return;
    };
    let batch = head(&bench.backup(10_000).await, 50);
    let mut deleter = bench.deleter().await;
    let staged = deleter.stage(&batch, &bench.stop).await.expect("staged");
    let taken_back = staged.transaction().to_owned();
    staged.rollback().await.expect("taken back");
    let settled = deleter.settle(&taken_back, &batch, &bench.stop).await;
    assert_eq!(settled.expect("an answer"), Settled::RolledBack);
    // As a process leaves it that was killed: open, and nobody will end it.
    let staged = deleter.stage(&batch, &bench.stop).await.expect("staged");
    let open = staged.transaction().to_owned();
    std::mem::forget(staged);
    let mut other = bench.deleter().await;
    let settled = other.settle(&open, &batch, &bench.stop).await;
    assert_eq!(settled.expect("an answer"), Settled::RolledBack);
    assert_eq!(
        other.present(&batch, &bench.stop).await.expect("a count"),
        50
    );
    let staged = other
        .stage(&batch, &bench.stop)
        .await
        .expect("nobody is in the way");
    let committed = staged.transaction().to_owned();
    staged.commit().await.expect("committed");
    for name in [committed.as_str(), "of another program"] {
        let settled = other.settle(name, &batch, &bench.stop).await;
        assert_eq!(settled.expect("an answer"), Settled::Committed, "{name}");
    }
    let pressure = other.pressure(&bench.stop).await.expect("an answer");
    assert!(
        pressure.waiting.is_some() && pressure.wal.is_some(),
        "{pressure:?}"
    );
    assert_eq!(pressure.unseen, Vec::<String>::new());
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

/// Faults of a server that only this test uses.
async fn with_fault(fault: Document) -> Option<(i32, u64)> {
    let server = harness::private_mongo(Topology::ReplicaSet, Login::None, &[])?;
    let db = server.database("faults");
    db.insert(AUDIT, hourly());
    let purger = connect::purger(&db.url, &options())
        .await
        .expect("it opens");
    let stop = CancellationToken::new();
    let plan = plan(&*purger, &stop).await;
    let bench = Bench {
        db,
        purger,
        plan,
        stop,
    };
    let batch = head(&bench.backup(10_000).await, 100);
    let mut deleter = bench.deleter().await;
    let admin = bench.db.open().await;
    let admin = admin.client().database("admin");
    let mut arm = doc! {"configureFailPoint": "failCommand"};
    arm.extend(fault);
    let mut committed = 0;
    admin.run_command(arm).await.expect("armed");
    // As the engine does it: another try after what is lost, once it is known what became of it.
    for _ in 0..5 {
        let staged = match deleter.stage(&batch, &bench.stop).await {
            Ok(staged) => staged,
            Err(StoreError::Lost { .. } | StoreError::Busy { .. }) => continue,
            Err(wrong) => panic!("{wrong:?}"),
        };
        let (name, rows) = (staged.transaction().to_owned(), staged.deleted()[0]);
        match staged.commit().await {
            Ok(()) => {
                committed = rows;
                break;
            }
            Err(StoreError::Lost { .. }) => {
                let settled = deleter
                    .settle(&name, &batch, &bench.stop)
                    .await
                    .expect("settled");
                if settled == Settled::Committed {
                    committed = rows;
                    break;
                }
            }
            Err(StoreError::Busy { .. }) => {}
            Err(wrong) => panic!("{wrong:?}"),
        }
    }
    Some((bench.db.count(AUDIT), committed))
}

#[rstest]
#[case::commit_cut_once(
    doc! {"failCommands": ["commitTransaction"], "closeConnection": true}, 1
)]
#[case::commit_cut_often(
    doc! {"failCommands": ["commitTransaction"], "closeConnection": true}, 4
)]
#[case::commit_never_answered(
    doc! {"failCommands": ["commitTransaction"], "closeConnection": true}, 12
)]
#[case::commit_done_and_not_told(
    doc! {"failCommands": ["commitTransaction"], "writeConcernError": {"code": 64, "errmsg": "slow"}}, 3
)]
#[case::no_such_transaction(
    doc! {"failCommands": ["commitTransaction"], "errorCode": 251,
        "errorLabels": ["TransientTransactionError"]}, 1
)]
#[case::delete_cut(doc! {"failCommands": ["delete"], "closeConnection": true}, 1)]
#[case::find_cut(doc! {"failCommands": ["find"], "closeConnection": true}, 1)]
#[case::write_conflict(
    doc! {"failCommands": ["delete"], "errorCode": 112,
        "errorLabels": ["TransientTransactionError"]}, 2
)]
#[tokio::test]
async fn faults_end_in_exact_counts(#[case] data: Document, #[case] times: i32) {
    let fault = doc! {"mode": {"times": times}, "data": data};
    let Some((left, committed)) = tokio::time::timeout(Duration::from_mins(2), with_fault(fault))
        .await
        .expect("in time")
    else {
        return;
    };
    assert_eq!((left, committed), (1_900, 100));
}
