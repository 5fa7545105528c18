//! Somebody who writes a little to a collection all the time, and how long he waits for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mongodb::bson::{DateTime, Document, doc};
use mongodb::options::{Acknowledgment, WriteConcern};

use super::mongo::MongoDb;

/// The time of the first event he writes, 2026-11-01; nothing that is purged is as young.
pub const BEGIN: i64 = 1_793_491_200_000;
/// Between two writes.
const PAUSE: Duration = Duration::from_millis(4);

/// What he met with.
pub struct Waits {
    /// One of a hundred writes took longer.
    pub p99: Duration,
    /// The slowest one.
    pub longest: Duration,
}

/// Does something while he writes.
pub fn beside<T>(db: &MongoDb, collection: &str, work: impl FnOnce() -> T) -> (T, Waits) {
    let stop = Arc::new(AtomicBool::new(false));
    let (url, database, collection) = (db.url.clone(), db.name.clone(), collection.to_owned());
    let his = stop.clone();
    let writer = std::thread::spawn(move || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime")
            .block_on(write(&url, &database, &collection, &his))
    });
    let done = work();
    stop.store(true, Ordering::Relaxed);
    let mut waits = writer.join().expect("he writes to the end");
    waits.sort_unstable();
    let at = (waits.len() * 99 / 100).min(waits.len() - 1);
    let met = Waits {
        p99: waits[at],
        longest: waits[waits.len() - 1],
    };
    (done, met)
}

async fn write(url: &str, database: &str, collection: &str, stop: &AtomicBool) -> Vec<Duration> {
    let client = mongodb::Client::with_uri_str(url).await.expect("a client");
    let durable = WriteConcern::builder().w(Acknowledgment::Majority).build();
    let documents = client.database(database).collection::<Document>(collection);
    let mut waits = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let time = BEGIN + i64::try_from(waits.len()).expect("few");
        let event = doc! {"timestamp": DateTime::from_millis(time), "user": "writer"};
        let begun = Instant::now();
        let written = documents.insert_one(event).write_concern(durable.clone());
        written.await.expect("written");
        waits.push(begun.elapsed());
        tokio::time::sleep(PAUSE).await;
    }
    waits
}
