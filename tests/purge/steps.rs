//! The steps of a purge within this process, on a disk of the test's choice.

use std::path::Path;
use std::sync::Arc;

use auditail::archive::disk::{Disk, System};
use auditail::core::instant::Micros;
use auditail::core::purge::plan::{Plan, Scope};
use auditail::purge::backup::SegmentSize;
use auditail::purge::clock::{Clock, SystemClock};
use auditail::purge::confirm::{Consent, Expected, Person};
use auditail::purge::dossier::Dossier;
use auditail::purge::engine::Engine;
use auditail::purge::fault::Fault;
use auditail::purge::halt::{Going, Halt};
use auditail::purge::pace::Limits;
use auditail::purge::progress::{Progress, Told};
use auditail::purge::receipt::Receipt;
use auditail::purge::verify::Drill;
use auditail::store::connect::{self, OpenOptions};
use auditail::store::purger::Purger;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::arena::Arena;

/// 2026-06-01, as [`super::CUTOFF`].
const CUTOFF: Micros = Micros(1_780_272_000_000_000);

/// Three segments of the small stores these tests make.
pub const SMALL: SegmentSize = SegmentSize {
    rows: 20,
    bytes: 1 << 20,
};

/// How far to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    Plan,
    Backup,
    Verify,
    Confirm,
    Delete,
}

/// The purging side of a store.
pub async fn purger(store: &dyn Arena) -> Box<dyn Purger> {
    connect::purger(&store.target(), &OpenOptions::default())
        .await
        .expect("it opens")
}

/// Runs work with an engine that nobody stops and nobody listens to.
pub async fn with_engine<T>(
    store: &dyn Arena,
    purger: &dyn Purger,
    work: impl AsyncFnOnce(&Engine<'_>) -> T,
) -> T {
    listened(store, purger, &SystemClock::start(), work).await.0
}

/// The same by another clock; and what was told.
pub async fn listened<T>(
    store: &dyn Arena,
    purger: &dyn Purger,
    clock: &dyn Clock,
    work: impl AsyncFnOnce(&Engine<'_>) -> T,
) -> (T, Vec<Progress>) {
    let (out, mut progress) = mpsc::channel::<Progress>(8);
    let (_going, switch) = watch::channel(Going::On);
    let working = async {
        let engine = Engine {
            purger,
            clock,
            told: Told::new(out),
            halt: Halt::new(CancellationToken::new(), switch, &store.archive()),
        };
        work(&engine).await
    };
    let listening = async {
        let mut told = Vec::new();
        while let Some(step) = progress.recv().await {
            told.push(step);
        }
        told
    };
    tokio::join!(working, listening)
}

/// A plan for everything before the cutoff.
pub async fn plan(engine: &Engine<'_>) -> Result<Plan, Fault> {
    let probe = engine.purger.probe(engine.halt.token()).await?;
    let scope = Scope {
        cutoff: CUTOFF,
        filter: String::new(),
        keep: Vec::new(),
        now: probe.now,
        tz: "UTC".to_owned(),
        names: Vec::new(),
    };
    engine.plan(&probe, "the test's file", scope).await
}

/// As fast as it goes, and two batches at a time where the store can.
pub fn fast() -> Limits {
    Limits {
        jobs: 2,
        ..Limits::none()
    }
}

/// Everything up to a step, going on with what is there.
pub async fn to(
    last: Step,
    store: &dyn Arena,
    purger: &dyn Purger,
    disk: &Arc<dyn Disk>,
) -> Result<Option<Receipt>, Fault> {
    with_engine(store, purger, async |engine| {
        up_to(last, engine, &store.archive(), disk, &fast()).await
    })
    .await
}

/// The same on the system's disk.
pub async fn go(
    last: Step,
    store: &dyn Arena,
    purger: &dyn Purger,
) -> Result<Option<Receipt>, Fault> {
    let disk: Arc<dyn Disk> = Arc::new(System);
    to(last, store, purger, &disk).await
}

/// The same with an engine of the test's own.
pub async fn up_to(
    last: Step,
    engine: &Engine<'_>,
    directory: &Path,
    disk: &Arc<dyn Disk>,
    limits: &Limits,
) -> Result<Option<Receipt>, Fault> {
    if !Dossier::is_there(directory) {
        let plan = plan(engine).await?;
        Dossier::create_on(directory, &plan, Arc::clone(disk))?;
    }
    let mut dossier = Dossier::open_on(directory, Arc::clone(disk))?;
    dossier.set_segment_size(SMALL);
    if last >= Step::Backup {
        engine.back_up(&mut dossier).await?;
    }
    if last >= Step::Verify {
        engine.verify(&mut dossier, Drill::None).await?;
    }
    if last < Step::Confirm {
        return Ok(None);
    }
    confirm(engine, &mut dossier)?;
    if last < Step::Delete {
        return Ok(None);
    }
    engine.delete(&mut dossier, None, *limits).await?;
    engine.reconcile(&mut dossier, None).await.map(Some)
}

/// Somebody says yes to what is there.
pub fn confirm(engine: &Engine<'_>, dossier: &mut Dossier) -> Result<(), Fault> {
    let rows = dossier.archived();
    let consent = Consent::Expected(Expected {
        least: rows,
        most: rows,
    });
    let person = Person {
        who: "somebody".to_owned(),
        host: "somewhere".to_owned(),
    };
    engine.confirm(dossier, &consent, &person)
}
