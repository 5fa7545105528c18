//! Tables of other shapes: events with rows of their own elsewhere, and partitions.

use std::sync::Arc;

use auditail::store::StoreError;
use auditail::store::connect::OpenOptions;
use auditail::store::purger::{Left, RestoreInto};

use super::{bench, bench_with};

const FAMILY: &str = "CREATE TABLE events (id bigint PRIMARY KEY, occurred_at timestamptz NOT NULL,
    details jsonb, sent boolean);
    CREATE TABLE lines (event bigint REFERENCES events ON DELETE CASCADE, text text);
    INSERT INTO events SELECT n, '2026-01-01'::timestamptz + n * interval '1 hour', '{}', true
    FROM generate_series(1, 100) n;
    INSERT INTO lines SELECT n % 100 + 1, 'line ' || n / 200 FROM generate_series(0, 399) n;";

fn family_profile() -> OpenOptions {
    use auditail::core::profile::{Related, load};
    let mut profile = load::named("clutch").expect("a built-in one");
    let own = Arc::make_mut(&mut profile);
    own.purge.keep.clear();
    own.purge.related.push(Related {
        table: "lines".to_owned(),
        parent: None,
        columns: [("event".to_owned(), "id".to_owned())].into(),
    });
    OpenOptions {
        profile: Some(profile),
        table: Some("events".to_owned()),
        ..OpenOptions::default()
    }
}

#[tokio::test]
async fn families_go_together_or_stay_together() {
    let Some(bench) = bench_with("purge_family", FAMILY, family_profile()).await else {
        return;
    };
    assert_eq!(bench.plan.survey.related, [("lines".to_owned(), 400)]);
    let batch = bench.backup(30).await;
    assert_eq!(batch.rows[1].marks.len(), 400);
    bench.db.sql(
        "UPDATE lines SET text = 'other' WHERE event = 3; INSERT INTO lines VALUES (4, 'late');
         DELETE FROM lines WHERE ctid IN (SELECT min(ctid) FROM lines WHERE event = 5);
         UPDATE events SET sent = false WHERE id = 6; DELETE FROM events WHERE id = 7;
         UPDATE lines SET text = text WHERE event = 8;",
    );
    let (deleted, left) = bench.delete(&batch).await;
    assert_eq!(deleted, [95, 380]);
    let left: Vec<_> = left
        .iter()
        .map(|(key, left)| (key.as_str(), *left))
        .collect();
    let changed = ["[Int(3)]", "[Int(4)]", "[Int(5)]", "[Int(6)]"].map(|key| (key, Left::Changed));
    assert_eq!(left, [&changed[..], &[("[Int(7)]", Left::Gone)]].concat());
    assert_eq!(bench.db.sql("SELECT count(*) FROM lines").trim(), "16");
    // Back into empty tables, twice.
    bench.db.sql("TRUNCATE events, lines");
    let mut restorer = bench
        .purger
        .restorer(&bench.plan, RestoreInto::Table, &bench.stop)
        .await
        .unwrap();
    for expected in [(500, 0), (0, 500)] {
        let outcome = restorer.restore(&batch, &bench.stop).await.unwrap();
        assert_eq!((outcome.inserted, outcome.equal), expected, "{outcome:?}");
    }
}

#[tokio::test]
async fn a_partitioned_table_is_purged_until_its_partitions_change() {
    let schema = "CREATE TABLE audit_events (id bigint, occurred_at timestamptz, details jsonb,
        sent boolean, PRIMARY KEY (occurred_at, id)) PARTITION BY RANGE (occurred_at);
        CREATE TABLE old PARTITION OF audit_events FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
        CREATE TABLE new PARTITION OF audit_events FOR VALUES FROM ('2026-02-01') TO ('2027-01-01');
        INSERT INTO audit_events SELECT n, '2026-01-01'::timestamptz + n / 3 * interval '1 hour', '{}',
        true FROM generate_series(0, 5999) n;";
    let Some(bench) = bench("purge_parts", schema).await else {
        return;
    };
    let batch = bench.backup(1_000).await;
    assert_eq!(batch.rows[0].marks.len(), 1416 * 3);
    assert_eq!(bench.delete(&batch).await, (vec![1416 * 3], vec![]));
    for change in [
        "CREATE TABLE newer PARTITION OF audit_events FOR VALUES FROM ('2027-01-01') TO ('2028-01-01')",
        "DROP TABLE newer; ALTER TABLE audit_events DETACH PARTITION old",
    ] {
        bench.db.sql(change);
        let refused = bench
            .purger
            .deleter(&bench.plan, None, &bench.stop)
            .await
            .err();
        assert!(
            matches!(refused, Some(StoreError::Refused { .. })),
            "{change}: {refused:?}"
        );
    }
}
