//! Servers that crash, recover, or give way to another one while they are purged.

use std::sync::Arc;

use auditail::core::purge::journal::Fate;
use auditail::purge::dossier::Dossier;
use auditail::purge::fault::Fault;
use auditail::store::StoreError;

use super::arena::Arena;
use super::arena::postgres::Table;
use super::network::{detour_to, fates, is_exact, own_server};
use super::power::{OLD, YOUNG, violations};
use super::steps::{self, Step};
use crate::harness::Postgres;
use crate::harness::detour::{After, Side};

/// How a server goes down.
#[derive(Clone, Copy, Debug)]
enum Crash {
    /// At once, all of it; somebody starts it again.
    Immediate,
    /// One process is killed, and the server recovers.
    Backend,
}

fn crash(server: &Postgres, how: Crash) {
    match how {
        Crash::Immediate => {
            server.crash();
            server.start();
        }
        Crash::Backend => assert!(server.kill_backend_of("auditail"), "it is connected"),
    }
}

/// Fault table, row 6: the server crashes while it is read, with a batch open, and between COMMIT and
/// its answer.
#[tokio::test]
async fn a_server_that_crashes_is_gone_on_with() {
    let Some(server) = own_server() else {
        return;
    };
    let mut table = Table::on(&server, "purge_crashes", (OLD, YOUNG)).expect("it runs");
    let detour = detour_to(&server);
    table.come_by(&detour);
    for how in [Crash::Immediate, Crash::Backend] {
        for (word, side) in [
            ("COPY (SELECT", Side::Answer),
            ("COPY (DELETE", Side::Answer),
            ("COMMIT\0", Side::Question),
            ("COMMIT\0", Side::Answer),
        ] {
            table.again();
            let before = table.rows();
            let purger = steps::purger(&table).await;
            let is_read = word.ends_with("SELECT");
            let first = if is_read { Step::Plan } else { Step::Confirm };
            let ready = steps::go(first, &table, &*purger).await;
            ready.expect("nothing is in the way");
            let down = Arc::clone(&server);
            detour.trap(word, 1, side, move || {
                crash(&down, how);
                After::Cut
            });
            let what = format!("{how:?} {word} {side:?}");
            let mut ended = steps::go(Step::Delete, &table, &*purger).await;
            assert!(!detour.is_set(), "{what}");
            if is_read {
                let fault = ended.expect_err("the rows did not arrive");
                assert!(
                    matches!(fault, Fault::Store(StoreError::Lost { .. })),
                    "{what}: {fault:?}"
                );
                ended = steps::go(Step::Delete, &table, &*purger).await;
            } else if word == "COMMIT\0" {
                let fate = match side {
                    Side::Question => Fate::RolledBack,
                    Side::Answer => Fate::FoundCommitted,
                };
                assert_eq!(fates(&table), [fate], "{what}");
            }
            is_exact(ended.unwrap_or_else(|fault| panic!("{what}: {fault}")));
            assert_eq!(violations(&table, &before), [""; 0], "{what}");
        }
    }
}

/// Fault table, rows 7 and 27: a standby cannot be purged; when it takes over, without the last
/// batches, nothing goes on by itself, and a new plan deletes what is there.
#[tokio::test]
async fn a_standby_that_takes_over_needs_another_plan() {
    let Some(server) = own_server() else {
        return;
    };
    let mut table = Table::on(&server, "purge_failover", (OLD, YOUNG)).expect("it runs");
    let detour = detour_to(&server);
    table.come_by(&detour);
    let before = table.rows();
    let purger = steps::purger(&table).await;
    let ready = steps::go(Step::Confirm, &table, &*purger).await;
    ready.expect("nothing is in the way");
    let standby = Arc::new(server.standby());
    detour.turn()(standby.port());
    refused(&table, Step::Delete, "standby").await;
    detour.turn()(server.port());
    let turn = detour.turn();
    let (down, up) = (Arc::clone(&server), Arc::clone(&standby));
    detour.trap("COMMIT\0", 1, Side::Answer, move || {
        down.crash();
        up.promote();
        turn(up.port());
        After::Cut
    });
    refused(&table, Step::Delete, "timeline").await;
    assert!(!detour.is_set());
    let moved = table.moved_to(&standby);
    assert_eq!(
        moved.rows(),
        before,
        "the standby knew nothing of the deletions"
    );
    refused(&table, Step::Delete, "timeline").await;
    let dossier = Dossier::read(&table.archive()).expect("it is whole");
    assert_eq!(dossier.archived(), 50);
    let purger = steps::purger(&moved).await;
    let receipt = steps::go(Step::Delete, &moved, &*purger).await;
    is_exact(receipt.expect("it is a server like any other"));
    assert_eq!(violations(&moved, &before), [""; 0]);
}

async fn refused(table: &Table, step: Step, because: &str) {
    let options = auditail::store::connect::OpenOptions::default();
    let opened = auditail::store::connect::purger(&table.target(), &options).await;
    let ended = match opened {
        Ok(purger) => steps::go(step, table, &*purger).await.map(drop),
        Err(error) => Err(Fault::Store(error)),
    };
    let fault = ended.expect_err("it is refused");
    let is_refusal = matches!(
        fault,
        Fault::Refused { .. } | Fault::Store(StoreError::Refused { .. })
    );
    assert!(
        is_refusal && fault.to_string().contains(because),
        "{fault:?}"
    );
}
