//! Counting: histograms, facets, totals. Newest first, with partial answers on the way.
//!
//! What is asked of nothing but time is answered from the sidecars, or from the journal alone;
//! everything else reads the rows.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::Sender;
use tokio_util::sync::CancellationToken;

use crate::core::aggregate::accumulator::Accumulator;
use crate::core::aggregate::{Aggregate, AggregateRequest, GroupKey, Measure};
use crate::core::event::{Cursor, Event, EventId, KeyPart, Payload, Values};
use crate::core::instant::{At, Micros};
use crate::core::json::FlatJson;
use crate::core::query::predicate::Predicate;
use crate::store::archive::row::Reader;
use crate::store::archive::scan::{Depth, Found, Scan};
use crate::store::archive::stock::{Range, Stock, wide};
use crate::store::archive::{ArchiveStore, run, send};
use crate::store::{AggregateItem, Count, CountMode, Progress, StoreError};

/// Between two partial answers.
const SLICE: Duration = Duration::from_millis(250);

/// What an estimate may cost.
const ESTIMATE: Duration = Duration::from_millis(150);

/// A count on its way: it moves between jobs.
struct Counting {
    scan: Scan,
    accumulator: Accumulator,
    request: AggregateRequest,
    reader: Reader,
}

/// The buckets of a request, where it has some.
fn edges(request: &AggregateRequest) -> Option<&[Micros]> {
    request.keys.iter().find_map(|key| match key {
        GroupKey::Time(edges) => Some(edges.as_slice()),
        GroupKey::Value(_) | GroupKey::Magnitude(_) => None,
    })
}

impl Counting {
    fn new(stock: &Stock, request: AggregateRequest) -> Self {
        let mut range = Range::of(request.predicate.time_bounds());
        if let Some([first, .., last]) = edges(&request) {
            // Events outside all buckets are not counted, so they need not be read.
            range = range.and(Range::of((Some(*first), Some(*last))));
        }
        let is_by_time = |key: &GroupKey| matches!(key, GroupKey::Time(_));
        let depth = if request.keys.iter().all(is_by_time)
            && request.measure == Measure::Count
            && request.predicate.is_of_time()
        {
            Depth::Times
        } else {
            Depth::Rows
        };
        Self {
            scan: Scan::new(stock, range, depth),
            accumulator: Accumulator::new(request.clone()),
            request,
            reader: Reader::default(),
        }
    }

    /// Whether that was all.
    fn advance(
        &mut self,
        stock: &Stock,
        budget: Duration,
        halt: &CancellationToken,
    ) -> Result<bool, StoreError> {
        let request = &self.request;
        let is_one = |range: Range| {
            let bucket = |edges: &[Micros]| {
                let place = |at: Micros| edges.partition_point(|edge| *edge <= at);
                place(range.first) == place(range.last)
            };
            request.predicate.as_ref() == &Predicate::All && edges(request).is_none_or(bucket)
        };
        let nothing = nothing()?;
        let mut blank = blank();
        let (accumulator, reader) = (&mut self.accumulator, &mut self.reader);
        let mut visit = |found: Found<'_>| match found {
            Found::Times(at, rows) => {
                blank.cursor.at = At::Instant(at);
                if request.predicate.matches(&blank, &nothing) {
                    accumulator.feed_times(&blank, &nothing, rows);
                }
                Ok(())
            }
            Found::Row(row) => reader.read(stock, row, |event, record| {
                accumulator.feed(&event, record);
            }),
        };
        self.scan.advance(stock, budget, halt, &is_one, &mut visit)
    }

    fn number(&self) -> u64 {
        let groups = self.accumulator.so_far();
        groups.first().map_or(0, |group| group.count)
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
    store: &ArchiveStore,
    mut counting: Counting,
    budget: Duration,
    stop: &CancellationToken,
) -> Result<(Counting, bool), StoreError> {
    let stock = Arc::clone(&store.stock);
    run(stop, move |halt| {
        let is_all = counting.advance(&stock, budget, halt)?;
        Ok((counting, is_all))
    })
    .await
}

pub(super) async fn aggregate(
    store: &ArchiveStore,
    request: AggregateRequest,
    out: Sender<AggregateItem>,
    stop: &CancellationToken,
) -> Result<Aggregate, StoreError> {
    let mut counting = Counting::new(&store.stock, request);
    loop {
        let (after, is_all) = slice(store, counting, SLICE, stop).await?;
        counting = after;
        if is_all {
            return Ok(counting.accumulator.answer());
        }
        let progress: Progress = counting.scan.progress(&store.stock);
        let groups = counting.accumulator.so_far();
        send(&out, AggregateItem::Partial(groups, progress), stop).await?;
    }
}

pub(super) async fn count(
    store: &ArchiveStore,
    predicate: &Predicate,
    mode: CountMode,
    stop: &CancellationToken,
) -> Result<Count, StoreError> {
    let request = AggregateRequest {
        predicate: Arc::new(predicate.clone()),
        keys: Vec::new(),
        measure: Measure::Count,
        top: None,
    };
    let mut counting = Counting::new(&store.stock, request);
    let budget = match mode {
        CountMode::Estimate => ESTIMATE,
        CountMode::Exact => SLICE,
    };
    loop {
        let (after, is_all) = slice(store, counting, budget, stop).await?;
        counting = after;
        if is_all {
            return Ok(Count::Exact(counting.number()));
        }
        if mode == CountMode::Estimate {
            return Ok(Count::Estimate(extrapolated(store, &counting)));
        }
    }
}

/// As if the rest were like the newest rows.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an estimate, and not negative"
)]
fn extrapolated(store: &ArchiveStore, counting: &Counting) -> u64 {
    let seen = wide(counting.scan.examined.max(1));
    let all = counting.scan.about(&store.stock).max(seen);
    (wide(counting.number()) * all / seen).round() as u64
}
