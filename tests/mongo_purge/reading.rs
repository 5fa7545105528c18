//! The survey and the backup: every document that is certainly old, once, in the plan's order.

use auditail::core::bson::key;
use auditail::core::instant::{At, Micros};
use auditail::core::purge::decode;
use auditail::core::purge::plan::{CountExactness, RowOrder};
use auditail::core::purge::row::RowDigest;
use mongodb::bson::{
    Binary, Bson, DateTime, Decimal128, Document, JavaScriptCodeWithScope, Timestamp, Uuid, doc,
    oid::ObjectId, spec::BinarySubtype,
};
use rstest::rstest;

use super::{BEGIN, CUTOFF, HOUR, bench_on, event, hourly, selection};
use crate::harness::mongo::Topology;

#[rstest]
#[case::nothing(None, RowOrder::Key)]
#[case::newest_first(Some(doc! {"timestamp": -1}), RowOrder::TimeThenKey)]
#[case::with_id(Some(doc! {"timestamp": 1, "_id": 1}), RowOrder::TimeThenKey)]
#[tokio::test]
async fn what_is_old_is_read_once_whatever_the_index(
    #[case] index: Option<Document>,
    #[case] order: RowOrder,
    #[values(Topology::ReplicaSet, Topology::Standalone)] topology: Topology,
) {
    let Some(bench) = bench_on(topology, "purge_read", hourly(), index).await else {
        return;
    };
    assert_eq!(bench.plan.order, order);
    let survey = &bench.plan.survey;
    assert_eq!(
        (survey.selected, survey.exactness),
        (1_416, CountExactness::Exact)
    );
    let months: Vec<_> = survey
        .months
        .iter()
        .map(|month| (month.month.as_str(), month.going, month.staying))
        .collect();
    assert_eq!(
        months,
        [
            ("2026-01", 744, 0),
            ("2026-02", 672, 0),
            ("2026-03", 0, 584)
        ]
    );
    assert_eq!(survey.oldest, Some(Micros(BEGIN * 1_000)));
    assert_eq!(survey.newest, Some(Micros(CUTOFF.0 - HOUR * 1_000)));
    assert_eq!((survey.first_rows.len(), survey.last_rows.len()), (5, 5));
    assert!(survey.first_rows[0].contains("2026-01-01T00:00:00.000Z"));
    let kept = survey.first_kept.as_ref().expect("one stays");
    assert!(kept.contains("2026-03-01T00:00:00.000Z"), "{kept}");
    let count = bench.purger.count(&selection(), &bench.stop).await;
    assert_eq!(count.expect("a count"), 1_416);
    for limit in [1_416, 300, 100_000] {
        let batch = bench.backup(limit).await;
        let rows = &batch.rows[0];
        assert_eq!(rows.marks.len(), 1_416);
        for (mark, bytes) in rows.iter() {
            assert_eq!(RowDigest::of(bytes), mark.digest);
            let document = Document::from_reader(bytes).expect("BSON");
            assert_eq!(
                key::value(&mark.key),
                document
                    .get_i32("_id")
                    .ok()
                    .map(|id| Bson::Int64(id.into()))
            );
            let millis = document
                .get_datetime("timestamp")
                .expect("a date")
                .timestamp_millis();
            assert_eq!(mark.at, At::Instant(Micros(millis * 1_000)));
        }
        assert!(rows.marks.is_sorted_by(|one, other| one.at < other.at));
    }
}

/// Ids of every type that can be one, in no order.
#[expect(clippy::too_many_lines, reason = "a list of values")]
pub fn ids() -> Vec<Bson> {
    let dec = |text: &str| Bson::Decimal128(text.parse::<Decimal128>().expect("a number"));
    let bin = |subtype: u8, bytes: &[u8]| {
        Bson::Binary(Binary {
            subtype: BinarySubtype::from(subtype),
            bytes: bytes.to_vec(),
        })
    };
    let scope = |code: &str, scope: Document| {
        Bson::JavaScriptCodeWithScope(JavaScriptCodeWithScope {
            code: code.to_owned(),
            scope,
        })
    };
    vec![
        Bson::MaxKey,
        scope("f", doc! {"x": 1}),
        scope("f", doc! {}),
        Bson::JavaScriptCode("g".to_owned()),
        Bson::Timestamp(Timestamp {
            time: 1,
            increment: 9,
        }),
        Bson::Timestamp(Timestamp {
            time: u32::MAX,
            increment: 0,
        }),
        DateTime::from_millis(i64::MIN).into(),
        DateTime::from_millis(-5).into(),
        DateTime::from_millis(5).into(),
        Bson::Boolean(true),
        Bson::Boolean(false),
        ObjectId::from_bytes([255; 12]).into(),
        ObjectId::from_bytes([1; 12]).into(),
        Uuid::from_bytes([17; 16]).into(),
        bin(0, &[0, 1]),
        bin(2, &[7, 8]),
        bin(5, &[0]),
        bin(0, &[255]),
        bin(0, &[]),
        doc! {"a": [1, 2]}.into(),
        doc! {"a": [1]}.into(),
        doc! {"a": {}}.into(),
        doc! {"a": "x"}.into(),
        doc! {"b": 0}.into(),
        doc! {"a": 1.5}.into(),
        doc! {"a": 1, "b": 1}.into(),
        doc! {"a": 1}.into(),
        doc! {"z": Bson::MinKey, "y": Bson::Null}.into(),
        doc! {}.into(),
        "é".into(),
        "a\0b".into(),
        "9".into(),
        Bson::Symbol("5".to_owned()),
        "10".into(),
        "".into(),
        f64::INFINITY.into(),
        dec("1E+6000"),
        1e300.into(),
        9_007_199_254_740_993_i64.into(),
        dec("9007199254740992.5"),
        9_007_199_254_740_992_i64.into(),
        0.1.into(),
        dec("0.1"),
        dec("1.50"),
        f64::from_bits(1).into(),
        0.into(),
        7.into(),
        dec("-0.1"),
        (-0.1).into(),
        i64::MIN.into(),
        f64::MIN.into(),
        dec("-1E+6000"),
        f64::NEG_INFINITY.into(),
        f64::NAN.into(),
        Bson::Null,
        Bson::MinKey,
    ]
}

#[rstest]
#[case::by_key(None)]
#[case::by_time(Some(doc! {"timestamp": 1}))]
#[case::by_both(Some(doc! {"timestamp": -1, "_id": -1}))]
#[tokio::test]
async fn ids_of_every_type_page_without_loss(#[case] index: Option<Document>) {
    let documents: Vec<_> = ids().into_iter().map(|id| event(id, 5)).collect();
    let all = documents.len();
    let Some(bench) = bench_on(Topology::ReplicaSet, "purge_ids", documents, index).await else {
        return;
    };
    // As the server sorts them, all of one instant.
    let sorted = bench.db.command(doc! {
        "find": super::AUDIT, "sort": {"_id": 1}, "projection": {"_id": 1}, "batchSize": 1_000,
    });
    let sorted: Vec<String> = sorted
        .get_document("cursor")
        .and_then(|cursor| cursor.get_array("firstBatch"))
        .expect("a batch")
        .iter()
        .map(|found| format!("{:?}", found.as_document().expect("one").get("_id")))
        .collect();
    for limit in [1, 7, 1_000] {
        let batch = bench.backup(limit).await;
        let read: Vec<String> = batch.rows[0]
            .iter()
            .map(|(_, bytes)| {
                let document = Document::from_reader(bytes).expect("BSON");
                format!("{:?}", document.get("_id"))
            })
            .collect();
        assert_eq!(read.len(), all);
        assert_eq!(read, sorted);
    }
}

#[rstest]
#[case::without_index(None)]
#[case::with_index(Some(doc! {"timestamp": 1}))]
#[tokio::test]
async fn only_certain_times_go(#[case] index: Option<Document>) {
    let odd = |id: i32, time: Bson| {
        let mut event = event(id, 0);
        event.insert("timestamp", time);
        event
    };
    let old = DateTime::from_millis(BEGIN);
    let mut documents: Vec<_> = (100..130).map(|id| event(id, 1)).collect();
    documents.extend([
        odd(1, Bson::Null),
        odd(2, "2026-01-01T00:00:00Z".into()),
        odd(3, 5.into()),
        odd(4, 1_767_225_600.into()),
        odd(5, Bson::Array(vec![old.into(), old.into()])),
        odd(6, Bson::Array(vec![])),
        odd(
            7,
            Bson::Timestamp(Timestamp {
                time: 1,
                increment: 1,
            }),
        ),
        odd(8, Bson::MinKey),
        odd(9, DateTime::from_millis(i64::MAX).into()),
    ]);
    let mut missing = event(10, 0);
    missing.remove("timestamp");
    documents.push(missing);
    let Some(bench) = bench_on(Topology::ReplicaSet, "purge_odd", documents, index).await else {
        return;
    };
    let survey = &bench.plan.survey;
    assert_eq!(
        (survey.selected, survey.exactness),
        (30, CountExactness::Exact)
    );
    let timeless: Vec<_> = survey
        .timeless
        .iter()
        .map(|(kind, count)| (kind.as_str(), *count))
        .collect();
    let expected = [
        ("array", 2),
        ("int", 2),
        ("minKey", 1),
        ("missing", 1),
        ("null", 1),
        ("string", 1),
        ("timestamp", 1),
    ];
    assert_eq!(timeless, expected);
    let batch = bench.backup(7).await;
    assert_eq!(batch.rows[0].marks.len(), 30);
    assert_eq!(
        bench
            .purger
            .count(&selection(), &bench.stop)
            .await
            .expect("a count"),
        30
    );
}

#[tokio::test]
async fn an_archived_document_is_the_record_its_driver_shows() {
    let mut documents = hourly();
    documents.truncate(3);
    documents[1].insert(
        "odd",
        doc! {"a[dot]b": Bson::MaxKey, "n": f64::NAN, "x": [1, {"y": 2_i64}]},
    );
    let Some(bench) = bench_on(Topology::ReplicaSet, "purge_decode", documents, None).await else {
        return;
    };
    let store = auditail::store::connect::open(&bench.db.url, &super::options())
        .await
        .expect("it opens");
    let batch = bench.backup(100).await;
    let mut seen = 0;
    for (mark, bytes) in batch.rows[0].iter() {
        let relation = &bench.plan.relations[0];
        let record = decode::record(bench.plan.encoding, relation, bytes).expect("a record");
        let id = decode::id(bench.plan.encoding, &mark.key);
        let (out, mut pieces) = tokio::sync::mpsc::channel(8);
        let request = auditail::store::PageRequest {
            predicate: std::sync::Arc::new(auditail::core::query::predicate::Predicate::All),
            from: auditail::store::PageFrom::Oldest,
            limit: None,
            payload: auditail::store::PayloadNeed::Whole,
        };
        let mut events = Vec::new();
        let reading = async {
            while let Some(piece) = pieces.recv().await {
                if let auditail::store::PageItem::Events(some) = piece {
                    events.extend(some);
                }
            }
        };
        let (end, ()) = tokio::join!(store.page(request, out, &bench.stop), reading);
        end.expect("a page");
        let event = events
            .iter()
            .find(|event| event.id == id)
            .expect("the same id");
        assert_eq!(*event.payload.text, record);
        seen += 1;
    }
    assert_eq!(seen, 3);
}
