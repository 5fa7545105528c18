//! Filters that an index serves: found by it, in the order of time, without a walk.

use std::sync::Arc;

use auditail::core::event::Event;
use auditail::store::{PageFrom, PageItem, PageRequest, PayloadNeed, Store};
use mongodb::bson::{Document, doc};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{id, ids, nested, open, page, query};
use crate::harness;
use crate::harness::mongo::Topology;

/// More than the first slice of a walk.
const DOCUMENTS: u32 = 25_000;

/// The events of a filter, and how often a search told how far it was.
async fn found(store: &dyn Store, text: &str) -> (Vec<Event>, usize) {
    let (out, mut pieces) = mpsc::channel(8);
    let request = PageRequest {
        predicate: Arc::new(query(store, text).await),
        from: PageFrom::Newest,
        limit: Some(100),
        payload: PayloadNeed::Whole,
    };
    let stop = CancellationToken::new();
    let reading = async {
        let (mut events, mut steps) = (Vec::new(), 0);
        while let Some(piece) = pieces.recv().await {
            match piece {
                PageItem::Events(more) => events.extend(more),
                PageItem::Progress(_) => steps += 1,
            }
        }
        (events, steps)
    };
    let (end, found) = tokio::join!(store.page(request, out, &stop), reading);
    end.expect(text);
    found
}

#[tokio::test]
async fn few_documents_are_found_by_their_index() {
    let Some(server) = harness::mongo(Topology::ReplicaSet) else {
        return;
    };
    let db = server.database("finder");
    let documents: Vec<Document> = (0..DOCUMENTS)
        .map(|number| {
            let email = if number % 1_000 == 7 { "rare" } else { "usual" };
            let agent = format!("agent {}", number % 1_000);
            nested(number, doc! {"user-email": email, "user-agent": agent})
        })
        .collect();
    db.insert("log", documents);
    db.command(doc! {"createIndexes": "log", "indexes": [
        {"key": {"timestamp": -1}, "name": "timestamp_1"},
        {"key": {"meta.user-email": 1}, "name": "who"},
    ]});
    let store = open(&db.url, "log").await.expect("open");
    let expected: Vec<String> = (0..DOCUMENTS / 1_000)
        .rev()
        .map(|number| id(number * 1_000 + 7).to_hex())
        .collect();

    let (events, steps) = found(&store, ".meta.user-email:rare").await;
    assert_eq!(ids(&events), expected);
    assert_eq!(steps, 0, "it walked although an index knows");

    // The same documents by a key without an index: a walk.
    let (events, steps) = found(&store, ".meta.user-agent:\"agent 7\"").await;
    assert_eq!(ids(&events), expected);
    assert!(steps > 0, "it did not tell how far it was");

    // Most documents: the index on time is the better one, and 100 are there at once.
    let (events, _) = found(&store, ".meta.user-email:usual").await;
    assert_eq!(events.len(), 100);
    assert_eq!(events[0].id.as_str(), id(DOCUMENTS - 1).to_hex());

    // On from the middle.
    let predicate = query(&store, ".meta.user-email:rare").await;
    let first = page(&store, predicate.clone(), PageFrom::Newest, Some(10))
        .await
        .expect("a page");
    let cursor = first.0[9].cursor.clone();
    let rest = page(&store, predicate, PageFrom::Before(cursor), None)
        .await
        .expect("the rest");
    assert_eq!(ids(&rest.0), expected[10..]);
}
