//! Collections that cannot be purged, each with its reason.

use auditail::store::StoreError;
use auditail::store::connect;
use mongodb::bson::{Document, doc};
use rstest::rstest;
use tokio_util::sync::CancellationToken;

use super::{AUDIT, event, hourly, options};
use crate::harness;
use crate::harness::mongo::Topology;

#[rstest]
#[case::capped(doc! {"capped": true, "size": 1_000_000}, "capped")]
#[case::view(doc! {"viewOn": "other", "pipeline": []}, "view")]
#[case::time_series(doc! {"timeseries": {"timeField": "timestamp"}}, "time-series")]
#[case::collation(doc! {"collation": {"locale": "en", "strength": 1}}, "collation")]
#[case::clustered(
    doc! {"clusteredIndex": {"key": {"_id": 1}, "unique": true}},
    "clustered index"
)]
#[tokio::test]
async fn what_is_no_ordinary_collection_is_refused(#[case] kind: Document, #[case] word: &str) {
    let Some(server) = harness::mongo(Topology::ReplicaSet) else {
        return;
    };
    let db = server.database("purge_refused");
    let mut create = doc! {"create": AUDIT};
    create.extend(kind);
    db.command(create);
    let filled = if word == "view" { "other" } else { AUDIT };
    db.insert(filled, hourly());
    let purger = connect::purger(&db.url, &options())
        .await
        .expect("it opens");
    match purger.probe(&CancellationToken::new()).await {
        Err(StoreError::Refused { message, hint }) => {
            assert!(message.contains(word), "{message}");
            assert!(hint.is_some());
        }
        other => panic!("{word}: {other:?}"),
    }
}

#[tokio::test]
async fn a_number_in_another_unit_is_refused() {
    let documents = (0..9)
        .map(|n| {
            let mut event = event(n, 0);
            event.insert("timestamp", 5 + n);
            event
        })
        .collect();
    let Some(db) = super::database(Topology::ReplicaSet, "purge_unit", documents, None) else {
        return;
    };
    let purger = connect::purger(&db.url, &options())
        .await
        .expect("it opens");
    let refused = purger.probe(&CancellationToken::new()).await;
    match refused {
        Err(StoreError::Refused { message, .. }) => assert!(message.contains("unit"), "{message}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn another_collection_of_the_same_name_is_noticed() {
    let Some(bench) = super::bench_on(Topology::ReplicaSet, "purge_same", hourly(), None).await
    else {
        return;
    };
    bench.db.command(doc! {"drop": AUDIT});
    bench.db.insert(AUDIT, hourly());
    let (out, _pieces) = tokio::sync::mpsc::channel(1);
    let what = super::selection();
    let read = bench
        .purger
        .read(&bench.plan, &what, None, 10, out, &bench.stop)
        .await;
    assert!(matches!(read, Err(StoreError::Refused { .. })), "{read:?}");
    let probe = bench.purger.probe(&bench.stop).await.expect("a collection");
    assert_ne!(probe.identity, bench.plan.identity);
}

#[tokio::test]
async fn an_index_that_expires_is_told() {
    let index = doc! {"createIndexes": AUDIT, "indexes": [
        {"key": {"timestamp": 1}, "name": "ttl", "expireAfterSeconds": 2_000_000_000},
    ]};
    let Some(db) = super::database(Topology::ReplicaSet, "purge_ttl", hourly(), None) else {
        return;
    };
    db.command(index);
    let purger = connect::purger(&db.url, &options())
        .await
        .expect("it opens");
    let probe = purger
        .probe(&CancellationToken::new())
        .await
        .expect("it can be purged");
    assert!(
        probe.warnings.iter().any(|warning| warning.contains("ttl")),
        "{:?}",
        probe.warnings
    );
}
