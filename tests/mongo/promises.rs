//! MongoDB against the contract of all stores: Clutch's rows as documents, their time in whole
//! microseconds and their infinities as doubles, once with an oplog and once without.

use std::sync::atomic::{AtomicI64, Ordering};

use auditail::core::instant::At;
use auditail::core::profile::{Profile, TimeEncoding, load};
use auditail::store::Store;
use auditail::store::connect::OpenOptions;
use auditail::store::mongo::{self, MongoStore};
use fastrand::Rng;
use mongodb::bson::{Bson, Document, doc};

use crate::contract::{Bench, Later, NewRow};
use crate::differential::records::documents::of_json;
use crate::harness;
use crate::harness::mongo::{MongoDb, Topology};

struct Clutch {
    documents: mongodb::Collection<Document>,
    next: AtomicI64,
    store: MongoStore,
    _db: MongoDb,
}

/// JSON as BSON, numbers in any type that holds them.
fn details(text: &str) -> Bson {
    of_json(text, &mut Rng::with_seed(7))
}

fn time(at: At) -> Bson {
    match at {
        At::Absent => Bson::Null,
        At::NegInfinity => f64::NEG_INFINITY.into(),
        At::PosInfinity => f64::INFINITY.into(),
        At::Instant(at) => at.0.into(),
    }
}

impl Bench for Clutch {
    fn store(&self) -> &dyn Store {
        &self.store
    }

    fn insert<'a>(&'a self, rows: &'a [NewRow]) -> Later<'a, Vec<i64>> {
        Box::pin(async move {
            let ids: Vec<i64> = rows
                .iter()
                .map(|_| self.next.fetch_add(1, Ordering::Relaxed))
                .collect();
            let documents = rows.iter().zip(&ids).map(|(row, id)| {
                doc! {
                    "_id": *id, "id": *id, "occurred_at": time(row.at),
                    "details": details(&row.details), "sent": false,
                }
            });
            self.documents.insert_many(documents).await.expect("insert");
            ids
        })
    }

    fn update<'a>(&'a self, id: i64, text: &'a str) -> Later<'a, ()> {
        Box::pin(async move {
            let change = doc! {"$set": {"details": details(text)}};
            self.documents
                .update_one(doc! {"_id": id}, change)
                .await
                .expect("update");
        })
    }

    fn largest(&self) -> usize {
        // A document has at most 16 MB.
        15 * 1024 * 1024
    }

    fn delete(&self, id: i64) -> Later<'_, ()> {
        Box::pin(async move {
            self.documents
                .delete_one(doc! {"_id": id})
                .await
                .expect("delete");
        })
    }
}

/// Clutch's profile for times in whole microseconds.
pub fn profile() -> Profile {
    let mut profile = (*load::named("clutch").expect("built in")).clone();
    profile.time.encoding = TimeEncoding::EpochMicros;
    profile
}

async fn bench(topology: Topology, test: &str) -> Option<Clutch> {
    let db = harness::mongo(topology)?.database(&test[..test.len().min(30)]);
    db.command(doc! {"createIndexes": "audit_events", "indexes": [
        {"key": {"occurred_at": 1}, "name": "sort_audit_events"},
    ]});
    let options = OpenOptions {
        profile: Some(profile().into()),
        table: Some("audit_events".to_owned()),
        ..OpenOptions::default()
    };
    let store = mongo::open(&db.url, &options).await.expect("open");
    let documents = db.open().await.collection("audit_events");
    Some(Clutch {
        documents,
        next: AtomicI64::new(1),
        store,
        _db: db,
    })
}

async fn in_a_set(test: &str) -> Option<Clutch> {
    bench(Topology::ReplicaSet, test).await
}

async fn alone(test: &str) -> Option<Clutch> {
    bench(Topology::Standalone, test).await
}

crate::contract!(in_a_set);

/// Without an oplog the window is read again and again.
mod polling {
    use super::alone;

    crate::contract!(alone:
        a_tail_tells_everything_once,
        a_filtered_tail_tells_what_begins_and_ends_to_match,
        a_tail_goes_on_where_another_stopped,
    );
}
