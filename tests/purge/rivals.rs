//! Others at work while rows are deleted: they hold locks, keep rows by triggers, take rights away,
//! add holds.

use std::sync::Arc;

use auditail::archive::disk::{Disk, System};
use auditail::core::purge::journal::Entry;
use auditail::purge::dossier::Dossier;
use auditail::purge::fault::Fault;
use auditail::purge::hold;
use auditail::purge::pace::Limits;
use auditail::store::StoreError;
use auditail::store::connect::{self, OpenOptions};

use super::Fixture;
use super::arena::Arena;
use super::arena::postgres::Table;
use super::clocks::Wrong;
use super::network::{detour_to, is_exact};
use super::power::{OLD, YOUNG, violations};
use super::steps::{self, Step};
use crate::harness;
use crate::harness::detour::{After, Side};
use crate::harness::postgres::PASSWORD;

/// Fault table, row 21: a row that somebody holds all the time is tried again, left, and listed; the
/// next purge has it.
#[tokio::test]
async fn a_row_that_stays_locked_is_left_and_listed() {
    let Some(mut table) = Table::new("purge_held_on_to", (OLD, YOUNG)) else {
        return;
    };
    let mut other = table.db.client().await;
    let holding = other.transaction().await.expect("it begins");
    let lock = "SELECT FROM audit_events WHERE id = 7 FOR UPDATE";
    holding.batch_execute(lock).await.expect("it is free");
    let purger = steps::purger(&table).await;
    let disk: Arc<dyn Disk> = Arc::new(System);
    let directory = table.archive();
    let (receipt, _) = steps::listened(&table, &*purger, &Wrong::by(0), async |engine| {
        steps::up_to(Step::Delete, engine, &directory, &disk, &Limits::none()).await
    })
    .await;
    let receipt = receipt.expect("it ends").expect("a receipt");
    assert_eq!((receipt.tally.deleted, receipt.tally.locked), (49, 1));
    assert_eq!(receipt.locked, ["7"]);
    holding.rollback().await.expect("it ends");
    let there = table.rows();
    assert!(there.contains_key(&7) && there.len() == 6, "{there:?}");
    table.elsewhere();
    let receipt = steps::go(Step::Delete, &table, &*purger).await;
    let tally = receipt.expect("it is free now").expect("a receipt").tally;
    assert_eq!((tally.deleted, tally.archived), (1, 1));
}

/// Fault table, row 22: a trigger that keeps everything ends it at the first batch, and is named.
#[tokio::test]
async fn a_trigger_that_keeps_every_row_stops_the_first_batch() {
    let store = Fixture::of(OLD, YOUNG);
    store.hand()(
        "create trigger keeper before delete on audit_events begin select raise(ignore); end",
    );
    let purger = steps::purger(&store).await;
    let fault = steps::go(Step::Delete, &store, &*purger).await;
    let fault = fault.expect_err("nothing goes");
    let hint = fault.hint().unwrap_or_default();
    assert!(matches!(fault, Fault::Refused { .. }), "{fault:?}");
    assert!(hint.contains("keeper"), "{hint}");
    let dossier = Dossier::read(&store.archive()).expect("there");
    assert_eq!(dossier.ledger().tally.archived, 0, "no batch had its turn");
    assert_eq!(store.rows().len(), 55);
}

/// Fault table, row 26: the right to delete is taken away between two batches.
#[tokio::test]
async fn a_right_that_is_taken_away_stops_the_deletion() {
    let Some(server) = harness::postgres() else {
        return;
    };
    let mut table = Table::new("purge_revoked", (OLD, YOUNG)).expect("it was there before");
    let detour = detour_to(server);
    let role = format!("purger_{}", table.db.name);
    table.hand()(&format!(
        "CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}';
         GRANT SELECT, DELETE ON audit_events TO {role};"
    ));
    table.come_by(&detour);
    table.come_as(table.target().replace("//postgres:", &format!("//{role}:")));
    let before = table.rows();
    let purger = steps::purger(&table).await;
    let ready = steps::go(Step::Confirm, &table, &*purger).await;
    ready.expect("nothing is in the way");
    let hand = table.hand();
    let revoke = format!("REVOKE DELETE ON audit_events FROM {role}");
    detour.trap("COMMIT\0", 1, Side::Question, move || {
        hand(&revoke);
        After::GoesOn
    });
    let fault = steps::go(Step::Delete, &table, &*purger).await;
    let fault = fault.expect_err("it may not").to_string();
    assert!(fault.contains("permission denied"), "{fault}");
    assert_eq!(violations(&table, &before), [""; 0]);
    assert_eq!(table.rows().len(), 35, "two batches of ten were committed");
    let fault = steps::go(Step::Delete, &table, &*purger).await;
    let fault = fault.expect_err("it still may not").to_string();
    assert!(fault.contains("no permission to delete"), "{fault}");
    table.hand()(&format!("GRANT DELETE ON audit_events TO {role}"));
    is_exact(
        steps::go(Step::Delete, &table, &*purger)
            .await
            .expect("it may"),
    );
    table.hand()(&format!("DROP OWNED BY {role}; DROP ROLE {role};"));
}

/// The same row: roles that do not see everything, and credentials of another database.
#[tokio::test]
async fn rights_that_are_not_enough_are_refused() {
    let Some(server) = harness::postgres() else {
        return;
    };
    let mut table = Table::new("purge_rights", (OLD, YOUNG)).expect("it was there before");
    let purger = steps::purger(&table).await;
    let ready = steps::go(Step::Confirm, &table, &*purger).await;
    ready.expect("nothing is in the way");
    let other = Table::new("purge_rights_elsewhere", (OLD, YOUNG)).expect("it was there before");
    let plan = Dossier::read(&table.archive())
        .expect("there")
        .plan()
        .clone();
    let stop = tokio_util::sync::CancellationToken::new();
    let refused = purger.deleter(&plan, Some(&other.target()), &stop).await;
    let error = refused.err();
    assert!(
        matches!(error, Some(StoreError::Refused { .. })),
        "{error:?}"
    );
    let role = format!("half_blind_{}", table.db.name);
    table.hand()(&format!(
        "CREATE ROLE {role} LOGIN PASSWORD 'x'; GRANT SELECT (id, occurred_at) ON audit_events TO {role};"
    ));
    table.come_as(server.url(&role, "x", &table.db.name));
    let opened = connect::purger(&table.target(), &OpenOptions::default()).await;
    let error = match opened {
        Ok(purger) => purger.probe(&stop).await.map(drop),
        Err(error) => Err(error),
    };
    assert!(error.is_err(), "it cannot read details");
    table.hand()(&format!("DROP OWNED BY {role}; DROP ROLE {role};"));
}

/// Fault table, row 38: a hold that is added between two batches keeps what it names.
#[tokio::test]
async fn a_hold_that_is_added_meanwhile_is_heeded() {
    let Some(server) = harness::postgres() else {
        return;
    };
    let mut table = Table::new("purge_hold", (OLD, YOUNG)).expect("it was there before");
    let detour = detour_to(server);
    table.come_by(&detour);
    let purger = steps::purger(&table).await;
    let ready = steps::go(Step::Confirm, &table, &*purger).await;
    ready.expect("nothing is in the way");
    let holds = table.archive().join(hold::FILE);
    detour.trap("COMMIT\0", 0, Side::Answer, move || {
        std::fs::write(&holds, ".details.n:30\n.details.n:3\n").expect("writable");
        After::GoesOn
    });
    let receipt = steps::go(Step::Delete, &table, &*purger).await;
    let receipt = receipt.expect("it goes on").expect("a receipt");
    assert_eq!(receipt.held, ["30"], "3 had gone before");
    assert_eq!((receipt.tally.deleted, receipt.tally.held), (49, 1));
    assert!(table.rows().contains_key(&30));
    let dossier = Dossier::read(&table.archive()).expect("there");
    assert!(matches!(dossier.entries().last(), Some(Entry::Complete(_))));
}

/// Fault table, row 19: rows whose times are changed while the table is read, in every direction.
#[tokio::test]
async fn a_row_that_moves_while_it_is_read_is_kept_or_goes_as_it_is_now() {
    let Some(server) = harness::postgres() else {
        return;
    };
    let mut table = Table::new("purge_moving", (OLD, YOUNG)).expect("it was there before");
    let detour = detour_to(server);
    table.come_by(&detour);
    let purger = steps::purger(&table).await;
    let ready = steps::go(Step::Plan, &table, &*purger).await;
    ready.expect("nothing is in the way");
    let hand = table.hand();
    // The first twenty have been read.
    detour.trap("COPY (SELECT", 1, Side::Question, move || {
        hand(
            "UPDATE audit_events SET details = '{\"ahead\": 5}', occurred_at = '2026-05-05' WHERE id = 5;
             UPDATE audit_events SET occurred_at = '2026-09-06' WHERE id = 6;
             UPDATE audit_events SET occurred_at = '2026-09-07' WHERE id = 45;
             UPDATE audit_events SET occurred_at = '2026-01-01' WHERE id = 44;
             INSERT INTO audit_events VALUES (900, '2026-01-01', '{}', true);",
        );
        After::GoesOn
    });
    let receipt = steps::go(Step::Delete, &table, &*purger).await;
    assert!(!detour.is_set());
    let receipt = receipt.expect("it goes on").expect("a receipt");
    assert_eq!(receipt.changed, ["5", "6"], "as they were read first");
    let stayed: Vec<i64> = table.rows().into_keys().filter(|id| *id <= OLD).collect();
    assert_eq!(stayed, [6, 44, 45]);
    assert!(table.rows().contains_key(&900));
    assert_eq!(receipt.tally.archived, 49, "5 twice, 44 and 45 not at all");
    let report = steps::with_engine(&table, &*purger, async |engine| {
        let dossier = Dossier::read(&table.archive())?;
        engine.restore(&dossier).await
    })
    .await
    .expect("it is restored");
    assert_eq!(report.conflicts.len(), 2, "{report:?}");
    assert_eq!(table.rows()[&5], "{\"ahead\": 5}", "the newer one");
}
