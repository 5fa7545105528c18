//! Archives cut anywhere, in any order, against a list in memory.

mod fixture;

use std::sync::Arc;

use proptest::prelude::*;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::row::Row;
use super::sweep::{Room, Sweep};
use super::{ArchiveStore, open};
use crate::core::aggregate::accumulator::Accumulator;
use crate::core::aggregate::{AggregateRequest, GroupKey, Measure, Subject};
use crate::core::event::{Cursor, Event, EventId, Field, KeyPart, Payload, Values};
use crate::core::instant::{At, Micros};
use crate::core::json::FlatJson;
use crate::core::purge::plan::RowOrder;
use crate::core::query::predicate::{Atom, Literal, Predicate, Test};
use crate::core::scalar::Scalar;
use crate::store::connect::OpenOptions;
use crate::store::{
    Access, Archived, Count, CountMode, PageFrom, PageItem, PageRequest, PayloadNeed, Store,
    StoreError,
};
use fixture::{Small, archive, unfinished};

/// Ids of the matching rows, the oldest first.
fn expected(rows: &[Small], predicate: &Predicate) -> Vec<String> {
    let mut all: Vec<(i64, usize)> = rows
        .iter()
        .enumerate()
        .filter(|(id, (at, who))| {
            let text = format!(
                r#"{{"id":{id},"at":{at},"who":"{}"}}"#,
                char::from(b'a' + who)
            );
            let record = FlatJson::parse(text).unwrap();
            let mut event = blank(*at);
            let actor = Scalar::Text(char::from(b'a' + who).to_string().into());
            event.values = Values::of(&[(Field::Actor, actor)]);
            predicate.matches(&event, &record)
        })
        .map(|(id, (at, _))| (*at, id))
        .collect();
    all.sort_unstable();
    all.into_iter().map(|(_, id)| id.to_string()).collect()
}

fn blank(at: i64) -> Event {
    let mut row = Row::empty();
    row.at = Micros(at);
    Event {
        id: EventId::new(""),
        cursor: row.cursor(),
        outcome: None,
        values: Values::default(),
        payload: Payload::whole(""),
    }
}

fn actor(who: u8) -> Predicate {
    let literal = Literal::Bare(char::from(b'a' + who).to_string());
    Predicate::Atom(Atom::Field(Field::Actor, Test::Equals(literal)))
}

fn between(since: i64, until: i64) -> Predicate {
    Predicate::Atom(Atom::At {
        since: Some(Micros(since)),
        until: Some(Micros(until)),
    })
}

fn predicates() -> impl Strategy<Value = Predicate> {
    prop_oneof![
        Just(Predicate::All),
        (0..3_u8).prop_map(actor),
        (-5..45_i64, -5..45_i64).prop_map(|(a, b)| between(a.min(b), a.max(b))),
        (0..3_u8, -5..45_i64).prop_map(|(who, at)| actor(who).and(between(at, 50))),
        (-5..45_i64).prop_map(|at| between(at, at + 9).negated()),
    ]
}

fn orders() -> impl Strategy<Value = RowOrder> {
    prop_oneof![Just(RowOrder::Key), Just(RowOrder::TimeThenKey)]
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(work)
}

async fn page(
    store: &ArchiveStore,
    predicate: &Predicate,
    from: PageFrom,
    limit: Option<usize>,
) -> Vec<Event> {
    let request = PageRequest {
        predicate: Arc::new(predicate.clone()),
        from,
        limit,
        payload: PayloadNeed::Whole,
    };
    let (out, mut pieces) = mpsc::channel(2);
    let stop = CancellationToken::new();
    let mut events = Vec::new();
    let collect = async {
        while let Some(piece) = pieces.recv().await {
            if let PageItem::Events(more) = piece {
                events.extend(more);
            }
        }
    };
    let (end, ()) = tokio::join!(store.page(request, out, &stop), collect);
    end.unwrap();
    events
}

fn ids(events: &[Event]) -> Vec<String> {
    events.iter().map(|event| event.id.to_string()).collect()
}

/// Everything by rounds of this room, as ids.
fn swept(store: &ArchiveStore, predicate: &Predicate, from: &PageFrom, room: Room) -> Vec<String> {
    let predicate = Arc::new(predicate.clone());
    let mut sweep = Sweep::new(&store.stock, predicate, from, room);
    let halt = CancellationToken::new();
    let mut found = Vec::new();
    while sweep.round(&store.stock, &halt).unwrap().is_some() {
        while let Some(event) = sweep.next_event(&store.stock, PayloadNeed::Head).unwrap() {
            found.push(event.id.to_string());
        }
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn a_sweep_meets_every_match_once_in_order(
        rows in prop::collection::vec((0..40_i64, 0..3_u8), 0..60),
        cuts in prop::collection::vec(0..20_usize, 0..6),
        order in orders(),
        predicate in predicates(),
        (round, bytes) in (1..30_u8, 1..3_000_usize),
    ) {
        let (_directory, store) = archive(&rows, &cuts, order);
        let room = Room { round: f64::from(round), bytes };
        let mut wanted = expected(&rows, &predicate);
        prop_assert_eq!(&swept(&store, &predicate, &PageFrom::Oldest, room), &wanted);
        wanted.reverse();
        prop_assert_eq!(&swept(&store, &predicate, &PageFrom::Newest, room), &wanted);
    }

    #[test]
    fn pages_go_on_from_any_cursor(
        rows in prop::collection::vec((0..40_i64, 0..3_u8), 1..40),
        cuts in prop::collection::vec(1..20_usize, 0..4),
        order in orders(),
        predicate in predicates(),
        (at, id, limit) in (-2..42_i64, -2..42_i64, 1..9_usize),
    ) {
        let (_directory, store) = archive(&rows, &cuts, order);
        let cursor = Cursor {
            at: At::Instant(Micros(at)),
            time: KeyPart::Null,
            key: vec![KeyPart::Int(id)],
        };
        let is_before = |name: &String| {
            let place: i64 = name.parse().unwrap();
            (rows[usize::try_from(place).unwrap()].0, place) < (at, id)
        };
        let is_it = |name: &String| *name == id.to_string() && rows[usize::try_from(id).unwrap()].0 == at;
        let wanted = expected(&rows, &predicate);
        let (mut before, after): (Vec<_>, Vec<_>) = wanted.into_iter().partition(is_before);
        before.reverse();
        let after: Vec<_> = after.into_iter().filter(|name| !is_it(name)).collect();
        for (mut from, wanted) in [(PageFrom::Before(cursor.clone()), before), (PageFrom::After(cursor), after)] {
            let mut found = Vec::new();
            loop {
                let events = block_on(page(&store, &predicate, from.clone(), Some(limit)));
                let Some(last) = events.last() else { break };
                from = match from {
                    PageFrom::Before(_) => PageFrom::Before(last.cursor.clone()),
                    _ => PageFrom::After(last.cursor.clone()),
                };
                found.extend(ids(&events));
            }
            prop_assert_eq!(found, wanted);
        }
    }

    #[test]
    fn numbers_are_those_of_the_rows(
        rows in prop::collection::vec((0..40_i64, 0..3_u8), 0..40),
        cuts in prop::collection::vec(1..20_usize, 0..4),
        order in orders(),
        predicate in predicates(),
    ) {
        let (_directory, store) = archive(&rows, &cuts, order);
        let stop = CancellationToken::new();
        let wanted = expected(&rows, &predicate).len() as u64;
        for mode in [CountMode::Exact, CountMode::Estimate] {
            let found = block_on(store.count(&predicate, mode, &stop)).unwrap();
            prop_assert_eq!(found, Count::Exact(wanted));
        }
        let edges = vec![Micros(0), Micros(7), Micros(8), Micros(30)];
        let by_who = GroupKey::Value(Subject::Field(Field::Actor));
        let events = block_on(page(&store, &Predicate::All, PageFrom::Newest, None));
        for keys in [vec![], vec![GroupKey::Time(edges.clone())], vec![by_who.clone()], vec![GroupKey::Time(edges), by_who]] {
            let request = AggregateRequest {
                predicate: Arc::new(predicate.clone()),
                keys,
                measure: Measure::Count,
                top: None,
            };
            let mut by_hand = Accumulator::new(request.clone());
            for event in &events {
                by_hand.feed(event, &FlatJson::parse(&*event.payload.text).unwrap());
            }
            let (out, _partial) = mpsc::channel(64);
            let found = block_on(store.aggregate(request, out, &stop)).unwrap();
            prop_assert_eq!(found, by_hand.answer());
        }
    }
}

fn some() -> Vec<Small> {
    (0..30)
        .map(|n| (n * 7 % 40, u8::try_from(n % 3).unwrap()))
        .collect()
}

#[test]
fn an_event_is_fetched_with_the_rows_related_to_it() {
    for order in [RowOrder::Key, RowOrder::TimeThenKey] {
        let (_directory, store) = archive(&some(), &[7, 7, 7], order);
        let stop = CancellationToken::new();
        let events = block_on(page(&store, &Predicate::All, PageFrom::Newest, None));
        assert_eq!(events.len(), 30);
        for event in &events {
            let fetched = block_on(store.fetch(&event.cursor, &stop))
                .unwrap()
                .unwrap();
            let value: serde_json::Value = serde_json::from_str(&fetched.payload.text).unwrap();
            let id = value["id"].as_i64().unwrap();
            assert_eq!(id.to_string(), event.id.as_str());
            let parts: Vec<_> = (0..id % 3)
                .map(|n| serde_json::json!({"event": id, "n": n}))
                .collect();
            assert_eq!(value["parts"], serde_json::Value::Array(parts));
        }
        let mut elsewhere = events[3].cursor.clone();
        elsewhere.key = vec![KeyPart::Int(77)];
        assert_eq!(block_on(store.fetch(&elsewhere, &stop)).unwrap(), None);
    }
}

#[test]
fn an_unfinished_archive_shows_what_is_sealed_and_says_so() {
    let (_directory, place) = unfinished(&some(), &[10], RowOrder::Key);
    let store = open::open(place.directory(), &OpenOptions::default()).unwrap();
    assert_eq!(
        store.description().access,
        Access::Archive(Archived::Unfinished)
    );
    assert_eq!(
        block_on(page(&store, &Predicate::All, PageFrom::Newest, None)).len(),
        30
    );
    let findings = block_on(store.examine(&CancellationToken::new())).unwrap();
    assert!(
        findings
            .iter()
            .any(|finding| finding.message.starts_with("not finished"))
    );
}

#[test]
fn what_is_damaged_is_named() {
    let names = [
        "journal.log",
        "plan.json",
        "seg-000001.sql.zst",
        "seg-000002.r1.idx.zst",
    ];
    for name in names {
        for gone in [true, false] {
            let (_directory, store) = archive(&some(), &[10], RowOrder::Key);
            let path = store.stock.place.path(name);
            if gone {
                std::fs::remove_file(&path).unwrap();
            } else {
                // Cut at its end a journal is one that is still written.
                let bytes = std::fs::read(&path).unwrap();
                std::fs::write(&path, &bytes[1..]).unwrap();
            }
            let error =
                open::open(store.stock.place.directory(), &OpenOptions::default()).unwrap_err();
            assert!(error.to_string().contains(name), "{error}");
        }
    }
}

#[test]
fn a_changed_byte_of_a_row_is_found_when_the_row_is_read() {
    let (_directory, store) = archive(&some(), &[10], RowOrder::Key);
    let path = store.stock.place.path("seg-000001.sql.zst");
    let plain = zstd::decode_all(std::fs::File::open(&path).unwrap()).unwrap();
    let changed: Vec<u8> = plain
        .iter()
        .map(|byte| if *byte == b'a' { b'b' } else { *byte })
        .collect();
    let length = std::fs::read(&path).unwrap().len();
    let mut packed = zstd::bulk::compress(&changed, 1).unwrap();
    packed.resize(length, 0);
    std::fs::write(&path, packed).unwrap();
    let request = PageRequest {
        predicate: Arc::new(Predicate::All),
        from: PageFrom::Newest,
        limit: None,
        payload: PayloadNeed::Head,
    };
    let (out, _pieces) = mpsc::channel(64);
    let stop = CancellationToken::new();
    let error = block_on(store.page(request, out, &stop)).unwrap_err();
    assert!(matches!(error, StoreError::Failed { .. }));
    assert!(error.to_string().contains("seg-000001"), "{error}");
}
