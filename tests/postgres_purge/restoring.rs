//! An archive put back where it came from: once, and without touching what is there.

use auditail::store::connect::OpenOptions;
use auditail::store::purger::RestoreInto;

use super::{CLUTCH, bench, purger};

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

#[tokio::test]
async fn what_a_trigger_changes_is_told_and_another_table_takes_the_rows() {
    let Some(bench) = bench("purge_restore_elsewhere", CLUTCH).await else {
        return;
    };
    let batch = bench.backup(10_000).await;
    bench.delete(&batch).await;
    bench.db.sql(
        "CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN IF NEW.id = 3 THEN NEW.sent := NULL; END IF; RETURN NEW; END';
         CREATE TRIGGER stamp BEFORE INSERT ON audit_events FOR EACH ROW EXECUTE FUNCTION stamp();
         INSERT INTO audit_events (id, details) VALUES (2, '{}');
         CREATE TABLE elsewhere (LIKE audit_events INCLUDING ALL);",
    );
    let into = RestoreInto::Table;
    let restorer = bench.purger.restorer(&bench.plan, into, &bench.stop).await;
    let mut restorer = restorer.expect("it may");
    let outcome = restorer.restore(&batch, &bench.stop).await.expect("it is");
    assert_eq!((outcome.inserted, outcome.equal), (1414, 0));
    assert_eq!(
        (outcome.conflicts, outcome.altered),
        (vec!["2".to_owned()], vec!["3".to_owned()])
    );
    restorer.finish(&bench.stop).await.expect("it ends");
    let options = OpenOptions {
        table: Some("elsewhere".to_owned()),
        ..OpenOptions::default()
    };
    let elsewhere = purger(&bench.db, &options).await;
    let restorer = elsewhere.restorer(&bench.plan, into, &bench.stop).await;
    let mut restorer = restorer.expect("it is equal to the first");
    let outcome = restorer.restore(&batch, &bench.stop).await.expect("it is");
    assert_eq!((outcome.inserted, outcome.equal), (1416, 0));
    restorer.finish(&bench.stop).await.expect("it ends");
    assert_eq!(
        bench.db.sql("SELECT count(*) FROM elsewhere").trim(),
        "1416"
    );
}
