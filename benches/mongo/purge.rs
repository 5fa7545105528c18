//! The purge of a whole collection, step by step, against what a user would otherwise run: a bare
//! drain, and one `deleteMany` by time; and what either does to somebody who writes meanwhile.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use mongodb::Database;
use mongodb::bson::{DateTime, Document, doc, oid::ObjectId};
use mongodb::options::{Acknowledgment, WriteConcern};
use tokio::runtime::Runtime;

use super::AUDITAIL;
use super::measure::{Run, against, alone, median, ms, ratio, run};
use super::mongo::MongoDb;
use super::writer;

const COLLECTION: &str = "audit_log";
/// The same documents, for the peer.
const COPY: &str = "copy";

/// The collection, where its archive goes, and what drives the peers.
struct Bench<'b> {
    db: &'b MongoDb,
    documents: u64,
    archive: PathBuf,
    runtime: Runtime,
}

/// Prints the rows of the purge.
pub fn rows(db: &MongoDb, documents: u64) {
    let directory = tempfile::tempdir().expect("a directory");
    let bench = Bench {
        db,
        documents,
        archive: directory.path().join("archive"),
        runtime: tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime"),
    };
    bench
        .runtime
        .block_on(async { fill(&db.open().await, documents).await });
    let planned = bench.step(&[
        "plan", "URL", "--table", COLLECTION, "--before", "2026-10", "--to", "DIR",
    ]);
    alone("plan of everything", &bench.shown(planned.time), "");
    let copied = bench.archiving();
    let deleted = bench.deleting();
    for (name, peak) in copied.into_iter().chain([deleted]) {
        let peak = format!("{} MiB", peak / 1024);
        alone(&format!("memory of the {name}"), &peak, "<= 128 MiB");
    }
}

impl Bench<'_> {
    fn archiving(&self) -> [(&'static str, u64); 2] {
        let drained: Vec<_> = (0..3)
            .map(|_| {
                self.runtime
                    .block_on(async { drain(&self.db.open().await).await })
            })
            .collect();
        let drained = median(drained);
        let backup = self.step(&["backup", "DIR", "-o", "json"]);
        self.compare(
            "backup, against a bare drain by time",
            backup.time,
            drained,
            ">= 0.8",
        );
        let verify = self.step(&["verify", "DIR", "-o", "json"]);
        self.compare(
            "verification, against the backup",
            verify.time,
            backup.time,
            ">= 1.0",
        );
        [("backup", backup.peak), ("verification", verify.peak)]
    }

    fn deleting(&self) -> (&'static str, u64) {
        self.runtime
            .block_on(async { copy(&self.db.open().await).await });
        let idle = writer::beside(self.db, COPY, || {
            std::thread::sleep(Duration::from_secs(2));
        });
        let plain = writer::beside(self.db, COPY, || {
            self.runtime
                .block_on(async { delete_by_time(&self.db.open().await).await })
        });
        let exact = writer::beside(self.db, COLLECTION, || {
            self.step(&[
                "delete",
                "DIR",
                "--yes",
                "--expect-count",
                "1..99999999",
                "--max-rate",
                "none",
                // Its progress is when its memory is looked at.
                "-o",
                "json",
            ])
        });
        self.compare(
            "deletion and receipt, against deleteMany by time",
            exact.0.time,
            plain.0,
            ">= 0.5",
        );
        alone("a writer's p99 with nobody beside it", &ms(idle.1.p99), "");
        for (what, ours, theirs, target) in [
            ("p99", exact.1.p99, plain.1.p99, "<= 1.0"),
            ("longest wait", exact.1.longest, plain.1.longest, ""),
        ] {
            against(
                &format!("a writer's {what} beside the deletion, and beside deleteMany"),
                &ms(ours),
                &ms(theirs),
                ratio(ours, theirs),
                target,
            );
        }
        ("deletion", exact.0.peak)
    }

    /// A row of rates.
    fn compare(&self, what: &str, ours: Duration, theirs: Duration, target: &str) {
        let (one, other) = (self.shown(ours), self.shown(theirs));
        against(what, &one, &other, ratio(theirs, ours), target);
    }

    fn shown(&self, time: Duration) -> String {
        format!("{:.0} docs/s", self.documents as f64 / time.as_secs_f64())
    }

    fn step(&self, words: &[&str]) -> Run {
        let mut command = Command::new(AUDITAIL);
        command.arg("purge");
        for word in words {
            match *word {
                "URL" => command.arg(&self.db.url),
                "DIR" => command.arg(&self.archive),
                word => command.arg(word),
            };
        }
        run(command.stderr(Stdio::null()))
    }
}

/// Documents of about 400 bytes, twenty seconds apart, and an index on their time.
async fn fill(database: &Database, documents: u64) {
    const BEGIN: i64 = 1_735_689_600_000;
    let collection = database.collection::<Document>(COLLECTION);
    let document = |n: i64| {
        doc! {
            "_id": ObjectId::new(), "timestamp": DateTime::from_millis(BEGIN + n * 20_000),
            "user": format!("user-{}@example.com", n % 997), "action": "k8s.DeletePod",
            "resource": format!("cluster-{}/namespace-{}/pod-{n}", n % 7, n % 31),
            "ip": format!("10.0.{}.{}", n % 200, n % 251), "outcome": "ok",
            "details": {
                "request": format!("{:032x}", n * 2_654_435_761), "duration_ms": n % 977,
                "labels": ["prod", "eu-central-1"], "agent": "kubectl/v1.31 (linux/amd64) example",
            },
        }
    };
    let all = i64::try_from(documents).expect("not so many");
    for first in (0..all).step_by(10_000) {
        let some: Vec<_> = (first..all.min(first + 10_000)).map(document).collect();
        collection.insert_many(some).await.expect("inserted");
    }
    index(database, COLLECTION).await;
}

async fn index(database: &Database, collection: &str) {
    let index = doc! {"key": {"timestamp": -1}, "name": "t"};
    let create = doc! {"createIndexes": collection, "indexes": [index]};
    database.run_command(create).await.expect("an index");
}

/// Everything in the order of time, and nothing done with it.
async fn drain(database: &Database) -> Duration {
    let begun = Instant::now();
    let documents = database.collection::<Document>(COLLECTION);
    let found = documents
        .find(doc! {})
        .sort(doc! {"timestamp": 1})
        .batch_size(5_000);
    let mut batches = found.batch().await.expect("a drain");
    while let Some(batch) = batches.next().await {
        let batch = batch.expect("a batch");
        assert!(batch.doc_slices().expect("documents").as_bytes().len() >= 5);
    }
    begun.elapsed()
}

/// A copy with the same index.
async fn copy(database: &Database) {
    let copy = vec![doc! {"$match": {}}, doc! {"$out": COPY}];
    let source = database.collection::<Document>(COLLECTION);
    let mut made = source.aggregate(copy).await.expect("a copy");
    assert!(made.next().await.is_none());
    index(database, COPY).await;
}

/// One statement, for everything but what a writer inserts meanwhile.
async fn delete_by_time(database: &Database) -> Duration {
    let old = doc! {"timestamp": {"$lt": DateTime::from_millis(writer::BEGIN)}};
    let durable = WriteConcern::builder()
        .w(Acknowledgment::Majority)
        .journal(true)
        .build();
    let copy = database.collection::<Document>(COPY);
    let begun = Instant::now();
    let deleted = copy.delete_many(old).write_concern(durable).await;
    assert!(deleted.expect("deleted").deleted_count > 0);
    begun.elapsed()
}
