//! Looking for archived rows again, and reading long ones.

use auditail::core::purge::row::RawRows;
use auditail::store::purger::{Batch, READ_BYTES, ReadEnd};
use tokio::sync::mpsc;

use super::{CLUTCH, bench, head, selection};

#[tokio::test]
async fn keys_that_came_back_are_counted_and_no_others() {
    let Some(bench) = bench("purge_present", CLUTCH).await else {
        return;
    };
    let batch = head(&bench.backup(10_000).await, 60);
    bench.delete(&batch).await;
    let mut deleter = bench.deleter().await;
    assert_eq!(deleter.present(&batch, &bench.stop).await.unwrap(), 0);
    bench
        .db
        .sql("INSERT INTO audit_events (id, occurred_at, details) VALUES (7, now(), '{}')");
    assert_eq!(deleter.present(&batch, &bench.stop).await.unwrap(), 1);
    // Between the keys of the others, and none of them.
    let mut others = Batch {
        rows: vec![RawRows::default()],
    };
    for (mark, bytes) in batch.rows[0]
        .iter()
        .filter(|(mark, _)| mark.at != batch.rows[0].marks[6].at)
    {
        others.rows[0].push(mark, bytes);
    }
    assert_eq!(others.rows[0].marks.len(), 59);
    assert_eq!(deleter.present(&others, &bench.stop).await.unwrap(), 0);
    // Keys alone are enough to ask for.
    others.rows[0].payload.clear();
    assert_eq!(deleter.present(&others, &bench.stop).await.unwrap(), 0);
}

#[tokio::test]
async fn long_rows_are_read_in_bounded_parts() {
    const LONG: &str = "CREATE TABLE audit_events (
        id bigserial PRIMARY KEY, occurred_at timestamptz, details jsonb, sent boolean);
        CREATE INDEX sort_audit_events ON audit_events (occurred_at);
        INSERT INTO audit_events (occurred_at, details, sent)
        SELECT '2026-01-01'::timestamptz + n * interval '1 minute',
        jsonb_build_object('user', 'u', 'text', repeat('x', 200000 + n)), true
        FROM generate_series(1, 300) n;";
    let Some(bench) = bench("purge_long", LONG).await else {
        return;
    };
    let what = selection();
    for (turn, most) in [(1, READ_BYTES + 300_000), (2, READ_BYTES)] {
        let (out, mut pieces) = mpsc::channel(1);
        let reading = bench
            .purger
            .read(&bench.plan, &what, None, 100_000, out, &bench.stop);
        let gathering = async {
            let mut bytes = 0;
            while let Some(piece) = pieces.recv().await {
                bytes += piece.rows[0].payload.len();
            }
            bytes
        };
        let (end, bytes) = tokio::join!(reading, gathering);
        assert_eq!(end.expect("it reads"), ReadEnd::Limit);
        assert!(
            bytes > READ_BYTES / 2 && bytes <= most,
            "turn {turn}: {bytes}"
        );
    }
    assert_eq!(bench.backup(100_000).await.rows[0].marks.len(), 300);
}
