//! The short questions: one event with what belongs to it, a sample, which segments a filter reads.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::core::event::{Cursor, Event, Payload};
use crate::core::instant::{At, Micros};
use crate::core::purge::decode;
use crate::core::purge::row::RowKey;
use crate::core::query::catalog::Catalog;
use crate::core::query::predicate::Predicate;
use crate::core::record::quote;
use crate::core::sanitise::safe;
use crate::store::archive::row::{Reader, Row};
use crate::store::archive::stock::{Range, Stock};
use crate::store::archive::sweep::{Room, Sweep};
use crate::store::archive::{ArchiveStore, failed, run};
use crate::store::{Exactness, Explanation, PageFrom, PayloadNeed, StoreError};

/// Events a catalogue learns from.
const LEARN: usize = 200;

/// Rows of one related relation that are shown with an event.
const MOST_RELATED: u64 = 1_000;

/// Segments a plan names.
const MOST_NAMED: usize = 12;

/// Rows between two looks at whether somebody waits still.
const BETWEEN: u64 = 256;

pub(super) async fn fetch(
    store: &ArchiveStore,
    cursor: &Cursor,
    stop: &CancellationToken,
) -> Result<Option<Event>, StoreError> {
    let At::Instant(at) = cursor.at else {
        return Ok(None);
    };
    let (stock, key) = (Arc::clone(&store.stock), RowKey(cursor.key.clone()));
    run(stop, move |halt| {
        for place in stock.holding(at, &key) {
            if let Some(event) = found(&stock, place, at, &key, halt)? {
                return Ok(Some(event));
            }
        }
        Ok(None)
    })
    .await
}

fn found(
    stock: &Stock,
    place: usize,
    at: Micros,
    key: &RowKey,
    halt: &CancellationToken,
) -> Result<Option<Event>, StoreError> {
    let mut stream = stock.stream(place, 0).map_err(|error| failed(&error))?;
    let mut seen: u64 = 0;
    while let Some(glance) = stream.advance().map_err(|error| failed(&error))? {
        if seen.is_multiple_of(BETWEEN) && halt.is_cancelled() {
            return Err(StoreError::Cancelled);
        }
        seen += 1;
        if glance.at != at {
            continue;
        }
        let mark = stream.mark().map_err(|error| failed(&error))?;
        if mark.key != *key {
            continue;
        }
        let mut bytes = Vec::new();
        stream
            .take(&mark, &mut bytes)
            .map_err(|error| failed(&error))?;
        let key = mark.key;
        let row = Row { at, key, bytes };
        let mut event = Reader::default().event(stock, &row, PayloadNeed::Whole)?;
        for relation in 1..stock.plan.relations.len() {
            let related = related(stock, place, relation, &row.key, halt)?;
            event.payload = with(&event.payload, stock, relation, &related);
        }
        return Ok(Some(event));
    }
    Ok(None)
}

/// The rows of a relation that belong to an event, as JSON; how many more there are, in words.
fn related(
    stock: &Stock,
    place: usize,
    relation: usize,
    event: &RowKey,
    halt: &CancellationToken,
) -> Result<Vec<String>, StoreError> {
    let mut stream = stock
        .stream(place, relation)
        .map_err(|error| failed(&error))?;
    let (mut rows, mut seen, mut more) = (Vec::new(), 0_u64, 0_u64);
    let mut bytes = Vec::new();
    while stream.advance().map_err(|error| failed(&error))?.is_some() {
        if seen.is_multiple_of(BETWEEN) && halt.is_cancelled() {
            return Err(StoreError::Cancelled);
        }
        seen += 1;
        let mark = stream.mark().map_err(|error| failed(&error))?;
        if mark.parent.as_ref() != Some(event) {
            continue;
        }
        if rows.len() as u64 == MOST_RELATED {
            more += 1;
            continue;
        }
        stream
            .take(&mark, &mut bytes)
            .map_err(|error| failed(&error))?;
        let plan = &stock.plan;
        let text = decode::record(plan.encoding, &plan.relations[relation], &bytes);
        rows.push(text.map_err(|error| StoreError::Failed {
            message: format!(
                "a row of {} cannot be understood: {}",
                safe(&plan.relations[relation].name),
                safe(&error.to_string())
            ),
            hint: None,
        })?);
    }
    if more > 0 {
        let mut text = String::new();
        quote(&mut text, &format!("and {more} more"));
        rows.push(text);
    }
    Ok(rows)
}

/// A payload with the rows related to its event, under the name of their table.
fn with(payload: &Payload, stock: &Stock, relation: usize, rows: &[String]) -> Payload {
    let relations = &stock.plan.relations;
    let mut name = relations[relation].name.clone();
    // A column of the same name keeps it.
    while relations[0]
        .columns
        .iter()
        .any(|column| column.name == name)
    {
        name.push_str(" (related)");
    }
    let Some(record) = payload.text.strip_suffix('}') else {
        return payload.clone();
    };
    let mut text = record.to_owned();
    if record.len() > 1 {
        text.push(',');
    }
    quote(&mut text, &name);
    text.push_str(":[");
    text.push_str(&rows.join(","));
    text.push_str("]}");
    Payload::whole(text)
}

pub(super) async fn catalog(
    store: &ArchiveStore,
    stop: &CancellationToken,
) -> Result<Catalog, StoreError> {
    let mut catalog = Catalog::new(&store.description.name, &store.stock.profile);
    let stock = Arc::clone(&store.stock);
    run(stop, move |halt| {
        let everything = Arc::new(Predicate::All);
        let mut sweep = Sweep::new(&stock, everything, &PageFrom::Newest, Room::PAGE);
        let mut left = LEARN;
        while left > 0 {
            if !sweep.is_ready() && sweep.round(&stock, halt)?.is_none() {
                break;
            }
            left -= sweep.learn(&stock, left, &mut catalog)?;
        }
        Ok(catalog)
    })
    .await
}

pub(super) fn explain(stock: &Stock, predicate: &Predicate) -> Explanation {
    let range = Range::of(predicate.time_bounds());
    let places = stock.within(range);
    let time = stock.profile.time.path.to_string();
    let end = |at: Micros, open: Micros| match at {
        at if at == open => "∞".to_owned(),
        at => at.to_string(),
    };
    let statement = format!(
        "read {} of {} segments, those with a {} from {} to {}, newest first",
        places.len(),
        stock.segments.len(),
        safe(&time),
        end(range.first, Range::ALL.first),
        end(range.last, Range::ALL.last),
    );
    let mut plan: Vec<String> = places
        .iter()
        .take(MOST_NAMED)
        .map(|place| {
            let segment = &stock.segments[*place];
            format!(
                "segment {}: {} rows, {} to {}",
                segment.entry.number, segment.rows, segment.oldest, segment.newest
            )
        })
        .collect();
    if places.len() > MOST_NAMED {
        plan.push(format!("and {} more", places.len() - MOST_NAMED));
    }
    if stock.overlaps() {
        plan.push("segments overlap in time: those that do are read together".to_owned());
    }
    let exactness = if predicate.is_of_time() {
        plan.push("times are told by the sidecars".to_owned());
        Exactness::Exact
    } else {
        plan.push("each row in range is decoded and checked against the filter".to_owned());
        Exactness::Superset
    };
    Explanation {
        statement,
        plan,
        indexes: vec!["the segments' times".to_owned()],
        exactness,
    }
}
