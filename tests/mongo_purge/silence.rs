//! A way to the server that falls silent at a commit and stays open.

use std::time::{Duration, Instant};

use rstest::rstest;

use super::whole::{Fixture, GENTLY, PLAN};
use super::{AUDIT, hourly};
use crate::harness;
use crate::harness::detour::{After, Detour, Disturbance, Side};
use crate::harness::mongo::Topology;

/// A silence that is believed, and everything else.
const LONGEST: Duration = Duration::from_mins(2);

/// What becomes of the commit turns out, whether the server heard it or not. A minute each until the
/// silence is believed, so only with `AUDITAIL_CRASH_RUNS`.
#[rstest]
#[case::unheard(Topology::ReplicaSet, "commitTransaction", Side::Question, "1")]
#[case::unanswered(Topology::ReplicaSet, "commitTransaction", Side::Answer, "1")]
#[case::of_two(Topology::ReplicaSet, "commitTransaction", Side::Answer, "2")]
#[case::one_by_one(Topology::Standalone, "\u{2}delete\0", Side::Answer, "1")]
#[test]
fn silence_at_a_commit_is_not_waited_for(
    #[case] topology: Topology,
    #[case] word: &'static str,
    #[case] side: Side,
    #[case] jobs: &str,
) {
    if std::env::var_os("AUDITAIL_CRASH_RUNS").is_none() {
        return;
    }
    let Some(server) = harness::mongo(topology) else {
        return;
    };
    let mut db = server.database("silence");
    db.insert(AUDIT, hourly());
    let detour = Detour::to(server.port(), Disturbance::None);
    let [there, around] = [server.port(), detour.port].map(|port| format!(":{port}/"));
    db.url = db.url.replace(&there, &around);
    let store = Fixture::on(db);
    store.run(&PLAN).ok();
    for step in ["backup", "verify"] {
        store.run(&["purge", step, "DIR"]).ok();
    }
    // The second of two commits, where there are two at a time.
    let passes = usize::from(jobs == "2");
    detour.trap(word, passes, side, || After::Silent);
    let began = Instant::now();
    let mut delete = GENTLY.to_vec();
    delete.extend(["--max-rate", "none", "--jobs", jobs]);
    let said = store.run_for(2 * LONGEST, &delete).ok();
    assert!(!detour.is_set());
    assert!(began.elapsed() < LONGEST, "{:?}", began.elapsed());
    assert!(said.contains("1,416 rows deleted"), "{said}");
    assert_eq!(store.users().len(), 584);
    let said = store.run(&["restore", "DIR", "URL"]).ok();
    assert!(said.starts_with("1,416 rows put back"), "{said}");
}
