//! Counting events: by time, by field, with explicit edges, so that every store cuts the same
//! buckets.
//!
//! Histogram, facets and every usage report are one [`AggregateRequest`]. A driver answers it in
//! its own language when its condition is exact, and feeds an [`Accumulator`] otherwise.

use std::sync::Arc;

use crate::core::event::Field;
use crate::core::instant::Micros;
use crate::core::path::Path;
use crate::core::profile::OwnField;
use crate::core::query::predicate::Predicate;

/// Which value to group by or to count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The outcome's word.
    Outcome,
    /// An event field.
    Field(Field),
    /// A name of the profile's own.
    Own(Arc<OwnField>),
    /// A payload path.
    Path(Path),
}

/// One grouping key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupKey {
    /// Buckets `[edges[i], edges[i+1])`; ascending, at least two edges. Events outside all buckets
    /// are not counted.
    Time(Vec<Micros>),
    /// The values of a subject: an event with several counts once for each different one, an event
    /// without any counts under `None`.
    Value(Subject),
}

/// What is measured per group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Events.
    Count,
    /// Different values of a subject.
    Distinct(Subject),
}

/// A question of the form "how many, by what".
#[derive(Clone, Debug, PartialEq)]
pub struct AggregateRequest {
    /// Which events.
    pub predicate: Arc<Predicate>,
    /// By what; empty means one group.
    pub keys: Vec<GroupKey>,
    /// Which number.
    pub measure: Measure,
    /// Keep this many groups with the largest numbers (ties by key); `None` keeps all.
    pub top: Option<usize>,
}

/// The value of one key of a group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GroupValue {
    /// Index of the time bucket.
    Bucket(usize),
    /// A value as text.
    Text(String),
    /// No value.
    None,
}

/// One group and its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// In the order of the request's keys.
    pub key: Vec<GroupValue>,
    /// The measure.
    pub count: u64,
}

/// Evenly spaced, human-sized bucket edges that cover `[since, until)` with at most `most` buckets:
/// widths come from the ladder 1 s … 1 s·5, 15 s, 30 s, 1 min, 5, 15, 30, 1 h, 3, 6, 12, 1 d, 7 d, 30 d, 90 d, 365 d,
/// aligned to the epoch (weeks to Monday).
pub fn even_edges(since: Micros, until: Micros, most: usize) -> Vec<Micros> {
    todo!()
}
