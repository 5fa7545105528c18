//! Counting events: by time, by field, with explicit edges, so that every store cuts the same
//! buckets.
//!
//! Histogram, facets and every usage report are one [`AggregateRequest`]. A driver answers it in
//! its own language when its condition is exact, and feeds an [`accumulator::Accumulator`] otherwise.

pub mod accumulator;
pub mod bins;
pub mod sum;

use std::sync::Arc;

use crate::core::event::{Event, Field};
use crate::core::instant::Micros;
use crate::core::json::FlatJson;
use crate::core::path::Path;
use crate::core::profile::OwnField;
use crate::core::profile::evaluate::values;
use crate::core::query::predicate::Predicate;

/// Which value to group by or to count.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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
    /// The numbers of a subject in the bins of [`bins`]: an event with several counts once for each
    /// different bin, an event without any counts under `None`.
    Magnitude(Subject),
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
    /// Index of the time bucket, or of the bin of a number.
    Bucket(usize),
    /// A value as text; shared for the same reason as [`Key`].
    Text(Arc<str>),
    /// No value.
    None,
}

/// The values of a group, in the order of the request's keys. Shared: reports hold the same key beside
/// several numbers, and keys are most of what they hold.
pub type Key = Arc<[GroupValue]>;

/// Groups held at most by whoever counts or adds up: about 10 MB with names of ordinary length. A
/// report holds a few times that, and the process is to stay below 64 MB.
const MOST_GROUPS: usize = 50_000;

/// One group and its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// What it is of.
    pub key: Key,
    /// The measure.
    pub count: u64,
    /// Events in it, whatever is measured.
    pub events: u64,
}

/// Widths of buckets in seconds that people can name.
const LADDER: [i64; 17] = [
    1,
    5,
    15,
    30,
    60,
    5 * 60,
    15 * 60,
    30 * 60,
    3_600,
    3 * 3_600,
    6 * 3_600,
    12 * 3_600,
    DAY,
    WEEK,
    30 * DAY,
    90 * DAY,
    YEAR,
];
const DAY: i64 = 86_400;
const WEEK: i64 = 7 * DAY;
const YEAR: i64 = 365 * DAY;

/// The answer to an [`AggregateRequest`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aggregate {
    /// In the order of [`ranked`].
    pub groups: Vec<Group>,
    /// How sure the numbers are.
    pub certainty: Certainty,
}

/// How sure the numbers of an [`Aggregate`] are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certainty {
    /// They are the numbers.
    Exact,
    /// There were more groups than memory is spent on: each number is at most this much too small,
    /// and groups no larger than it may be missing.
    AtLeast {
        /// The largest possible error.
        error: u64,
    },
}

/// Evenly spaced, human-sized bucket edges that cover `[since, until)` with at most `most` buckets:
/// widths are 1, 5, 15, 30 s, 1, 5, 15, 30 min, 1, 3, 6, 12 h, 1, 7, 30, 90, 365 d and multiples of
/// the last, aligned to the epoch (weeks to Monday). Where no aligned bucket covers the range alone,
/// one that is not aligned does. There are always two edges or more.
pub fn even_edges(since: Micros, until: Micros, most: usize) -> Vec<Micros> {
    let most = i128::try_from(most.max(1)).unwrap_or(i128::MAX);
    let first = i128::from(since.0);
    let end = i128::from(until.0).max(first + 1);
    let years = (2..).map(|years| i128::from(YEAR) * years);
    let widths = LADDER
        .into_iter()
        .map(i128::from)
        .chain(years.take_while(|width| {
            // The widest bucket anybody needs spans all instants.
            *width <= i128::from(i64::MAX) / i128::from(Micros::SECOND) * 2
        }));
    for seconds in widths {
        let width = seconds * i128::from(Micros::SECOND);
        // 1970-01-01 was a Thursday; the first Monday came four days later.
        let origin = if seconds == i128::from(WEEK) {
            i128::from(4 * DAY * Micros::SECOND)
        } else {
            0
        };
        let low = (first - origin).div_euclid(width);
        let high = -(origin - end).div_euclid(width);
        if high - low <= most {
            let mut edges: Vec<Micros> = (low..=high)
                .map(|step| instant(origin + step * width))
                .collect();
            edges.dedup();
            return edges;
        }
    }
    vec![instant(first), instant(end)]
}

/// Edges beyond the range of instants are its ends.
fn instant(micros: i128) -> Micros {
    let clamped = micros.clamp(i128::from(i64::MIN), i128::from(i64::MAX));
    Micros(i64::try_from(clamped).unwrap_or(i64::MAX))
}

impl Subject {
    /// The different values of an event, as text, in the order of the record.
    pub(crate) fn texts(&self, event: &Event, record: &FlatJson<'_>) -> Vec<String> {
        let mut texts: Vec<String> = Vec::new();
        let mut add = |text: &str| {
            if !texts.iter().any(|known| known == text) {
                texts.push(text.to_owned());
            }
        };
        match self {
            Self::Outcome => event.outcome.iter().for_each(|outcome| add(outcome.word())),
            Self::Field(field) => event.all(*field).for_each(|value| add(value.text())),
            Self::Own(own) => values(&own.expr, record)
                .iter()
                .for_each(|value| add(value.text())),
            Self::Path(path) => {
                path.reaches(record, &mut |node| {
                    if let Some(value) = record.scalar(node) {
                        add(value.text());
                    }
                    false
                });
            }
        }
        texts
    }
}

impl GroupKey {
    /// The groups an event belongs to; none when it is outside all buckets.
    pub(crate) fn groups(&self, event: &Event, record: &FlatJson<'_>) -> Vec<GroupValue> {
        match self {
            Self::Time(edges) => event
                .at()
                .instant()
                .and_then(|at| edges.partition_point(|edge| *edge <= at).checked_sub(1))
                .filter(|bucket| bucket + 1 < edges.len())
                .map(GroupValue::Bucket)
                .into_iter()
                .collect(),
            Self::Value(subject) => {
                let texts = subject.texts(event, record);
                if texts.is_empty() {
                    vec![GroupValue::None]
                } else {
                    let texts = texts.into_iter();
                    texts.map(|text| GroupValue::Text(text.into())).collect()
                }
            }
            Self::Magnitude(subject) => {
                let texts = subject.texts(event, record);
                let mut bins: Vec<usize> =
                    texts.iter().filter_map(|text| bins::bin(text)).collect();
                bins.sort_unstable();
                bins.dedup();
                if bins.is_empty() {
                    vec![GroupValue::None]
                } else {
                    bins.into_iter().map(GroupValue::Bucket).collect()
                }
            }
        }
    }
}

/// The order every driver answers in: with `top` the largest numbers first and equal ones by key,
/// cut after that many; without it by key.
pub fn ranked(mut groups: Vec<Group>, top: Option<usize>) -> Vec<Group> {
    match top {
        Some(top) => {
            groups.sort_unstable_by(|a, b| b.count.cmp(&a.count).then_with(|| a.key.cmp(&b.key)));
            groups.truncate(top);
        }
        None => groups.sort_unstable_by(|a, b| a.key.cmp(&b.key)),
    }
    groups
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::core::aggregate::accumulator::Accumulator;
    use crate::core::event::{Cursor, EventId, KeyPart, Outcome, Payload, Values};
    use crate::core::instant::At;
    use crate::core::query::predicate::{Atom, Test};
    use crate::core::scalar::Scalar;

    fn micros(rfc3339: &str) -> Micros {
        Micros(
            chrono::DateTime::parse_from_rfc3339(rfc3339)
                .expect(rfc3339)
                .timestamp_micros(),
        )
    }

    #[test]
    fn edges_are_widths_people_can_name() {
        for (since, until, most, first, width, count) in [
            (
                "2026-01-02T03:04:05Z",
                "2026-01-02T03:05:05Z",
                60,
                "2026-01-02T03:04:05Z",
                1,
                60,
            ),
            (
                "2026-01-02T03:04:05Z",
                "2026-01-02T03:05:05Z",
                59,
                "2026-01-02T03:04:05Z",
                5,
                12,
            ),
            (
                "2026-01-02T03:04:05Z",
                "2026-01-03T03:04:05Z",
                100,
                "2026-01-02T03:00:00Z",
                900,
                97,
            ),
            (
                "2026-01-02T03:04:05Z",
                "2026-01-03T03:04:05Z",
                96,
                "2026-01-02T03:00:00Z",
                1800,
                49,
            ),
            // A Monday, though the range begins on a Friday.
            (
                "2026-01-02T03:04:05Z",
                "2026-03-02T00:00:00Z",
                10,
                "2025-12-29T00:00:00Z",
                604_800,
                9,
            ),
            (
                "1900-01-01T00:00:00Z",
                "2026-01-01T00:00:00Z",
                130,
                "1899-01-18T00:00:00Z",
                YEAR,
                128,
            ),
        ] {
            let edges = even_edges(micros(since), micros(until), most);
            assert_eq!(edges[0], micros(first), "{since}");
            assert_eq!(edges.len() - 1, count, "{since}");
            let even = edges
                .windows(2)
                .all(|pair| pair[1].0 - pair[0].0 == width * Micros::SECOND);
            assert!(even, "{since}");
        }
    }

    proptest! {
        #[test]
        fn edges_cover_the_range_with_few_buckets(
            since in any::<i64>(), length in any::<i64>(), most in 0_usize..200,
        ) {
            let until = since.saturating_add(length);
            let edges = even_edges(Micros(since), Micros(until), most);
            prop_assert!(edges.len() >= 2 && edges.len() - 1 <= most.max(1));
            prop_assert!(edges.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert!(edges[0].0 <= since);
            prop_assert!(edges[edges.len() - 1].0 >= until.max(since));
        }
    }

    fn nothing() -> FlatJson<'static> {
        FlatJson::parse("{}").expect("valid")
    }

    fn request(keys: Vec<GroupKey>, measure: Measure, top: Option<usize>) -> AggregateRequest {
        AggregateRequest {
            predicate: Arc::new(Predicate::All),
            keys,
            measure,
            top,
        }
    }

    fn event(at: i64, outcome: Option<Outcome>, resources: &[&str]) -> Event {
        let values: Vec<_> = resources
            .iter()
            .map(|name| (Field::Resource, Scalar::Text((*name).into())))
            .collect();
        Event {
            id: EventId::new("1"),
            cursor: Cursor {
                at: At::Instant(Micros(at)),
                time: KeyPart::Int(at),
                key: Vec::new(),
            },
            outcome,
            values: Values::of(&values),
            payload: Payload::whole("{}"),
        }
    }

    fn count(request: AggregateRequest, events: &[Event]) -> Vec<(Vec<GroupValue>, u64)> {
        let mut accumulator = Accumulator::new(request);
        for event in events {
            accumulator.feed(event, &nothing());
        }
        accumulator
            .answer()
            .groups
            .into_iter()
            .map(|group| (group.key.to_vec(), group.count))
            .collect()
    }

    fn text(text: &str) -> GroupValue {
        GroupValue::Text(text.into())
    }

    #[test]
    fn events_count_once_for_each_different_value() {
        let events = [
            event(1, Some(Outcome::Ok), &["a", "b", "a"]),
            event(2, None, &[]),
            event(3, Some(Outcome::Failed), &["b"]),
        ];
        let resource = || vec![GroupKey::Value(Subject::Field(Field::Resource))];
        assert_eq!(
            count(request(resource(), Measure::Count, None), &events),
            [
                (vec![text("a")], 1),
                (vec![text("b")], 2),
                (vec![GroupValue::None], 1)
            ]
        );
        assert_eq!(
            count(request(resource(), Measure::Count, Some(2)), &events),
            [(vec![text("b")], 2), (vec![text("a")], 1)]
        );
        let outcomes = Measure::Distinct(Subject::Outcome);
        assert_eq!(
            count(request(Vec::new(), outcomes, None), &events),
            [(vec![], 2)]
        );
    }

    #[test]
    fn failures_stack_by_bucket_and_outcome() {
        let edges = vec![Micros(0), Micros(10), Micros(20)];
        let keys = vec![GroupKey::Time(edges), GroupKey::Value(Subject::Outcome)];
        let events = [
            event(-1, Some(Outcome::Ok), &[]),
            event(0, Some(Outcome::Ok), &[]),
            event(9, Some(Outcome::Failed), &[]),
            event(10, Some(Outcome::Failed), &[]),
            event(19, None, &[]),
            event(20, Some(Outcome::Ok), &[]),
        ];
        assert_eq!(
            count(request(keys, Measure::Count, None), &events),
            [
                (vec![GroupValue::Bucket(0), text("failed")], 1),
                (vec![GroupValue::Bucket(0), text("ok")], 1),
                (vec![GroupValue::Bucket(1), text("failed")], 1),
                (vec![GroupValue::Bucket(1), GroupValue::None], 1),
            ]
        );
    }

    #[test]
    fn numbers_fall_into_bins_and_what_is_none_does_not() {
        let record = FlatJson::parse(r#"{"ms":[100,"100.5",900,-3,"slow"]}"#).expect("valid");
        let by_ms = request(
            vec![GroupKey::Magnitude(Subject::Path(
                Path::parse("ms").expect("path"),
            ))],
            Measure::Count,
            None,
        );
        let mut accumulator = Accumulator::new(by_ms);
        accumulator.feed(&event(0, None, &[]), &record);
        accumulator.feed(&event(0, None, &[]), &nothing());
        let groups = accumulator.answer().groups;
        let near = |bin: &GroupValue, number: f64| match bin {
            GroupValue::Bucket(bin) => (bins::middle(*bin) / number - 1.0).abs() < 0.011,
            GroupValue::Text(_) | GroupValue::None => false,
        };
        assert_eq!(groups.len(), 3, "{groups:?}");
        assert!(near(&groups[0].key[0], 100.25) && near(&groups[1].key[0], 900.0));
        assert_eq!(
            (&groups[2].key[0], groups[2].events),
            (&GroupValue::None, 1)
        );
    }

    #[test]
    fn only_matching_events_count_and_paths_are_subjects_too() {
        let record = FlatJson::parse(r#"{"d":{"x":[1,"1",2,{}]}}"#).expect("valid");
        let has = |path: &str| {
            let path = Path::parse(path).expect("path");
            Arc::new(Predicate::Atom(Atom::Path(path, Test::Exists)))
        };
        let mut by_x = request(
            vec![GroupKey::Value(Subject::Path(
                Path::parse("d.x").expect("path"),
            ))],
            Measure::Count,
            None,
        );
        by_x.predicate = has("d.x");
        let mut accumulator = Accumulator::new(by_x.clone());
        accumulator.feed(&event(0, None, &[]), &record);
        accumulator.feed(&event(0, None, &[]), &nothing());
        let keys: Vec<_> = accumulator
            .answer()
            .groups
            .into_iter()
            .map(|group| group.key.to_vec())
            .collect();
        assert_eq!(keys, [[text("1")], [text("2")]]);
        by_x.predicate = has("d.y");
        by_x.keys.clear();
        assert_eq!(count(by_x, &[event(0, None, &[])]), [(vec![], 0)]);
    }
}
