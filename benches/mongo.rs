//! Speed and memory on MongoDB, as ratios against a bare drain of the same documents in the same
//! run: `cargo bench --bench mongo -- [purge] [--rows N]`; `purge` leaves the rest out. Prints a
//! table; never fails because something was slow.
#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    missing_docs,
    reason = "a measurement that cannot be made ends the run, and the table goes to stdout"
)]

#[expect(dead_code, reason = "the other bench wants the first byte, too")]
#[path = "ratios/measure.rs"]
mod measure;
#[expect(dead_code, reason = "the tests use all of it, the measurements a part")]
#[path = "../tests/harness/mongo.rs"]
mod mongo;
#[expect(dead_code, reason = "only its port finder is wanted here")]
#[path = "../tests/harness/postgres.rs"]
mod postgres;
#[path = "mongo/purge.rs"]
mod purge;
#[path = "mongo/writer.rs"]
mod writer;

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use auditail::core::event::Cursor;
use auditail::core::query::predicate::Predicate;
use auditail::store::connect::OpenOptions;
use auditail::store::mongo::{MongoStore, open};
use auditail::store::{PageFrom, PageItem, PageRequest, PayloadNeed, Store};
use futures_util::StreamExt as _;
use measure::{against, alone, median, ms, ratio, run};
use mongo::{Login, Mongo, Topology};
use mongodb::bson::{Document, doc};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

const AUDITAIL: &str = env!("CARGO_BIN_EXE_auditail");
/// Runs of each short measurement.
const RUNS: usize = 21;
/// Runs of each long one, in turns.
const ROUNDS: usize = 3;

fn main() {
    let rows = rows_wanted();
    let server = Mongo::start_new(Topology::ReplicaSet, Login::None, &[]);
    measure::head();
    if !std::env::args().any(|argument| argument == "purge") {
        reading(&server, rows);
    }
    purge::rows(&server.database("purge"), rows);
}

/// The reading path.
fn reading(server: &Mongo, rows: u64) {
    let db = server.database("ratios");
    let count = rows.to_string();
    let arguments = [
        "demo", "--system", "dronahq", "--into", &db.url, "--events", &count,
    ];
    let loaded = Command::new(AUDITAIL)
        .args(arguments)
        .status()
        .expect("the demo loads");
    assert!(loaded.success(), "the demo loads");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(pages(&db.url, rows));
    let arguments = ["query", &db.url, "--limit", "all", "-o", "ndjson"];
    let read = run(Command::new(AUDITAIL).args(arguments));
    assert_eq!(read.lines, rows, "every document is exported");
    let (mut drains, mut exports) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        drains.push(runtime.block_on(async { drain(&db.open().await).await }));
        exports.push(unread(Command::new(AUDITAIL).args(arguments)));
    }
    let rate = |time: Duration| rows as f64 / time.as_secs_f64();
    let (ours, bare) = (rate(median(exports)), rate(median(drains)));
    against(
        "query to NDJSON, against a bare RawBatch drain",
        &format!("{ours:.0} rows/s"),
        &format!("{bare:.0} rows/s"),
        ours / bare,
        ">= 0.5",
    );
    alone(
        "memory of the export",
        &format!("{} MiB", read.peak / 1024),
        "<= 64 MiB",
    );
}

/// `--rows N`; cargo adds `--bench`, which means nothing here.
fn rows_wanted() -> u64 {
    let arguments: Vec<String> = std::env::args().collect();
    let given = arguments.iter().position(|argument| argument == "--rows");
    given
        .and_then(|at| arguments.get(at + 1))
        .map_or(1_000_000, |rows| {
            rows.parse().expect("--rows takes a number")
        })
}

/// A process whose output goes to nobody, as the drain's documents do.
fn unread(command: &mut Command) -> Duration {
    let begun = Instant::now();
    let ended = command.stdout(Stdio::null()).status();
    assert!(ended.expect("the program starts").success(), "{command:?}");
    begun.elapsed()
}

/// All documents in order of time, and nothing done with them.
async fn drain(database: &mongodb::Database) -> Duration {
    let begun = Instant::now();
    let documents = database.collection::<Document>("dhq_managed_audit_log");
    let found = documents
        .find(doc! {})
        .sort(doc! {"timestamp": -1})
        .batch_size(5_000);
    let mut batches = found.batch().await.expect("a drain");
    while let Some(batch) = batches.next().await {
        let batch = batch.expect("a batch");
        assert!(batch.doc_slices().expect("documents").as_bytes().len() >= 5);
    }
    begun.elapsed()
}

async fn pages(url: &str, rows: u64) {
    let mut opened = Vec::new();
    let mut store = None;
    for _ in 0..5 {
        let begun = Instant::now();
        store = Some(open(url, &OpenOptions::default()).await.expect("open"));
        opened.push(begun.elapsed());
    }
    alone("connect, detect and open", &ms(median(opened)), "<= 300 ms");
    let store = store.expect("opened");
    let deep = usize::try_from(rows / 10 * 9).expect("small");
    let (_, cursor) = page(&store, PageFrom::Newest, deep).await;
    let place = PageFrom::Before(cursor.expect("a deep event"));
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..RUNS {
        for (times, from) in times.iter_mut().zip([PageFrom::Newest, place.clone()]) {
            times.push(page(&store, from, 200).await.0);
        }
    }
    let [newest, deepest] = times.map(median);
    against(
        "a page of 200, nine tenths deep, against the newest",
        &ms(deepest),
        &ms(newest),
        ratio(deepest, newest),
        "<= 1.5",
    );
}

async fn page(store: &MongoStore, from: PageFrom, limit: usize) -> (Duration, Option<Cursor>) {
    let begun = Instant::now();
    let (out, mut pieces) = mpsc::channel(8);
    let request = PageRequest {
        predicate: Arc::new(Predicate::All),
        from,
        limit: Some(limit),
        payload: PayloadNeed::Head,
    };
    let stop = CancellationToken::new();
    let mut last = None;
    let reading = async {
        while let Some(piece) = pieces.recv().await {
            if let PageItem::Events(events) = piece {
                last = events.last().map(|event| event.cursor.clone());
            }
        }
    };
    let (end, ()) = tokio::join!(store.page(request, out, &stop), reading);
    end.expect("a page");
    (begun.elapsed(), last)
}
