//! A purge's directory comes to be whole or is made again: killed, or cut off from power, at every
//! operation of its creation.

use std::sync::Arc;

use auditail::archive::disk::{Disk, System};
use auditail::purge::dossier::Dossier;

use super::Fixture;
use super::disk::{LOSSES, Lie, TestDisk, Trouble};
use super::steps::{self, Step};

/// Fault table, row 1: whatever a creation leaves, the next one takes it over.
#[tokio::test]
async fn a_creation_that_died_at_any_operation_is_taken_over() {
    let store = Fixture::of(30, 3);
    let purger = steps::purger(&store).await;
    let plan = steps::with_engine(&store, &*purger, async |engine| steps::plan(engine).await)
        .await
        .expect("a plan");
    let directory = store.archive();
    let mut finished = false;
    let mut died = 0;
    while !finished {
        for loss in LOSSES.into_iter().map(Some).chain([None]) {
            let disk = TestDisk::new(&directory, Trouble::Dies(died + 1), Lie::Honest);
            let made = Dossier::create_on(&directory, &plan, Arc::new(disk.clone()));
            finished = made.is_ok();
            if let Some(leaves) = loss {
                disk.lose_power(&directory, leaves);
            }
            if finished {
                assert!(Dossier::is_there(&directory), "{loss:?}");
            }
            if !Dossier::is_there(&directory) {
                Dossier::create(&directory, &plan).expect("it is taken over");
            }
            let dossier = Dossier::open(&directory).expect("it is whole");
            assert_eq!(dossier.plan(), &plan, "operation {died}, {loss:?}");
            drop(dossier);
            std::fs::remove_dir_all(&directory).expect("ours");
        }
        died += 1;
    }
    assert!(died > 12, "{died} operations died");
}

#[tokio::test]
async fn what_is_somebody_elses_is_left_alone() {
    let store = Fixture::of(30, 3);
    let purger = steps::purger(&store).await;
    let disk: Arc<dyn Disk> = Arc::new(System);
    for (files, named) in [
        (&["plan.json"][..], "plan.json"),
        (&["LOCK", "letter.txt"], "letter.txt"),
        (&["LOCK", "seg-000001.sql.zst"], "seg-000001.sql.zst"),
    ] {
        std::fs::create_dir(store.archive()).expect("a directory");
        for name in files {
            std::fs::write(store.archive().join(name), "theirs").expect("writable");
        }
        let refusal = steps::to(Step::Plan, &store, &*purger, &disk).await;
        let message = refusal.expect_err("it is refused").to_string();
        assert!(message.contains(named), "{message}");
        for name in files {
            let text = std::fs::read_to_string(store.archive().join(name));
            assert_eq!(text.expect("there"), "theirs");
        }
        std::fs::remove_dir_all(store.archive()).expect("ours");
    }
}
