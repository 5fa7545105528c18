//! A disk that is full, that fails, or that loses bytes at any one operation: the step stops and
//! says where, nothing is deleted that cannot be journalled, and the same step goes on later.

use std::sync::Arc;

use auditail::archive::disk::{Disk, System};
use auditail::purge::fault::Fault;

use super::Fixture;
use super::arena::Arena;
use super::crash;
use super::disk::{Leaves, Lie, TestDisk, Trouble};
use super::power::{OLD, YOUNG, violations};
use super::steps::{self, Step};

/// Meets the trouble between two steps; whether the disk was asked for that much.
async fn met(trouble: Trouble, from: Step, to: Step) -> bool {
    let store = Fixture::of(OLD, YOUNG);
    let before = Arena::rows(&store);
    let purger = steps::purger(&store).await;
    let system: Arc<dyn Disk> = Arc::new(System);
    let prepared = steps::to(from, &store, &*purger, &system).await;
    prepared.expect("a disk without trouble");
    let disk = TestDisk::new(&store.archive(), trouble, Lie::Honest);
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let ended = steps::to(to, &store, &*purger, &shared).await;
    let (Trouble::Full(at) | Trouble::Fails(at) | Trouble::Loses(at)) = trouble else {
        panic!("{trouble:?} is met elsewhere");
    };
    let is_met = disk.operations() >= at;
    if let Err(fault) = &ended {
        told(trouble, fault, &store);
    } else {
        let is_silent = matches!(trouble, Trouble::Loses(_));
        assert!(is_silent || !is_met, "{trouble:?} was overlooked");
    }
    assert_eq!(violations(&store, &before), [""; 0], "{trouble:?}");
    disk.mend();
    // What it could not sync it will have forgotten after a loss of power.
    let receipt = steps::to(Step::Delete, &store, &*purger, &shared).await;
    let receipt = receipt.unwrap_or_else(|fault| panic!("{trouble:?}: {fault}"));
    assert_eq!(receipt.expect("a receipt").tally.deleted, 50, "{trouble:?}");
    disk.lose_power(&store.archive(), Leaves::Nothing);
    assert_eq!(violations(&store, &before), [""; 0], "{trouble:?}");
    is_met
}

/// The message names the file and what the system said.
fn told(trouble: Trouble, fault: &Fault, store: &Fixture) {
    let text = fault.to_string();
    let archive = store.archive();
    let above = archive.parent().expect("a directory").to_string_lossy();
    assert!(text.contains(&*above), "{trouble:?}: {text}");
    match trouble {
        Trouble::Full(_) => {
            assert!(text.contains("No space left on device"), "{text}");
            let hint = fault.hint().unwrap_or_default();
            assert!(hint.contains("same command"), "{hint}");
        }
        Trouble::Fails(_) => assert!(text.contains("Input/output error"), "{text}"),
        _ => assert!(matches!(fault, Fault::Refused { .. }), "{text}"),
    }
}

/// Every operation between two steps meets a kind of trouble; in long runs, each kind.
async fn every_operation(from: Step, to: Step) -> usize {
    let mut at = 1;
    loop {
        let kinds = [Trouble::Full(at), Trouble::Fails(at), Trouble::Loses(at)];
        let kinds = match crash::long_runs() {
            Some(_) => &kinds[..],
            None => &kinds[at % kinds.len()..][..1],
        };
        let mut is_met = false;
        for trouble in kinds {
            is_met |= met(*trouble, from, to).await;
        }
        if !is_met {
            return at;
        }
        at += 1;
    }
}

/// Fault table, rows 8 and 10: while the archive is written.
#[tokio::test]
async fn a_backup_stops_at_a_bad_disk_and_goes_on_later() {
    let operations = every_operation(Step::Plan, Step::Backup).await;
    assert!(operations > 40, "{operations}");
}

/// Fault table, row 9: while rows are deleted, when the journal has no space for an intent.
#[tokio::test]
async fn nothing_is_deleted_that_cannot_be_journalled() {
    let operations = every_operation(Step::Verify, Step::Delete).await;
    assert!(operations > 15, "{operations}");
}

/// An archive that would hardly fit is not begun; with room for it the same step goes on.
#[tokio::test]
async fn a_disk_that_is_too_small_is_told_before() {
    let store = Fixture::of(OLD, YOUNG);
    let before = Arena::rows(&store);
    let purger = steps::purger(&store).await;
    let system: Arc<dyn Disk> = Arc::new(System);
    let planned = steps::to(Step::Plan, &store, &*purger, &system).await;
    planned.expect("a plan");
    let disk = TestDisk::new(&store.archive(), Trouble::Small(100), Lie::Honest);
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let ended = steps::to(Step::Backup, &store, &*purger, &shared).await;
    let fault = ended.expect_err("no room");
    assert!(matches!(fault, Fault::Refused { .. }), "{fault}");
    assert!(fault.to_string().contains("100 B free"), "{fault}");
    disk.mend();
    let receipt = steps::to(Step::Delete, &store, &*purger, &shared).await;
    assert!(receipt.expect("room").is_some(), "the purge goes on");
    assert_eq!(violations(&store, &before), [""; 0]);
}
