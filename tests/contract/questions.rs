//! Filters, counts, groups, one event: the same as by hand.

use std::sync::Arc;

use auditail::core::aggregate::accumulator::Accumulator;
use auditail::core::aggregate::{AggregateRequest, GroupKey, Measure, Subject};
use auditail::core::event::{Field, Outcome};
use auditail::core::json::FlatJson;
use auditail::core::query::parse::parse;
use auditail::core::query::predicate::{Atom, Predicate};
use auditail::core::query::resolve::{Moment, resolve};
use auditail::store::{Count, CountMode, PageFrom};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Bench, START, everything, ids, mixture, page, request};

/// Queries that match some of the mixture and not all of it.
const QUERIES: [&str; 24] = [
    "user:alice",
    "-user:alice",
    "user:(alice, bob)",
    "action:Get*",
    "action:*Pod",
    "outcome:denied",
    "is:error",
    "is:pending",
    "-is:pending is:error",
    "code:7",
    "code:>=7",
    "code:5..13",
    ".details.request_body.count:8",
    ".details.request_body.count:~8",
    "has:.details.response_body",
    "missing:.details.response_body",
    "user:~CAROL",
    "user:Carol",
    "carol",
    "resource:pod-bob-1",
    "\"it \\\"failed\\\"\"",
    "zoë",
    "since:2026-01-02T03:00:00.000100Z until:2026-01-02T03:00:00.005Z",
    "(user:alice OR user:bob) since:2026-01-02 -code:0",
];

pub async fn filters_mean_the_same_as_in_memory(bench: &dyn Bench) {
    bench.insert(&mixture()).await;
    let store = bench.store();
    let stop = CancellationToken::new();
    let all = everything(store).await;
    let catalog = store.catalog(&stop).await.expect("a catalogue");
    let moment = Moment {
        now: START,
        tz: chrono_tz::UTC,
    };
    for query in QUERIES {
        let resolved = resolve(&parse(query), &catalog, moment);
        let predicate = resolved
            .predicate
            .unwrap_or_else(|| panic!("{query}: {:?}", resolved.diagnostics));
        let expected: Vec<_> = all
            .iter()
            .filter(|event| {
                let record = FlatJson::parse(&*event.payload.text).expect("a whole payload");
                predicate.matches(event, &record)
            })
            .cloned()
            .collect();
        assert!(
            !expected.is_empty() && expected.len() < all.len(),
            "{query} tells nothing apart"
        );
        let (found, _) = page(store, request(predicate.clone(), PageFrom::Newest, None)).await;
        assert_eq!(ids(&found), ids(&expected), "{query}");
        let (first, _) = page(store, request(predicate.clone(), PageFrom::Newest, Some(2))).await;
        assert_eq!(
            ids(&first),
            ids(&expected[..2.min(expected.len())]),
            "{query}"
        );
        let count = store
            .count(&predicate, CountMode::Exact, &stop)
            .await
            .expect("a count");
        assert_eq!(count, Count::Exact(expected.len() as u64), "{query}");
    }
}

pub async fn a_filter_may_be_very_long(bench: &dyn Bench) {
    bench.insert(&mixture()).await;
    let store = bench.store();
    let alternatives: Vec<String> = (0..20_000).map(|n| format!("user:nobody-{n}")).collect();
    let text = format!("{} OR user:alice", alternatives.join(" OR "));
    let moment = Moment {
        now: START,
        tz: chrono_tz::UTC,
    };
    let catalog = store
        .catalog(&CancellationToken::new())
        .await
        .expect("a catalogue");
    let ask = |text: &str| {
        resolve(&parse(text), &catalog, moment)
            .predicate
            .expect("valid")
    };
    let (long, _) = page(store, request(ask(&text), PageFrom::Newest, None)).await;
    let (short, _) = page(store, request(ask("user:alice"), PageFrom::Newest, None)).await;
    assert_eq!(ids(&long), ids(&short));
    assert!(!short.is_empty());
}

pub async fn one_event_is_fetched_whole_or_gone(bench: &dyn Bench) {
    let ids = bench.insert(&mixture()).await;
    let store = bench.store();
    let stop = CancellationToken::new();
    let all = everything(store).await;
    for event in &all {
        let fetched = store.fetch(&event.cursor, &stop).await.expect("an answer");
        assert_eq!(fetched.as_ref(), Some(event));
    }
    bench.delete(ids[3]).await;
    let gone = all
        .iter()
        .find(|event| event.id.as_str() == ids[3].to_string())
        .expect("it was there");
    assert_eq!(
        store.fetch(&gone.cursor, &stop).await.expect("an answer"),
        None
    );
}

pub async fn span_is_of_dated_events(bench: &dyn Bench) {
    let stop = CancellationToken::new();
    assert_eq!(bench.store().span(&stop).await.expect("an answer"), None);
    bench.insert(&mixture()).await;
    let dated: Vec<_> = everything(bench.store())
        .await
        .iter()
        .filter_map(|event| event.at().instant())
        .collect();
    let expected = dated.iter().min().copied().zip(dated.iter().max().copied());
    assert_eq!(
        bench.store().span(&stop).await.expect("an answer"),
        expected
    );
}

pub async fn an_explanation_names_the_index(bench: &dyn Bench) {
    bench.insert(&mixture()).await;
    let stop = CancellationToken::new();
    let since = Predicate::Atom(Atom::At {
        since: Some(START),
        until: None,
    });
    let explained = bench.store().explain(&since, &stop).await.expect("a plan");
    assert!(explained.statement.contains("occurred_at"), "{explained:?}");
    assert!(!explained.plan.is_empty(), "{explained:?}");
}

pub async fn an_aggregate_is_what_counting_by_hand_gives(bench: &dyn Bench) {
    bench.insert(&mixture()).await;
    let store = bench.store();
    let all = everything(store).await;
    let edges = vec![
        START.plus(-1),
        START,
        START.plus(100),
        START.plus(5_000),
        START.plus(9_000),
    ];
    let error = Atom::Outcome(vec![Outcome::Failed, Outcome::Denied]);
    let keys = [
        vec![],
        vec![GroupKey::Time(edges.clone())],
        vec![GroupKey::Value(Subject::Field(Field::Resource))],
        vec![GroupKey::Value(Subject::Outcome), GroupKey::Time(edges)],
    ];
    let measures = [
        Measure::Count,
        Measure::Distinct(Subject::Field(Field::Actor)),
    ];
    for predicate in [Predicate::All, Predicate::Atom(error)] {
        for keys in &keys {
            for measure in &measures {
                for top in [None, Some(2)] {
                    let request = AggregateRequest {
                        predicate: Arc::new(predicate.clone()),
                        keys: keys.clone(),
                        measure: measure.clone(),
                        top,
                    };
                    let mut by_hand = Accumulator::new(request.clone());
                    for event in &all {
                        let record = FlatJson::parse(&*event.payload.text).expect("JSON");
                        by_hand.feed(event, &record);
                    }
                    let (out, mut partial) = mpsc::channel(4);
                    let stop = CancellationToken::new();
                    let drain = async { while partial.recv().await.is_some() {} };
                    let asked = store.aggregate(request.clone(), out, &stop);
                    let (groups, ()) = tokio::join!(asked, drain);
                    assert_eq!(groups.expect("groups"), by_hand.answer(), "{request:?}");
                }
            }
        }
    }
}
