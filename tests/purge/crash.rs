//! Kill -9 at every line of the journal and at random moments, under a competitor that updates,
//! inserts rows with old times and deletes. `AUDITAIL_CRASH_RUNS=300` makes it a long one.
#![allow(clippy::print_stdout, reason = "the tally is what the harness is for")]

use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::ledger::{Truth, Verdict, judge};
use super::{CUTOFF, Fixture, OLD, YOUNG, details};
use crate::harness::program;

/// Runs in CI.
const RUNS: u64 = 40;

/// Of a night: `AUDITAIL_CRASH_RUNS`.
pub fn long_runs() -> Option<u64> {
    let text = std::env::var("AUDITAIL_CRASH_RUNS").ok()?;
    Some(text.parse().expect("a number of runs"))
}

fn start(store: &Fixture) -> Child {
    Command::new(program::PATH)
        .env_clear()
        .env("HOME", "/nonexistent")
        .args(["purge", "run"])
        .arg(store.file())
        .args([
            "--before",
            CUTOFF,
            "--yes",
            "--expect-count",
            "1..99999",
            "--to",
        ])
        .arg(store.archive())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts")
}

/// When to kill.
enum Moment {
    /// As soon as the journal has this many lines.
    Line(usize),
    /// This long after the start.
    After(Duration),
}

fn lines(store: &Fixture) -> usize {
    let journal = std::fs::read(store.archive().join("journal.log")).unwrap_or_default();
    String::from_utf8_lossy(&journal).matches('\n').count()
}

/// Whether the child was killed before its end.
fn killed(store: &Fixture, mut child: Child, moment: &Moment) -> bool {
    let began = std::time::Instant::now();
    loop {
        if child.try_wait().expect("a child").is_some() {
            return false;
        }
        let due = match moment {
            Moment::Line(number) => lines(store) >= *number,
            Moment::After(length) => began.elapsed() >= *length,
        };
        if due {
            child.kill().expect("ours");
            child.wait().expect("ours");
            return true;
        }
        std::thread::yield_now();
    }
}

/// Changes rows until told to stop, and says what is true then.
fn compete(store: &Fixture, seed: u64, stop: &AtomicBool) -> Truth {
    let db = store.connect();
    let mut random = fastrand::Rng::with_seed(seed);
    let mut truth: Truth = store
        .rows()
        .into_iter()
        .map(|row| (row.0, Some(row.2)))
        .collect();
    let mut next = OLD + YOUNG;
    while !stop.load(Ordering::Relaxed) {
        let id = random.i64(1..=next);
        match random.u8(0..4) {
            0 => {
                next += 1;
                let text = details(next, "late");
                db.execute(
                    "insert into audit_events values (?1, '2026-01-02T00:00:00+00:00', ?2, 1)",
                    (next, &text),
                )
                .expect("inserted");
                truth.insert(next, Some(text));
            }
            1 => {
                let gone = db.execute("delete from audit_events where id = ?1", [id]);
                if gone.expect("deleted") == 1 {
                    truth.insert(id, None);
                }
            }
            _ => {
                let text = details(id, &format!("changed{}", random.u16(..)));
                let sql = "update audit_events set details = ?2 where id = ?1";
                if db.execute(sql, (id, &text)).expect("updated") == 1 {
                    truth.insert(id, Some(text));
                }
            }
        }
        std::thread::sleep(Duration::from_micros(random.u64(100..3_000)));
    }
    truth
}

fn one_run(
    seed: u64,
    kills: usize,
    mut moment: impl FnMut(&Fixture) -> Moment,
) -> (Verdict, usize) {
    let store = Fixture::new();
    let stop = AtomicBool::new(false);
    let mut happened = 0;
    let truth = std::thread::scope(|scope| {
        let competitor = scope.spawn(|| compete(&store, seed, &stop));
        for _ in 0..kills {
            let when = moment(&store);
            happened += usize::from(killed(&store, start(&store), &when));
        }
        let end = start(&store).wait_with_output().expect("a child");
        stop.store(true, Ordering::Relaxed);
        let said = String::from_utf8_lossy(&end.stderr).into_owned();
        assert_eq!(end.status.code(), Some(0), "seed {seed}: {said}");
        competitor.join().expect("the competitor ends well")
    });
    (judge(&store, &truth), happened)
}

fn check(seed: u64, (verdict, kills): (Verdict, usize), tally: &mut (usize, usize)) {
    assert_eq!(verdict.lost, [0; 0], "seed {seed}: lost");
    assert_eq!(verdict.wrong, [0; 0], "seed {seed}: wrong");
    tally.0 += kills;
    tally.1 += verdict.deleted;
}

#[test]
fn killed_at_every_line_of_the_journal_nothing_is_lost() {
    let mut tally = (0, 0);
    for line in 1..=10 {
        let seed = line as u64;
        check(seed, one_run(seed, 1, |_| Moment::Line(line)), &mut tally);
    }
    println!(
        "killed at lines: {} kills, {} rows deleted, lost 0, wrong 0",
        tally.0, tally.1
    );
    assert!(tally.0 >= 5, "kills happened: {}", tally.0);
    assert!(tally.1 > 10_000, "rows were deleted: {}", tally.1);
}

#[test]
fn killed_at_random_moments_nothing_is_lost() {
    let runs = long_runs().unwrap_or(RUNS);
    let mut tally = (0, 0);
    for seed in 1_000..1_000 + runs {
        let mut random = fastrand::Rng::with_seed(seed);
        let moment = |_: &Fixture| Moment::After(Duration::from_millis(random.u64(5..250)));
        check(seed, one_run(seed, 3, moment), &mut tally);
    }
    println!(
        "{runs} runs: {} kills, {} rows deleted, lost 0, wrong 0",
        tally.0, tally.1
    );
    assert!(tally.1 > 0);
}
