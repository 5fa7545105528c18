//! Rows in the order of their times, either way, out of segments that may be in another order.
//!
//! A sweep goes in rounds. Each looks at so much time as is likely to hold a number of rows, reads
//! the segments that may have rows in it, and holds the matching rows nearest to where it stands.
//! Rows that there is no room for are read again in the next round: nothing is missed, and memory is
//! bounded whatever the archive looks like.

use std::cmp::Ordering;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::core::event::{Cursor, Event};
use crate::core::instant::{At, Micros};
use crate::core::purge::row::RowKey;
use crate::core::query::catalog::Catalog;
use crate::core::query::predicate::Predicate;
use crate::store::archive::failed;
use crate::store::archive::row::{Reader, Row};
use crate::store::archive::stock::{Range, Stock, wide};
use crate::store::{PageFrom, PayloadNeed, Progress, StoreError};

/// Rows between two looks at whether somebody waits still.
const BETWEEN: u64 = 256;

/// A round that finds little is followed by a longer one, up to so many rows.
const LONGEST: f64 = 262_144.0;

/// Where clocks are put back, the order of times as written is not that of instants.
const UNEVEN: i64 = 86_400 * Micros::SECOND;

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Newest first.
    Back,
    /// Oldest first.
    Forth,
}

/// A place on the way: the nearer one is less.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Step {
    way: Way,
    at: Micros,
    key: RowKey,
}

impl Ord for Step {
    fn cmp(&self, other: &Self) -> Ordering {
        let order = (self.at, &self.key).cmp(&(other.at, &other.key));
        match self.way {
            Way::Forth => order,
            Way::Back => order.reverse(),
        }
    }
}

impl PartialOrd for Step {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// How far a sweep has come.
#[derive(Clone, Debug)]
enum Passed {
    /// To this place, and it has been there.
    Place(Step),
    /// To all of this instant.
    Instant(Micros),
    /// Not begun.
    Nothing,
}

/// How much a sweep holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    /// Rows looked at in the first round, about.
    pub(super) round: f64,
    /// Bytes of rows that wait to be given out.
    pub(super) bytes: usize,
}

impl Room {
    /// For a page somebody looks at.
    pub(super) const PAGE: Self = Self {
        round: 4_096.0,
        bytes: 6 << 20,
    };
    /// For an export.
    pub(super) const EXPORT: Self = Self {
        round: 65_536.0,
        bytes: 16 << 20,
    };
}

/// A way through the rows that match.
#[derive(Debug)]
pub(super) struct Sweep {
    way: Way,
    predicate: Arc<Predicate>,
    /// Where matching rows can be.
    range: Range,
    passed: Passed,
    ready: VecDeque<Row>,
    /// The last row given out.
    given: Option<Cursor>,
    room: Room,
    reader: Reader,
}

/// The nearest matching rows of a round.
#[derive(Debug, Default)]
struct Best {
    rows: BTreeMap<Step, Row>,
    bytes: usize,
    /// From here on rows were left out.
    horizon: Option<Step>,
}

impl Best {
    fn has_room_for(&self, step: &Step) -> bool {
        self.horizon.as_ref().is_none_or(|horizon| step < horizon)
    }

    fn hold(&mut self, step: Step, row: Row, most: usize) {
        self.bytes += row.weight();
        self.rows.insert(step, row);
        while self.bytes > most && self.rows.len() > 1 {
            if let Some((step, row)) = self.rows.pop_last() {
                self.bytes -= row.weight();
                self.horizon = Some(step);
            }
        }
    }
}

impl Sweep {
    /// From where a page begins.
    pub(super) fn new(
        stock: &Stock,
        predicate: Arc<Predicate>,
        from: &PageFrom,
        room: Room,
    ) -> Self {
        let span = stock.span().unwrap_or(Range {
            first: Micros(0),
            last: Micros(-1),
        });
        let mut range = Range::of(predicate.time_bounds()).and(span);
        let (way, cursor) = match from {
            PageFrom::Newest => (Way::Back, None),
            PageFrom::Oldest => (Way::Forth, None),
            PageFrom::Before(cursor) => (Way::Back, Some(cursor)),
            PageFrom::After(cursor) => (Way::Forth, Some(cursor)),
        };
        let passed = match cursor {
            None => Passed::Nothing,
            Some(cursor) => match (cursor.at, way) {
                (At::Instant(at), _) => Passed::Place(Step {
                    way,
                    at,
                    key: RowKey(cursor.key.clone()),
                }),
                // Rows without an instant come after the oldest, and archives have none.
                (_, Way::Forth) => Passed::Nothing,
                (_, Way::Back) => {
                    range.last = Micros(i64::MIN);
                    Passed::Instant(Micros(i64::MIN))
                }
            },
        };
        Self {
            way,
            predicate,
            range,
            passed,
            ready: VecDeque::new(),
            given: cursor.cloned(),
            room,
            reader: Reader::default(),
        }
    }

    /// Whether a page that begins here is this sweep's next one.
    pub(super) fn goes_on(&self, predicate: &Arc<Predicate>, from: &PageFrom) -> bool {
        let (way, cursor) = match from {
            PageFrom::Newest | PageFrom::Oldest => return false,
            PageFrom::Before(cursor) => (Way::Back, cursor),
            PageFrom::After(cursor) => (Way::Forth, cursor),
        };
        let is_same = Arc::ptr_eq(&self.predicate, predicate) || self.predicate == *predicate;
        way == self.way && self.given.as_ref() == Some(cursor) && is_same
    }

    pub(super) fn way(&self) -> Way {
        self.way
    }

    /// The next row to be given out, if there is one ready.
    pub(super) fn next_event(
        &mut self,
        stock: &Stock,
        need: PayloadNeed,
    ) -> Result<Option<Event>, StoreError> {
        let Some(row) = self.ready.pop_front() else {
            return Ok(None);
        };
        self.given = Some(row.cursor());
        self.reader.event(stock, &row, need).map(Some)
    }

    /// Shows the next rows to a catalogue; how many.
    pub(super) fn learn(
        &mut self,
        stock: &Stock,
        most: usize,
        catalog: &mut Catalog,
    ) -> Result<usize, StoreError> {
        let rows = self.ready.len().min(most);
        for row in self.ready.drain(..rows) {
            self.reader
                .read(stock, &row, |event, record| catalog.learn(&event, record))?;
        }
        Ok(rows)
    }

    pub(super) fn is_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Instants that have not been passed and can have matching rows; `None` at the end.
    fn rest(&self) -> Option<Range> {
        let mut rest = self.range;
        match (&self.passed, self.way) {
            (Passed::Nothing, _) => {}
            (Passed::Place(step), Way::Back) => rest.last = rest.last.min(step.at),
            (Passed::Place(step), Way::Forth) => rest.first = rest.first.max(step.at),
            (Passed::Instant(at), Way::Back) => {
                rest.last = rest.last.min(Micros(at.0.checked_sub(1)?));
            }
            (Passed::Instant(at), Way::Forth) => {
                rest.first = rest.first.max(Micros(at.0.checked_add(1)?));
            }
        }
        (!rest.is_empty()).then_some(rest)
    }

    /// Goes a round; `None` when there was nothing left.
    pub(super) fn round(
        &mut self,
        stock: &Stock,
        halt: &CancellationToken,
    ) -> Result<Option<Progress>, StoreError> {
        let Some(rest) = self.rest() else {
            return Ok(None);
        };
        let part = self.part(stock, rest);
        let mut best = Best::default();
        for place in stock.within(part) {
            self.segment(stock, place, part, &mut best, halt)?;
        }
        if best.horizon.is_none() && wide(best.rows.len() as u64) < self.room.round / 8.0 {
            self.room.round = (self.room.round * 4.0).min(LONGEST);
        }
        self.passed = match (&best.horizon, best.rows.last_key_value()) {
            (Some(_), Some((last, _))) => Passed::Place(last.clone()),
            _ => Passed::Instant(match self.way {
                Way::Back => part.first,
                Way::Forth => part.last,
            }),
        };
        self.ready.extend(best.rows.into_values());
        Ok(Some(self.progress(stock)))
    }

    /// The next part of the rest: about as many rows as a round looks at.
    fn part(&self, stock: &Stock, rest: Range) -> Range {
        let to = |end: Micros| match self.way {
            Way::Back => Range { first: end, ..rest },
            Way::Forth => Range { last: end, ..rest },
        };
        // `near` is part of the round, `far` is the whole rest.
        let (mut near, mut far) = match self.way {
            Way::Back => (rest.last, rest.first),
            Way::Forth => (rest.first, rest.last),
        };
        if stock.rows_about(rest) <= self.room.round {
            return rest;
        }
        while near.0.abs_diff(far.0) > 1 {
            let middle = Micros(i64::midpoint(near.0, far.0));
            if stock.rows_about(to(middle)) <= self.room.round {
                near = middle;
            } else {
                far = middle;
            }
        }
        to(near)
    }

    fn segment(
        &mut self,
        stock: &Stock,
        place: usize,
        part: Range,
        best: &mut Best,
        halt: &CancellationToken,
    ) -> Result<(), StoreError> {
        let mut stream = stock.stream(place, 0).map_err(|error| failed(&error))?;
        let mut seen: u64 = 0;
        while let Some(glance) = stream.advance().map_err(|error| failed(&error))? {
            if seen.is_multiple_of(BETWEEN) && halt.is_cancelled() {
                return Err(StoreError::Cancelled);
            }
            seen += 1;
            if stock.is_ordered() && glance.at.0.saturating_sub(part.last.0) > UNEVEN {
                break;
            }
            if !part.contains(glance.at) {
                continue;
            }
            let mark = stream.mark().map_err(|error| failed(&error))?;
            let step = Step {
                way: self.way,
                at: glance.at,
                key: mark.key.clone(),
            };
            let is_passed = matches!(&self.passed, Passed::Place(passed) if step <= *passed);
            if is_passed || !best.has_room_for(&step) {
                continue;
            }
            let mut bytes = Vec::new();
            stream
                .take(&mark, &mut bytes)
                .map_err(|error| failed(&error))?;
            let row = Row {
                at: glance.at,
                key: mark.key,
                bytes,
            };
            if self.matches(stock, &row)? {
                best.hold(step, row, self.room.bytes);
            }
        }
        Ok(())
    }

    fn matches(&mut self, stock: &Stock, row: &Row) -> Result<bool, StoreError> {
        if *self.predicate == Predicate::All {
            return Ok(true);
        }
        let predicate = &self.predicate;
        self.reader.read(stock, row, |event, record| {
            predicate.matches(&event, record)
        })
    }

    fn progress(&self, stock: &Stock) -> Progress {
        let looked_to = match &self.passed {
            Passed::Place(step) => At::Instant(step.at),
            Passed::Instant(at) => At::Instant(*at),
            Passed::Nothing => At::PosInfinity,
        };
        let all = stock.rows_about(self.range);
        let left = self.rest().map_or(0.0, |rest| stock.rows_about(rest));
        Progress {
            looked_to,
            fraction: (all > 0.0).then(|| (1.0 - left / all).clamp(0.0, 1.0)),
        }
    }
}
