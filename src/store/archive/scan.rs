//! Every row of a range once, segment by segment, the newest first: for counting.
//!
//! In the order in which rows lie; who needs them in the order of their times takes a sweep.

use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::archive::segment::stream::Stream;
use crate::core::instant::{At, Micros};
use crate::store::archive::failed;
use crate::store::archive::row::Row;
use crate::store::archive::stock::{Range, Stock, wide};
use crate::store::{Progress, StoreError};

/// Rows between two looks at the clock.
const BETWEEN: u64 = 256;

/// How much of each row is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Depth {
    /// Its time.
    Times,
    /// All of it.
    Rows,
}

/// What a scan comes by.
pub(super) enum Found<'s> {
    /// So many rows, all between these instants: only where times alone are asked for, and only if
    /// the visitor takes them together.
    Times(Micros, u64),
    /// A row.
    Row(&'s Row),
}

/// A scan on its way.
pub(super) struct Scan {
    range: Range,
    depth: Depth,
    /// Segments that have not been read, the next one last.
    waiting: Vec<usize>,
    stream: Option<(usize, Stream)>,
    /// Rows seen in range.
    pub(super) examined: u64,
    /// Rows of segments that were read, in range or not.
    read: u64,
    of: u64,
    row: Row,
}

impl Scan {
    pub(super) fn new(stock: &Stock, range: Range, depth: Depth) -> Self {
        let mut waiting = stock.within(range);
        waiting.reverse();
        let rows = waiting.iter().map(|place| stock.segments[*place].rows);
        Self {
            range,
            depth,
            stream: None,
            examined: 0,
            read: 0,
            of: rows.sum(),
            waiting,
            row: Row::empty(),
        }
    }

    /// Rows in range, about.
    pub(super) fn about(&self, stock: &Stock) -> f64 {
        stock.rows_about(self.range)
    }

    /// Reads on for a while; whether that was all. `is_one` says whether a whole range of time is
    /// one to the visitor, so that the rows of a segment within it need not be told apart.
    pub(super) fn advance(
        &mut self,
        stock: &Stock,
        budget: Duration,
        halt: &CancellationToken,
        is_one: &dyn Fn(Range) -> bool,
        visit: &mut dyn FnMut(Found<'_>) -> Result<(), StoreError>,
    ) -> Result<bool, StoreError> {
        let until = Instant::now() + budget;
        loop {
            if halt.is_cancelled() {
                return Err(StoreError::Cancelled);
            }
            let Some((place, mut stream)) = self.stream.take() else {
                let Some(place) = self.waiting.pop() else {
                    return Ok(true);
                };
                let segment = &stock.segments[place];
                if self.depth == Depth::Times && is_one(segment.range()) {
                    self.examined += segment.rows;
                    self.read += segment.rows;
                    visit(Found::Times(segment.oldest, segment.rows))?;
                } else {
                    let stream = stock.stream(place, 0).map_err(|error| failed(&error))?;
                    self.stream = Some((place, stream));
                }
                continue;
            };
            let is_through = self.some(&mut stream, visit)?;
            if !is_through {
                self.stream = Some((place, stream));
            }
            if Instant::now() >= until {
                return Ok(self.stream.is_none() && self.waiting.is_empty());
            }
        }
    }

    /// Reads some rows of a segment; whether those were the last.
    fn some(
        &mut self,
        stream: &mut Stream,
        visit: &mut dyn FnMut(Found<'_>) -> Result<(), StoreError>,
    ) -> Result<bool, StoreError> {
        for _ in 0..BETWEEN {
            let Some(glance) = stream.advance().map_err(|error| failed(&error))? else {
                return Ok(true);
            };
            self.read += 1;
            if !self.range.contains(glance.at) {
                continue;
            }
            self.examined += 1;
            if self.depth == Depth::Times {
                visit(Found::Times(glance.at, 1))?;
                continue;
            }
            let mark = stream.mark().map_err(|error| failed(&error))?;
            stream
                .take(&mark, &mut self.row.bytes)
                .map_err(|error| failed(&error))?;
            self.row.at = glance.at;
            self.row.key = mark.key;
            visit(Found::Row(&self.row))?;
        }
        Ok(false)
    }

    pub(super) fn progress(&self, stock: &Stock) -> Progress {
        let fraction = (self.of > 0).then(|| wide(self.read) / wide(self.of));
        // What lies in segments that are still waiting has not been looked at.
        let next = self.stream.as_ref().map(|(place, _)| *place);
        let next = next.or_else(|| self.waiting.last().copied());
        let looked_to = next.map_or(At::NegInfinity, |place| {
            At::Instant(stock.segments[place].newest)
        });
        Progress {
            looked_to,
            fraction,
        }
    }
}
