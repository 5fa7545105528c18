//! Pages: every event once, both ways, from any place, and stopped when asked.

use std::collections::BTreeMap;

use auditail::app::view::anchor::Anchor;
use auditail::core::event::{Cursor, Event, Extent, Field, Payload};
use auditail::core::instant::At;
use auditail::core::query::predicate::{Atom, Predicate, Test};
use auditail::store::{PageEnd, PageFrom, PageItem, PayloadNeed, Store, StoreError};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Bench, NewRow, PATIENCE, START, everything, held, ids, mixture, page, request, row};

/// All events in pages of `size`.
pub async fn in_pages(store: &dyn Store, start: PageFrom, size: usize) -> Vec<Event> {
    let go_on: fn(Cursor) -> PageFrom = match start {
        PageFrom::Newest | PageFrom::Before(_) => PageFrom::Before,
        PageFrom::Oldest | PageFrom::After(_) => PageFrom::After,
    };
    let mut from = start;
    let mut all: Vec<Event> = Vec::new();
    loop {
        let (events, end) = page(store, request(Predicate::All, from, Some(size))).await;
        assert!(events.len() <= size);
        if let Some(first) = events.first() {
            let is_known = all.iter().any(|event| event.id == first.id);
            assert!(!is_known, "{} comes again", first.id);
        }
        all.extend(events);
        if end == PageEnd::Exhausted {
            return all;
        }
        from = go_on(all.last().expect("a full page").cursor.clone());
    }
}

pub async fn paging_meets_every_event_once_beside_a_writer(bench: &dyn Bench) {
    let before = bench.insert(&mixture()).await;
    let mut from = PageFrom::Newest;
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for round in 0.. {
        let (events, end) = page(bench.store(), request(Predicate::All, from, Some(7))).await;
        for event in &events {
            *seen.entry(event.id.to_string()).or_default() += 1;
        }
        if end == PageEnd::Exhausted {
            break;
        }
        from = PageFrom::Before(events.last().expect("a full page").cursor.clone());
        // Newer than all, as old as the oldest, and among the ties.
        let times = [START.plus(1_000_000 + round), START.plus(-round), START];
        let rows = times.map(|at| row(At::Instant(at), "eve", "GetPod", 0));
        bench.insert(&rows).await;
        assert!(round < 200, "the list never ends");
    }
    assert!(seen.values().all(|times| *times == 1), "{seen:?}");
    let missed: Vec<_> = before
        .iter()
        .filter(|id| !seen.contains_key(&id.to_string()))
        .collect();
    assert!(missed.is_empty(), "missed {missed:?}");
}

pub async fn an_anchor_finds_its_event_alone(bench: &dyn Bench) {
    bench.insert(&mixture()).await;
    let all = everything(bench.store()).await;
    assert_eq!(all.len(), held(bench, &mixture()));
    for event in &all {
        let anchor = Anchor::of(event).to_string();
        let wanted = Anchor::from(anchor.as_str()).within(&Predicate::All);
        let found = page(bench.store(), request(wanted, PageFrom::Newest, Some(2))).await;
        assert_eq!(ids(&found.0), [event.id.as_str()], "{anchor}");
    }
}

pub async fn forward_is_the_reverse_of_back(bench: &dyn Bench) {
    bench.insert(&mixture()).await;
    let back = in_pages(bench.store(), PageFrom::Newest, 11).await;
    let mut forward = in_pages(bench.store(), PageFrom::Oldest, 7).await;
    forward.reverse();
    assert_eq!(back.len(), held(bench, &mixture()));
    assert_eq!(ids(&back), ids(&forward));
    assert_eq!(ids(&back), ids(&everything(bench.store()).await));
}

pub async fn undated_events_come_last_in_the_order_of_their_kind(bench: &dyn Bench) {
    bench.insert(&mixture()).await;
    let rank = |event: &Event| match event.at() {
        At::Instant(_) => 0,
        At::NegInfinity => 1,
        At::PosInfinity => 2,
        At::Absent => 3,
    };
    let all = everything(bench.store()).await;
    assert!(all.iter().map(rank).is_sorted());
    for kind in 0..=3 {
        let section: Vec<_> = all.iter().filter(|event| rank(event) == kind).collect();
        assert!(section.len() >= 5, "kind {kind} is not in the data");
        assert!(
            section.iter().map(|event| &event.cursor).rev().is_sorted(),
            "kind {kind}"
        );
    }
}

pub async fn cursors_tell_a_microsecond(bench: &dyn Bench) {
    let rows: Vec<_> = (0..9)
        .map(|n| row(At::Instant(START.plus(n)), "alice", "GetPod", 0))
        .collect();
    let mut inserted = bench.insert(&rows).await;
    inserted.reverse();
    let seen = in_pages(bench.store(), PageFrom::Newest, 1).await;
    assert_eq!(
        ids(&seen),
        inserted.iter().map(ToString::to_string).collect::<Vec<_>>()
    );
    let times: Vec<_> = seen.iter().rev().map(Event::at).collect();
    let expected: Vec<_> = (0..9).map(|n| At::Instant(START.plus(n))).collect();
    assert_eq!(times, expected);
}

pub async fn a_stop_ends_the_work(bench: &dyn Bench) {
    bench.insert(&mixture()).await;
    let store = bench.store();
    // Nobody reads: the page waits for its reader until it is stopped.
    let (out, pieces) = mpsc::channel(1);
    out.send(PageItem::Events(Vec::new()))
        .await
        .expect("room for one");
    let stop = CancellationToken::new();
    let asked = store.page(request(Predicate::All, PageFrom::Newest, None), out, &stop);
    let stopping = async {
        tokio::task::yield_now().await;
        stop.cancel();
    };
    let (end, ()) = tokio::time::timeout(PATIENCE, async { tokio::join!(asked, stopping) })
        .await
        .expect("it ends");
    assert!(matches!(end, Err(StoreError::Cancelled)), "{end:?}");
    drop(pieces);
    // A reader that is gone ends it too.
    let (out, pieces) = mpsc::channel(1);
    drop(pieces);
    let stop = CancellationToken::new();
    let asked = store.page(request(Predicate::All, PageFrom::Newest, None), out, &stop);
    let end = tokio::time::timeout(PATIENCE, asked)
        .await
        .expect("it ends");
    assert!(matches!(end, Err(StoreError::Cancelled)), "{end:?}");
    // And the store is as good as before.
    assert_eq!(everything(store).await.len(), held(bench, &mixture()));
}

pub async fn a_huge_record_is_a_head_in_a_list(bench: &dyn Bench) {
    let size = bench.largest();
    let details = format!(r#"{{"user_name":"alice","blob":"{}"}}"#, "x".repeat(size));
    bench
        .insert(&[NewRow {
            at: At::Instant(START),
            details,
        }])
        .await;
    let store = bench.store();
    let mut asked = request(Predicate::All, PageFrom::Newest, Some(10));
    asked.payload = PayloadNeed::Head;
    let (events, _) = page(store, asked).await;
    let [event] = events.as_slice() else {
        panic!("one row: {}", events.len())
    };
    assert!(event.payload.text.len() <= Payload::HEAD);
    assert!(matches!(event.payload.extent, Extent::Head { bytes } if bytes > size as u64));
    assert_eq!(event.first(Field::Actor), Some("alice"));
    let stop = CancellationToken::new();
    let whole = store
        .fetch(&event.cursor, &stop)
        .await
        .expect("an answer")
        .expect("the row");
    assert!(whole.payload.text.len() > size && whole.payload.extent == Extent::Whole);
}

pub async fn a_search_without_matches_looks_at_everything(bench: &dyn Bench) {
    bench.insert(&mixture()).await;
    let nothing = Predicate::Atom(Atom::Anywhere(Test::Contains("no such text".to_owned())));
    let (events, end) = page(bench.store(), request(nothing, PageFrom::Newest, Some(5))).await;
    assert_eq!((events.len(), end), (0, PageEnd::Exhausted));
    let (events, end) = page(
        bench.store(),
        request(Predicate::All, PageFrom::Newest, Some(0)),
    )
    .await;
    assert_eq!((events.len(), end), (0, PageEnd::Limit));
}
