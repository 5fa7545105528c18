//! The same purge several times, in turns with the unverified pair: an archive by the store's own
//! tool, and one plain DELETE.

use std::time::Duration;

use crate::measure::{against, alone, median, ratio};
use crate::steps::{Purge, Step};

/// Each from the same data.
const ROUNDS: usize = 3;

/// What the unverified pair takes.
#[derive(Clone, Copy, Debug)]
pub struct Pair {
    pub dump: Duration,
    pub delete: Duration,
}

/// What is measured in a round.
pub struct Round {
    pub pair: Pair,
    pub backup: Step,
    pub verify: Step,
    pub delete: Step,
    /// The same with two connections, where there is such a thing.
    pub two: Option<Step>,
    /// Bytes of the archive.
    pub bytes: u64,
}

impl Round {
    /// The same of another copy with two connections.
    pub fn and_two(mut self, purge: &Purge, rows: u64) -> Self {
        purge.back_up();
        purge.verify();
        self.two = Some(purge.delete(rows, "2"));
        self
    }

    /// A planned purge from its backup to its receipt.
    pub fn of(pair: Pair, purge: &Purge, rows: u64) -> Self {
        Self {
            pair,
            backup: purge.back_up(),
            verify: purge.verify(),
            delete: purge.delete(rows, "1"),
            two: None,
            bytes: purge.bytes(),
        }
    }
}

/// What a ratio is wanted to be.
pub struct Wanted {
    pub dump: &'static str,
    pub backup: &'static str,
    pub verify: &'static str,
    pub delete: [&'static str; 2],
    pub whole: &'static str,
}

/// The middle of each time of some rounds with as many rows.
struct Middle<'r> {
    store: &'r str,
    rows: u64,
    rounds: Vec<Round>,
}

/// Plays the rounds and prints the middle of each time.
pub fn play(store: &str, rows: u64, wanted: &Wanted, round: impl FnMut(usize) -> Round) {
    let middle = Middle {
        store,
        rows,
        rounds: (0..ROUNDS).map(round).collect(),
    };
    middle.rates(wanted);
    middle.whole(wanted.whole, "", |round| round.delete);
    if middle.rounds.iter().all(|round| round.two.is_some()) {
        let two = |round: &Round| round.two.unwrap_or(round.delete);
        middle.two(wanted.delete, two);
        middle.whole(wanted.whole, ", two connections", two);
    }
    middle.sizes();
}

impl Middle<'_> {
    fn of(&self, time: impl Fn(&Round) -> Duration) -> Duration {
        median(self.rounds.iter().map(time).collect())
    }

    fn rates(&self, wanted: &Wanted) {
        let dump = self.of(|round| round.pair.dump);
        let plain = self.of(|round| round.pair.delete);
        let backup = self.of(|round| round.backup.time);
        let verify = self.of(|round| round.verify.time);
        let delete = self.of(|round| round.delete.time);
        let deleted = |round: &Round| round.delete.until_reconciled.unwrap_or(round.delete.time);
        let name = format!("backup of {} rows against {}", self.rows, wanted.dump);
        self.row(&name, [backup, dump], wanted.backup);
        self.row("verify against backup", [verify, backup], wanted.verify);
        let name = "exact delete against backup";
        self.row(name, [delete, backup], wanted.delete[0]);
        let name = "exact delete against one plain DELETE";
        self.row(name, [delete, plain], wanted.delete[1]);
        let name = "  of which before all keys are looked for again";
        self.row(name, [self.of(deleted), plain], "reported");
    }

    fn two(&self, wanted: [&str; 2], two: impl Fn(&Round) -> Step) {
        let backup = self.of(|round| round.backup.time);
        let plain = self.of(|round| round.pair.delete);
        let delete = self.of(|round| two(round).time);
        let name = "two connections, exact delete against backup";
        self.row(name, [delete, backup], wanted[0]);
        let name = "two connections, exact delete against one plain DELETE";
        self.row(name, [delete, plain], wanted[1]);
    }

    fn row(&self, name: &str, [ours, theirs]: [Duration; 2], wanted: &str) {
        let rate = |time: Duration| format!("{:.0} rows/s", self.rows as f64 / time.as_secs_f64());
        let name = format!("{}: {name}", self.store);
        let ratio = ratio(theirs, ours);
        against(&name, &rate(ours), &rate(theirs), ratio, wanted);
    }

    fn whole(&self, wanted: &str, how: &str, delete: impl Fn(&Round) -> Step) {
        let ours = |round: &Round| round.backup.time + round.verify.time + delete(round).time;
        let (whole, pair) = (
            self.of(ours),
            self.of(|round| round.pair.dump + round.pair.delete),
        );
        against(
            &format!(
                "{}: the whole purge against the unverified pair{how}",
                self.store
            ),
            &format!("{:.2} s", whole.as_secs_f64()),
            &format!("{:.2} s", pair.as_secs_f64()),
            ratio(whole, pair),
            wanted,
        );
    }

    fn sizes(&self) {
        let steps = |round: &Round| [round.backup, round.verify, round.delete];
        let peaks = self.rounds.iter().flat_map(steps).map(|step| step.peak);
        let bytes = self.rounds.iter().map(|round| round.bytes);
        alone(
            &format!("{}: most memory held by a step", self.store),
            &format!("{} MiB", peaks.max().unwrap_or_default() / 1024),
            "<= 128 MiB",
        );
        let bytes = bytes.max().unwrap_or_default() as f64;
        alone(
            &format!("{}: the archive", self.store),
            &format!("{:.0} bytes/row", bytes / self.rows as f64),
            "reported",
        );
    }
}
