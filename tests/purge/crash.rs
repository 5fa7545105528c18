//! Kill -9 at every line of the journal and at random moments, under a competitor that updates,
//! inserts rows with old times, deletes, and puts other rows in place of deleted ones.
//! `AUDITAIL_CRASH_RUNS=300` makes it a long one.
#![allow(clippy::print_stdout, reason = "the tally is what the harness is for")]

use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::arena::Arena;
use super::arena::postgres::Table;
use super::ledger::{Sums, Truth, judge};
use super::{CUTOFF, Fixture, OLD, YOUNG, details};
use crate::harness::program;

/// Seeded runs without the switch; another server costs more.
const RUNS: u64 = 25;
const RUNS_OF_POSTGRES: u64 = 15;
/// Processes that are killed in a run, one after the other.
const KILLS: usize = 3;

/// Of a night: `AUDITAIL_CRASH_RUNS`.
pub fn long_runs() -> Option<u64> {
    let text = std::env::var("AUDITAIL_CRASH_RUNS").ok()?;
    Some(text.parse().expect("a number of runs"))
}

/// Without a rate two batches are at work at a time, where the store can do that.
pub fn start(store: &dyn Arena, rate: &str) -> Child {
    Command::new(program::PATH)
        .env_clear()
        .env("HOME", program::HOME)
        .args(["purge", "run", &store.target(), "--before", CUTOFF])
        .args(["--yes", "--expect-count", "1..99999"])
        .args(["--max-rate", rate, "--jobs", "2", "--to"])
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

pub fn lines(store: &dyn Arena) -> usize {
    let journal = std::fs::read(store.archive().join("journal.log")).unwrap_or_default();
    String::from_utf8_lossy(&journal).matches('\n').count()
}

/// Whether the child was killed before its end.
fn killed(store: &dyn Arena, mut child: Child, moment: &Moment) -> bool {
    let began = Instant::now();
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

/// Changes rows until told to stop: what is true then, and how many rows took the place of others.
fn compete(store: &dyn Arena, seed: u64, stop: &AtomicBool) -> (Truth, u64) {
    let mut truth: Truth = store
        .rows()
        .into_iter()
        .map(|(id, details)| (id, Some(details)))
        .collect();
    let mut rival = store.rival();
    let mut random = fastrand::Rng::with_seed(seed);
    let mut next = OLD + YOUNG;
    let mut reinserted = 0;
    while !stop.load(Ordering::Relaxed) {
        let id = random.i64(1..=next);
        let text = details(id, &format!("changed{}", random.u16(..)));
        match random.u8(0..5) {
            0 => {
                next += 1;
                let text = rival.insert(next, &details(next, "late"));
                truth.insert(next, text);
            }
            1 => {
                if rival.delete(id) {
                    truth.insert(id, None);
                }
            }
            2 => {
                if let Some(text) = rival.insert(id, &text) {
                    reinserted += 1;
                    truth.insert(id, Some(text));
                }
            }
            _ => {
                if let Some(text) = rival.update(id, &text) {
                    truth.insert(id, Some(text));
                }
            }
        }
        std::thread::sleep(Duration::from_micros(random.u64(100..3_000)));
    }
    (truth, reinserted)
}

fn one_run(store: &dyn Arena, seed: u64, moments: &[Moment], sums: &mut Sums) {
    let stop = AtomicBool::new(false);
    let rate = ["none", "10MB"][usize::from(seed % 2 == 1)];
    let mut kills = 0;
    let (truth, reinserted) = std::thread::scope(|scope| {
        let competitor = scope.spawn(|| compete(store, seed, &stop));
        for moment in moments {
            kills += u64::from(killed(store, start(store, rate), moment));
        }
        let end = start(store, rate).wait_with_output().expect("a child");
        stop.store(true, Ordering::Relaxed);
        let said = String::from_utf8_lossy(&end.stderr).into_owned();
        assert_eq!(end.status.code(), Some(0), "seed {seed}: {said}");
        competitor.join().expect("the competitor ends well")
    });
    let verdict = judge(store, &truth);
    assert_eq!(verdict.lost, [0; 0], "seed {seed}: lost");
    assert_eq!(verdict.wrong, [0; 0], "seed {seed}: wrong");
    sums.add(store, &verdict, kills, reinserted);
}

/// One purge that nobody kills: its length, and the lines of its journal.
fn measure(store: &dyn Arena, sums: &mut Sums) -> (Duration, usize) {
    let began = Instant::now();
    one_run(store, 0, &[], sums);
    (began.elapsed(), lines(store))
}

/// Half of the kills at lines, half at moments.
fn moments(seed: u64, (length, lines): (Duration, usize)) -> Vec<Moment> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut moment = || {
        if random.bool() {
            Moment::Line(random.usize(1..=lines))
        } else {
            Moment::After(length.mul_f64(random.f64()))
        }
    };
    (0..KILLS).map(|_| moment()).collect()
}

/// Fault table, rows 1, 2, 3 and 15 to 18: the journal's lines name every step of a purge.
#[test]
fn killed_at_every_line_of_the_journal_nothing_is_lost() {
    let mut sums = Sums::default();
    let (_, lines) = measure(&Fixture::new(), &mut sums);
    for line in 1..=lines {
        let at = [Moment::Line(line)];
        one_run(&Fixture::new(), line as u64, &at, &mut sums);
    }
    println!("SQLite, at every line: {sums}");
    assert!(sums.kills >= lines as u64 / 2, "{sums}");
    assert!(sums.deleted > 10_000, "{sums}");
}

/// Fault table, row 4.
#[test]
fn killed_at_random_moments_nothing_is_lost() {
    let runs = long_runs().unwrap_or(RUNS);
    let mut sums = Sums::default();
    let whole = measure(&Fixture::new(), &mut sums);
    for seed in 1_000..1_000 + runs {
        one_run(&Fixture::new(), seed, &moments(seed, whole), &mut sums);
    }
    println!("SQLite, at random: {sums}");
    assert!(sums.kills > runs && sums.deleted > 0, "{sums}");
}

/// Fault table, rows 3 and 4, on a server that goes on by itself when its client is dead.
#[test]
fn killed_while_it_purges_a_server_nothing_is_lost() {
    let Some(mut store) = Table::new("purge_crash", (OLD, YOUNG)) else {
        return;
    };
    let runs = long_runs().unwrap_or(RUNS_OF_POSTGRES);
    let mut sums = Sums::default();
    let whole = measure(&store, &mut sums);
    for line in 1..=whole.1 {
        store.again();
        one_run(&store, line as u64, &[Moment::Line(line)], &mut sums);
    }
    for seed in 2_000..2_000 + runs {
        store.again();
        one_run(&store, seed, &moments(seed, whole), &mut sums);
    }
    println!("PostgreSQL, at every line and at random: {sums}");
    assert!(sums.kills > runs && sums.deleted > 0, "{sums}");
}
