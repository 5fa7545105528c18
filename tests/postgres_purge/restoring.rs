//! An archive put back where it came from: once, and without touching what is there.

use auditail::store::purger::RestoreInto;

use super::{CLUTCH, bench};

#[tokio::test]
async fn an_archive_goes_back_once_and_conflicts_are_told() {
    let Some(bench) = bench("purge_restore", CLUTCH).await else {
        return;
    };
    let before = bench
        .db
        .sql("SELECT md5(string_agg(t::text, ',' ORDER BY id)) FROM audit_events t");
    let batch = bench.backup(10_000).await;
    let mut drill = bench
        .purger
        .restorer(&bench.plan, RestoreInto::Scratch, &bench.stop)
        .await
        .unwrap();
    let drilled = drill.restore(&batch, &bench.stop).await.unwrap();
    assert_eq!((drilled.inserted, drilled.equal), (1416, 0));
    drill.finish(&bench.stop).await.unwrap();
    bench.delete(&batch).await;
    let sequence = bench.db.sql("SELECT last_value FROM audit_events_id_seq");
    let mut restorer = bench
        .purger
        .restorer(&bench.plan, RestoreInto::Table, &bench.stop)
        .await
        .unwrap();
    let outcome = restorer.restore(&batch, &bench.stop).await.unwrap();
    assert_eq!((outcome.inserted, outcome.equal), (1416, 0));
    assert_eq!(
        bench
            .db
            .sql("SELECT md5(string_agg(t::text, ',' ORDER BY id)) FROM audit_events t"),
        before
    );
    assert_eq!(
        bench.db.sql("SELECT last_value FROM audit_events_id_seq"),
        sequence
    );
    bench.db.sql(
        "UPDATE audit_events SET sent = false WHERE id = 5; DELETE FROM audit_events WHERE id = 6",
    );
    let outcome = restorer.restore(&batch, &bench.stop).await.unwrap();
    assert_eq!((outcome.inserted, outcome.equal), (1, 1414));
    assert_eq!(outcome.conflicts, ["5"]);
    restorer.finish(&bench.stop).await.unwrap();
}
