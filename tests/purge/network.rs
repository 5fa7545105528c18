//! A way to the server that breaks: in the middle of the backup, and between COMMIT and its answer.

use std::sync::Arc;

use auditail::core::purge::journal::{Entry, Fate};
use auditail::purge::dossier::Dossier;
use auditail::purge::fault::Fault;
use auditail::purge::receipt::Receipt;
use auditail::store::StoreError;
use auditail::store::connect::{self, OpenOptions};

use super::arena::Arena;
use super::arena::postgres::Table;
use super::crash;
use super::power::{OLD, YOUNG, violations};
use super::steps::{self, Step};
use crate::harness;
use crate::harness::detour::{After, Detour, Disturbance, Side};

/// What the deleter says to end a batch.
const COMMIT: &str = "COMMIT\0";

pub fn detour_to(server: &harness::Postgres) -> Detour {
    Detour::to(server.port(), Disturbance::None)
}

/// How batches ended that nobody answered for.
pub fn fates(store: &dyn Arena) -> Vec<Fate> {
    let dossier = Dossier::read(&store.archive()).expect("a journal");
    let entries = dossier.entries().iter();
    let fates = entries.filter_map(|entry| match entry {
        Entry::Done(done) if done.fate != Fate::Committed => Some(done.fate),
        _ => None,
    });
    fates.collect()
}

/// Every row is accounted for once.
pub fn is_exact(receipt: Option<Receipt>) {
    let tally = receipt.expect("a receipt").tally;
    assert_eq!((tally.deleted, tally.archived), (50, 50), "{tally:?}");
}

/// Fault table, row 5: the connection is cut before the server hears COMMIT, and after it has obeyed.
#[tokio::test]
async fn a_commit_without_an_answer_is_settled() {
    let Some(server) = harness::postgres() else {
        return;
    };
    let mut ways = vec![(Side::Question, After::Cut), (Side::Answer, After::Cut)];
    if crash::long_runs().is_some() {
        // A minute each until the silence is believed.
        ways.extend([
            (Side::Question, After::Silent),
            (Side::Answer, After::Silent),
        ]);
    }
    let mut table = Table::new("purge_cut", (OLD, YOUNG)).expect("it was there before");
    let detour = detour_to(server);
    table.come_by(&detour);
    for (side, after) in ways {
        // The first batch, and one in the middle.
        for passes in [0, 1] {
            table.again();
            let before = table.rows();
            let purger = steps::purger(&table).await;
            let ready = steps::go(Step::Confirm, &table, &*purger).await;
            ready.expect("nothing is in the way");
            detour.trap(COMMIT, passes, side, move || after);
            let receipt = steps::go(Step::Delete, &table, &*purger).await;
            assert!(!detour.is_set(), "{side:?} {after:?}");
            is_exact(receipt.unwrap_or_else(|fault| panic!("{side:?} {after:?}: {fault}")));
            let fate = match side {
                Side::Question => Fate::RolledBack,
                Side::Answer => Fate::FoundCommitted,
            };
            assert_eq!(fates(&table), [fate], "{after:?}");
            assert_eq!(violations(&table, &before), [""; 0]);
        }
    }
}

/// Fault table, row 11: the answers end after so many bytes, wherever that is.
#[tokio::test]
async fn a_backup_that_is_cut_goes_on_at_its_key() {
    let Some(server) = harness::postgres() else {
        return;
    };
    let mut table = Table::new("purge_cut_copy", (OLD, YOUNG)).expect("it was there before");
    let detour = detour_to(server);
    table.come_by(&detour);
    let mut broken = 0;
    for bytes in (700..).step_by(1_900) {
        table.again();
        detour.cut_after(bytes);
        let options = OpenOptions::default();
        let ended = match connect::purger(&table.target(), &options).await {
            Ok(purger) => steps::go(Step::Backup, &table, &*purger).await.map(drop),
            Err(error) => Err(Fault::Store(error)),
        };
        detour.mend();
        if let Err(fault) = &ended {
            let is_known = matches!(
                fault,
                Fault::Store(StoreError::Lost { .. } | StoreError::Connect { .. })
            );
            assert!(is_known, "{bytes} bytes: {fault:?}");
            broken += 1;
        }
        let purger = steps::purger(&table).await;
        let resumed = steps::go(Step::Verify, &table, &*purger).await;
        resumed.unwrap_or_else(|fault| panic!("{bytes} bytes: {fault}"));
        let mut old = table.rows();
        old.retain(|id, _| *id <= OLD);
        assert_eq!(table.archived(), old, "{bytes} bytes");
        if ended.is_ok() {
            break;
        }
    }
    assert!(broken > 5, "{broken}");
}

/// The same when nothing is cut and nothing comes any more: the statement's own limit ends the
/// waiting.
#[tokio::test]
async fn a_server_that_falls_silent_is_not_waited_for() {
    let Some(server) = harness::postgres() else {
        return;
    };
    let mut table = Table::new("purge_silent", (OLD, YOUNG)).expect("it was there before");
    let detour = detour_to(server);
    table.come_by(&detour);
    let plain = table.target();
    table.come_as(format!(
        "{plain}?sslmode=disable&options=-c%20statement_timeout%3D1s"
    ));
    let purger = steps::purger(&table).await;
    let ready = steps::go(Step::Plan, &table, &*purger).await;
    ready.expect("nothing is in the way");
    // The second segment's rows never arrive.
    detour.trap("COPY (SELECT", 1, Side::Answer, || After::Silent);
    let fault = steps::go(Step::Backup, &table, &*purger).await;
    let fault = fault.expect_err("nothing comes");
    assert!(
        matches!(fault, Fault::Store(StoreError::Lost { .. })),
        "{fault:?}"
    );
    assert!(!detour.is_set());
    let receipt = steps::go(Step::Delete, &table, &*purger).await;
    is_exact(receipt.expect("it goes on"));
}

/// A server that several may stop and start.
pub fn own_server() -> Option<Arc<harness::Postgres>> {
    harness::private_postgres().map(Arc::new)
}
