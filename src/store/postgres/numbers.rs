//! Counting: how many, by what, and over which span.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::mpsc::Sender;
use tokio_util::sync::CancellationToken;

use crate::core::aggregate::accumulator::Accumulator;
use crate::core::aggregate::{Aggregate, AggregateRequest, GroupKey};
use crate::core::event::{Cursor, Event, KeyPart, Payload};
use crate::core::instant::{At, Micros};
use crate::core::json::FlatJson;
use crate::core::profile::evaluate::timeless;
use crate::core::query::predicate::{Atom, Predicate};
use crate::store::postgres::Inner;
use crate::store::postgres::answer::text;
use crate::store::postgres::estimate::estimate;
use crate::store::postgres::grouping::{Grouping, Spelling};
use crate::store::postgres::layout::Way;
use crate::store::postgres::rows::{RowReader, id};
use crate::store::postgres::session::{Purpose, Session};
use crate::store::postgres::sql::{self, Condition};
use crate::store::postgres::walk::{Walk, Walked, instant};
use crate::store::{AggregateItem, Count, CountMode, Exactness, PayloadNeed, Progress, StoreError};

/// How many events match.
pub async fn count(
    inner: &Inner,
    predicate: &Predicate,
    mode: CountMode,
    stop: &CancellationToken,
) -> Result<Count, StoreError> {
    let layout = &inner.layout;
    let label = layout.table.label();
    let condition = sql::compile(predicate, layout);
    if mode == CountMode::Estimate {
        return estimate(inner, predicate, &condition, stop).await;
    }
    let session = inner.pool.lease(Purpose::Heavy, stop).await?;
    if condition.exactness == Exactness::Superset {
        let mut total = 0;
        scan(inner, &session, predicate, &condition.sql, stop, |_, _| {
            total += 1;
        })
        .await?;
        return Ok(Count::Exact(total));
    }
    let statement = format!(
        "SELECT count(*)::text FROM {} WHERE {}",
        layout.from(),
        condition.sql
    );
    let found = session.texts(&statement, &label, stop).await?;
    let number = found
        .into_iter()
        .flatten()
        .flatten()
        .next()
        .and_then(|text| text.parse().ok());
    Ok(Count::Exact(number.unwrap_or(0)))
}

/// First and last instant of the dated events.
pub async fn span(
    inner: &Inner,
    stop: &CancellationToken,
) -> Result<Option<(Micros, Micros)>, StoreError> {
    let layout = &inner.layout;
    let session = inner.pool.lease(Purpose::Browse, stop).await?;
    let time = &layout.time.sql;
    let end = |direction: &str| {
        format!(
            "(SELECT to_json({time}) #>> '{{}}' FROM {} WHERE {} ORDER BY {time} {direction} LIMIT 1)",
            layout.from(),
            layout.time.is_dated()
        )
    };
    let statement = format!("SELECT {}, {}", end("ASC"), end("DESC"));
    let found = session
        .texts(&statement, &layout.table.label(), stop)
        .await?;
    let mut ends = found
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|text| instant(layout, &text).instant());
    Ok(ends.next().zip(ends.next()))
}

/// The server's clock.
pub async fn now(session: &Session, stop: &CancellationToken) -> Result<Micros, StoreError> {
    let statement = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::int8::text";
    let found = session.texts(statement, "the server's clock", stop).await?;
    let micros = found
        .into_iter()
        .flatten()
        .flatten()
        .next()
        .and_then(|text| text.parse().ok());
    micros.map(Micros).ok_or_else(|| StoreError::Failed {
        message: "the server does not tell its time".to_owned(),
        hint: None,
    })
}

/// Groups and their numbers, slice by slice with partial answers.
pub async fn aggregate(
    inner: &Inner,
    request: AggregateRequest,
    out: Sender<AggregateItem>,
    stop: &CancellationToken,
) -> Result<Aggregate, StoreError> {
    let session = inner.pool.lease(Purpose::Heavy, stop).await?;
    let layout = &inner.layout;
    let predicate = within_edges(&request);
    let condition = sql::compile(&predicate, layout);
    let mut counter = Counter::new(
        inner,
        &session,
        &request,
        predicate.clone(),
        &condition,
        stop,
    );
    if condition.sql == "FALSE" {
        return Ok(counter.accumulator.answer());
    }
    let walked = Walked {
        layout,
        session: &session,
        way: Way::Back,
        bounds: sql::bounds(&predicate, layout),
        stop,
    };
    // Rows that are looked at one by one take longer than anybody would wait for a first answer.
    let is_small = match counter.grouping {
        Some(_) => is_small(inner, &walked).await?,
        None => has_few_rows(inner),
    };
    if layout.table.is_ordered(&layout.time.name) && !is_small {
        let mut walk = Walk::begin(walked, None).await?;
        while let Some(slice) = walk.next().await? {
            counter
                .count(&format!("{slice} AND ({})", condition.sql))
                .await?;
            if let Some(progress) = walk.progress() {
                partial(&out, &counter.accumulator, progress, stop).await?;
            }
        }
        // A time key leaves the rows without a moment out anyway.
        if !request
            .keys
            .iter()
            .any(|key| matches!(key, GroupKey::Time(_)))
        {
            counter
                .count(&format!(
                    "{} AND ({})",
                    layout.time.is_undated(),
                    condition.sql
                ))
                .await?;
        }
    } else {
        counter.count(&condition.sql).await?;
    }
    Ok(counter.accumulator.answer())
}

/// The predicate, and that only rows within the outermost edges of every time key count.
fn within_edges(request: &AggregateRequest) -> Predicate {
    let mut predicate = (*request.predicate).clone();
    for key in &request.keys {
        if let GroupKey::Time(edges) = key
            && let (Some(first), Some(last)) = (edges.first(), edges.last())
        {
            predicate = predicate.and(Predicate::Atom(Atom::At {
                since: Some(*first),
                until: Some(*last),
            }));
        }
    }
    predicate
}

/// Rows that one statement groups before anybody would look for a partial answer.
const SMALL: u64 = 100_000;

fn has_few_rows(inner: &Inner) -> bool {
    let whole = inner.layout.table.rows_estimate();
    whole.is_some_and(|rows| rows < SMALL)
}

/// Whether one statement answers before anybody would look for a partial answer.
async fn is_small(inner: &Inner, walked: &Walked<'_>) -> Result<bool, StoreError> {
    if has_few_rows(inner) {
        return Ok(true);
    }
    if walked.bounds.iter().any(Option::is_none) {
        return Ok(false);
    }
    let planned = walked.planned().await?;
    Ok(planned.is_some_and(|rows| rows < SMALL))
}

async fn partial(
    out: &Sender<AggregateItem>,
    accumulator: &Accumulator,
    progress: Progress,
    stop: &CancellationToken,
) -> Result<(), StoreError> {
    tokio::select! {
        sent = out.send(AggregateItem::Partial(accumulator.so_far(), progress)) => {
            sent.map_err(|_| StoreError::Cancelled)
        }
        () = stop.cancelled() => Err(StoreError::Cancelled),
    }
}

/// Reads all rows of a condition that really match.
async fn scan(
    inner: &Inner,
    session: &Session,
    predicate: &Predicate,
    condition: &str,
    stop: &CancellationToken,
    mut visit: impl FnMut(&Event, &FlatJson<'_>),
) -> Result<(), StoreError> {
    let layout = &inner.layout;
    let label = layout.table.label();
    let statement = format!(
        "SELECT {} FROM {} WHERE {condition}",
        layout.selected(),
        layout.from()
    );
    let mut reader = RowReader::new(layout, PayloadNeed::Head, Some(predicate));
    let mut rows = session.rows(&statement, &label, stop).await?;
    while let Some(row) = rows.next().await? {
        reader.visit(&row, &mut visit)?;
    }
    Ok(())
}

/// Counts what conditions let through.
struct Counter<'c> {
    inner: &'c Inner,
    session: &'c Session,
    predicate: Predicate,
    accumulator: Accumulator,
    /// How the server groups; `None` where rows have to be looked at one by one.
    grouping: Option<Grouping>,
    stop: &'c CancellationToken,
}

impl<'c> Counter<'c> {
    fn new(
        inner: &'c Inner,
        session: &'c Session,
        request: &AggregateRequest,
        predicate: Predicate,
        condition: &Condition,
        stop: &'c CancellationToken,
    ) -> Self {
        // Every row that gets here matches already.
        let request = AggregateRequest {
            predicate: Arc::new(Predicate::All),
            ..request.clone()
        };
        let grouping = (condition.exactness == Exactness::Exact)
            .then(|| Grouping::new(inner, &request))
            .flatten();
        Self {
            inner,
            session,
            predicate,
            accumulator: Accumulator::new(request),
            grouping,
            stop,
        }
    }

    async fn count(&mut self, condition: &str) -> Result<(), StoreError> {
        let Some(grouping) = &self.grouping else {
            let accumulator = &mut self.accumulator;
            return scan(
                self.inner,
                self.session,
                &self.predicate,
                condition,
                self.stop,
                |event, record| {
                    accumulator.feed_times(event, record, 1);
                },
            )
            .await;
        };
        let rest = grouping.rest(condition);
        let doubtful = self.groups(condition, Spelling::Plain).await?;
        if let (Some(rest), false) = (rest, doubtful.is_empty()) {
            self.groups(&rest, Spelling::Json).await?;
        }
        if let Some(grouping) = &mut self.grouping {
            grouping.doubt(doubtful, &self.inner.doubts);
        }
        Ok(())
    }

    /// Counts groups. The parts for which a group was left out, as it has no string there.
    async fn groups(
        &mut self,
        condition: &str,
        spelling: Spelling,
    ) -> Result<BTreeSet<usize>, StoreError> {
        let mut doubtful = BTreeSet::new();
        let Some(grouping) = &self.grouping else {
            return Ok(doubtful);
        };
        let layout = &self.inner.layout;
        let label = layout.table.label();
        let statement = grouping.statement(&layout.from(), condition, spelling);
        let mut rows = self.session.rows(&statement, &label, self.stop).await?;
        while let Some(row) = rows.next().await? {
            let times: u64 = text(&row, 0)
                .and_then(|text| text.parse().ok())
                .unwrap_or(0);
            if times == 0 {
                continue;
            }
            let mut values: Vec<Option<String>> = (1..row.len())
                .map(|at| text(&row, at).map(std::borrow::Cow::into_owned))
                .collect();
            let at = grouping.instant(&mut values);
            let no_strings = grouping.no_strings(&values, spelling);
            if !no_strings.is_empty() {
                doubtful.extend(no_strings);
                continue;
            }
            let json = grouping.selection.record(&values);
            let Ok(record) = layout.record(json.into(), Vec::new()) else {
                continue;
            };
            let event = stand_in(self.inner, &record, at);
            self.accumulator.feed_times(&event, &record, times);
        }
        Ok(doubtful)
    }
}

/// An event with the values of a group and nothing of its own.
fn stand_in(inner: &Inner, record: &FlatJson<'_>, at: At) -> Event {
    let (outcome, values) = timeless(&inner.layout.profile, record);
    Event {
        id: id(&[]),
        cursor: Cursor {
            at,
            time: KeyPart::Null,
            key: Vec::new(),
        },
        outcome,
        values,
        payload: Payload::whole(""),
    }
}
