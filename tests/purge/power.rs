//! Killed, or without power, at every operation on the disk: nothing that is gone from the store is
//! missing from the archive, and the same commands go on to the end.

use std::collections::BTreeMap;
use std::sync::Arc;

use auditail::archive::disk::{Disk, System};
use auditail::core::purge::journal::Entry;
use auditail::purge::dossier::Dossier;

use super::Fixture;
use super::arena::Arena;
use super::disk::{LOSSES, Leaves, Lie, TestDisk, Trouble};
use super::steps::{self, Step};

pub const OLD: i64 = 50;
pub const YOUNG: i64 = 5;

/// What is wrong with what a death left behind.
pub fn violations(store: &dyn Arena, before: &BTreeMap<i64, String>) -> Vec<&'static str> {
    let there = store.rows();
    let gone = before.iter().filter(|(id, row)| there.get(id) != Some(row));
    let gone: Vec<_> = gone.collect();
    let mut wrong = Vec::new();
    if gone.iter().any(|(id, _)| **id > OLD) {
        wrong.push("a young row is gone");
    }
    if gone.is_empty() {
        return wrong;
    }
    let archive = store.archived();
    if gone.iter().any(|(id, row)| archive.get(id) != Some(row)) {
        wrong.push("a row is gone and not in the archive");
    }
    let intended: u64 = Dossier::read(&store.archive()).map_or(0, |dossier| {
        let intents = dossier.entries().iter().filter_map(|entry| match entry {
            Entry::Intent(intent) => Some(intent.deletes[0]),
            _ => None,
        });
        intents.sum()
    });
    if intended < gone.len() as u64 {
        wrong.push("a row is gone without an intent");
    }
    wrong
}

/// Dies at an operation, loses power, looks, and goes on to the end. `None` when it did not die.
async fn one(at: usize, leaves: Option<Leaves>, lie: Lie) -> Option<Vec<&'static str>> {
    let store = Fixture::of(OLD, YOUNG);
    let before = Arena::rows(&store);
    let purger = steps::purger(&store).await;
    let disk = TestDisk::new(&store.archive(), Trouble::Dies(at), lie);
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let died = steps::to(Step::Delete, &store, &*purger, &shared).await;
    if let Some(leaves) = leaves {
        disk.lose_power(&store.archive(), leaves);
    }
    let mut wrong = violations(&store, &before);
    if lie == Lie::Honest {
        let good: Arc<dyn Disk> = Arc::new(System);
        let end = steps::to(Step::Delete, &store, &*purger, &good).await;
        let receipt = end
            .unwrap_or_else(|fault| panic!("operation {at}, {leaves:?}: {fault}"))
            .expect("a receipt");
        let tally = (receipt.tally.deleted, receipt.tally.archived);
        assert_eq!(tally, (50, 50), "operation {at}, {leaves:?}");
        let mut young = before.clone();
        young.retain(|id, _| *id > OLD);
        assert_eq!(Arena::rows(&store), young, "operation {at}, {leaves:?}");
        wrong.extend(violations(&store, &before));
    }
    died.is_err().then_some(wrong)
}

/// Fault table, rows 1, 2 and 3: every operation of backup, verification and deletion is the last
/// one once; counts are exact at the end.
#[tokio::test]
async fn after_a_death_at_any_operation_the_same_steps_end_well() {
    let kinds = LOSSES.into_iter().map(Some).chain([None]);
    let kinds: Vec<_> = kinds.collect();
    let mut at = 1;
    loop {
        let Some(wrong) = one(at, kinds[at % kinds.len()], Lie::Honest).await else {
            break;
        };
        assert_eq!(wrong, [""; 0], "operation {at}");
        at += 1;
    }
    assert!(at > 80, "{at} operations");
}

/// The check above can fail: a disk that only says that it has synced names, or bytes, is caught.
#[tokio::test]
async fn a_purge_that_did_not_sync_would_be_caught() {
    for lie in [Lie::Names, Lie::Bytes] {
        let mut caught = 0;
        let mut at = 60;
        while let Some(wrong) = one(at, Some(Leaves::Nothing), lie).await {
            caught += usize::from(!wrong.is_empty());
            at += 7;
        }
        assert!(caught > 0, "{lie:?}");
    }
}
