//! Counting: how many, and by what.

use std::sync::Arc;
use std::time::Duration;

use mongodb::bson::{Document, doc};
use mongodb::options::{AggregateOptions, FindOptions};
use tokio::sync::mpsc::Sender;
use tokio_util::sync::CancellationToken;

use crate::core::aggregate::accumulator::Accumulator;
use crate::core::aggregate::{Aggregate, AggregateRequest, GroupKey};
use crate::core::event::Event;
use crate::core::instant::{At, Micros};
use crate::core::json::FlatJson;
use crate::core::query::predicate::{Atom, Predicate};
use crate::store::mongo::discover;
use crate::store::mongo::filter::{self, Condition};
use crate::store::mongo::group::Grouping;
use crate::store::mongo::link::Work;
use crate::store::mongo::page::documents;
use crate::store::mongo::rows::RowReader;
use crate::store::mongo::single;
use crate::store::mongo::source::{Ordering, Source};
use crate::store::{AggregateItem, Count, CountMode, Exactness, PayloadNeed, Progress, StoreError};

/// Longest time an exact count may cost the server.
const EXACT_TIME: Duration = Duration::from_mins(2);
/// Longest time an estimate may cost.
const ESTIMATE_TIME: Duration = Duration::from_millis(250);
/// Documents drawn for an estimate.
const SAMPLE: i64 = 1_000;
/// Documents of one slice of an aggregate; a slice takes about a second.
const SLICE: u64 = 250_000;
/// Most slices, so that a collection with a hole of years does not crawl.
const MOST_SLICES: u64 = 64;
/// Documents of one batch.
const BATCH: u32 = 2_000;

/// How many events match.
pub async fn count(
    source: &Source,
    predicate: &Predicate,
    mode: CountMode,
    stop: &CancellationToken,
) -> Result<Count, StoreError> {
    let mut work = source.link.work(&source.label, stop).await?;
    let condition = filter::compile(predicate, &source.profile, &source.order);
    let Condition {
        filter: Some(filter),
        exactness,
    } = condition
    else {
        return Ok(Count::Exact(0));
    };
    if mode == CountMode::Estimate {
        return estimate(source, &mut work, predicate, filter, exactness).await;
    }
    if exactness == Exactness::Exact {
        let counted = by_server(source, &mut work, filter, EXACT_TIME).await?;
        return counted
            .map(Count::Exact)
            .map_err(|error| work.failed(&error));
    }
    let mut total = 0;
    scan(source, &mut work, filter, predicate, |_, _| total += 1).await?;
    Ok(Count::Exact(total))
}

async fn by_server(
    source: &Source,
    work: &mut Work<'_>,
    filter: Document,
    longest: Duration,
) -> Result<mongodb::error::Result<u64>, StoreError> {
    let command = doc! {
        "aggregate": &source.found.name,
        "pipeline": [{"$match": filter}, {"$count": "n"}],
        "collation": {"locale": "simple"},
        "maxTimeMS": i64::try_from(longest.as_millis()).unwrap_or(i64::MAX),
        "cursor": {},
    };
    let answer = work.attempt(&source.found.database, command).await?;
    Ok(answer.map(|answer| counted(&answer)))
}

/// The number in the answer to a pipeline that ends in `$count`; no answer is none.
pub fn counted(answer: &Document) -> u64 {
    let number = answer
        .get_document("cursor")
        .and_then(|cursor| cursor.get_array("firstBatch"))
        .ok()
        .and_then(|batch| batch.first()?.as_document()?.get("n"));
    number.and_then(discover::unsigned).unwrap_or(0)
}

async fn estimate(
    source: &Source,
    work: &mut Work<'_>,
    predicate: &Predicate,
    filter: Document,
    exactness: Exactness,
) -> Result<Count, StoreError> {
    let counted = doc! {"count": &source.found.name};
    let answer = work.attempt(&source.found.database, counted).await?;
    let total = answer
        .ok()
        .and_then(|answer| discover::unsigned(answer.get("n")?))
        .unwrap_or(0);
    if filter.is_empty() {
        return Ok(Count::Estimate(total));
    }
    if exactness == Exactness::Exact
        && let Ok(count) = by_server(source, work, filter.clone(), ESTIMATE_TIME).await?
    {
        return Ok(Count::Exact(count));
    }
    if total < 20_000 {
        let mut matching = 0;
        scan(source, work, filter, predicate, |_, _| matching += 1).await?;
        return Ok(Count::Exact(matching));
    }
    let mut options = AggregateOptions::default();
    options.max_time = Some(Duration::from_secs(5));
    let pipeline = vec![doc! {"$sample": {"size": SAMPLE}}];
    let found = work
        .aggregate(&source.collection(), pipeline, options)
        .await?;
    let mut rows = found.map_err(|error| work.failed(&error))?;
    let mut reader = RowReader::new(&source.profile, &source.order, PayloadNeed::Head);
    let (mut drawn, mut fitting) = (0_u64, 0_u64);
    while let Some(batch) = work.next(&mut rows).await? {
        for document in documents(&batch)? {
            drawn += 1;
            fitting += u64::from(reader.read(document?, Some(predicate))?.is_some());
        }
    }
    let share = u128::from(total) * u128::from(fitting) / u128::from(drawn.max(1));
    Ok(Count::Estimate(u64::try_from(share).unwrap_or(total)))
}

/// Reads all documents of a condition that really match.
pub async fn scan(
    source: &Source,
    work: &mut Work<'_>,
    filter: Document,
    predicate: &Predicate,
    mut visit: impl FnMut(&Event, &FlatJson<'_>),
) -> Result<(), StoreError> {
    let options = FindOptions::builder().batch_size(BATCH).build();
    let mut rows = work.find(&source.collection(), filter, options).await?;
    // Nobody looks at the payload.
    let mut reader = RowReader::new(&source.profile, &source.order, PayloadNeed::Head);
    while let Some(batch) = work.next(&mut rows).await? {
        for document in documents(&batch)? {
            reader.visit(document?, Some(predicate), |event, record| {
                visit(&event, record);
            })?;
        }
        // On one thread, the rest of the program wants its turn.
        tokio::task::yield_now().await;
    }
    Ok(())
}

/// Groups and their numbers, slice by slice with partial answers.
pub async fn aggregate(
    source: &Source,
    request: AggregateRequest,
    out: Sender<AggregateItem>,
    stop: &CancellationToken,
) -> Result<Aggregate, StoreError> {
    let mut predicate = (*request.predicate).clone();
    let is_timed = request
        .keys
        .iter()
        .any(|key| matches!(key, GroupKey::Time(_)));
    for key in &request.keys {
        if let GroupKey::Time(edges) = key
            && let (Some(first), Some(last)) = (edges.first(), edges.last())
        {
            let inside = Atom::At {
                since: Some(*first),
                until: Some(*last),
            };
            predicate = predicate.and(Predicate::Atom(inside));
        }
    }
    // Every document that gets to the accumulator matches already.
    let question = AggregateRequest {
        predicate: Arc::new(Predicate::All),
        ..request
    };
    let grouping = Grouping::new(&question, &source.profile, &source.order);
    let mut counter = Counter {
        source,
        work: source.link.work(&source.label, stop).await?,
        accumulator: Accumulator::new(question),
        grouping,
    };
    let slices = slices(source, &mut counter.work, &predicate, is_timed).await?;
    let total = slices.len();
    for (place, slice) in slices.into_iter().enumerate() {
        let looked_to = slice.time_bounds().0.map_or(At::NegInfinity, At::Instant);
        counter.count(predicate.clone().and(slice)).await?;
        if place + 1 < total {
            #[expect(clippy::cast_precision_loss, reason = "a share of at most 66 slices")]
            let fraction = Some((place + 1) as f64 / total as f64);
            let progress = Progress {
                looked_to,
                fraction,
            };
            let item = AggregateItem::Partial(counter.accumulator.so_far(), progress);
            tokio::select! {
                sent = out.send(item) => sent.map_err(|_| StoreError::Cancelled)?,
                () = stop.cancelled() => return Err(StoreError::Cancelled),
            }
        }
    }
    Ok(counter.accumulator.answer())
}

/// The predicate's range in pieces of equal length, newest first, and the rest. Together they are
/// everything.
async fn slices(
    source: &Source,
    work: &mut Work<'_>,
    predicate: &Predicate,
    is_timed: bool,
) -> Result<Vec<Predicate>, StoreError> {
    let pieces = (source.found.estimate.unwrap_or(0) / SLICE).min(MOST_SLICES);
    if pieces < 2 || source.served == Ordering::Sorted {
        return Ok(vec![Predicate::All]);
    }
    let Some((first, last)) = single::span(source, work).await? else {
        return Ok(vec![Predicate::All]);
    };
    let (since, until) = predicate.time_bounds();
    let first = since.map_or(first, |since| since.max(first));
    let last = until.map_or(last, |until| until.min(last));
    let width = last.0.saturating_sub(first.0) / i64::try_from(pieces).unwrap_or(1);
    if width < Micros::SECOND {
        return Ok(vec![Predicate::All]);
    }
    let at =
        |since: Option<Micros>, until: Option<Micros>| Predicate::Atom(Atom::At { since, until });
    let mut slices = Vec::new();
    let mut upper = None;
    for piece in (1..i64::try_from(pieces).unwrap_or(1)).rev() {
        let lower = Micros(first.0 + piece * width);
        slices.push(at(Some(lower), upper));
        upper = Some(lower);
    }
    slices.push(at(None, upper));
    if !is_timed {
        slices.push(Predicate::Not(Box::new(Predicate::Atom(Atom::HasTime))));
    }
    Ok(slices)
}

/// Counts what predicates let through.
struct Counter<'c> {
    source: &'c Source,
    work: Work<'c>,
    accumulator: Accumulator,
    /// How the server groups; `None` where documents have to be looked at one by one.
    grouping: Option<Grouping>,
}

impl Counter<'_> {
    async fn count(&mut self, predicate: Predicate) -> Result<(), StoreError> {
        let condition = filter::compile(&predicate, &self.source.profile, &self.source.order);
        let Some(filter) = condition.filter else {
            return Ok(());
        };
        if let (Exactness::Exact, Some(grouping)) = (condition.exactness, &self.grouping) {
            let pipeline = vec![
                doc! {"$match": filter.clone()},
                grouping.stage(&self.source.order),
            ];
            let options = AggregateOptions::default();
            let collection = self.source.collection();
            let found = self.work.aggregate(&collection, pipeline, options).await?;
            let mut rows = found.map_err(|error| self.work.failed(&error))?;
            // Groups count only together: one that says too little sends everybody to the scan.
            let before = self.accumulator.clone();
            let mut is_whole = true;
            while let Some(batch) = self.work.next(&mut rows).await? {
                for group in documents(&batch)? {
                    is_whole &=
                        grouping.feed(group?, &self.source.profile, &mut self.accumulator)?;
                }
            }
            if is_whole {
                return Ok(());
            }
            self.accumulator = before;
            self.grouping = None;
        }
        let accumulator = &mut self.accumulator;
        scan(
            self.source,
            &mut self.work,
            filter,
            &predicate,
            |event, record| {
                accumulator.feed_times(event, record, 1);
            },
        )
        .await
    }
}
