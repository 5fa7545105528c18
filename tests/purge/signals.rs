//! Signals in every phase: the batch is finished or taken back, the reason is told and journalled, and
//! the same command goes on.

use std::process::Command;

use auditail::core::purge::journal::Entry;
use auditail::purge::dossier::Dossier;

use super::arena::Arena;
use super::crash::{self, lines};
use super::{Fixture, OLD, YOUNG};
use crate::harness::program;

/// Sends a signal when the journal has so many lines; the exit code, and what was said.
fn signalled(store: &dyn Arena, line: usize, name: &str) -> (Option<i32>, String) {
    let mut child = crash::start(store, "10MB");
    while lines(store) < line && child.try_wait().expect("a child").is_none() {
        std::thread::yield_now();
    }
    if child.try_wait().expect("a child").is_none() {
        let mut kill = Command::new("kill");
        // It may have ended by itself in between.
        let _ = kill.args([name, &child.id().to_string()]).output();
    }
    let end = child.wait_with_output().expect("a child");
    let said = String::from_utf8_lossy(&end.stderr).into_owned();
    (end.status.code(), said)
}

/// Fault table, row 42: Ctrl-C, SIGTERM, and a terminal that is closed.
#[test]
fn a_signal_ends_a_purge_where_it_can_go_on() {
    let signals = ["-INT", "-TERM", "-HUP"];
    let mut stopped = 0;
    for line in 1..=8 {
        let store = Fixture::of(OLD, YOUNG);
        let name = signals[line % signals.len()];
        let (code, said) = signalled(&store, line, name);
        let dossier = Dossier::read(&store.archive()).expect("a journal");
        match code {
            Some(0) => assert!(dossier.is_complete(), "{line} {name}: {said}"),
            Some(5) => {
                stopped += 1;
                assert!(
                    said.contains("stopped: asked to stop"),
                    "{line} {name}: {said}"
                );
                let because = dossier
                    .entries()
                    .iter()
                    .rev()
                    .find_map(|entry| match entry {
                        Entry::Stopped { because } => Some(because.as_str()),
                        _ => None,
                    });
                assert_eq!(because, Some("asked to stop"), "{line} {name}");
                assert!(dossier.ledger().open().is_none(), "{line} {name}");
            }
            other => panic!("{line} {name}: {other:?} {said}"),
        }
        let end = crash::start(&store, "10MB")
            .wait_with_output()
            .expect("a child");
        assert_eq!(end.status.code(), Some(0), "{line} {name}");
        assert_eq!(
            Arena::rows(&store).len(),
            usize::try_from(YOUNG).expect("few")
        );
    }
    assert!(stopped >= 4, "{stopped}");
}

/// A job that runs every night with the same directory is told, not reassured.
#[test]
fn a_finished_purge_is_no_answer_to_another_cutoff() {
    let store = Fixture::of(OLD, YOUNG);
    for again in 0..2 {
        let end = crash::start(&store, "none").wait_with_output();
        let end = end.expect("a child");
        assert_eq!(end.status.code(), Some(0), "{again}");
    }
    for cutoff in [["--before", "2026-06-02"], ["--older-than", "1d"]] {
        let archive = store.archive();
        let archive = archive.to_str().expect("a plain path");
        let target = store.target();
        let words = ["purge", "run", &target, "--to", archive, "--yes"];
        let rest = ["--expect-count", "0..99999"];
        let said = program::run(words.iter().chain(&cutoff).chain(&rest)).failed(4);
        assert!(
            said.contains("is finished: it was of events before"),
            "{said}"
        );
    }
    assert_eq!(
        Arena::rows(&store).len(),
        usize::try_from(YOUNG).expect("few")
    );
}
