//! Questions in the middle of which the primary steps down, or the server dies.

use std::sync::Arc;

use auditail::core::event::Event;
use auditail::core::query::predicate::Predicate;
use auditail::store::mongo::MongoStore;
use auditail::store::{
    Count, CountMode, PageEnd, PageFrom, PageItem, PageRequest, PayloadNeed, Store, StoreError,
};
use mongodb::bson::doc;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{everything, id, ids, nested, open, query};
use crate::harness;
use crate::harness::mongo::{Login, Mongo, MongoDb, Topology};

const DOCUMENTS: u32 = 12_000;

async fn prepared(server: &Mongo, test: &str, options: &str) -> (MongoDb, MongoStore) {
    let db = server.database(test);
    let documents = (0..DOCUMENTS).map(|number| nested(number, doc! {}));
    db.insert("log", documents.collect());
    // On disk: the tests below crash the server, which may forget what its journal does not have.
    db.command(doc! {
        "createIndexes": "log", "indexes": [{"key": {"meta.time": 1}, "name": "t"}],
        "writeConcern": {"w": 1, "j": true},
    });
    let store = open(&format!("{}{options}", db.url), "log").await;
    (db, store.expect("open"))
}

/// All events, with something that happens once the first have come. The page waits for its reader
/// meanwhile, so that it is in the middle.
async fn disturbed(
    store: &MongoStore,
    disturb: impl Future<Output = ()>,
) -> Result<(Vec<Event>, PageEnd), StoreError> {
    let (out, mut pieces) = mpsc::channel(1);
    let request = PageRequest {
        predicate: Predicate::All.into(),
        from: PageFrom::Newest,
        limit: None,
        payload: PayloadNeed::Head,
    };
    let stop = CancellationToken::new();
    let reading = async {
        let mut events = Vec::new();
        if let Some(PageItem::Events(first)) = pieces.recv().await {
            events.extend(first);
        }
        assert!(
            !events.is_empty() && events.len() < 6_000,
            "{}",
            events.len()
        );
        disturb.await;
        while let Some(piece) = pieces.recv().await {
            if let PageItem::Events(more) = piece {
                events.extend(more);
            }
        }
        events
    };
    let (end, events) = tokio::join!(store.page(request, out, &stop), reading);
    Ok((events, end?))
}

async fn aside(work: impl FnOnce() + Send + 'static) {
    tokio::task::spawn_blocking(work).await.expect("no panic");
}

#[tokio::test]
async fn a_page_goes_on_through_a_crash_and_an_election() {
    for topology in [Topology::ReplicaSet, Topology::Standalone] {
        let Some(server) = harness::private_mongo(topology, Login::None, &[]) else {
            return;
        };
        let (db, store) = prepared(&server, "through", "").await;
        let database = db.open().await;
        let server = Arc::new(server);
        let again = server.clone();
        let crash = aside(move || {
            again.crash();
            again.start();
        });
        let all: Vec<String> = (0..DOCUMENTS)
            .rev()
            .map(|number| id(number).to_hex())
            .collect();
        let (events, end) = disturbed(&store, crash).await.expect("through a crash");
        assert!(ids(&events) == all, "{topology:?}: {} events", events.len());
        assert_eq!(end, PageEnd::Exhausted);
        if topology == Topology::Standalone {
            continue;
        }
        let election = async {
            let admin = database.client().database("admin");
            let election = doc! {"replSetStepDown": 2, "force": true};
            admin.run_command(election).await.expect("step down");
        };
        let (events, _) = disturbed(&store, election).await.expect("an election");
        assert!(ids(&events) == all, "{} events", events.len());
    }
}

/// Indexes are dropped while somebody looks at the collection.
#[tokio::test]
async fn a_page_goes_on_when_its_index_is_dropped() {
    let Some(server) = harness::mongo(Topology::ReplicaSet) else {
        return;
    };
    let (db, store) = prepared(server, "dropped", "").await;
    let all: Vec<String> = (0..DOCUMENTS)
        .rev()
        .map(|number| id(number).to_hex())
        .collect();
    let drop = async { drop(db.command(doc! {"dropIndexes": "log", "index": "t"})) };
    let (events, end) = disturbed(&store, drop).await.expect("without its index");
    assert!(ids(&events) == all, "{} events", events.len());
    assert_eq!(end, PageEnd::Exhausted);
}

/// While there is no primary, and while the next one begins, every answer is right or is an error
/// that says to ask again; never a part of the answer.
#[tokio::test]
async fn questions_during_an_election_are_answered_whole() {
    let Some(server) = harness::private_mongo(Topology::ReplicaSet, Login::None, &[]) else {
        return;
    };
    let (db, store) = prepared(&server, "election", "").await;
    let predicate = query(&store, "event:db_query").await;
    let stop = CancellationToken::new();
    let admin = db.open().await.client().database("admin");
    let election = doc! {"replSetStepDown": 2, "force": true};
    admin.run_command(election).await.expect("step down");
    let mut answered = 0;
    loop {
        match store.count(&predicate, CountMode::Exact, &stop).await {
            Ok(count) => {
                answered += 1;
                assert_eq!(count, Count::Exact(u64::from(DOCUMENTS)));
            }
            Err(error) => assert!(matches!(error, StoreError::Lost { .. }), "{error:?}"),
        }
        let hello = admin.run_command(doc! {"hello": 1}).await;
        let is_primary =
            |hello: mongodb::bson::Document| hello.get_bool("isWritablePrimary").unwrap_or(false);
        if answered > 0 && hello.is_ok_and(is_primary) {
            break;
        }
    }
    assert_eq!(everything(&store).await.len(), DOCUMENTS as usize);
    assert!(store.span(&stop).await.expect("a span").is_some());
}

#[tokio::test]
async fn a_server_that_dies_in_the_middle_of_a_page_is_said() {
    let Some(server) = harness::private_mongo(Topology::ReplicaSet, Login::None, &[]) else {
        return;
    };
    let (_db, store) = prepared(&server, "dies", "&serverSelectionTimeoutMS=200").await;
    let server = Arc::new(server);
    let dying = server.clone();
    let end = disturbed(&store, aside(move || dying.crash())).await;
    let error = end.expect_err("a part is not the answer");
    assert!(matches!(error, StoreError::Lost { .. }), "{error:?}");
    let place = &store.description().server;
    assert!(error.to_string().contains("127.0.0.1"), "{place}: {error}");
    assert!(
        error.hint().is_some_and(|hint| hint.contains("again")),
        "{error}"
    );
}
