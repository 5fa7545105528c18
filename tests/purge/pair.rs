//! Two batches at a time on a server: the process is killed, stopped or paused at each moment of a
//! pair, up to the one between its two commits.

use std::collections::BTreeMap;
use std::process::Child;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use auditail::archive::disk::{Disk, System};
use auditail::core::purge::journal::{Entry, Fate};
use auditail::purge::clock::SystemClock;
use auditail::purge::dossier::Dossier;
use auditail::purge::engine::Engine;
use auditail::purge::halt::{Going, Halt};
use auditail::purge::progress::{Progress, Told};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::arena::Arena;
use super::arena::postgres::Table;
use super::crash::start;
use super::ledger::{Sums, Truth, judge};
use super::network::{detour_to, fates, is_exact};
use super::steps::{self, Step};
use super::{details, power};
use crate::harness;
use crate::harness::detour::{After, Detour, Side};

/// Rows of one pair: its batches have half of them each.
const ROWS: (i64, i64) = (200, 20);
/// What the second connection alone says: where its batch begins.
const SECOND: &str = ", '101') AND ";
/// The same where segments are small.
const SECOND_OF_SMALL: &str = ", '11') AND ";
const COMMIT: &str = "COMMIT\0";
/// The first batch is committed and its end not known; the second has deleted its rows by then.
const FIRST_UNANSWERED: Moment = (COMMIT, 0, Side::Answer);
const FIRST_COMMIT: Moment = (COMMIT, 0, Side::Question);
const SECOND_COMMIT: Moment = (COMMIT, 1, Side::Question);
const SECOND_UNANSWERED: Moment = (COMMIT, 1, Side::Answer);

/// When a client says a word for the time after so many.
type Moment = (&'static str, usize, Side);

/// A connection that is held up when its client says a word, until somebody tells what becomes of it.
struct Held {
    reached: Receiver<()>,
    verdict: SyncSender<After>,
}

impl Held {
    fn at(detour: &Detour, (word, passes, side): Moment) -> Self {
        let (arrived, reached) = sync_channel(0);
        let (verdict, told) = sync_channel::<After>(1);
        detour.trap(word, passes, side, move || {
            // A test that has failed meanwhile has no use for the connection.
            let _ = arrived.send(());
            told.recv().unwrap_or(After::Cut)
        });
        Self { reached, verdict }
    }

    fn wait(&self) {
        let come = self.reached.recv_timeout(Duration::from_mins(1));
        come.expect("the word is said");
    }

    fn release(&self, after: After) {
        self.verdict.send(after).expect("it is held");
    }
}

/// Batches whose end the journal knows.
fn ends(store: &dyn Arena) -> usize {
    let journal = std::fs::read(store.archive().join("journal.log")).unwrap_or_default();
    let text = String::from_utf8_lossy(&journal);
    text.matches(r#""entry":"done""#).count()
}

fn wait_for_ends(store: &dyn Arena, many: usize) {
    let end = Instant::now() + Duration::from_mins(1);
    while ends(store) < many {
        assert!(Instant::now() < end, "the journal has {} ends", ends(store));
        std::thread::yield_now();
    }
}

/// What is wrong with a journal's order: intents and ends take turns, and a batch begins where the
/// last one that was committed ends.
fn disorder(store: &dyn Arena) -> Vec<String> {
    let dossier = Dossier::read(&store.archive()).expect("a journal");
    let mut wrong = Vec::new();
    let mut open = None;
    let mut reached: BTreeMap<u32, u64> = BTreeMap::new();
    for (line, entry) in dossier.entries().iter().enumerate() {
        match entry {
            Entry::Intent(intent) => {
                let begins = reached.entry(intent.segment).or_insert(0);
                if *begins != intent.first || open.is_some() {
                    wrong.push(format!("{line}: an intent out of its turn"));
                }
                open = Some((intent.segment, intent.first, intent.rows));
            }
            Entry::Done(done) => match open.take() {
                Some((segment, first, rows)) if (segment, first) == (done.segment, done.first) => {
                    if done.fate != Fate::RolledBack {
                        reached.insert(segment, first + rows);
                    }
                }
                other => wrong.push(format!("{line}: the end of another batch than {other:?}")),
            },
            Entry::Complete(_) if open.is_some() => wrong.push(format!("{line}: a batch is open")),
            _ => {}
        }
    }
    wrong
}

/// Somebody writes while nobody purges: what is true then, and how many rows took others' places.
fn meddle(store: &dyn Arena, mut truth: Truth) -> (Truth, u64) {
    let mut rival = store.rival();
    let mut reinserted = 0;
    for id in [60, 150] {
        if let Some(text) = rival.update(id, &details(id, "changed")) {
            truth.insert(id, Some(text));
        }
    }
    for id in [61, 151] {
        if rival.delete(id) {
            truth.insert(id, None);
        }
    }
    for id in [62, 152, 900] {
        if let Some(text) = rival.insert(id, &details(id, "late")) {
            reinserted += u64::from(id != 900);
            truth.insert(id, Some(text));
        }
    }
    (truth, reinserted)
}

fn kill(mut child: Child) {
    child.kill().expect("ours");
    child.wait().expect("ours");
}

/// When the process dies, what becomes of the word then, how many batches have ended, and how the open
/// one turns out to have.
const DEATHS: [(Moment, After, usize, Option<Fate>); 7] = [
    // The first intent is written.
    (FIRST_COMMIT, After::Cut, 0, Some(Fate::RolledBack)),
    (FIRST_COMMIT, After::GoesOn, 0, Some(Fate::FoundCommitted)),
    (FIRST_UNANSWERED, After::Cut, 0, Some(Fate::FoundCommitted)),
    // The first is done, the second has not deleted anything.
    ((SECOND, 0, Side::Question), After::Cut, 1, None),
    // The first is done, the second intent is written.
    (SECOND_COMMIT, After::Cut, 1, Some(Fate::RolledBack)),
    (SECOND_COMMIT, After::GoesOn, 1, Some(Fate::FoundCommitted)),
    (SECOND_UNANSWERED, After::Cut, 1, Some(Fate::FoundCommitted)),
];

/// Kill -9 at every moment of a pair; where the commit is on its way it is lost, or arrives after the
/// death.
#[test]
fn killed_at_any_moment_of_a_pair_nothing_is_lost() {
    let Some(server) = harness::postgres() else {
        return;
    };
    let mut table = Table::new("purge_pair", ROWS).expect("it was there before");
    let detour = detour_to(server);
    table.come_by(&detour);
    let mut sums = Sums::default();
    for (moment, after, ends, fate) in DEATHS {
        let what = format!("{moment:?} {after:?}");
        table.again();
        let before = table.rows().into_iter().map(|(id, row)| (id, Some(row)));
        let held = Held::at(&detour, moment);
        let child = start(&table, "none");
        held.wait();
        wait_for_ends(&table, ends);
        if moment == FIRST_UNANSWERED {
            let staged = format!("{OPEN} AND state = 'idle in transaction' AND query = 'SELECT'");
            wait_for(&table, &staged, 1);
        }
        kill(child);
        held.release(after);
        let (truth, reinserted) = meddle(&table, before.collect());
        let end = start(&table, "none").wait_with_output().expect("a child");
        let said = String::from_utf8_lossy(&end.stderr);
        assert_eq!(end.status.code(), Some(0), "{what}: {said}");
        assert_eq!(fates(&table), Vec::from_iter(fate), "{what}");
        assert_eq!(disorder(&table), [""; 0], "{what}");
        let verdict = judge(&table, &truth);
        assert_eq!(
            (&verdict.lost, &verdict.wrong),
            (&vec![], &vec![]),
            "{what}"
        );
        sums.add(&table, &verdict, 1, reinserted);
    }
    assert!(sums.committed == 4 && sums.repeated == 2, "{sums}");
}

/// A file STOP that is put down between the two commits: the second batch is taken back, and has its
/// turn later.
#[test]
fn a_stop_between_the_commits_of_a_pair_takes_the_second_back() {
    let Some(server) = harness::postgres() else {
        return;
    };
    let mut table = Table::new("purge_pair_stop", ROWS).expect("it was there before");
    let detour = detour_to(server);
    table.come_by(&detour);
    let before = table.rows();
    let held = Held::at(&detour, (SECOND, 0, Side::Question));
    let child = start(&table, "none");
    held.wait();
    wait_for_ends(&table, 1);
    let stop = table.archive().join(Halt::FILE);
    std::fs::write(&stop, "").expect("writable");
    held.release(After::GoesOn);
    let end = child.wait_with_output().expect("a child");
    let said = String::from_utf8_lossy(&end.stderr);
    assert_eq!(end.status.code(), Some(5), "{said}");
    assert_eq!(table.rows().len(), before.len() - 100);
    assert_eq!(ends(&table), 1);
    assert_eq!(disorder(&table), [""; 0]);
    std::fs::remove_file(stop).expect("there");
    let end = start(&table, "none").wait_with_output().expect("a child");
    assert_eq!(end.status.code(), Some(0));
    assert_eq!(table.rows().len(), 20);
    assert_eq!((disorder(&table), fates(&table)), (vec![], vec![]));
}

/// Somebody pauses between the two commits: no transaction stays open on the server meanwhile.
#[tokio::test]
async fn a_pause_between_the_commits_of_a_pair_takes_the_second_back() {
    let Some(server) = harness::postgres() else {
        return;
    };
    let mut table = Table::new("purge_pair_pause", (power::OLD, power::YOUNG)).expect("there");
    let detour = detour_to(server);
    table.come_by(&detour);
    let table = Arc::new(table);
    let before = table.rows();
    let purger = steps::purger(&*table).await;
    let held = Held::at(&detour, (SECOND_OF_SMALL, 0, Side::Question));
    let (going, switch) = watch::channel(Going::On);
    let (out, mut progress) = mpsc::channel::<Progress>(8);
    let (directory, disk) = (table.archive(), Arc::new(System) as Arc<dyn Disk>);
    let working = async {
        let engine = Engine {
            purger: &*purger,
            clock: &SystemClock::start(),
            told: Told::new(out),
            halt: Halt::new(CancellationToken::new(), switch, &directory),
        };
        steps::up_to(Step::Delete, &engine, &directory, &disk, &steps::fast()).await
    };
    let listening = async { while progress.recv().await.is_some() {} };
    let paused = Arc::clone(&table);
    let pausing = tokio::task::spawn_blocking(move || {
        held.wait();
        wait_for_ends(&*paused, 1);
        going.send_replace(Going::Paused);
        held.release(After::GoesOn);
        wait_for(&paused, OPEN, 0);
        let found = (ends(&*paused), paused.rows().len());
        going.send_replace(Going::On);
        // The switch stays until the purge has seen it.
        (found, going)
    });
    let (receipt, (), pause) = tokio::join!(working, listening, pausing);
    let (found, _) = pause.expect("it is held and released");
    assert_eq!(
        found,
        (1, before.len() - 10),
        "one batch is gone, and no other"
    );
    is_exact(receipt.expect("it goes on"));
    assert_eq!(disorder(&*table), [""; 0]);
    assert_eq!(power::violations(&*table, &before), [""; 0]);
}

/// Transactions that others have open in the table's database.
const OPEN: &str = "SELECT pid FROM pg_stat_activity WHERE datname = current_database()
    AND pid <> pg_backend_pid() AND xact_start IS NOT NULL";

/// Waits until so many rows answer.
fn wait_for(table: &Table, question: &str, rows: usize) {
    let end = Instant::now() + Duration::from_mins(1);
    while table.db.rows(question).len() != rows {
        assert!(Instant::now() < end, "{question}");
        std::thread::yield_now();
    }
}
