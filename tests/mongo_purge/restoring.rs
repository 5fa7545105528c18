//! An archive put back where it came from: once, and without touching what is there.

use auditail::core::purge::row::RowDigest;
use auditail::store::StoreError;
use auditail::store::purger::RestoreInto;
use mongodb::bson::{Bson, Document, RawDocumentBuf, Regex, Timestamp, cstr, doc, rawdoc};
use rstest::rstest;

use super::{AUDIT, Bench, bench_on, event, hourly};
use crate::harness::mongo::Topology;

#[rstest]
#[tokio::test]
async fn an_archive_goes_back_once_and_conflicts_are_told(
    #[values(Topology::ReplicaSet, Topology::Standalone)] topology: Topology,
) {
    let Some(bench) = bench_on(topology, "purge_restore", hourly(), None).await else {
        return;
    };
    let batch = bench.backup(10_000).await;
    let stop = &bench.stop;
    let mut drill = bench
        .purger
        .restorer(&bench.plan, RestoreInto::Scratch, stop)
        .await
        .expect("a drill");
    let drilled = drill.restore(&batch, stop).await.expect("restored");
    assert_eq!((drilled.inserted, drilled.equal), (1_416, 0));
    drill.finish(stop).await.expect("finished");
    let collections = bench
        .db
        .command(doc! {"listCollections": 1, "nameOnly": true});
    let collections = collections
        .get_document("cursor")
        .and_then(|cursor| cursor.get_array("firstBatch"))
        .expect("a batch");
    assert_eq!(collections.len(), 1, "{collections:?}");
    bench.delete(&batch).await;
    let mut restorer = bench.restorer().await;
    let restored = restorer.restore(&batch, stop).await.expect("restored");
    assert_eq!((restored.inserted, restored.equal), (1_416, 0));
    assert_eq!(bench.backup(10_000).await.rows, batch.rows);
    bench.update(doc! {"_id": 5}, doc! {"$set": {"user": "other"}});
    let deletes = doc! {"delete": AUDIT, "deletes": [{"q": {"_id": 6}, "limit": 1}]};
    bench.db.command(deletes);
    let restored = restorer.restore(&batch, stop).await.expect("restored");
    assert_eq!((restored.inserted, restored.equal), (1, 1_414));
    assert_eq!(restored.conflicts, ["5"]);
    restorer.finish(stop).await.expect("finished");
}

#[tokio::test]
async fn what_cannot_go_back_is_told() {
    let mut documents: Vec<_> = (0..5).map(|id| event(id, 0)).collect();
    documents[1].insert("slot", 1);
    let Some(bench) = bench_on(Topology::ReplicaSet, "purge_stuck", documents, None).await else {
        return;
    };
    // Only an update leaves an empty timestamp as it is.
    let empty = Bson::Timestamp(Timestamp {
        time: 0,
        increment: 0,
    });
    bench.update(doc! {"_id": 2}, doc! {"$set": {"stamp": empty}});
    let batch = bench.backup(100).await;
    bench.delete(&batch).await;
    bench.db.command(doc! {"createIndexes": AUDIT, "indexes": [
        {"key": {"slot": 1}, "name": "slot", "unique": true, "sparse": true},
    ]});
    bench
        .db
        .insert(AUDIT, vec![doc! {"_id": "taken", "slot": 1}]);
    let mut restorer = bench.restorer().await;
    let report = restorer
        .restore(&batch, &bench.stop)
        .await
        .expect("restored");
    assert_eq!(report.inserted, 3);
    assert_eq!(
        (report.conflicts, report.altered),
        (vec!["1".to_owned()], vec!["2".to_owned()])
    );
    bench.db.command(doc! {"createIndexes": AUDIT, "indexes": [
        {"key": {"timestamp": 1}, "name": "ttl", "expireAfterSeconds": 2_000_000_000},
    ]});
    let refused = bench
        .purger
        .restorer(&bench.plan, RestoreInto::Table, &bench.stop)
        .await;
    assert!(matches!(refused.err(), Some(StoreError::Refused { .. })));
}

/// A document with values of every type, and one key twice.
pub fn every_type(id: Bson, n: i32) -> RawDocumentBuf {
    let values = doc! {
        "double": [0.1, -0.0, f64::NAN, f64::INFINITY, f64::from_bits(1), f64::MAX],
        "text": ["", "a\0b", "\u{202e}\u{1b}[31m", "é"],
        "empty": [{}, []],
        "binary": super::reading::ids().into_iter().filter(|id| matches!(id, Bson::Binary(_))).collect::<Vec<_>>(),
        "undefined": Bson::Undefined,
        "bool": [true, false],
        "dates": super::reading::ids().into_iter().filter(|id| matches!(id, Bson::DateTime(_))).collect::<Vec<_>>(),
        "null": Bson::Null,
        "regex": Bson::RegularExpression(Regex {
            pattern: cstr!("^a/\"").into(), options: cstr!("im").into(),
        }),
        "code": Bson::JavaScriptCode("f()".to_owned()),
        "symbol": Bson::Symbol("s".to_owned()),
        "int": [i32::MIN, i32::MAX],
        "stamp": [Timestamp { time: u32::MAX, increment: 7 }, Timestamp { time: 0, increment: 0 }],
        "long": [i64::MIN, i64::MAX],
        "decimal": super::reading::ids().into_iter().filter(|id| matches!(id, Bson::Decimal128(_))).collect::<Vec<_>>(),
        "ends": [Bson::MinKey, Bson::MaxKey],
        "$odd.keys": {"": 1, "a.b": {"$c": n}},
        "nested": super::reading::ids(),
    };
    let mut raw = RawDocumentBuf::try_from(event(id, i64::from(n))).expect("BSON");
    raw.append(
        cstr!("values"),
        RawDocumentBuf::try_from(values).expect("BSON"),
    );
    raw.append(cstr!("twice"), rawdoc! {"a": 1});
    raw.append(cstr!("twice"), "again");
    raw
}

async fn fill(bench: &Bench, documents: Vec<RawDocumentBuf>) {
    let collection = bench.db.open().await.collection::<RawDocumentBuf>(AUDIT);
    collection.insert_many(documents).await.expect("inserted");
}

#[rstest]
#[tokio::test]
async fn every_type_comes_back_with_equal_digests(
    #[values(Topology::ReplicaSet, Topology::Standalone)] topology: Topology,
) {
    let Some(bench) = bench_on(topology, "purge_types", vec![event("first", 0)], None).await else {
        return;
    };
    let mut documents = Vec::new();
    for (n, id) in super::reading::ids().into_iter().enumerate() {
        documents.push(every_type(id, i32::try_from(n).expect("few")));
    }
    let all = documents.len() + 1;
    fill(&bench, documents).await;
    let before = bench.backup(10).await;
    assert_eq!(before.rows[0].marks.len(), all);
    let (deleted, left) = bench.delete(&before).await;
    assert_eq!((deleted, left), (all as u64, vec![]));
    assert_eq!(bench.db.count(AUDIT), 0);
    let mut restorer = bench.restorer().await;
    let restored = restorer
        .restore(&before, &bench.stop)
        .await
        .expect("restored");
    assert_eq!(restored.inserted, all as u64, "{restored:?}");
    let after = bench.backup(1_000).await;
    assert_eq!(after.rows, before.rows);
    for (mark, bytes) in after.rows[0].iter() {
        assert_eq!(RowDigest::of(bytes), mark.digest);
        Document::from_reader(bytes).expect("BSON");
    }
}
