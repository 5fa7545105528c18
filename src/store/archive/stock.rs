//! What an archive holds, as its plan and its journal tell: the table and the segments with their
//! times, which are the index into it.
//!
//! Reads no rows.

use std::sync::Arc;

use crate::archive::ArchiveError;
use crate::archive::place::Place;
use crate::archive::segment::stream::Stream;
use crate::core::instant::Micros;
use crate::core::profile::Profile;
use crate::core::purge::decode::Decoder;
use crate::core::purge::journal::SegmentEntry;
use crate::core::purge::plan::{Plan, RowOrder};
use crate::core::purge::row::RowKey;

/// A segment of event rows, and the rows related to them.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    pub(super) entry: SegmentEntry,
    /// Event rows.
    pub(super) rows: u64,
    pub(super) oldest: Micros,
    pub(super) newest: Micros,
    /// The key of the last row that was read for it.
    pub(super) last: Option<RowKey>,
}

/// An opened archive.
#[derive(Debug)]
pub(super) struct Stock {
    pub(super) place: Place,
    pub(super) plan: Plan,
    pub(super) profile: Arc<Profile>,
    pub(super) decoder: Decoder,
    /// In the plan's order.
    pub(super) segments: Vec<Segment>,
}

/// Instants from the first to the last, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) first: Micros,
    pub(super) last: Micros,
}

impl Range {
    /// Every instant.
    pub(super) const ALL: Self = Self {
        first: Micros(i64::MIN),
        last: Micros(i64::MAX),
    };

    /// From bounds as predicates have them: the later one is excluded.
    pub(super) fn of((since, until): (Option<Micros>, Option<Micros>)) -> Self {
        Self {
            first: since.unwrap_or(Self::ALL.first),
            last: until.map_or(Self::ALL.last, |until| until.plus(-1)),
        }
    }

    pub(super) fn contains(self, at: Micros) -> bool {
        (self.first..=self.last).contains(&at)
    }

    /// What both contain.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            first: self.first.max(other.first),
            last: self.last.min(other.last),
        }
    }

    pub(super) fn is_empty(self) -> bool {
        self.first > self.last
    }
}

impl Segment {
    pub(super) fn range(&self) -> Range {
        Range {
            first: self.oldest,
            last: self.newest,
        }
    }

    /// How many of its rows lie in a range, as if they were spread evenly.
    fn share(&self, range: Range) -> f64 {
        let both = self.range().and(range);
        if both.is_empty() {
            return 0.0;
        }
        let length = |range: Range| wide(range.last.0.abs_diff(range.first.0)) + 1.0;
        wide(self.rows) * length(both) / length(self.range())
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "estimates are for progress and for how much is read at a time"
)]
pub(super) fn wide(number: u64) -> f64 {
    number as f64
}

impl Stock {
    /// All event rows.
    pub(super) fn rows(&self) -> u64 {
        self.segments.iter().map(|segment| segment.rows).sum()
    }

    /// First and last instant.
    pub(super) fn span(&self) -> Option<Range> {
        let first = self.segments.iter().map(|segment| segment.oldest).min()?;
        let last = self.segments.iter().map(|segment| segment.newest).max()?;
        Some(Range { first, last })
    }

    /// About how many rows lie in a range.
    pub(super) fn rows_about(&self, range: Range) -> f64 {
        let shares = self.segments.iter().map(|segment| segment.share(range));
        shares.sum()
    }

    /// Places of the segments that may have rows in a range, the newest first.
    pub(super) fn within(&self, range: Range) -> Vec<usize> {
        let mut found: Vec<usize> = (0..self.segments.len())
            .filter(|place| !self.segments[*place].range().and(range).is_empty())
            .collect();
        found.sort_by_key(|place| std::cmp::Reverse(self.segments[*place].newest));
        found
    }

    /// Whether rows come in the order of their times.
    pub(super) fn is_ordered(&self) -> bool {
        self.plan.order == RowOrder::TimeThenKey
    }

    /// Whether two segments share some time: then neither is read through before the other.
    pub(super) fn overlaps(&self) -> bool {
        let mut ranges: Vec<Range> = self.segments.iter().map(Segment::range).collect();
        ranges.sort_by_key(|range| range.first);
        ranges.windows(2).any(|pair| pair[1].first < pair[0].last)
    }

    /// Where a row can be.
    pub(super) fn holding(&self, at: Micros, key: &RowKey) -> Vec<usize> {
        let has = |place: &usize| self.segments[*place].range().contains(at);
        if self.is_ordered() {
            return (0..self.segments.len()).filter(has).collect();
        }
        // Each segment ends with the last key that was read for it.
        let place = self
            .segments
            .partition_point(|segment| segment.last.as_ref().is_some_and(|last| last < key));
        (place..self.segments.len()).take(1).filter(has).collect()
    }

    /// A segment's rows of a relation.
    pub(super) fn stream(&self, place: usize, relation: usize) -> Result<Stream, ArchiveError> {
        let entry = &self.segments[place].entry;
        let Some(part) = entry.parts.get(relation) else {
            let name = crate::archive::segment::names(entry.number, relation, self.plan.encoding);
            return Err(self.place.broken(&name[0], "the journal does not know it"));
        };
        Stream::open(
            &self.place,
            entry.number,
            relation,
            self.plan.encoding,
            part,
        )
    }
}
