//! Pages: every event once, in one order, whichever way and however they are cut.

use auditail::core::event::Event;
use auditail::core::instant::At;
use auditail::core::query::predicate::Predicate;
use auditail::store::connect::OpenOptions;
use auditail::store::{PageEnd, PageFrom, Store};
use mongodb::bson::{Bson, DateTime, Document, doc};
use rstest::rstest;
use tokio_util::sync::CancellationToken;

use super::{NEW_YEAR, everything, id, ids, nested, open_as, page};
use crate::harness;
use crate::harness::mongo::{MongoDb, Topology};

/// Ties, ids of several types, and every kind of time there is.
fn mixed() -> Vec<Document> {
    let mut all: Vec<Document> = (0..120)
        .map(|number| {
            let mut document = nested(number, doc! {});
            let at = NEW_YEAR + i64::from(number / 10) * 1000;
            document.insert("timestamp", DateTime::from_millis(at));
            let id: Bson = match number % 6 {
                0 => i64::from(number).into(),
                1 => format!("key{number}").into(),
                2 => (f64::from(number) + 0.5).into(),
                3 => doc! {"host": "h1", "n": number}.into(),
                4 => mongodb::bson::Uuid::from_bytes([number as u8; 16]).into(),
                _ => id(number).into(),
            };
            document.insert("_id", id);
            document
        })
        .collect();
    let odd: [Bson; 8] = [
        Bson::Null,
        "yesterday".into(),
        7.into(),
        true.into(),
        vec![Bson::DateTime(DateTime::from_millis(NEW_YEAR))].into(),
        doc! {"a": 1}.into(),
        f64::INFINITY.into(),
        mongodb::bson::Timestamp {
            time: 1,
            increment: 1,
        }
        .into(),
    ];
    for (number, time) in (200..).zip(odd) {
        let mut document = nested(number, doc! {});
        document.insert("timestamp", time);
        all.push(document);
    }
    let mut missing = nested(300, doc! {});
    missing.remove("timestamp");
    all.push(missing);
    for far in [i64::MAX, i64::MIN, 253_402_300_800_000, -62_135_596_800_001] {
        let mut document = nested(400, doc! {});
        document.insert("_id", far);
        document.insert("timestamp", DateTime::from_millis(far));
        all.push(document);
    }
    all
}

async fn store_with(test: &str, index: Option<Document>) -> Option<(MongoDb, impl Store)> {
    let db = harness::mongo(Topology::ReplicaSet)?.database(test);
    db.insert("log", mixed());
    if let Some(key) = index {
        db.command(doc! {"createIndexes": "log", "indexes": [{"key": key, "name": "by_time"}]});
    }
    let mut profile = (*auditail::core::profile::load::named("dronahq").expect("built in")).clone();
    profile.time = profile
        .time_also
        .iter()
        .find(|rule| rule.path.to_string() == "timestamp")
        .expect("it")
        .clone();
    profile.time_also.clear();
    let options = OpenOptions {
        profile: Some(profile.into()),
        table: Some("log".to_owned()),
        ..OpenOptions::default()
    };
    let store = auditail::store::mongo::open(&db.url, &options)
        .await
        .expect("open");
    Some((db, store))
}

/// Walks in pages of `size` until there are no more.
async fn walk(store: &dyn Store, start: PageFrom, size: usize) -> Vec<Event> {
    let forth = matches!(start, PageFrom::Oldest | PageFrom::After(_));
    let mut from = start;
    let mut all: Vec<Event> = Vec::new();
    loop {
        let (events, end) = page(store, Predicate::All, from, Some(size))
            .await
            .expect("a page");
        assert!(events.len() <= size);
        all.extend(events);
        if end == PageEnd::Exhausted {
            return all;
        }
        let last = all
            .last()
            .expect("a full page has a last event")
            .cursor
            .clone();
        from = if forth {
            PageFrom::After(last)
        } else {
            PageFrom::Before(last)
        };
    }
}

#[rstest]
#[case::no_index(None)]
#[case::by_time(Some(doc! {"timestamp": -1}))]
#[case::exactly(Some(doc! {"timestamp": 1, "_id": 1}))]
#[tokio::test]
async fn every_event_once_whatever_the_cut(#[case] index: Option<Document>) {
    let Some((_db, store)) = store_with("paging", index).await else {
        return;
    };
    let all = everything(&store).await;
    let expected = mixed();
    assert_eq!(all.len(), expected.len());
    let mut unique = ids(&all);
    unique.sort();
    unique.dedup();
    assert_eq!(unique.len(), expected.len(), "no event twice");
    let dated = all.iter().take_while(|event| event.at().is_dated()).count();
    assert_eq!(dated, 124);
    assert!(all[dated..].iter().all(|event| event.at() == At::Absent));
    assert!(all[..dated].is_sorted_by(|a, b| a.cursor >= b.cursor));
    assert!(all[dated..].is_sorted_by(|a, b| a.cursor >= b.cursor));
    let mut reversed = ids(&all);
    reversed.reverse();
    for size in [1, 7, 64, 500] {
        assert_eq!(
            ids(&walk(&store, PageFrom::Newest, size).await),
            ids(&all),
            "back by {size}"
        );
        assert_eq!(
            ids(&walk(&store, PageFrom::Oldest, size).await),
            reversed,
            "forth by {size}"
        );
    }
    // From any event there is a way on, both ways.
    for place in (0..all.len()).step_by(11) {
        let before = PageFrom::Before(all[place].cursor.clone());
        let (events, _) = page(&store, Predicate::All, before, Some(3))
            .await
            .expect("a page");
        assert_eq!(
            ids(&events),
            ids(&all[place + 1..(place + 4).min(all.len())])
        );
        let after = PageFrom::After(all[place].cursor.clone());
        let (mut events, _) = page(&store, Predicate::All, after, Some(3))
            .await
            .expect("a page");
        events.reverse();
        assert_eq!(ids(&events), ids(&all[place.saturating_sub(3)..place]));
    }
}

#[tokio::test]
async fn an_event_is_fetched_by_its_cursor_whatever_its_id() {
    let Some((_db, store)) = store_with("fetch", None).await else {
        return;
    };
    let stop = CancellationToken::new();
    for event in everything(&store).await {
        let fetched = store.fetch(&event.cursor, &stop).await.expect("fetch");
        assert_eq!(fetched.as_ref(), Some(&event), "{}", event.id);
    }
}

#[tokio::test]
async fn an_instant_with_very_many_events_pages_too() {
    let Some(server) = harness::mongo(Topology::ReplicaSet) else {
        return;
    };
    let db = server.database("burst");
    let burst = (0..12_000).map(|number| {
        let mut document = nested(
            number,
            doc! {"time": NEW_YEAR as f64 + f64::from(number / 11_000)},
        );
        document.remove("message");
        document
    });
    db.insert("log", burst.collect());
    db.command(doc! {"createIndexes": "log", "indexes": [{"key": {"meta.time": 1}, "name": "t"}]});
    let store = open_as(&db.url, "log", "dronahq").await.expect("open");
    let all = everything(&store).await;
    let numbers: Vec<String> = (0..12_000)
        .rev()
        .map(|number| id(number).to_hex())
        .collect();
    assert_eq!(ids(&all), numbers);
    let middle = PageFrom::Before(all[6_000].cursor.clone());
    let (events, _) = page(&store, Predicate::All, middle, Some(50))
        .await
        .expect("a page");
    assert_eq!(ids(&events), numbers[6_001..6_051]);
}
