//! Signals in every phase: the batch is finished or taken back, the reason is told and journalled, and
//! the same command goes on.

use std::process::Command;

use auditail::core::purge::journal::Entry;
use auditail::purge::dossier::Dossier;

use super::arena::Arena;
use super::crash::{self, lines};
use super::{Fixture, OLD, YOUNG};

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
