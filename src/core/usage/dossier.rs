//! A user's past, and what is unusual in one event beside it.
//!
//! The past are the days before the event, as long as logs are usually kept. Nothing is weighed: each
//! value of the event is counted among the user's earlier events, and the count is the answer. Asks
//! nobody itself: [`Dossier::next`] is the question, newest times first, [`Dossier::take`] takes the
//! answer.

use std::collections::HashMap;
use std::sync::Arc;

use chrono_tz::Tz;

use crate::core::aggregate::sum::Sum;
use crate::core::aggregate::{
    Aggregate, AggregateRequest, Certainty, GroupKey, GroupValue, Measure, Subject, even_edges,
};
use crate::core::calendar;
use crate::core::event::{Event, Field, Outcome};
use crate::core::instant::Micros;
use crate::core::profile::{Profile, ValueExpr};
use crate::core::query::predicate::{Atom, Literal, Predicate, Test};
use crate::core::usage::plan::Slice;

/// Days that are looked back.
pub const LOOK_BACK: i64 = 90;

/// With fewer earlier events nothing is called unusual.
pub const ENOUGH: u64 = 20;

/// Of so many events, less than one makes a value rare.
pub const RARE: u64 = 100;

/// Values of one field of the event that are judged.
const MOST_VALUES: usize = 5;

const DAY: i64 = 24 * 3_600 * Micros::SECOND;

/// Where the past is cut, in days before its end: the newest part is asked first.
const CUTS: [i64; 5] = [0, 1, 7, 30, LOOK_BACK];

/// What is judged and listed, in this order.
pub const FIELDS: [Field; 5] = [
    Field::Action,
    Field::Kind,
    Field::Resource,
    Field::Service,
    Field::Origin,
];

/// What one question is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ask {
    /// Events by hour and outcome.
    Hours,
    /// Events by the values of a field.
    Values(Field),
    /// Events from the event on.
    Since,
}

/// How usual a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is not known yet.
    Open,
    /// There are too few earlier events to say anything.
    TooFew,
    /// It was never there.
    First,
    /// Less than one of a hundred earlier events had it.
    Rare,
    /// It is ordinary.
    Usual,
}

/// What a value is a value of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trait {
    /// A field.
    Field(Field),
    /// The hour of the day.
    Hour(usize),
    /// The outcome.
    Outcome(Outcome),
}

/// A value of the event, judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// What it is.
    pub what: Trait,
    /// The value; of an hour its beginning.
    pub value: String,
    /// How usual it is.
    pub verdict: Verdict,
    /// Earlier events with it; more may have it where not all values were remembered.
    pub seen: u64,
}

/// What is known of a user.
#[derive(Clone, Debug)]
pub struct Dossier {
    /// Who.
    pub user: String,
    /// The past.
    pub past: Slice,
    /// Whose hours.
    pub tz: Tz,
    /// Events by weekday, Monday first, and hour.
    pub week: Box<[[u64; 24]; 7]>,
    /// Events of the past.
    pub events: u64,
    /// Those that failed or were denied; `None` where the store does not say.
    pub failed: Option<u64>,
    /// The hours of the first and of the last event of the past.
    pub seen: Option<(Micros, Micros)>,
    /// Events from the event on, and the time of the last of them, as far as that was told.
    pub since: Option<(u64, Option<Micros>)>,
    now: Micros,
    values: HashMap<Field, Sum>,
    outcomes: HashMap<Outcome, u64>,
    /// The event's own.
    own: Vec<(Trait, String)>,
    questions: Vec<(Ask, Slice)>,
    done: usize,
}

impl Dossier {
    /// Begins one: of the user alone, or beside one of their events. `None` where the store does not
    /// say who acted.
    pub fn new(
        user: &str,
        event: Option<&Event>,
        profile: &Profile,
        (now, tz): (Micros, Tz),
    ) -> Option<Self> {
        let says = |field: &Field| *profile.field(*field) != ValueExpr::Absent;
        if !says(&Field::Actor) {
            return None;
        }
        let until = event.and_then(|event| event.at().instant()).unwrap_or(now);
        let has_outcomes = !profile.outcome.is_empty();
        let mut questions = Vec::new();
        for pair in CUTS.windows(2) {
            let slice = Slice {
                since: until.plus(-pair[1] * DAY),
                until: until.plus(-pair[0] * DAY),
            };
            // Nothing lies before the first of all instants.
            if slice.since >= slice.until {
                continue;
            }
            questions.push((Ask::Hours, slice));
            let said = FIELDS.into_iter().filter(says);
            questions.extend(said.map(|field| (Ask::Values(field), slice)));
        }
        if until < now {
            let slice = Slice {
                since: until,
                until: now.plus(1),
            };
            questions.push((Ask::Since, slice));
        }
        Some(Self {
            user: user.to_owned(),
            past: Slice {
                since: until.plus(-LOOK_BACK * DAY),
                until,
            },
            tz,
            week: Box::default(),
            events: 0,
            failed: has_outcomes.then_some(0),
            seen: None,
            since: None,
            now,
            values: HashMap::new(),
            outcomes: HashMap::new(),
            own: event.map(|event| own(event, tz)).unwrap_or_default(),
            questions,
            done: 0,
        })
    }

    /// The next question; `None` when all is known.
    pub fn next(&self) -> Option<AggregateRequest> {
        let (ask, slice) = self.questions.get(self.done)?;
        let keys = match ask {
            Ask::Hours => {
                let mut keys = vec![GroupKey::Time(self.hours(*slice))];
                if self.failed.is_some() {
                    keys.push(GroupKey::Value(Subject::Outcome));
                }
                keys
            }
            Ask::Values(field) => vec![GroupKey::Value(Subject::Field(*field))],
            Ask::Since => vec![GroupKey::Time(self.steps(*slice))],
        };
        let who = Test::Equals(Literal::Bare(self.user.clone()));
        let when = Atom::At {
            since: Some(slice.since),
            until: Some(slice.until),
        };
        let predicate = Predicate::Atom(when).and(Predicate::Atom(Atom::Field(Field::Actor, who)));
        Some(AggregateRequest {
            predicate: Arc::new(predicate),
            keys,
            measure: Measure::Count,
            top: None,
        })
    }

    fn hours(&self, slice: Slice) -> Vec<Micros> {
        const MOST: usize = 24 * 100;
        // Beyond the calendar there are no hours, and no events either.
        calendar::hours(slice.since, slice.until, self.tz, MOST)
            .unwrap_or_else(|| vec![slice.since, slice.until])
    }

    fn steps(&self, slice: Slice) -> Vec<Micros> {
        even_edges(slice.since, slice.until.min(self.now.plus(1)), 400)
    }

    /// The answer to the question that [`Dossier::next`] gave last.
    pub fn take(&mut self, answer: &Aggregate) {
        let Some((ask, slice)) = self.questions.get(self.done).copied() else {
            return;
        };
        self.done += 1;
        match ask {
            Ask::Hours => self.take_hours(&self.hours(slice), answer),
            Ask::Values(field) => self
                .values
                .entry(field)
                .or_default()
                .add(answer, |group| (group.key.clone(), group.count)),
            Ask::Since => {
                let edges = self.steps(slice);
                let events = answer.groups.iter().map(|group| group.count).sum();
                let last = answer
                    .groups
                    .iter()
                    .filter_map(|group| match group.key[..] {
                        [GroupValue::Bucket(bucket)] => edges.get(bucket).copied(),
                        _ => None,
                    });
                self.since = Some((events, last.max().map(|at| at.max(slice.since))));
            }
        }
    }

    fn take_hours(&mut self, edges: &[Micros], answer: &Aggregate) {
        for group in &answer.groups {
            let Some(GroupValue::Bucket(bucket)) = group.key.first() else {
                continue;
            };
            let Some(at) = edges.get(*bucket).copied() else {
                continue;
            };
            if let Some((day, hour)) = calendar::hour_of_week(at, self.tz) {
                self.week[day][hour] += group.count;
            }
            self.events += group.count;
            let (first, last) = self.seen.unwrap_or((at, at));
            self.seen = Some((first.min(at), last.max(at)));
            let outcome = match group.key.get(1) {
                Some(GroupValue::Text(word)) => Outcome::from_word(word),
                _ => None,
            };
            if let Some(outcome) = outcome {
                *self.outcomes.entry(outcome).or_default() += group.count;
                if let (Outcome::Failed | Outcome::Denied, Some(failed)) =
                    (outcome, &mut self.failed)
                {
                    *failed += group.count;
                }
            }
        }
    }

    /// The share of the questions that are answered, 0 to 1.
    pub fn fraction(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a share of few questions")]
        let share = self.done as f64 / self.questions.len().max(1) as f64;
        share
    }

    /// Whether all questions about this are answered.
    fn is_known(&self, ask: Ask) -> bool {
        let left = self.questions.get(self.done..).unwrap_or_default();
        left.iter().all(|(other, _)| *other != ask)
    }

    /// The most frequent values of a field with their events; `None` where the store does not say.
    pub fn usual(&self, field: Field, most: usize) -> Option<Vec<(String, u64)>> {
        let sum = self.values.get(&field)?;
        let mut values: Vec<(String, u64)> = sum
            .groups()
            .filter_map(|(key, count)| match key {
                [GroupValue::Text(text)] => Some((text.to_string(), count)),
                _ => None,
            })
            .collect();
        values.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        values.truncate(most);
        Some(values)
    }

    /// The event's values, each beside the past.
    pub fn judged(&self) -> Vec<Judged> {
        let judge = |(what, value): &(Trait, String)| {
            let (seen, error, ask) = match what {
                Trait::Hour(hour) => (self.week.iter().map(|day| day[*hour]).sum(), 0, Ask::Hours),
                Trait::Outcome(outcome) => {
                    let seen = self.outcomes.get(outcome).copied().unwrap_or(0);
                    (seen, 0, Ask::Hours)
                }
                Trait::Field(field) => {
                    let key = [GroupValue::Text(value.as_str().into())];
                    let sum = self.values.get(field);
                    let error = match sum.map(Sum::certainty) {
                        Some(Certainty::AtLeast { error }) => error,
                        Some(Certainty::Exact) | None => 0,
                    };
                    (
                        sum.map_or(0, |sum| sum.of(&key)),
                        error,
                        Ask::Values(*field),
                    )
                }
            };
            let is_known = self.is_known(ask) && self.is_known(Ask::Hours);
            Judged {
                what: *what,
                value: value.clone(),
                verdict: verdict(seen, error, self.events, is_known),
                seen,
            }
        };
        self.own.iter().map(judge).collect()
    }
}

fn verdict(seen: u64, error: u64, events: u64, is_known: bool) -> Verdict {
    match seen {
        _ if !is_known => Verdict::Open,
        _ if events < ENOUGH => Verdict::TooFew,
        // What was forgotten may have been it.
        0 if error > 0 => Verdict::Rare,
        0 => Verdict::First,
        seen if seen.saturating_mul(RARE) < events => Verdict::Rare,
        _ => Verdict::Usual,
    }
}

/// What an event has that can be usual or not.
fn own(event: &Event, tz: Tz) -> Vec<(Trait, String)> {
    let mut own = Vec::new();
    for field in FIELDS {
        for value in event.all(field).take(MOST_VALUES) {
            let value = (Trait::Field(field), value.text().to_owned());
            if !own.contains(&value) {
                own.push(value);
            }
        }
    }
    let at = event.at().instant();
    if let Some((_, hour)) = at.and_then(|at| calendar::hour_of_week(at, tz)) {
        own.push((Trait::Hour(hour), format!("{hour:02}:00")));
    }
    if let Some(outcome) = event.outcome {
        own.push((Trait::Outcome(outcome), outcome.word().to_owned()));
    }
    own
}

#[cfg(test)]
mod tests;
