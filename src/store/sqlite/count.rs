//! Counting: histograms, facets, totals. Newest first in slices, with partial answers on the way.
//!
//! What is asked of nothing but time is answered from the index on the time; everything else reads
//! the rows.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::mpsc::Sender;
use tokio_util::sync::CancellationToken;

use crate::core::aggregate::accumulator::Accumulator;
use crate::core::aggregate::{Aggregate, AggregateRequest, GroupKey, Measure};
use crate::core::event::{Cursor, Event, EventId, KeyPart, Payload, Values};
use crate::core::instant::At;
use crate::core::json::FlatJson;
use crate::core::query::predicate::{Atom, Predicate};
use crate::store::sqlite::describe::estimate_sql;
use crate::store::sqlite::open::statement_error;
use crate::store::sqlite::page::{Course, send};
use crate::store::sqlite::shape::Shape;
use crate::store::sqlite::walk::{Columns, Pause, Walk};
use crate::store::sqlite::worker::{Halt, Worker};
use crate::store::sqlite::{SqliteStore, row};
use crate::store::{
    AggregateItem, Count, CountMode, PageFrom, PageRequest, PayloadNeed, Progress, StoreError,
};

/// Between two partial answers; other questions on this connection get their turn in between.
const SLICE: Duration = Duration::from_millis(250);

/// What an estimate may cost.
const ESTIMATE: Duration = Duration::from_millis(150);

/// Up to this many rowids counting all rows is a matter of milliseconds.
const FEW: u64 = 200_000;

/// A count on its way: it moves between jobs.
struct Counting {
    walk: Walk,
    accumulator: Accumulator,
    columns: Columns,
}

impl Counting {
    fn new(shape: &Shape, request: AggregateRequest) -> Self {
        let columns = columns(&request);
        // Events outside all buckets are not counted, so they need not be read.
        let edges = request.keys.iter().find_map(|key| match key {
            GroupKey::Time(edges) => edges.first().copied().zip(edges.last().copied()),
            GroupKey::Value(_) | GroupKey::Magnitude(_) => None,
        });
        let predicate = match edges {
            Some((first, last)) => {
                let within = Atom::At {
                    since: Some(first),
                    until: Some(last),
                };
                Arc::new((*request.predicate).clone().and(Predicate::Atom(within)))
            }
            None => Arc::clone(&request.predicate),
        };
        let walk = Walk::counting(shape, predicate, columns);
        Self {
            walk,
            accumulator: Accumulator::new(request),
            columns,
        }
    }

    fn advance(
        &mut self,
        connection: &Connection,
        shape: &Shape,
        budget: Duration,
        halt: &Halt,
    ) -> Result<Pause, StoreError> {
        let accumulator = &mut self.accumulator;
        match self.columns {
            Columns::All => {
                self.walk
                    .advance(connection, shape, budget, halt, &mut |event, record| {
                        accumulator.feed_times(&event, record, 1);
                        ControlFlow::Continue(())
                    })
            }
            Columns::Place => {
                let record = nothing()?;
                let mut event = blank();
                self.walk
                    .advance_rows(connection, shape, budget, halt, &mut |row| {
                        let time = row::time_of(row).map_err(|error| statement_error(&error))?;
                        event.cursor.at = shape.at_of(&time);
                        accumulator.feed(&event, &record);
                        Ok(ControlFlow::Continue(()))
                    })
            }
        }
    }
}

/// A request that asks for nothing but time needs nothing but time.
fn columns(request: &AggregateRequest) -> Columns {
    let is_by_time = request
        .keys
        .iter()
        .all(|key| matches!(key, GroupKey::Time(_)));
    if is_by_time && request.measure == Measure::Count && request.predicate.is_of_time() {
        Columns::Place
    } else {
        Columns::All
    }
}

/// The record of a row of which only the time was read.
fn nothing() -> Result<FlatJson<'static>, StoreError> {
    FlatJson::parse("{}").map_err(|error| StoreError::Failed {
        message: error.to_string(),
        hint: None,
    })
}

fn blank() -> Event {
    Event {
        id: EventId::new(""),
        cursor: Cursor {
            at: At::Absent,
            time: KeyPart::Null,
            key: Vec::new(),
        },
        outcome: None,
        values: Values::default(),
        payload: Payload::whole(""),
    }
}

async fn slice(
    store: &SqliteStore,
    worker: &Worker,
    mut counting: Counting,
    budget: Duration,
    stop: &CancellationToken,
) -> Result<(Counting, Pause), StoreError> {
    let shape = Arc::clone(&store.shape);
    let job = move |connection: &mut Connection, halt: &Halt| {
        let pause = counting.advance(connection, &shape, budget, halt)?;
        Ok((counting, pause))
    };
    worker.run(stop, job).await
}

pub(super) async fn aggregate(
    store: &SqliteStore,
    request: AggregateRequest,
    out: Sender<AggregateItem>,
    stop: &CancellationToken,
) -> Result<Aggregate, StoreError> {
    let worker = store.heavy().await?;
    let mut counting = Counting::new(&store.shape, request);
    let mut course = None;
    loop {
        let (after, pause) = slice(store, worker, counting, SLICE, stop).await?;
        counting = after;
        if pause == Pause::End {
            return Ok(counting.accumulator.answer());
        }
        if course.is_none() {
            let like = PageRequest {
                predicate: counting.walk.predicate(),
                from: PageFrom::Newest,
                limit: None,
                payload: PayloadNeed::Head,
            };
            course = Some(Course::find(store, worker, &like, stop).await?);
        }
        let progress = progress(store, &counting.walk, course);
        send(
            &out,
            AggregateItem::Partial(counting.accumulator.so_far(), progress),
            stop,
        )
        .await?;
    }
}

fn progress(store: &SqliteStore, walk: &Walk, course: Option<Course>) -> Progress {
    let looked_to = walk.looked_to.unwrap_or(At::PosInfinity);
    match course {
        Some(course) if store.shape.is_ordered => course.progress(looked_to),
        // In the order of the key the times say nothing.
        _ => Progress {
            looked_to: At::PosInfinity,
            fraction: None,
        },
    }
}

fn total(predicate: &Predicate) -> AggregateRequest {
    AggregateRequest {
        predicate: Arc::new(predicate.clone()),
        keys: Vec::new(),
        measure: Measure::Count,
        top: None,
    }
}

fn number(counting: &Counting) -> u64 {
    let groups = counting.accumulator.so_far();
    groups.first().map_or(0, |group| group.count)
}

pub(super) async fn count(
    store: &SqliteStore,
    predicate: &Predicate,
    mode: CountMode,
    stop: &CancellationToken,
) -> Result<Count, StoreError> {
    let worker = store.heavy().await?;
    let estimate = rows(store, worker, stop).await?;
    match (predicate, mode) {
        (Predicate::All, CountMode::Estimate) if estimate > FEW => {
            return Ok(Count::Estimate(estimate));
        }
        (Predicate::All, _) => return all(store, worker, stop).await,
        _ => {}
    }
    let budget = match mode {
        CountMode::Estimate => ESTIMATE,
        CountMode::Exact => SLICE,
    };
    let mut counting = Counting::new(&store.shape, total(predicate));
    loop {
        let (after, pause) = slice(store, worker, counting, budget, stop).await?;
        counting = after;
        match (pause, mode) {
            (Pause::End, _) => return Ok(Count::Exact(number(&counting))),
            (_, CountMode::Exact) => {}
            (_, CountMode::Estimate) => {
                // As if the rest were like the newest rows.
                let (found, seen) = (u128::from(number(&counting)), counting.walk.examined.max(1));
                let share = found * u128::from(estimate.max(seen)) / u128::from(seen);
                return Ok(Count::Estimate(u64::try_from(share).unwrap_or(u64::MAX)));
            }
        }
    }
}

async fn all(
    store: &SqliteStore,
    worker: &Worker,
    stop: &CancellationToken,
) -> Result<Count, StoreError> {
    let query = format!("SELECT count(*) FROM {}", store.shape.table);
    let job = move |connection: &mut Connection, _: &Halt| {
        let count: i64 = connection
            .query_row(&query, [], |row| row.get(0))
            .map_err(|error| statement_error(&error))?;
        Ok(Count::Exact(u64::try_from(count).unwrap_or_default()))
    };
    worker.run(stop, job).await
}

/// The rows of the table as far as that costs nothing: the span of its rowids.
async fn rows(
    store: &SqliteStore,
    worker: &Worker,
    stop: &CancellationToken,
) -> Result<u64, StoreError> {
    let [key] = store.shape.sort.as_slice() else {
        return Ok(0);
    };
    if store.description.estimate.is_none() {
        return Ok(0);
    }
    let query = estimate_sql(key, &store.shape.table);
    let job = move |connection: &mut Connection, _: &Halt| {
        let span: Option<i64> = connection
            .query_row(&query, [], |row| row.get(0))
            .map_err(|error| statement_error(&error))?;
        Ok(span
            .and_then(|span| u64::try_from(span).ok())
            .unwrap_or_default())
    };
    worker.run(stop, job).await
}
