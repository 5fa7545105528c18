//! A good guest: only reading commands, and a stop that ends the work on the server.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use auditail::core::aggregate::{AggregateRequest, GroupKey, Measure, Subject};
use auditail::core::event::Field;
use auditail::core::query::predicate::{Atom, Predicate, Test};
use auditail::store::connect::OpenOptions;
use auditail::store::mongo::link::{COMMANDS, Watcher};
use auditail::store::mongo::open_watched;
use auditail::store::{
    Access, CountMode, PageFrom, PageRequest, PayloadNeed, Store, StoreError, TailFrom, TailItem,
    TailRequest,
};
use mongodb::bson::{Document, doc};
use mongodb::event::command::CommandEvent;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{everything, nested, open, page, query};
use crate::harness;
use crate::harness::mongo::{Login, Topology};
use crate::harness::postgres::PASSWORD;

/// Every operation of the store, with a look at the wire.
#[tokio::test]
async fn nothing_but_reading_commands_is_ever_sent() {
    let Some(server) = harness::private_mongo(Topology::ReplicaSet, Login::Required, &[]) else {
        return;
    };
    let db = server.database("wire");
    db.insert(
        "log",
        (0..300).map(|number| nested(number, doc! {})).collect(),
    );
    let sent = Arc::new(Mutex::new(BTreeSet::new()));
    let names = sent.clone();
    let watcher: Watcher = Arc::new(move |event| {
        if let CommandEvent::Started(started) = event {
            names
                .lock()
                .expect("no panic")
                .insert(started.command_name.clone());
        }
    });
    let options = OpenOptions::default();
    let store = open_watched(&db.url, &options, Some(watcher))
        .await
        .expect("open");
    let stop = CancellationToken::new();
    everything(&store).await;
    let predicate = query(&store, "user:ana* runapi since:2026-01-01").await;
    let (events, _) = page(&store, predicate.clone(), PageFrom::Oldest, Some(5))
        .await
        .expect("a page");
    store.fetch(&events[0].cursor, &stop).await.expect("fetch");
    for mode in [CountMode::Estimate, CountMode::Exact] {
        store.count(&predicate, mode, &stop).await.expect("a count");
        store
            .count(&Predicate::All, mode, &stop)
            .await
            .expect("a count");
    }
    store.span(&stop).await.expect("a span");
    store.explain(&predicate, &stop).await.expect("a plan");
    store.examine(&stop).await.expect("findings");
    store.now(&stop).await.expect("a clock");
    let request = AggregateRequest {
        predicate: Arc::new(Predicate::All),
        keys: vec![GroupKey::Value(Subject::Field(Field::Actor))],
        measure: Measure::Count,
        top: None,
    };
    let (out, _pieces) = mpsc::channel(8);
    let groups = store.aggregate(request, out, &stop).await.expect("groups");
    assert_eq!(groups.groups.len(), 1);
    let (out, mut items) = mpsc::channel(8);
    let request = TailRequest {
        predicate: Arc::new(Predicate::All),
        from: TailFrom::Now,
        resume: None,
        payload: PayloadNeed::Head,
    };
    let tail = store.tail(request, out, &stop);
    let listen = async {
        let mut completed = 0;
        while completed < 3 {
            completed += usize::from(matches!(items.recv().await, Some(TailItem::Complete(_))));
        }
        stop.cancel();
        while items.recv().await.is_some() {}
    };
    let (end, ()) = tokio::join!(tail, listen);
    assert!(matches!(end, Err(StoreError::Cancelled)));
    drop(store);
    let sent = sent.lock().expect("no panic").clone();
    let strangers: Vec<_> = sent
        .iter()
        .filter(|name| !COMMANDS.contains(&name.as_str()))
        .collect();
    assert!(strangers.is_empty(), "{strangers:?} is not on the list");
    for expected in [
        "find",
        "getMore",
        "aggregate",
        "count",
        "listCollections",
        "explain",
    ] {
        assert!(sent.contains(expected), "{expected} was not seen: {sent:?}");
    }
}

/// What still runs on the server for us.
async fn running(admin: &mongodb::Database) -> usize {
    let pipeline = doc! {"aggregate": 1, "cursor": {}, "pipeline": [
        {"$currentOp": {"idleSessions": false}},
        {"$match": {"appName": "auditail", "op": {"$in": ["query", "command", "getmore"]},
            "ns": {"$regex": "^stop"}}},
    ]};
    let answer = admin.run_command(pipeline).await.expect("what runs");
    let cursor = answer.get_document("cursor").expect("a cursor");
    cursor.get_array("firstBatch").expect("a batch").len()
}

#[tokio::test]
async fn a_stop_ends_the_query_on_the_server() {
    let Some(server) = harness::private_mongo(Topology::ReplicaSet, Login::None, &[]) else {
        return;
    };
    let db = server.database("stop");
    db.insert(
        "log",
        (0..5_000).map(|number| nested(number, doc! {})).collect(),
    );
    let store = open(&db.url, "log").await.expect("open");
    let admin = db.open().await.client().database("admin");
    // The server takes its time, for ever.
    let slow = doc! {
        "configureFailPoint": "waitInFindBeforeMakingBatch", "mode": "alwaysOn",
        "data": {"nss": format!("{}.log", db.name), "shouldCheckForInterrupt": true},
    };
    admin.run_command(slow).await.expect("a fail point");
    let stop = CancellationToken::new();
    let (out, _pieces) = mpsc::channel(8);
    let request = PageRequest {
        predicate: Arc::new(Predicate::Atom(Atom::Anywhere(Test::Contains(
            "nothing".to_owned(),
        )))),
        from: PageFrom::Newest,
        limit: Some(10),
        payload: PayloadNeed::Head,
    };
    let paging = store.page(request, out, &stop);
    let stopping = async {
        while running(&admin).await == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        stop.cancel();
    };
    let patience = Duration::from_secs(20);
    let both = async { tokio::join!(paging, stopping) };
    let (end, ()) = tokio::time::timeout(patience, both)
        .await
        .expect("the page ends");
    assert!(matches!(end, Err(StoreError::Cancelled)), "{end:?}");
    let ended = async {
        while running(&admin).await > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(patience, ended)
        .await
        .expect("the query ends on the server");
    let off = doc! {"configureFailPoint": "waitInFindBeforeMakingBatch", "mode": "off"};
    admin.run_command(off).await.expect("the fail point is off");
    assert_eq!(
        everything(&store).await.len(),
        5_000,
        "the store is as good as before"
    );
}

#[tokio::test]
async fn a_reading_role_is_all_it_takes() {
    let Some(server) = harness::private_mongo(Topology::ReplicaSet, Login::Required, &[]) else {
        return;
    };
    let db = server.database("role");
    db.insert(
        "log",
        (0..10).map(|number| nested(number, doc! {})).collect(),
    );
    let create = |user: &str, role: &str| {
        db.command(doc! {
            "createUser": user, "pwd": PASSWORD, "roles": [{"role": role, "db": &db.name}],
        })
    };
    create("reader", "read");
    create("writer", "readWrite");
    for (user, access) in [
        ("reader", Access::ReadOnly),
        ("writer", Access::RoleCanWrite),
    ] {
        let url = server.url_as(&format!("{user}:{PASSWORD}@"), &db.name);
        let url = url.replace("authSource=admin", &format!("authSource={}", db.name));
        let store = open(&url, "log").await.expect(user);
        assert_eq!(store.description().access, access, "{user}");
        assert_eq!(everything(&store).await.len(), 10);
        let findings = store
            .examine(&CancellationToken::new())
            .await
            .expect("findings");
        let tail = findings
            .iter()
            .find(|finding| finding.subject == "tail")
            .expect("about tails");
        assert!(tail.message.contains("change stream"), "{tail:?}");
    }
    let database = db.open().await;
    let documents = database
        .collection::<Document>("log")
        .count_documents(doc! {})
        .await;
    assert_eq!(documents.expect("a count"), 10);
}
