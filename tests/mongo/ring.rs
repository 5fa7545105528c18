//! Following a capped collection by a tailable cursor: every document once, and a gap where the ring
//! went round faster than it was read.

use std::collections::BTreeSet;
use std::sync::Arc;

use auditail::core::instant::Micros;
use auditail::store::mongo::MongoStore;
use auditail::store::{Store, StoreError, TailFrom, TailItem, TailRequest};
use mongodb::bson::{Bson, Document, doc};
use mongodb::options::WriteConcern;
use mongodb::{Collection, Database};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::tail::{Heard, follow, now, request};
use super::{id, nested, open_as};
use crate::harness;
use crate::harness::mongo::{Login, Mongo, MongoDb, Topology};

const LARGE: i32 = 1 << 24;
/// Holds some 140 documents.
const SMALL: i32 = 1 << 16;

struct Ring {
    db: MongoDb,
    store: MongoStore,
    log: Collection<Document>,
    database: Database,
}

async fn ring(server: &Mongo, test: &str, size: i32) -> Ring {
    let db = server.database(test);
    db.command(doc! {"create": "log", "capped": true, "size": size});
    let database = db.open().await;
    Ring {
        store: open_as(&db.url, "log", "dronahq").await.expect("open"),
        log: database.collection("log"),
        database,
        db,
    }
}

async fn insert(log: &Collection<Document>, numbers: impl IntoIterator<Item = u32>) {
    let documents: Vec<_> = numbers.into_iter().map(now).collect();
    log.insert_many(documents).await.expect("insert");
}

/// A document that says it happened long before it was written, and one that does not say when.
fn odd(number: u32) -> [Document; 2] {
    [
        nested(number, doc! {}),
        nested(number + 1, doc! {"time": Bson::Null}),
    ]
}

fn hex(numbers: impl IntoIterator<Item = u32>) -> BTreeSet<String> {
    numbers
        .into_iter()
        .map(|number| id(number).to_hex())
        .collect()
}

fn assert_heard(heard: &Heard, numbers: impl IntoIterator<Item = u32>) {
    let told: BTreeSet<String> = heard.once().into_iter().cloned().collect();
    assert_eq!(told, hex(numbers));
    assert_eq!(heard.gaps, Vec::<String>::new());
    assert_eq!(
        heard.levels.iter().collect::<Vec<_>>(),
        ["tailable cursor"],
        "the screen says how it is followed"
    );
}

#[tokio::test]
async fn a_ring_is_told_once_beside_its_writers() {
    for topology in [Topology::ReplicaSet, Topology::Standalone] {
        let Some(server) = harness::mongo(topology) else {
            return;
        };
        let ring = ring(server, "writers", LARGE).await;
        // More than a cursor would read again to find its place.
        insert(&ring.log, 10_000..13_000).await;
        let ((), heard) = follow(&ring.store, request(), 8, async |heard| {
            heard.complete().await;
            let writers = (0..4_u32).map(|writer| {
                let log = ring.log.clone();
                tokio::spawn(async move {
                    for piece in 0..60 {
                        let first = writer * 1_000 + piece * 5;
                        insert(&log, first..first + 5).await;
                    }
                })
            });
            let writers: Vec<_> = writers.collect();
            for writer in writers {
                writer.await.expect("a writer");
            }
            ring.log.insert_many(odd(5_000)).await.expect("insert");
            heard.until(1_202).await;
            heard.complete().await;
            heard.complete().await;
        })
        .await;
        let live = (0..4).flat_map(|writer| writer * 1_000..writer * 1_000 + 300);
        assert_heard(&heard, live.chain([5_000, 5_001]));
        let findings = ring.store.examine(&CancellationToken::new()).await;
        let findings = findings.expect("findings");
        assert!(findings.iter().any(
            |finding| finding.subject == "tail" && finding.message.contains("tailable cursor")
        ));
    }
}

#[tokio::test]
async fn an_empty_ring_is_followed_from_its_first_document() {
    for topology in [Topology::ReplicaSet, Topology::Standalone] {
        let Some(server) = harness::mongo(topology) else {
            return;
        };
        let ring = ring(server, "first", LARGE).await;
        let ((), heard) = follow(&ring.store, request(), 8, async |heard| {
            heard.complete().await;
            heard.complete().await;
            insert(&ring.log, [1]).await;
            heard.until(1).await;
            insert(&ring.log, [2, 3]).await;
            heard.until(3).await;
            heard.complete().await;
        })
        .await;
        assert_heard(&heard, 1..4);
    }
}

#[tokio::test]
async fn a_ring_that_laps_its_reader_is_a_gap_and_then_told_on() {
    let Some(server) = harness::mongo(Topology::ReplicaSet) else {
        return;
    };
    let ring = ring(server, "lapped", SMALL).await;
    insert(&ring.log, 0..50).await;
    let ((), heard) = follow(&ring.store, request(), 1, async |heard| {
        heard.complete().await;
        // Nobody listens: the tail can send no more than one piece.
        for piece in 0..60 {
            insert(&ring.log, 100 + piece * 50..150 + piece * 50).await;
        }
        let last = id(3_099).to_hex();
        while !heard.ids.contains(&last) {
            heard.next().await;
        }
        insert(&ring.log, [9_000]).await;
        heard.until(heard.ids.len() + 1).await;
        heard.complete().await;
    })
    .await;
    let told: BTreeSet<String> = heard.once().into_iter().cloned().collect();
    assert!(
        told.len() < 3_001,
        "the writer was not faster: {}",
        told.len()
    );
    assert_eq!(heard.gaps.len(), 1, "{:?}", heard.gaps);
    assert!(heard.gaps[0].contains("overwritten"), "{:?}", heard.gaps);
    let left = ring
        .log
        .distinct("_id", doc! {})
        .await
        .expect("what is left");
    assert!(left.len() > 100);
    for id in left {
        let id = id.as_object_id().expect("an id").to_hex();
        assert!(told.contains(&id), "{id} is there and was not told");
    }
}

#[tokio::test]
async fn a_ring_is_followed_through_a_crash() {
    for topology in [Topology::ReplicaSet, Topology::Standalone] {
        let Some(server) = harness::private_mongo(topology, Login::None, &[]) else {
            return;
        };
        let ring = ring(&server, "crash", LARGE).await;
        insert(&ring.log, 1_000..4_000).await;
        let server = Arc::new(server);
        let ((), heard) = follow(&ring.store, request(), 8, async |heard| {
            heard.complete().await;
            let journaled = WriteConcern::builder().journal(true).build();
            let write = ring.log.insert_one(now(1)).write_concern(journaled);
            write.await.expect("insert");
            heard.until(1).await;
            let stopped = server.clone();
            let crash = tokio::task::spawn_blocking(move || stopped.crash());
            crash.await.expect("crash");
            while !matches!(heard.next().await, TailItem::Reconnecting { .. }) {}
            let started = server.clone();
            let start = tokio::task::spawn_blocking(move || started.start());
            start.await.expect("start");
            while ring.log.insert_one(now(2)).await.is_err() {}
            insert(&ring.log, 3..20).await;
            heard.until(19).await;
            heard.complete().await;
            assert!(heard.reconnected > 0);
        })
        .await;
        assert_heard(&heard, 1..20);
    }
}

#[tokio::test]
async fn a_ring_is_followed_through_lost_cursors_and_an_election() {
    let Some(server) = harness::private_mongo(Topology::ReplicaSet, Login::None, &[]) else {
        return;
    };
    let ring = ring(&server, "through", LARGE).await;
    insert(&ring.log, 1_000..1_100).await;
    let admin = ring.database.client().database("admin");
    let ((), heard) = follow(&ring.store, request(), 8, async |heard| {
        heard.complete().await;
        let faults = [
            doc! {"errorCode": 136},
            doc! {"errorCode": 43},
            doc! {"errorCode": 175},
            doc! {"errorCode": 11_602},
            doc! {"closeConnection": true},
        ];
        for (round, mut data) in (0_u32..).zip(faults) {
            let commands = ["getMore", "find"];
            let is_dropped = data.get_i32("errorCode").is_ok_and(|code| code == 175);
            data.insert(
                "failCommands",
                commands[..2 - usize::from(is_dropped)].to_vec(),
            );
            let point = doc! {
                "configureFailPoint": "failCommand", "mode": {"times": 2}, "data": data,
            };
            admin.run_command(point).await.expect("a fail point");
            insert(&ring.log, round * 10..round * 10 + 10).await;
            heard.until((round as usize + 1) * 10).await;
        }
        let step = doc! {"replSetStepDown": 1, "force": true};
        admin.run_command(step).await.expect("step down");
        while ring.log.insert_one(now(50)).await.is_err() {}
        heard.until(51).await;
        heard.complete().await;
    })
    .await;
    assert_heard(&heard, 0..51);
}

#[tokio::test]
async fn a_ring_is_followed_on_where_another_run_stopped() {
    let Some(server) = harness::mongo(Topology::ReplicaSet) else {
        return;
    };
    let ring = ring(server, "resume", SMALL).await;
    insert(&ring.log, 0..5).await;
    ring.log.insert_many(odd(6)).await.expect("insert");
    let since = |seconds: i64| {
        let now = mongodb::bson::DateTime::now().timestamp_millis();
        Micros((now - seconds * 1_000) * 1_000)
    };
    let backlog = TailRequest {
        from: TailFrom::Since(since(30)),
        ..request()
    };
    let ((), first) = follow(&ring.store, backlog, 8, async |heard| {
        heard.until(5).await;
        heard.complete().await;
        ring.log.insert_many(odd(8)).await.expect("insert");
        heard.until(7).await;
        heard.complete().await;
    })
    .await;
    assert_heard(&first, [0, 1, 2, 3, 4, 8, 9]);
    ring.log.insert_many(odd(10)).await.expect("insert");
    insert(&ring.log, [12]).await;
    let on = |checkpoint| TailRequest {
        resume: checkpoint,
        ..request()
    };
    let ((), second) = follow(&ring.store, on(first.checkpoint), 8, async |heard| {
        heard.complete().await;
    })
    .await;
    assert_heard(&second, [10, 11, 12]);
    let ((), third) = follow(&ring.store, on(second.checkpoint), 8, async |heard| {
        heard.complete().await;
    })
    .await;
    assert_heard(&third, []);
    for piece in 1..9 {
        insert(&ring.log, piece * 100..piece * 100 + 100).await;
    }
    let ((), fourth) = follow(&ring.store, on(third.checkpoint), 8, async |heard| {
        heard.complete().await;
    })
    .await;
    assert_eq!(fourth.gaps.len(), 1, "{:?}", fourth.gaps);
    let left = ring.log.count_documents(doc! {}).await.expect("a count");
    assert_eq!(fourth.once().len() as u64, left);
}

#[tokio::test]
async fn a_ring_that_is_replaced_is_said() {
    let Some(server) = harness::mongo(Topology::ReplicaSet) else {
        return;
    };
    let ring = ring(server, "replaced", LARGE).await;
    insert(&ring.log, 0..5).await;
    let (out, mut items) = mpsc::channel(8);
    let stop = CancellationToken::new();
    let script = async {
        while !matches!(items.recv().await, Some(TailItem::Complete(_))) {}
        ring.log.drop().await.expect("drop");
        ring.db.command(doc! {"create": "log"});
        insert(&ring.log, 5..9).await;
        while items.recv().await.is_some() {}
    };
    let (end, ()) = tokio::join!(ring.store.tail(request(), out, &stop), script);
    let Err(error @ StoreError::Failed { .. }) = end else {
        panic!("{end:?}");
    };
    assert!(
        error
            .to_string()
            .contains(".log is no capped collection any more"),
        "{error}"
    );
    assert!(
        error
            .hint()
            .is_some_and(|hint| hint.contains("open it again"))
    );
}
