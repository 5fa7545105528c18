//! Answers about times that are over: they are not asked for again.
//!
//! Does not know which times those are; whoever keeps an answer here does.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::core::aggregate::{Aggregate, AggregateRequest};
use crate::core::usage::plan::Slice;

/// Groups kept at most; about 10 MB with names of ordinary length.
const MOST_GROUPS: usize = 50_000;

/// What one session knows for good about one store.
#[derive(Clone, Debug, Default)]
pub struct Settled {
    /// Few questions are about the same slice.
    answers: HashMap<Slice, Vec<(AggregateRequest, Arc<Aggregate>)>>,
    /// In the order they came.
    order: VecDeque<Slice>,
    groups: usize,
}

impl Settled {
    /// The answer to this very question.
    pub fn find(&self, slice: Slice, request: &AggregateRequest) -> Option<Arc<Aggregate>> {
        let of_slice = self.answers.get(&slice)?;
        let found = of_slice.iter().find(|(known, _)| known == request);
        found.map(|(_, answer)| Arc::clone(answer))
    }

    /// Keeps an answer; the oldest ones go when there are too many.
    pub fn keep(&mut self, slice: Slice, request: &AggregateRequest, answer: &Arc<Aggregate>) {
        let size = answer.groups.len().max(1);
        if size > MOST_GROUPS / 4 || self.find(slice, request).is_some() {
            return;
        }
        while self.groups + size > MOST_GROUPS {
            let Some(oldest) = self.order.pop_front() else {
                break;
            };
            for (_, gone) in self.answers.remove(&oldest).unwrap_or_default() {
                self.groups -= gone.groups.len().max(1);
            }
        }
        let of_slice = self.answers.entry(slice).or_default();
        if of_slice.is_empty() {
            self.order.push_back(slice);
        }
        of_slice.push((request.clone(), Arc::clone(answer)));
        self.groups += size;
    }

    /// Forgets everything: what was over has changed, as by a purge.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::aggregate::{Certainty, Group, Key, Measure};
    use crate::core::instant::Micros;
    use crate::core::query::predicate::Predicate;

    fn slice(n: i64) -> Slice {
        Slice {
            since: Micros(n),
            until: Micros(n + 1),
        }
    }

    fn request(top: usize) -> AggregateRequest {
        AggregateRequest {
            predicate: Arc::new(Predicate::All),
            keys: Vec::new(),
            measure: Measure::Count,
            top: Some(top),
        }
    }

    fn answer(groups: usize) -> Arc<Aggregate> {
        let group = Group {
            key: Key::default(),
            count: 1,
            events: 1,
        };
        Arc::new(Aggregate {
            groups: vec![group; groups],
            certainty: Certainty::Exact,
        })
    }

    #[test]
    fn only_the_very_question_is_answered() {
        let mut settled = Settled::default();
        settled.keep(slice(1), &request(1), &answer(1));
        settled.keep(slice(1), &request(2), &answer(2));
        let size = |n, top| {
            settled
                .find(slice(n), &request(top))
                .map(|found| found.groups.len())
        };
        assert_eq!(
            [size(1, 1), size(1, 2), size(1, 3), size(2, 1)],
            [Some(1), Some(2), None, None]
        );
        settled.clear();
        assert!(settled.find(slice(1), &request(1)).is_none());
    }

    #[test]
    fn the_oldest_answers_make_room() {
        let mut settled = Settled::default();
        for n in 0..100 {
            settled.keep(slice(n), &request(1), &answer(1_000));
        }
        let known = (0..100).filter(|n| settled.find(slice(*n), &request(1)).is_some());
        assert_eq!(known.collect::<Vec<_>>(), (50..100).collect::<Vec<_>>());
        settled.keep(slice(200), &request(1), &answer(MOST_GROUPS));
        assert!(settled.find(slice(200), &request(1)).is_none());
    }
}
