//! Counting event by event, in bounded memory.
//!
//! Does not decide what is counted; the request does.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use crate::core::aggregate::{
    Aggregate, AggregateRequest, Certainty, Group, GroupKey, Key, MOST_GROUPS, Measure, ranked,
};
use crate::core::event::Event;
use crate::core::json::FlatJson;

/// The number of one group while it is counted.
#[derive(Clone, Debug, Default)]
struct Tally {
    events: u64,
    /// Of different values. Hashes, not texts: a million different users are 16 MB, and the chance
    /// that two of them collide is one in thirty million.
    #[expect(
        clippy::box_collection,
        reason = "most tallies have none, and there are very many"
    )]
    seen: Option<Box<HashSet<u64>>>,
}

impl Tally {
    fn number(&self) -> u64 {
        let seen = self.seen.as_ref().map(|seen| seen.len());
        seen.map_or(self.events, |different| different as u64)
    }
}

/// Answers an [`AggregateRequest`] event by event, for stores that cannot, and for conditions that
/// let too much through.
///
/// When more groups turn up than memory is spent on, the smaller half is forgotten, as lossy
/// counting does (Manku and Motwani, VLDB 2002), and [`Aggregate::certainty`] says how far off the
/// numbers can be.
#[derive(Clone, Debug)]
pub struct Accumulator {
    request: AggregateRequest,
    groups: HashMap<Key, Tally>,
    hasher: RandomState,
    most: usize,
    /// The largest count that a forgotten group can have had.
    forgotten: u64,
}

impl Accumulator {
    /// Begins with nothing counted.
    pub fn new(request: AggregateRequest) -> Self {
        Self {
            request,
            groups: HashMap::new(),
            hasher: RandomState::new(),
            most: MOST_GROUPS,
            forgotten: 0,
        }
    }

    /// Counts an event if it matches the request's predicate. `record` is the whole record it was
    /// made from.
    pub fn feed(&mut self, event: &Event, record: &FlatJson<'_>) {
        if self.request.predicate.matches(event, record) {
            self.feed_times(event, record, 1);
        }
    }

    /// Counts an event that stands for `times` others with the same values, all of which match; for
    /// stores that group rows before they hand them out.
    pub fn feed_times(&mut self, event: &Event, record: &FlatJson<'_>, times: u64) {
        let room = self.request.keys.len();
        let mut keys = vec![Vec::with_capacity(room)];
        for key in &self.request.keys {
            let values = key.groups(event, record);
            keys = keys
                .iter()
                .flat_map(|before| {
                    values.iter().map(|value| {
                        let mut key = Vec::with_capacity(room);
                        key.extend_from_slice(before);
                        key.push(value.clone());
                        key
                    })
                })
                .collect();
        }
        for key in keys {
            let tally = match self.groups.get_mut(key.as_slice()) {
                Some(known) => known,
                None => self.groups.entry(key.into()).or_default(),
            };
            tally.events += times;
            if let Measure::Distinct(subject) = &self.request.measure {
                let texts = subject.texts(event, record);
                let hashes = texts.iter().map(|text| self.hasher.hash_one(text));
                tally.seen.get_or_insert_default().extend(hashes);
            }
        }
        if self.groups.len() > self.most && self.has_open_keys() {
            self.forget_small();
        }
    }

    /// Buckets of time are as many as their edges; only values can be without end.
    fn has_open_keys(&self) -> bool {
        let is_open = |key: &GroupKey| !matches!(key, GroupKey::Time(_));
        self.request.keys.iter().any(is_open)
    }

    fn forget_small(&mut self) {
        let mut numbers: Vec<u64> = self.groups.values().map(Tally::number).collect();
        let half = numbers.len() / 2;
        let (_, median, _) = numbers.select_nth_unstable(half);
        let median = *median;
        self.forgotten += median;
        self.groups.retain(|_, tally| tally.number() > median);
    }

    /// What is known before all of it is: of very many groups the largest, for partial answers come
    /// often.
    pub fn so_far(&self) -> Vec<Group> {
        const MOST: usize = 1_000;
        let most = self.request.top.map_or(MOST, |top| top.min(MOST));
        if self.groups.len() <= 10 * MOST {
            return self.largest(self.request.top);
        }
        self.largest(Some(most))
    }

    /// The answer; the groups are moved, not copied.
    pub fn answer(self) -> Aggregate {
        let groups = self.groups.into_iter().map(|(key, tally)| Group {
            key,
            count: tally.number(),
            events: tally.events,
        });
        Aggregate {
            groups: whole(groups.collect(), &self.request.keys, self.request.top),
            certainty: match self.forgotten {
                0 => Certainty::Exact,
                error => Certainty::AtLeast { error },
            },
        }
    }

    fn largest(&self, top: Option<usize>) -> Vec<Group> {
        let mut found: Vec<(&Key, u64, u64)> = self
            .groups
            .iter()
            .map(|(key, tally)| (key, tally.number(), tally.events))
            .collect();
        if let Some(top) = top.filter(|top| *top < found.len()) {
            // Partial answers come often; only what is shown of them is copied.
            found.select_nth_unstable_by(top, |a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
            found.truncate(top);
        }
        let groups = found.into_iter().map(|(key, count, events)| Group {
            key: Arc::clone(key),
            count,
            events,
        });
        whole(groups.collect(), &self.request.keys, top)
    }
}

/// Groups in their order. One is there even when nothing is in it, as with SQL's aggregates.
fn whole(mut groups: Vec<Group>, keys: &[GroupKey], top: Option<usize>) -> Vec<Group> {
    if keys.is_empty() && groups.is_empty() {
        groups.push(Group {
            key: Key::default(),
            count: 0,
            events: 0,
        });
    }
    if let Some(top) = top.filter(|top| *top < groups.len()) {
        groups.select_nth_unstable_by(top, |a, b| {
            b.count.cmp(&a.count).then_with(|| a.key.cmp(&b.key))
        });
        groups.truncate(top);
        groups.shrink_to_fit();
    }
    ranked(groups, top)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::core::aggregate::{GroupValue, Subject};
    use crate::core::event::{Cursor, EventId, Field, KeyPart, Payload, Values};
    use crate::core::instant::At;
    use crate::core::query::predicate::Predicate;
    use crate::core::scalar::Scalar;

    fn event(actor: String) -> Event {
        Event {
            id: EventId::new("1"),
            cursor: Cursor {
                at: At::Absent,
                time: KeyPart::Null,
                key: Vec::new(),
            },
            outcome: None,
            values: Values::of(&[(Field::Actor, Scalar::Text(actor.into()))]),
            payload: Payload::whole("{}"),
        }
    }

    fn counting(measure: Measure, keys: Vec<GroupKey>) -> Accumulator {
        Accumulator::new(AggregateRequest {
            predicate: Arc::new(Predicate::All),
            keys,
            measure,
            top: Some(2),
        })
    }

    #[test]
    fn more_values_than_memory_cost_little_certainty() {
        let record = FlatJson::parse("{}").expect("valid");
        let actor = Subject::Field(Field::Actor);
        let mut counts = counting(Measure::Count, vec![GroupKey::Value(actor)]);
        counts.most = 100;
        for turn in 0..10_000 {
            counts.feed(&event(format!("once {turn}")), &record);
            if turn % 4 == 0 {
                counts.feed(&event("often".to_owned()), &record);
            }
        }
        assert!(counts.groups.len() <= 100);
        let answer = counts.answer();
        let Certainty::AtLeast { error } = answer.certainty else {
            panic!("groups were forgotten: {answer:?}");
        };
        let often = GroupValue::Text("often".into());
        assert_eq!(*answer.groups[0].key, [often]);
        let count = answer.groups[0].count;
        assert!(
            count <= 2_500 && count + error >= 2_500,
            "{count} ± {error}"
        );
        assert!(error < 500, "{error}");
    }

    #[test]
    fn different_values_are_counted_once() {
        let record = FlatJson::parse("{}").expect("valid");
        let mut counts = counting(Measure::Distinct(Subject::Field(Field::Actor)), Vec::new());
        for turn in 0..1_000 {
            counts.feed(&event(format!("user {}", turn % 10)), &record);
        }
        let answer = counts.answer();
        assert_eq!(
            (answer.groups[0].count, answer.certainty),
            (10, Certainty::Exact)
        );
        assert_eq!(answer.groups[0].events, 1_000);
    }
}
