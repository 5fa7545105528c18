//! Who did what to one resource, how often, when first and when last: what `git blame` is to a line.
//!
//! Two questions at most: [`Touched::next`] says them, [`Touched::take`] takes the answers.

use std::collections::HashMap;
use std::sync::Arc;

use crate::core::aggregate::{
    Aggregate, AggregateRequest, GroupKey, GroupValue, Measure, Subject, even_edges,
};
use crate::core::event::Field;
use crate::core::instant::Micros;
use crate::core::profile::{Profile, ValueExpr};
use crate::core::query::predicate::{Atom, Literal, Predicate, Test};

/// Pairs of a user and an action that are listed.
pub const MOST: usize = 200;

/// Steps of time in which first and last are told.
const STEPS: usize = 1_000;

/// What one user did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hand {
    /// Who; `None`: nobody is named.
    pub user: Option<String>,
    /// All of it.
    pub events: u64,
    /// The steps of time of the first and of the last event, as far as known.
    pub seen: Option<(Micros, Micros)>,
    /// By action, the most frequent first.
    pub actions: Vec<(Option<String>, u64)>,
}

/// A user, an action, and how often.
type Pair = (Option<String>, Option<String>, u64);

/// What is known of a resource.
#[derive(Clone, Debug)]
pub struct Touched {
    /// Which.
    pub resource: String,
    /// Whether the store says who acted.
    has_users: bool,
    pairs: Option<Vec<Pair>>,
    seen: Option<HashMap<Option<String>, (Micros, Micros)>>,
    /// Of the steps of time.
    edges: Vec<Micros>,
}

impl Touched {
    /// Nothing is known yet.
    pub fn new(resource: &str, profile: &Profile) -> Self {
        Self {
            resource: resource.to_owned(),
            has_users: *profile.field(Field::Actor) != ValueExpr::Absent,
            pairs: None,
            seen: None,
            edges: Vec::new(),
        }
    }

    /// Whether users can be told apart.
    pub fn has_users(&self) -> bool {
        self.has_users
    }

    /// Whether there is nothing left to ask.
    pub fn is_known(&self) -> bool {
        self.pairs.is_some() && self.seen.is_some()
    }

    /// How long a step of time is, in microseconds.
    pub fn step(&self) -> Option<i64> {
        Some(self.edges.get(1)?.0 - self.edges.first()?.0)
    }

    /// The next question; that for the times needs to know when the log begins and ends.
    pub fn next(&mut self, span: Option<(Micros, Micros)>) -> Option<AggregateRequest> {
        let value = |field| GroupKey::Value(Subject::Field(field));
        let actor = self.has_users.then(|| value(Field::Actor));
        let (keys, top) = if self.pairs.is_none() {
            let action = Some(value(Field::Action));
            (actor.into_iter().chain(action).collect(), Some(MOST))
        } else if self.seen.is_none() {
            let (first, last) = span?;
            self.edges = even_edges(first, last.plus(1), STEPS);
            let time = Some(GroupKey::Time(self.edges.clone()));
            (time.into_iter().chain(actor).collect(), None)
        } else {
            return None;
        };
        let equal = Test::Equals(Literal::Bare(self.resource.clone()));
        Some(AggregateRequest {
            predicate: Arc::new(Predicate::Atom(Atom::Field(Field::Resource, equal))),
            keys,
            measure: Measure::Count,
            top,
        })
    }

    /// The answer to the question that [`Touched::next`] gave last.
    pub fn take(&mut self, answer: &Aggregate) {
        let text = |value: Option<&GroupValue>| match value {
            Some(GroupValue::Text(text)) => Some(text.to_string()),
            _ => None,
        };
        if self.pairs.is_none() {
            let has_users = self.has_users;
            let pairs = answer.groups.iter().map(|group| {
                let (user, action) = if has_users {
                    (group.key.first(), group.key.get(1))
                } else {
                    (None, group.key.first())
                };
                (text(user), text(action), group.count)
            });
            self.pairs = Some(pairs.collect());
            return;
        }
        let mut seen: HashMap<Option<String>, (Micros, Micros)> = HashMap::new();
        for group in &answer.groups {
            let at = match group.key.first() {
                Some(GroupValue::Bucket(bucket)) => self.edges.get(*bucket),
                _ => None,
            };
            if let Some(at) = at {
                let (first, last) = seen.entry(text(group.key.get(1))).or_insert((*at, *at));
                (*first, *last) = ((*first).min(*at), (*last).max(*at));
            }
        }
        self.seen = Some(seen);
    }

    /// Who did what, the busiest first; `None` before the first answer.
    pub fn hands(&self) -> Option<Vec<Hand>> {
        let mut hands: Vec<Hand> = Vec::new();
        let mut places: HashMap<&Option<String>, usize> = HashMap::new();
        for (user, action, events) in self.pairs.as_ref()? {
            let place = *places.entry(user).or_insert_with(|| {
                hands.push(Hand {
                    user: user.clone(),
                    events: 0,
                    seen: self.seen.as_ref().and_then(|seen| seen.get(user).copied()),
                    actions: Vec::new(),
                });
                hands.len() - 1
            });
            let hand = &mut hands[place];
            hand.events += events;
            hand.actions.push((action.clone(), *events));
        }
        hands.sort_by(|a, b| b.events.cmp(&a.events).then_with(|| a.user.cmp(&b.user)));
        Some(hands)
    }

    /// Whether there were more pairs than are listed.
    pub fn is_cut(&self) -> bool {
        self.pairs.as_ref().is_some_and(|pairs| pairs.len() >= MOST)
    }
}
