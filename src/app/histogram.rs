//! Events over time for the filter on the screen: how many, and how many of them went wrong.
//!
//! The store counts; new events are added here as they arrive.

use crate::core::aggregate::{AggregateRequest, Group, GroupKey, GroupValue, Measure, Subject};
use crate::core::event::Outcome;
use crate::core::instant::Micros;
use crate::core::query::predicate::Predicate;
use std::sync::Arc;

/// How far the counting has come.
#[derive(Clone, Debug, PartialEq)]
pub enum Counting {
    /// Nothing is known.
    Waiting,
    /// The numbers may still grow; the share of the range that was looked at, where it can be told.
    Partial(Option<f64>),
    /// The numbers are what the store has, and what has arrived since.
    Done,
    /// Somebody has stopped it.
    Stopped,
    /// It could not be counted; why.
    Failed(String),
}

/// A bar: one bucket, or several that share a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// First instant.
    pub since: Micros,
    /// The instant after the last.
    pub until: Micros,
    /// Its events.
    pub events: u64,
    /// Those that went wrong.
    pub failed: u64,
}

/// Buckets that share a column.
pub fn per_column(buckets: usize, columns: usize) -> usize {
    buckets.div_ceil(columns.max(1)).max(1)
}

/// Numbers by time.
#[derive(Clone, Debug)]
pub struct Histogram {
    edges: Vec<Micros>,
    all: Vec<u64>,
    failed: Vec<u64>,
    /// How far the counting has come.
    pub counting: Counting,
}

impl Default for Histogram {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

/// Whether an event went wrong.
pub fn is_failure(outcome: Option<Outcome>) -> bool {
    matches!(outcome, Some(Outcome::Failed | Outcome::Denied))
}

impl Histogram {
    /// Empty buckets between edges.
    pub fn new(edges: Vec<Micros>) -> Self {
        let buckets = edges.len().saturating_sub(1);
        Self {
            edges,
            all: vec![0; buckets],
            failed: vec![0; buckets],
            counting: Counting::Waiting,
        }
    }

    /// The question that fills it.
    pub fn request(&self, predicate: Arc<Predicate>) -> AggregateRequest {
        AggregateRequest {
            predicate,
            keys: vec![
                GroupKey::Time(self.edges.clone()),
                GroupKey::Value(Subject::Outcome),
            ],
            measure: Measure::Count,
            top: None,
        }
    }

    /// Events per bucket.
    pub fn all(&self) -> &[u64] {
        &self.all
    }

    /// Failed and denied events per bucket.
    pub fn failed(&self) -> &[u64] {
        &self.failed
    }

    /// First instant and end of the range; `None` before it is known.
    pub fn range(&self) -> Option<(Micros, Micros)> {
        Some((*self.edges.first()?, *self.edges.last()?))
    }

    /// The buckets.
    pub fn buckets(&self) -> impl ExactSizeIterator<Item = Cell> + '_ {
        (0..self.all.len()).map(|place| Cell {
            since: self.edges[place],
            until: self.edges[place + 1],
            events: self.all[place],
            failed: self.failed[place],
        })
    }

    /// The bars in so many columns.
    pub fn cells(&self, columns: usize) -> Vec<Cell> {
        let buckets: Vec<Cell> = self.buckets().collect();
        let bar = |shared: &[Cell]| Cell {
            since: shared[0].since,
            until: shared[shared.len() - 1].until,
            events: shared.iter().map(|cell| cell.events).sum(),
            failed: shared.iter().map(|cell| cell.failed).sum(),
        };
        let per = per_column(buckets.len(), columns);
        buckets.chunks(per).map(bar).collect()
    }

    /// Events in all buckets.
    pub fn total(&self) -> u64 {
        self.all.iter().sum()
    }

    /// Takes what the store counted.
    pub fn fill(&mut self, groups: &[Group], counting: Counting) {
        self.all.fill(0);
        self.failed.fill(0);
        for group in groups {
            let [GroupValue::Bucket(bucket), outcome] = &*group.key else {
                continue;
            };
            let Some(all) = self.all.get_mut(*bucket) else {
                continue;
            };
            *all += group.count;
            let outcome = match outcome {
                GroupValue::Text(word) => Outcome::from_word(word),
                GroupValue::Bucket(_) | GroupValue::None => None,
            };
            if is_failure(outcome) {
                self.failed[*bucket] += group.count;
            }
        }
        self.counting = counting;
    }

    /// Adds an event that has arrived since.
    pub fn add(&mut self, at: Micros, outcome: Option<Outcome>) {
        self.reach(at);
        if let Some(bucket) = self.bucket(at) {
            self.all[bucket] += 1;
            self.failed[bucket] += u64::from(is_failure(outcome));
        }
    }

    /// An event has changed its outcome.
    pub fn change(&mut self, at: Micros, from: Option<Outcome>, to: Option<Outcome>) {
        let Some(bucket) = self.bucket(at) else {
            return;
        };
        let failed = &mut self.failed[bucket];
        match (is_failure(from), is_failure(to)) {
            (false, true) => *failed += 1,
            (true, false) => *failed = failed.saturating_sub(1),
            _ => {}
        }
    }

    fn bucket(&self, at: Micros) -> Option<usize> {
        let after = self.edges.partition_point(|edge| *edge <= at);
        (after >= 1 && after < self.edges.len()).then(|| after - 1)
    }

    /// Moves the range along when time has passed its end: one bucket in, one out.
    fn reach(&mut self, at: Micros) {
        let [.., before, last] = self.edges.as_slice() else {
            return;
        };
        let (width, mut last) = (last.0 - before.0, *last);
        let steps = (at.0.saturating_sub(last.0)).div_euclid(width.max(1)) + 1;
        // A jump of the clock by more than the whole range would leave nothing of the picture.
        if at < last || usize::try_from(steps).map_or(true, |steps| steps > self.all.len()) {
            return;
        }
        for _ in 0..steps {
            last = last.plus(width);
            self.edges.push(last);
            self.edges.remove(0);
            self.all.push(0);
            self.all.remove(0);
            self.failed.push(0);
            self.failed.remove(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(edges: &[i64]) -> Vec<Micros> {
        edges.iter().map(|s| Micros(s * Micros::SECOND)).collect()
    }

    fn group(bucket: usize, outcome: &str, count: u64) -> Group {
        Group {
            key: [GroupValue::Bucket(bucket), GroupValue::Text(outcome.into())].into(),
            count,
            events: count,
        }
    }

    #[test]
    fn failures_are_counted_apart_and_among_all() {
        let mut histogram = Histogram::new(seconds(&[0, 10, 20]));
        let groups = [
            group(0, "ok", 5),
            group(1, "denied", 2),
            group(1, "failed", 1),
        ];
        histogram.fill(&groups, Counting::Done);
        assert_eq!(
            (histogram.all(), histogram.failed()),
            (&[5, 3][..], &[0, 3][..])
        );
        histogram.change(Micros(0), Some(Outcome::Pending), Some(Outcome::Failed));
        assert_eq!(histogram.failed(), [1, 3]);
        assert_eq!(histogram.total(), 8);
    }

    #[test]
    fn the_range_moves_along_with_new_events() {
        let mut histogram = Histogram::new(seconds(&[0, 10, 20]));
        histogram.add(Micros(5 * Micros::SECOND), None);
        histogram.add(Micros(21 * Micros::SECOND), Some(Outcome::Denied));
        assert_eq!(
            histogram.range(),
            Some((Micros(10_000_000), Micros(30_000_000)))
        );
        assert_eq!(
            (histogram.all(), histogram.failed()),
            (&[0, 1][..], &[0, 1][..])
        );
    }
}
