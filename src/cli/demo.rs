//! `auditail demo`: a generated audit log, on the screen or into a database.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::Utc;
use tokio_util::sync::CancellationToken;

use crate::archive::known;
use crate::cli::arguments::{Common, Demo};
use crate::cli::failure::Failure;
use crate::cli::first::{opening, read_by};
use crate::cli::screen::Shown;
use crate::cli::session::{open_options, password};
use crate::cli::{headless, narrate, screen, signals};
use crate::core::instant::Micros;
use crate::core::sanitise::safe;
use crate::demo::{History, Live, Plan, dronahq};
use crate::runtime::purging::Purging;
use crate::runtime::{Files, Opener};
use crate::store::StoreError;
use crate::store::connect::{Owner, open, redact_url};
use crate::store::mongo;
use crate::store::postgres::demo::{DemoWriter, Loaded};
use crate::store::postgres::target::is_postgres;
use crate::store::sqlite::demo::{DemoFile, LiveWriter, Place, Script};

/// Whose audit log is made up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Product {
    Clutch,
    DronaHq,
}

const PRODUCTS: [(&str, Product); 2] = [("clutch", Product::Clutch), ("dronahq", Product::DronaHq)];

/// Runs the command.
pub fn run(arguments: &Demo, common: &Common) -> Result<(), Failure> {
    let named = PRODUCTS
        .into_iter()
        .find(|(name, _)| *name == arguments.system);
    let Some((_, product)) = named else {
        return Err(Failure::usage(format!(
            "no audit log of {} can be generated",
            arguments.system
        ))
        .hint(format!(
            "--system {}",
            PRODUCTS.map(|(name, _)| name).join(", ")
        )));
    };
    if arguments
        .rate
        .is_some_and(|rate| !(0.0..=MOST_RATE).contains(&rate))
    {
        return Err(Failure::usage(format!(
            "--rate takes 0 to {MOST_RATE} events a second"
        )));
    }
    let Some(url) = &arguments.into else {
        return match &arguments.keep {
            Some(directory) if !screen::has_terminal() && !arguments.first.is_given() => {
                headless(into_file(product, arguments, directory))
            }
            _ => on_screen(product, arguments, common),
        };
    };
    if arguments.first.is_given() {
        return Err(Failure::usage("--into loads events and shows no screen")
            .hint("leave out what the screen is to show first"));
    }
    match (product, mongo::target::is_mongo(url)) {
        (Product::DronaHq, true) => headless(into_mongo(url, arguments)),
        (_, false) if !is_postgres(url) => Err(Failure::usage(format!(
            "{} is no database on a server",
            safe(&redact_url(url))
        ))
        .hint("for a file: leave out --into and give a directory, auditail demo --keep DIRECTORY")),
        (Product::Clutch, false) => headless(into(url, arguments)),
        _ => Err(Failure::usage(
            "Clutch keeps its log in PostgreSQL, DronaHQ in MongoDB; both can be shown on the screen"
                .to_owned(),
        )
        .hint(
            "--system dronahq --into mongodb://HOST/DATABASE, \
             or --system clutch --into postgres://USER@HOST/DATABASE"
                .to_owned(),
        )),
    }
}

/// Leaves the store in a directory, for scripts, and goes on writing if a rate is given.
async fn into_file(product: Product, arguments: &Demo, directory: &Path) -> Result<(), Failure> {
    let stop = CancellationToken::new();
    let work = async {
        let begun = local_now();
        let (plan, place) = (plan(arguments, begun), Place::Kept(directory.to_owned()));
        let made = tokio::task::spawn_blocking(move || create(product, &place, plan)).await;
        let file = made.map_err(|_| Failure::panicked("the thread that makes the demo"))??;
        let shown = safe(&file.path().to_string_lossy()).into_owned();
        match file.rows() {
            Some(rows) => narrate::say(&format!(
                "loaded {rows} events into {shown} in {:.1} s",
                seconds_since(begun)
            )),
            None => narrate::say(&format!(
                "{shown} holds the demo's events of a former run; they stay as they are"
            )),
        }
        let Some(rate) = arguments.rate.filter(|rate| *rate > 0.0) else {
            return Ok(());
        };
        narrate::say(&format!(
            "writing {rate} events a second until it is stopped (Ctrl-C)"
        ));
        let writer = write_live(product, &file, arguments.seed, rate)?;
        while !stop.is_cancelled() && !writer.is_over() {
            tokio::select! {
                () = tokio::time::sleep(GLANCE) => {}
                () = stop.cancelled() => {}
            }
        }
        Ok(writer.stop()?)
    };
    signals::heed(&stop, work).await
}

/// Loads DronaHQ's records into MongoDB, and goes on writing if a rate is given.
async fn into_mongo(url: &str, arguments: &Demo) -> Result<(), Failure> {
    let stop = CancellationToken::new();
    let work = async {
        let writer = mongo::demo::DemoWriter::connect(url, password().as_ref()).await?;
        let begun = local_now();
        let records = dronahq::history(plan(arguments, begun));
        let mut told = 0;
        let progress = |rows: u64| {
            if rows / 500_000 > told {
                told = rows / 500_000;
                let (rows, all) = (narrate::rows(rows), narrate::rows(arguments.events));
                narrate::say(&format!("{rows} of {all} rows"));
            }
        };
        let shown = redact_url(url);
        match writer.load(records, progress, &stop).await? {
            mongo::demo::Loaded::Rows(rows) => narrate::say(&format!(
                "loaded {rows} events into {shown} in {:.1} s",
                seconds_since(begun)
            )),
            mongo::demo::Loaded::AlreadyThere => narrate::say(&format!(
                "{shown} holds events of a former run; they stay as they are"
            )),
        }
        let Some(rate) = arguments.rate.filter(|rate| *rate > 0.0) else {
            return Ok(());
        };
        narrate::say(&format!(
            "writing {rate} events a second until it is stopped (Ctrl-C)"
        ));
        let mut live = Live::new(arguments.seed, rate, local_now());
        let mut rng = fastrand::Rng::with_seed(arguments.seed);
        while !stop.is_cancelled() {
            until_due(&live, &stop).await;
            writer
                .write(dronahq::live(&mut live, &mut rng, local_now()))
                .await?;
        }
        Ok(())
    };
    signals::heed(&stop, work).await
}

/// Waits until the next action is due, or for the stop.
async fn until_due(live: &Live, stop: &CancellationToken) {
    let wait = live.due().0.saturating_sub(local_now().0);
    let wait = Duration::from_micros(u64::try_from(wait).unwrap_or(0));
    tokio::select! {
        () = tokio::time::sleep(wait) => {}
        () = stop.cancelled() => {}
    }
}

/// Between two looks at a thread that writes.
const GLANCE: Duration = Duration::from_secs(1);

/// Events a second on the screen, unless the command line says otherwise.
const RATE: f64 = 3.0;
/// More is no demo, and every event of it is a statement of its own.
const MOST_RATE: f64 = 1000.0;

/// The demo's store and the thread that goes on writing to it; made when the screen is up.
#[derive(Default)]
struct Playground {
    // Declared before the file: the writer stops before a temporary file is removed.
    writer: Option<LiveWriter>,
    file: Option<DemoFile>,
}

/// Shows the demo. The first frame does not wait for the store to be made.
fn on_screen(product: Product, arguments: &Demo, common: &Common) -> Result<(), Failure> {
    screen::need_terminal(
        "demo --into postgres://USER@HOST/DATABASE loads the events into a database, \
         auditail demo --keep DIRECTORY into a file",
    )?;
    let playground = Arc::new(Mutex::new(Playground::default()));
    let place = arguments.keep.clone().map_or(Place::Temporary, Place::Kept);
    let mut options = open_options(common)?;
    options.owner = Owner::Demo;
    let options = Arc::new(options);
    let (plan, rate) = (plan(arguments, local_now()), arguments.rate.unwrap_or(RATE));
    let held = Arc::clone(&playground);
    let opener: Opener = Arc::new(move || {
        let (held, place) = (Arc::clone(&held), place.clone());
        let options = Arc::clone(&options);
        Box::pin(async move {
            let made =
                tokio::task::spawn_blocking(move || make(&held, &place, product, plan, rate));
            let path = made.await.unwrap_or_else(|error| {
                Err(StoreError::Failed {
                    message: format!("the demo's store was not made: {error}"),
                    hint: None,
                })
            })?;
            open(&path.to_string_lossy(), &options).await
        })
    });
    let held = Arc::clone(&playground);
    let purging = Purging {
        target: Arc::new(move || {
            let playground = locked(&held);
            let file = playground.file.as_ref()?;
            Some(file.path().to_string_lossy().into_owned())
        }),
        options: open_options(common)?,
        known: known::default_path(),
    };
    // Made anew each time: how it was left says nothing about it.
    let files = Files {
        sessions: None,
        marks: None,
        ..screen::files()
    };
    let mut words = words(arguments);
    words.extend(read_by(common));
    let shown = Shown {
        target: "demo".to_owned(),
        opening: opening(&arguments.first, words, &files, common)?,
        files,
    };
    let shown = screen::show(opener, purging, shown, common);
    let writer = locked(&playground).writer.take();
    match writer.map(LiveWriter::stop) {
        Some(Err(error)) if shown.is_ok() => Err(error.into()),
        _ => shown,
    }
}

/// The words that open the same demo.
pub fn words(arguments: &Demo) -> Vec<String> {
    let rate = arguments.rate.map(|rate| rate.to_string());
    let kept = arguments.keep.as_deref().map(|directory| {
        let whole = std::path::absolute(directory);
        whole.as_deref().unwrap_or(directory).display().to_string()
    });
    let pairs = [
        ("--system", Some(arguments.system.clone())),
        ("--events", Some(arguments.events.to_string())),
        ("--seed", Some(arguments.seed.to_string())),
        ("--rate", rate),
        ("--keep", kept),
    ];
    let pairs = pairs
        .into_iter()
        .filter_map(|(option, value)| Some([option.to_owned(), value?]));
    ["demo".to_owned()]
        .into_iter()
        .chain(pairs.flatten())
        .collect()
}

/// Makes the store, or finds it made by a former attempt; its path.
fn make(
    playground: &Mutex<Playground>,
    place: &Place,
    product: Product,
    plan: Plan,
    rate: f64,
) -> Result<PathBuf, StoreError> {
    let mut playground = locked(playground);
    if let Some(file) = &playground.file {
        return Ok(file.path().to_owned());
    }
    let file = create(product, place, plan)?;
    let path = file.path().to_owned();
    if rate > 0.0 {
        playground.writer = Some(write_live(product, &file, plan.seed, rate)?);
    }
    playground.file = Some(file);
    Ok(path)
}

/// Makes the store; blocks.
fn create(product: Product, place: &Place, plan: Plan) -> Result<DemoFile, StoreError> {
    match product {
        Product::Clutch => DemoFile::create(place, History::new(plan)),
        Product::DronaHq => DemoFile::create(place, dronahq::history(plan)),
    }
}

/// Starts a thread that goes on writing.
fn write_live(
    product: Product,
    file: &DemoFile,
    seed: u64,
    rate: f64,
) -> Result<LiveWriter, StoreError> {
    let live = Live::new(seed, rate, local_now());
    let script = match product {
        Product::Clutch => Script::Clutch(live),
        Product::DronaHq => Script::DronaHq(live, fastrand::Rng::with_seed(seed)),
    };
    LiveWriter::start(file, script)
}

/// A thread that panicked while making the store has left nothing half-made in it.
fn locked(playground: &Mutex<Playground>) -> MutexGuard<'_, Playground> {
    playground.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Loads the events into a database, and goes on writing if a rate is given.
async fn into(url: &str, arguments: &Demo) -> Result<(), Failure> {
    let stop = CancellationToken::new();
    let work = async {
        let mut writer = DemoWriter::connect(url, password()).await?;
        let begun = local_now();
        let mut told = 0;
        let progress = |rows: u64| {
            if rows / 500_000 > told {
                told = rows / 500_000;
                narrate::say(&format!(
                    "{} of {} rows",
                    narrate::rows(rows),
                    narrate::rows(arguments.events)
                ));
            }
        };
        let rows = History::new(plan(arguments, begun));
        match writer.load(rows, progress, &stop).await? {
            Loaded::Rows(rows) => narrate::say(&format!(
                "loaded {rows} events into {} in {:.1} s",
                redact_url(url),
                seconds_since(begun)
            )),
            Loaded::AlreadyThere => narrate::say(&format!(
                "{} holds the demo's events of a former run; they stay as they are",
                redact_url(url)
            )),
        }
        match arguments.rate {
            Some(rate) if rate > 0.0 => write_on(&mut writer, rate, arguments.seed, &stop).await,
            _ => Ok(()),
        }
    };
    signals::heed(&stop, work).await
}

/// Writes until it is stopped.
async fn write_on(
    writer: &mut DemoWriter,
    rate: f64,
    seed: u64,
    stop: &CancellationToken,
) -> Result<(), Failure> {
    narrate::say(&format!(
        "writing {rate} events a second until it is stopped (Ctrl-C)"
    ));
    let mut live = Live::new(seed, rate, local_now());
    while !stop.is_cancelled() {
        until_due(&live, stop).await;
        writer.apply(live.take(local_now())).await?;
    }
    Ok(())
}

fn plan(arguments: &Demo, now: Micros) -> Plan {
    Plan {
        seed: arguments.seed,
        events: arguments.events,
        now,
    }
}

/// The demo makes events up; the clock of this machine is as good as any.
fn local_now() -> Micros {
    Utc::now().into()
}

fn seconds_since(begun: Micros) -> f64 {
    let micros = u64::try_from(local_now().0.saturating_sub(begun.0)).unwrap_or_default();
    Duration::from_micros(micros).as_secs_f64()
}
