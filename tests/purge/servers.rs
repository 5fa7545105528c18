//! Servers that crash, recover, or give way to another one while they are purged.

use std::ffi::OsString;
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
use crate::harness::program;

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
    is_told(&table, &moved);
    let purger = steps::purger(&moved).await;
    let receipt = steps::go(Step::Delete, &moved, &*purger).await;
    let tally = receipt.expect("it is a server like any other");
    let tally = tally.expect("a receipt").tally;
    assert_eq!((tally.deleted, tally.archived), (48, 48));
    let mut there = before;
    there.retain(|id, _| ![7, 44].contains(id));
    assert_eq!(violations(&moved, &there), [""; 0]);
}

/// What the purge had deleted is there again, and what it had not is told apart from it.
fn is_told(table: &Table, moved: &Table) {
    moved.db.sql("DELETE FROM audit_events WHERE id IN (7, 44)");
    let archive = table.archive();
    let asked = |form| {
        let words = ["purge", "status", "--target", &moved.target(), "-o", form];
        let words = words.map(OsString::from);
        program::run(words.into_iter().chain([archive.clone().into_os_string()])).ok()
    };
    let told = asked("json");
    let told = told.lines().last().expect("a line");
    let told: serde_json::Value = serde_json::from_str(told).expect("JSON");
    let standing = &told["standing"];
    let back = ["1", "2", "3", "4", "5", "6", "8", "9", "10"];
    assert_eq!(standing["back"], serde_json::json!(back));
    assert_eq!(standing["missing"], serde_json::json!(["44"]));
    assert_eq!(
        (&standing["archived"], &standing["there"]),
        (&50.into(), &48.into())
    );
    let told = asked("text");
    assert!(told.contains("not as planned: timeline was"), "{told}");
    assert!(
        told.contains("went and are back: 9 rows (1 and others"),
        "{told}"
    );
    assert!(
        told.contains("gone, and not by this purge: 1 row (44)"),
        "{told}"
    );
    assert!(told.contains("next: a new plan"), "{told}");
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
