//! What becomes of commits that nobody answered, and of purges that were killed.

use std::time::Duration;

use auditail::core::purge::row::RawRows;
use auditail::store::StoreError;
use auditail::store::connect;
use auditail::store::purger::{Left, Settled};
use mongodb::bson::{Document, doc};
use rstest::rstest;
use tokio_util::sync::CancellationToken;

use super::{AUDIT, Bench, bench_on, head, hourly, options, plan};
use crate::harness;
use crate::harness::mongo::{Login, Topology};

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

/// Killed after some of a batch's documents are deleted one by one: the rest is deleted later, and
/// all of them count as deleted; what was gone before does not.
#[tokio::test]
async fn what_was_deleted_one_by_one_before_a_death_is_counted() {
    let Some(bench) = bench_on(Topology::Standalone, "purge_half", hourly(), None).await else {
        return;
    };
    let batch = head(&bench.backup(10_000).await, 50);
    let delete = |ids: Document| {
        let deletes = doc! {"delete": AUDIT, "deletes": [{"q": {"_id": ids}, "limit": 0}]};
        bench.db.command(deletes);
    };
    delete(doc! {"$in": [30, 31]});
    let mut deleter = bench.deleter().await;
    let staged = deleter.stage(&batch, &bench.stop).await.expect("staged");
    let name = staged.transaction().to_owned();
    assert_eq!(staged.deleted(), [48]);
    drop(staged);
    drop(deleter);
    // What the dead one has done, and what somebody else did after it.
    delete(doc! {"$lt": 20});
    bench.update(doc! {"_id": 25}, doc! {"$set": {"user": "other"}});
    let mut other = bench.deleter().await;
    let settled = other.settle(&name, &batch, &bench.stop).await;
    assert_eq!(settled.expect("an answer"), Settled::RolledBack);
    let staged = other.stage(&batch, &bench.stop).await.expect("staged");
    let gone = staged.left().iter().filter(|(_, why)| *why == Left::Gone);
    assert_eq!((staged.deleted(), gone.count()), (&[47][..], 2));
    assert_eq!(staged.left().len(), 3);
    let name = staged.transaction().to_owned();
    staged.commit().await.expect("deleted");
    assert_eq!(bench.db.count(AUDIT), 1_951);
    bench.update(doc! {"_id": 25}, doc! {"$unset": {"user": 1}});
    let mut without = head(&batch, 50);
    without.rows[0] = without_place(&without.rows[0], 25);
    let settled = bench
        .deleter()
        .await
        .settle(&name, &without, &bench.stop)
        .await;
    assert_eq!(settled.expect("an answer"), Settled::Committed);
}

/// All rows but one, as the engine asks for those that a batch did not leave.
fn without_place(rows: &RawRows, place: usize) -> RawRows {
    let mut without = RawRows::default();
    for (at, (mark, bytes)) in rows.iter().enumerate() {
        if at != place {
            without.payload.extend_from_slice(bytes);
            without.marks.push(mark.clone());
        }
    }
    without
}

#[tokio::test]
async fn alone_a_writer_between_comparison_and_deletion_keeps_his_document() {
    let Some(bench) = bench_on(Topology::Standalone, "purge_alone", hourly(), None).await else {
        return;
    };
    let batch = head(&bench.backup(10_000).await, 50);
    let mut deleter = bench.deleter().await;
    let staged = deleter.stage(&batch, &bench.stop).await.expect("staged");
    assert_eq!(staged.deleted(), [50]);
    bench.update(doc! {"_id": 7}, doc! {"$set": {"user": "other"}});
    let commit = staged.commit().await;
    assert!(matches!(commit, Err(StoreError::Busy { .. })), "{commit:?}");
    let staged = deleter.stage(&batch, &bench.stop).await.expect("staged");
    let left: Vec<_> = staged.left().iter().map(|(_, why)| *why).collect();
    assert_eq!((staged.deleted(), left), (&[49][..], vec![Left::Changed]));
    staged.commit().await.expect("deleted");
    assert_eq!(bench.db.count(AUDIT), 1_951);
}

/// A commit that did not happen, and documents that were all changed before anybody asked: nothing
/// was deleted, and nothing may be said to be.
#[tokio::test]
async fn a_commit_that_did_not_happen_is_not_mistaken_for_one() {
    let Some(bench) = bench_on(Topology::ReplicaSet, "purge_not", hourly(), None).await else {
        return;
    };
    let batch = head(&bench.backup(10_000).await, 5);
    bench
        .db
        .command(doc! {"delete": AUDIT, "deletes": [{"q": {"_id": 3}, "limit": 1}]});
    let mut deleter = bench.deleter().await;
    let staged = deleter.stage(&batch, &bench.stop).await.expect("staged");
    let name = staged.transaction().to_owned();
    staged.rollback().await.expect("taken back");
    bench.update(doc! {"_id": {"$lt": 5}}, doc! {"$set": {"user": "other"}});
    let settled = deleter.settle(&name, &batch, &bench.stop).await;
    assert_eq!(settled.expect("an answer"), Settled::RolledBack);
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
