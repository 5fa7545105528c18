//! Clocks that disagree or go back, and servers that ask for patience: told by a double.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use auditail::archive::disk::{Disk, System};
use auditail::core::instant::Micros;
use auditail::core::purge::journal::Entry;
use auditail::purge::clock::{Clock, SystemClock};
use auditail::purge::dossier::Dossier;
use auditail::purge::pace::Limits;
use auditail::purge::progress::Progress;
use auditail::store::purger::{Batch, Deleter, Pressure, Settled, Staged};
use auditail::store::{BoxFuture, StoreError};
use tokio_util::sync::CancellationToken;

use super::Fixture;
use super::double::Double;
use super::network::is_exact;
use super::power::{OLD, YOUNG};
use super::steps::{self, Step};

const DAY: i64 = 86_400 * Micros::SECOND;

/// This machine's clock, wrong by so much; it does not wait.
pub struct Wrong {
    pub by: i64,
    pub right: SystemClock,
    /// What nobody has slept in earnest, in microseconds.
    pub slept: AtomicU64,
}

impl Wrong {
    pub fn by(by: i64) -> Self {
        let right = SystemClock::start();
        let slept = AtomicU64::new(0);
        Self { by, right, slept }
    }
}

impl Clock for Wrong {
    fn now(&self) -> Micros {
        self.right.now().plus(self.by)
    }

    fn elapsed(&self) -> Duration {
        self.right.elapsed() + Duration::from_micros(self.slept.load(Ordering::Relaxed))
    }

    fn sleep(&self, length: Duration) -> BoxFuture<'_, ()> {
        let length = u64::try_from(length.as_micros()).expect("not so long");
        self.slept.fetch_add(length, Ordering::Relaxed);
        Box::pin(tokio::task::yield_now())
    }
}

/// Fault table, row 29: the server's clock decides, and a difference is told.
#[tokio::test]
async fn this_machines_clock_decides_nothing() {
    for by in [2 * DAY, -2 * DAY] {
        let store = Fixture::of(OLD, YOUNG);
        let purger = steps::purger(&store).await;
        let disk: Arc<dyn Disk> = Arc::new(System);
        let clock = Wrong::by(by);
        let (receipt, told) = steps::listened(&store, &*purger, &clock, async |engine| {
            let limits = Limits::none();
            steps::up_to(Step::Delete, engine, &store.archive(), &disk, &limits).await
        })
        .await;
        is_exact(receipt.expect("it goes on"));
        let is_told = told.iter().any(
            |step| matches!(step, Progress::Note { text } if text.contains("the server's decides")),
        );
        assert!(is_told, "{told:?}");
        let dossier = Dossier::read(&store.archive()).expect("there");
        let plan = dossier.plan();
        assert!(plan.warnings.iter().any(|text| text.contains("clock")));
        let from_server = plan.made_at.0 - SystemClock::start().now().0;
        assert!(from_server.abs() < DAY / 2, "{from_server}");
    }
}

/// The same row: the server's clock is set back, or far ahead, between the steps.
#[tokio::test]
async fn a_cutoff_stays_when_the_servers_clock_does_not() {
    let store = Fixture::of(OLD, YOUNG);
    let mut double = Double::of(steps::purger(&store).await);
    let planned = steps::go(Step::Plan, &store, &double).await;
    planned.expect("a plan");
    let plan = || {
        let dossier = Dossier::read(&store.archive()).expect("there");
        dossier.plan().clone()
    };
    let before = plan();
    double.clock = |now| now.plus(2 * DAY);
    let late = steps::go(Step::Backup, &store, &double).await;
    let late = late.expect_err("plans grow old").to_string();
    assert!(late.contains("older than 24 hours"), "{late}");
    double.clock = |now| now.plus(-700 * DAY);
    let receipt = steps::go(Step::Delete, &store, &double).await;
    is_exact(receipt.expect("the cutoff was frozen"));
    assert_eq!(plan(), before);
}

/// A server under pressure for a while.
struct Pressed {
    real: Box<dyn Deleter>,
    asked: Arc<AtomicU32>,
}

impl Deleter for Pressed {
    fn stage<'a>(
        &'a mut self,
        batch: &'a Batch,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Box<dyn Staged + 'a>, StoreError>> {
        assert!(self.asked.load(Ordering::Relaxed) >= 3, "it did not wait");
        self.real.stage(batch, stop)
    }

    fn settle<'a>(
        &'a mut self,
        transaction: &'a str,
        batch: &'a Batch,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Settled, StoreError>> {
        self.real.settle(transaction, batch, stop)
    }

    fn present<'a>(
        &'a mut self,
        batch: &'a Batch,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<u64, StoreError>> {
        self.real.present(batch, stop)
    }

    fn pressure<'a>(
        &'a mut self,
        _: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Pressure, StoreError>> {
        let mut pressure = Pressure::default();
        match self.asked.fetch_add(1, Ordering::Relaxed) {
            0 => pressure.replica_seconds = Some(60.0),
            1 => pressure.replica_bytes = Some(1 << 30),
            2 => pressure.waiting = Some(1_000),
            _ => {}
        }
        Box::pin(async move { Ok(pressure) })
    }
}

/// Fault table, row 37: replicas that are behind and sessions that wait hold the deletion up. What it
/// costs other clients is measured by the benches.
#[tokio::test]
async fn a_deletion_waits_for_a_server_under_pressure() {
    let store = Fixture::of(OLD, YOUNG);
    let mut double = Double::of(steps::purger(&store).await);
    let asked = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&asked);
    double.deleter = Box::new(move |real| {
        let asked = Arc::clone(&counter);
        Box::new(Pressed { real, asked })
    });
    let disk: Arc<dyn Disk> = Arc::new(System);
    let (receipt, told) = steps::listened(&store, &double, &Wrong::by(0), async |engine| {
        let limits = Limits::default();
        steps::up_to(Step::Delete, engine, &store.archive(), &disk, &limits).await
    })
    .await;
    is_exact(receipt.expect("the pressure passes"));
    let waits = told.iter().filter_map(|step| match step {
        Progress::Waiting { because } => Some(because.as_str()),
        _ => None,
    });
    let waits: Vec<&str> = waits.collect();
    let expected = [
        "replica 60.0 s behind",
        "replica 1024 MiB behind",
        "1000 sessions wait for locks",
    ];
    assert_eq!(waits, expected);
    let dossier = Dossier::read(&store.archive()).expect("there");
    assert!(matches!(dossier.entries().last(), Some(Entry::Complete(_))));
}
