//! What a store is asked about a predicate, and what it should have answered.

use std::sync::Arc;

use auditail::core::aggregate::accumulator::Accumulator;
use auditail::core::aggregate::{AggregateRequest, GroupKey, Measure, Subject};
use auditail::core::event::{Event, EventId, Field};
use auditail::core::instant::Micros;
use auditail::core::json::FlatJson;
use auditail::core::query::predicate::Predicate;
use auditail::store::{
    Count, CountMode, PageFrom, PageItem, PageRequest, PayloadNeed, Store, StoreError,
};
use fastrand::Rng;
use tokio_util::sync::CancellationToken;

/// One page with whole payloads.
pub async fn page(
    store: &dyn Store,
    predicate: &Arc<Predicate>,
    from: PageFrom,
    limit: Option<usize>,
) -> Result<Vec<Event>, StoreError> {
    let request = PageRequest {
        predicate: Arc::clone(predicate),
        from,
        limit,
        payload: PayloadNeed::Whole,
    };
    let (out, mut pieces) = tokio::sync::mpsc::channel(4);
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
    end.map(|_| events)
}

/// Rows that match.
pub type Rows<'r> = [(&'r Event, &'r FlatJson<'static>)];

fn ids<'e>(events: impl IntoIterator<Item = &'e Event>) -> Vec<&'e EventId> {
    events.into_iter().map(|event| &event.id).collect()
}

/// Everything at once, newest first.
pub async fn listed(
    store: &dyn Store,
    predicate: &Arc<Predicate>,
    wanted: &Rows<'_>,
) -> Result<(), String> {
    let found = page(store, predicate, PageFrom::Newest, None)
        .await
        .map_err(|error| format!("the page failed: {error}"))?;
    same(&ids(&found), wanted)
}

/// Whether these rows were found, in this order.
pub fn same(found: &[&EventId], wanted: &Rows<'_>) -> Result<(), String> {
    let expected = ids(wanted.iter().map(|(event, _)| *event));
    if found == expected {
        return Ok(());
    }
    let missing = wanted.iter().find(|(event, _)| !found.contains(&&event.id));
    let extra = found.iter().find(|id| !expected.contains(id));
    let shown = missing.map(|(event, record)| format!("{}: {}", event.id, record.text()));
    Err(match (&shown, extra) {
        (None, None) => format!("in another order:\n  {found:?}\n  {expected:?}"),
        _ => format!(
            "{} rows, {} expected; missing {shown:?}; too many {extra:?}",
            found.len(),
            expected.len()
        ),
    })
}

/// Page by page, in either direction.
pub async fn leafed(
    store: &dyn Store,
    predicate: &Arc<Predicate>,
    wanted: &Rows<'_>,
    rng: &mut Rng,
) -> Result<(), String> {
    let back = rng.bool();
    let limit = rng.usize(1..40);
    let mut found: Vec<Event> = Vec::new();
    let mut from = if back {
        PageFrom::Newest
    } else {
        PageFrom::Oldest
    };
    loop {
        let next = page(store, predicate, from, Some(limit))
            .await
            .map_err(|error| format!("a page of {limit} failed: {error}"))?;
        let Some(last) = next.last() else { break };
        from = if back {
            PageFrom::Before(last.cursor.clone())
        } else {
            PageFrom::After(last.cursor.clone())
        };
        found.extend(next);
        if found.len() > wanted.len() {
            break;
        }
    }
    if !back {
        found.reverse();
    }
    same(&ids(&found), wanted)
        .map_err(|error| format!("in pages of {limit}, back: {back}: {error}"))
}

pub async fn counted(
    store: &dyn Store,
    predicate: &Predicate,
    wanted: &Rows<'_>,
) -> Result<(), String> {
    let stop = CancellationToken::new();
    let count = store
        .count(predicate, CountMode::Exact, &stop)
        .await
        .map_err(|error| format!("the count failed: {error}"))?;
    let expected = Count::Exact(wanted.len() as u64);
    (count == expected)
        .then_some(())
        .ok_or(format!("{count:?}, {expected:?} expected"))
}

/// Groups by a field, by time, and by both.
pub async fn grouped(
    store: &dyn Store,
    predicate: &Arc<Predicate>,
    rows: &[(Event, FlatJson<'static>)],
    rng: &mut Rng,
) -> Result<(), String> {
    let subject = |rng: &mut Rng| match rng.u8(..4) {
        0 => Subject::Outcome,
        _ => Subject::Field(Field::ALL[rng.usize(..Field::ALL.len())]),
    };
    let day = 86_400 * Micros::SECOND;
    let first = Micros(1_767_225_600 * Micros::SECOND);
    let edges = GroupKey::Time((0..20).map(|n| first.plus(n * day)).collect());
    let keys = match rng.u8(..6) {
        0 => Vec::new(),
        3 => vec![
            GroupKey::Magnitude(subject(rng)),
            GroupKey::Value(subject(rng)),
        ],
        1 => vec![edges],
        2 => vec![edges, GroupKey::Value(subject(rng))],
        _ => vec![GroupKey::Value(subject(rng))],
    };
    let measure = match rng.u8(..3) {
        0 => Measure::Distinct(subject(rng)),
        _ => Measure::Count,
    };
    let request = AggregateRequest {
        predicate: Arc::clone(predicate),
        keys,
        measure,
        top: None,
    };
    let mut reference = Accumulator::new(request.clone());
    for (event, record) in rows {
        reference.feed(event, record);
    }
    let (out, mut partial) = tokio::sync::mpsc::channel(4);
    let stop = CancellationToken::new();
    let drain = async { while partial.recv().await.is_some() {} };
    let (found, ()) = tokio::join!(store.aggregate(request.clone(), out, &stop), drain);
    let mut found = found
        .map_err(|error| format!("{request:?} failed: {error}"))?
        .groups;
    let mut expected = reference.answer().groups;
    for groups in [&mut found, &mut expected] {
        groups.sort_by(|a, b| a.key.cmp(&b.key));
    }
    if found == expected {
        return Ok(());
    }
    let differs = found.iter().find(|group| !expected.contains(group));
    let lacks = expected.iter().find(|group| !found.contains(group));
    Err(format!(
        "{:?} by {:?}: got {differs:?}, not {lacks:?}",
        request.measure, request.keys
    ))
}
