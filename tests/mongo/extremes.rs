//! Documents at the limits of what MongoDB takes: 16 MB, years without end, the deepest nesting.

use auditail::core::instant::At;
use auditail::store::{PageFrom, Store};
use mongodb::bson::{Bson, DateTime, Document, doc};
use tokio_util::sync::CancellationToken;

use super::tail::{follow, now, request};
use super::{everything, id, ids, nested, open, open_as, page, query};
use crate::harness;
use crate::harness::mongo::{Login, Topology};
use crate::harness::program;

/// What a server takes at most.
const LARGEST: usize = 16 << 20;

/// As large as a document can be.
fn largest(number: u32) -> Document {
    let mut document = now(number);
    document.insert("blob", "");
    let frame = document.to_vec().expect("BSON").len();
    document.insert("blob", "x".repeat(LARGEST - frame));
    assert_eq!(document.to_vec().expect("BSON").len(), LARGEST);
    document
}

#[tokio::test]
async fn the_largest_documents_are_read_exported_and_followed() {
    for (topology, capped) in [
        (Topology::ReplicaSet, false),
        (Topology::ReplicaSet, true),
        (Topology::Standalone, false),
    ] {
        let Some(server) = harness::private_mongo(topology, Login::None, &[]) else {
            return;
        };
        let db = server.database("largest");
        // The tests' servers have little room for documents like these.
        let cache = doc! {"setParameter": 1, "wiredTigerEngineRuntimeConfig": "cache_size=1GB"};
        let admin = db.open().await.client().database("admin");
        admin.run_command(cache).await.expect("more room");
        if capped {
            db.command(doc! {"create": "log", "capped": true, "size": 1 << 28});
        }
        db.command(
            doc! {"createIndexes": "log", "indexes": [{"key": {"meta.time": 1}, "name": "t"}]},
        );
        let log = db.open().await.collection::<Document>("log");
        log.insert_many([now(1), largest(2), now(3)])
            .await
            .expect("insert");
        let store = open_as(&db.url, "log", "dronahq").await.expect("open");
        assert_eq!(everything(&store).await.len(), 3);
        let line = program::run([
            "query",
            &format!("{}&table=log", db.url),
            "user:ana*",
            "--limit",
            "all",
            "-o",
            "ndjson",
        ])
        .ok();
        assert_eq!(line.lines().count(), 3);
        assert!(line.len() > LARGEST);
        let ((), heard) = follow(&store, request(), 8, async |heard| {
            heard.complete().await;
            log.insert_many([now(4), largest(5), now(6)])
                .await
                .expect("insert");
            heard.until(3).await;
            log.insert_many([largest(7), largest(8), now(9)])
                .await
                .expect("insert");
            heard.until(6).await;
            if topology == Topology::ReplicaSet && !capped {
                // The event of the change would carry what was set twice.
                let set = doc! {"$set": {"blob": "y".repeat(LARGEST * 3 / 4)}};
                log.update_one(doc! {"_id": id(5)}, set).await.expect("set");
                while heard.updated == 0 {
                    heard.next().await;
                }
            }
            heard.complete().await;
            heard.complete().await;
        })
        .await;
        assert_eq!(heard.once().len(), 6, "{topology:?}");
        assert!(heard.gaps.is_empty(), "{topology:?}: {:?}", heard.gaps);
    }
}

#[tokio::test]
async fn years_beyond_9999_are_events_like_others() {
    let Some(server) = harness::mongo(Topology::ReplicaSet) else {
        return;
    };
    let db = server.database("years");
    let times = [
        i64::MIN,
        -62_135_596_800_001,
        -1,
        0,
        super::NEW_YEAR,
        253_402_300_799_999,
        253_402_300_800_000,
        8_640_000_000_000_000,
        i64::MAX,
    ];
    let documents = (0..).zip(times).map(|(number, time)| {
        doc! {
            "_id": id(number), "timestamp": DateTime::from_millis(time), "user": "ana",
            "action": "login", "ip": "192.0.2.1",
        }
    });
    db.insert("log", documents.collect());
    db.command(doc! {"createIndexes": "log", "indexes": [{"key": {"timestamp": 1}, "name": "t"}]});
    let store = open(&db.url, "log").await.expect("open");
    let newest_first: Vec<String> = (0..9).rev().map(|number| id(number).to_hex()).collect();
    let all = everything(&store).await;
    assert_eq!(ids(&all), newest_first);
    assert!(all.iter().all(|event| matches!(event.at(), At::Instant(_))));
    let (mut pages, mut from) = (Vec::new(), PageFrom::Newest);
    loop {
        let every = query(&store, "action:login").await;
        let (events, _) = page(&store, every, from, Some(2)).await.expect("a page");
        let Some(last) = events.last() else { break };
        from = PageFrom::Before(last.cursor.clone());
        pages.extend(ids(&events));
    }
    assert_eq!(pages, newest_first);
    for (text, count) in [
        ("since:9999-12-31", 4),
        ("since:2026-01-01", 5),
        ("until:1969-12-31", 3),
    ] {
        let predicate = query(&store, text).await;
        let (events, _) = page(&store, predicate, PageFrom::Newest, None)
            .await
            .expect(text);
        assert_eq!(events.len(), count, "{text}");
    }
    let stop = CancellationToken::new();
    assert!(store.span(&stop).await.expect("a span").is_some());
    let target = format!("{}&table=log", db.url);
    for format in ["ndjson", "csv", "table", "json"] {
        let out = program::run(["query", &target, "--limit", "all", "-o", format]).ok();
        for year in ["9999-12-31", "+10000-01-01"] {
            assert!(out.contains(year), "{format}: {year} is not in\n{out}");
        }
    }
    let facets = program::run(["facets", &target, "action"]).ok();
    assert!(facets.contains("login") && facets.contains('9'), "{facets}");
}

#[tokio::test]
async fn a_far_future_is_told_once() {
    for topology in [Topology::ReplicaSet, Topology::Standalone] {
        let Some(server) = harness::mongo(topology) else {
            return;
        };
        let db = server.database("future");
        db.command(
            doc! {"createIndexes": "log", "indexes": [{"key": {"meta.time": 1}, "name": "t"}]},
        );
        let log = db.open().await.collection::<Document>("log");
        log.insert_one(nested(1, doc! {"time": 300_000_000_000_000_i64}))
            .await
            .expect("insert");
        let store = open_as(&db.url, "log", "dronahq").await.expect("open");
        let ((), heard) = follow(&store, request(), 8, async |heard| {
            heard.complete().await;
            log.insert_one(nested(2, doc! {"time": 300_000_000_000_000_i64}))
                .await
                .expect("insert");
            log.insert_one(now(3)).await.expect("insert");
            heard.until(2).await;
            heard.complete().await;
            heard.complete().await;
        })
        .await;
        assert_eq!(heard.once().len(), 2, "{topology:?}");
    }
}

#[tokio::test]
async fn the_deepest_nesting_is_shown_and_found() {
    let Some(server) = harness::mongo(Topology::ReplicaSet) else {
        return;
    };
    let db = server.database("deepest");
    let mut deep = Bson::from("abyss");
    for _ in 0..170 {
        deep = doc! {"d": deep}.into();
    }
    let mut document = nested(1, doc! {});
    document.insert("deep", deep);
    db.insert("log", vec![document, nested(2, doc! {})]);
    let store = open_as(&db.url, "log", "dronahq").await.expect("open");
    for text in [
        "abyss".to_owned(),
        format!(".deep{}:abyss", ".d".repeat(170)),
    ] {
        let predicate = query(&store, &text).await;
        let (events, _) = page(&store, predicate, PageFrom::Newest, None)
            .await
            .expect("a page");
        assert_eq!(ids(&events), [id(1).to_hex()], "{text}");
        assert!(events[0].payload.text.contains(&r#"{"d":"#.repeat(170)));
    }
}
