//! MongoDB's side of the purge against real servers: what is read equals what is deleted, and nothing
//! else ever goes.

mod deleting;
mod failover;
mod mutants;
mod reading;
mod refusals;
mod restoring;
mod rights;
mod settling;
mod silence;
mod whole;

use std::collections::BTreeSet;
use std::sync::Arc;

use auditail::core::instant::Micros;
use auditail::core::profile::load::print;
use auditail::core::purge::decode;
use auditail::core::purge::plan::{Plan, Scope};
use auditail::core::purge::row::RawRows;
use auditail::core::query::predicate::Predicate;
use auditail::store::connect::{self, OpenOptions};
use auditail::store::purger::{
    Batch, Deleter, Left, Place, Purger, ReadEnd, RestoreInto, Restorer, Selection,
};
use mongodb::bson::{Bson, DateTime, Document, doc};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::harness;
use crate::harness::mongo::{MongoDb, Topology};

/// 2026-03-01
pub const CUTOFF: Micros = Micros(1_772_323_200_000_000);
/// 2026-01-01 in milliseconds.
pub const BEGIN: i64 = 1_767_225_600_000;
pub const HOUR: i64 = 3_600_000;
pub const AUDIT: &str = "audit_log";

/// An event `hours` after the beginning of 2026.
pub fn event(id: impl Into<Bson>, hours: i64) -> Document {
    doc! {
        "_id": id, "timestamp": DateTime::from_millis(BEGIN + hours * HOUR),
        "user": format!("u{}", hours % 7), "action": "DeletePod",
        "details": {"n": hours, "text": "tab\there\nnewline"},
    }
}

/// 1,416 of them are before the cutoff.
pub fn hourly() -> Vec<Document> {
    (0..2_000)
        .map(|hour| event(i32::try_from(hour).expect("small"), hour))
        .collect()
}

pub struct Bench {
    pub db: MongoDb,
    pub purger: Box<dyn Purger>,
    pub plan: Plan,
    pub stop: CancellationToken,
}

pub fn options() -> OpenOptions {
    OpenOptions {
        table: Some(AUDIT.to_owned()),
        ..OpenOptions::default()
    }
}

/// A collection with these documents and an index of these keys.
pub fn database(
    topology: Topology,
    test: &str,
    documents: Vec<Document>,
    index: Option<Document>,
) -> Option<MongoDb> {
    let db = harness::mongo(topology)?.database(test);
    db.insert(AUDIT, documents);
    if let Some(keys) = index {
        db.command(doc! {"createIndexes": AUDIT, "indexes": [{"key": keys, "name": "by time"}]});
    }
    Some(db)
}

pub async fn bench_on(
    topology: Topology,
    test: &str,
    documents: Vec<Document>,
    index: Option<Document>,
) -> Option<Bench> {
    let db = database(topology, test, documents, index)?;
    let purger = connect::purger(&db.url, &options())
        .await
        .expect("it opens");
    let stop = CancellationToken::new();
    let plan = plan(&*purger, &stop).await;
    Some(Bench {
        db,
        purger,
        plan,
        stop,
    })
}

pub async fn plan(purger: &dyn Purger, stop: &CancellationToken) -> Plan {
    let probe = purger.probe(stop).await.expect("it can be purged");
    let survey = purger.survey(&selection(), stop).await.expect("a survey");
    Plan {
        format: Plan::FORMAT,
        target: "test".to_owned(),
        written_by: "test".to_owned(),
        scope: Scope {
            cutoff: CUTOFF,
            filter: String::new(),
            keep: Vec::new(),
            now: probe.now,
            tz: "UTC".to_owned(),
            names: Vec::new(),
        },
        identity: probe.identity,
        relations: probe.relations,
        profile: print(&probe.profile),
        encoding: probe.encoding,
        order: probe.order,
        survey,
        warnings: probe.warnings,
        made_at: probe.now,
    }
}

pub fn selection() -> Selection {
    Selection {
        cutoff: CUTOFF,
        predicate: Arc::new(Predicate::All),
    }
}

impl Bench {
    /// Everything that is selected, read in calls of `limit` rows.
    pub async fn backup(&self, limit: usize) -> Batch {
        let mut all = RawRows::default();
        let mut after = None;
        loop {
            let (out, mut pieces) = mpsc::channel(4);
            let what = selection();
            let reading = self
                .purger
                .read(&self.plan, &what, after.take(), limit, out, &self.stop);
            let gathering = async {
                let mut times = Vec::new();
                while let Some(mut piece) = pieces.recv().await {
                    times.extend(piece.times);
                    let rows = piece.rows.remove(0);
                    all.payload.extend(rows.payload);
                    all.marks.extend(rows.marks);
                }
                times
            };
            let (end, times) = tokio::join!(reading, gathering);
            let end = end.expect("it reads");
            let keys: BTreeSet<_> = all.marks.iter().map(|mark| &mark.key).collect();
            assert_eq!(keys.len(), all.marks.len(), "no document comes twice");
            if end == ReadEnd::Exhausted {
                return Batch { rows: vec![all] };
            }
            let last = all.marks.last().expect("a limit means rows");
            after = Some(Place {
                time: times.last().cloned(),
                key: last.key.clone(),
            });
        }
    }

    pub async fn deleter(&self) -> Box<dyn Deleter> {
        let deleter = self.purger.deleter(&self.plan, None, &self.stop).await;
        deleter.expect("it may delete")
    }

    pub async fn restorer(&self) -> Box<dyn Restorer> {
        let into = RestoreInto::Table;
        let restorer = self.purger.restorer(&self.plan, into, &self.stop).await;
        restorer.expect("it may insert")
    }

    /// Deletes a batch and commits; documents deleted, and why others were left.
    pub async fn delete(&self, batch: &Batch) -> (u64, Vec<(String, Left)>) {
        let mut deleter = self.deleter().await;
        let staged = deleter.stage(batch, &self.stop).await.expect("staged");
        let count = staged.deleted()[0];
        let left = staged.left().iter();
        let left = left
            .map(|(mark, why)| (decode::id(self.plan.encoding, &mark.key).to_string(), *why))
            .collect();
        staged.commit().await.expect("it commits");
        (count, left)
    }

    /// Somebody else changes documents.
    pub fn update(&self, filter: Document, change: Document) {
        self.db.command(doc! {"update": AUDIT, "updates": [
            {"q": filter, "u": change, "multi": true},
        ]});
    }
}

/// The first documents of a batch.
pub fn head(batch: &Batch, rows: usize) -> Batch {
    let marks = batch.rows[0].marks[..rows].to_vec();
    let bytes: usize = marks.iter().map(|mark| mark.length as usize).sum();
    let payload = batch.rows[0].payload[..bytes].to_vec();
    Batch {
        rows: vec![RawRows { payload, marks }],
    }
}
