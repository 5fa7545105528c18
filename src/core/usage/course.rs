//! A report on its way: whoever runs it asks a store what [`Course::next`] says and hands the answers
//! to [`Course::take`] until there is no next question; what is known so far is always to be had.
//!
//! One question at a time, newest times first. Holds no connection and no clock.

use std::iter::once;
use std::sync::Arc;

use crate::core::aggregate::sum::Sum;
use crate::core::aggregate::{Aggregate, AggregateRequest, Certainty, Group, GroupValue, Key};
use crate::core::event::Outcome;
use crate::core::instant::Micros;
use crate::core::usage::answer::Answer;
use crate::core::usage::crowd::Crowd;
use crate::core::usage::plan::{FAILURES, Part, Slice, Slicing, Stage, Window};
use crate::core::usage::settled::Settled;
use crate::core::usage::{RangeError, Usage};

/// What is to be asked next.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// For the store.
    pub request: AggregateRequest,
    /// What it is about.
    pub slice: Slice,
    stage: Stage,
    /// The place of its first bucket in the series.
    first: usize,
}

/// The numbers of a report so far.
#[derive(Clone, Debug, Default)]
pub struct Numbers {
    /// Events by bucket or by value.
    pub events: Sum,
    /// The part of them in the last days of the range.
    pub recent: Sum,
    /// Those that failed or were denied, by bucket or by value.
    pub failed: Sum,
    /// All events, of the range and of the one before.
    pub whole: Sum,
    /// See `whole`.
    pub whole_before: Sum,
    /// Those that failed or were denied in the range before.
    pub failed_before: Sum,
    /// Events of the range before, by value.
    pub before: Sum,
    /// Different users by bucket, or by value where those were too many to know them.
    pub users: Sum,
    /// Different users by value.
    pub crowd: Crowd,
    /// Events by bucket and action, or by user and action or what else is ranked.
    pub actions: Sum,
    /// Events by value and bin of their duration.
    pub bins: Sum,
}

/// A report on its way.
#[derive(Clone, Debug)]
pub struct Course {
    usage: Usage,
    edges: Vec<Micros>,
    /// Each with its slices.
    stages: Vec<(Stage, Vec<Slice>)>,
    /// How many stages, and slices of the next one, are done.
    done: (usize, usize),
    numbers: Numbers,
    /// What is known of the question that is being asked.
    partial: Option<(Question, Vec<Group>)>,
    /// Answers about times before this are kept.
    settled_before: Micros,
}

impl Course {
    /// A report that begins now, by the store's clock.
    pub fn new(usage: Usage, now: Micros, slicing: Slicing) -> Result<Self, RangeError> {
        let stages = usage.stages().into_iter();
        Ok(Self {
            edges: usage.edges()?,
            stages: stages
                .map(|stage| (stage, usage.slices(stage, slicing)))
                .collect(),
            done: (0, 0),
            numbers: Numbers::default(),
            partial: None,
            settled_before: usage.settled_before(now),
            usage,
        })
    }

    /// What is reported.
    pub fn usage(&self) -> &Usage {
        &self.usage
    }

    /// The question to ask; the same one until it is answered. `None` when the report is whole.
    /// Questions that were answered for good are not asked again.
    pub fn next(&mut self, settled: &Settled) -> Option<Question> {
        loop {
            let question = self.question()?;
            match settled.find(question.slice, &question.request) {
                Some(known) => self.add(&question, &known),
                None => return Some(question),
            }
        }
    }

    fn question(&mut self) -> Option<Question> {
        loop {
            let (stage, slices) = self.stages.get(self.done.0)?;
            let Some(slice) = slices.get(self.done.1) else {
                self.done = (self.done.0 + 1, 0);
                continue;
            };
            let (stage, slice) = (*stage, *slice);
            // One of the two ways to count users leads there.
            let is_idle = match stage.part {
                Part::Crowd => !self.numbers.crowd.is_whole(),
                Part::Users => self.numbers.crowd.is_whole(),
                _ => false,
            };
            if is_idle {
                self.done = (self.done.0 + 1, 0);
                continue;
            }
            let rows = if stage.part.is_of_rows() {
                self.rows()
            } else {
                Vec::new()
            };
            let (request, first) = self.usage.request(stage, slice, &self.edges, &rows);
            return Some(Question {
                request,
                slice,
                stage,
                first,
            });
        }
    }

    /// The values of the ranking, largest first.
    fn rows(&self) -> Vec<GroupValue> {
        let shown = self.usage.shown(&self.numbers.events);
        let keys = shown.into_iter();
        keys.filter_map(|(key, _)| key.first().cloned()).collect()
    }

    /// What is known of the answer to a question before all of it is; replaces the former one.
    pub fn partial(&mut self, question: &Question, groups: Vec<Group>) {
        self.partial = Some((question.clone(), groups));
    }

    /// The answer to the question that [`Course::next`] gave last.
    pub fn take(&mut self, question: &Question, answer: Aggregate, settled: &mut Settled) {
        let answer = Arc::new(answer);
        if question.slice.until <= self.settled_before {
            settled.keep(question.slice, &question.request, &answer);
        }
        self.add(question, &answer);
    }

    fn add(&mut self, question: &Question, answer: &Aggregate) {
        self.partial = None;
        self.done.1 += 1;
        self.numbers.add(&self.usage, question, answer);
    }

    /// The report as far as it is known.
    pub fn answer(&self) -> Answer {
        let Some((question, groups)) = &self.partial else {
            return Answer::of(&self.usage, &self.edges, &self.numbers);
        };
        let mut numbers = self.numbers.clone();
        let part = Aggregate {
            groups: groups.clone(),
            certainty: Certainty::Exact,
        };
        numbers.add(&self.usage, question, &part);
        Answer::of(&self.usage, &self.edges, &numbers)
    }

    /// How many groups are known: a partial answer costs a copy of them.
    pub fn size(&self) -> usize {
        let Numbers {
            events,
            before,
            actions,
            users,
            bins,
            ..
        } = &self.numbers;
        let sums = [events, before, actions, users, bins];
        sums.iter().map(|sum| sum.groups().len()).sum()
    }

    /// The share of the questions that are answered, 0 to 1.
    pub fn fraction(&self) -> f64 {
        let slices = |stages: usize| -> usize {
            let asked = self.stages.iter().take(stages);
            asked.map(|(_, slices)| slices.len()).sum()
        };
        let (all, done) = (slices(self.stages.len()), slices(self.done.0));
        #[expect(clippy::cast_precision_loss, reason = "a share of few questions")]
        let share = (done + self.done.1) as f64 / all.max(1) as f64;
        share.min(1.0)
    }
}

impl Numbers {
    fn add(&mut self, usage: &Usage, question: &Question, answer: &Aggregate) {
        let count = |group: &Group| (Arc::clone(&group.key), group.count);
        let in_series = |group: &Group| match &*group.key {
            [GroupValue::Bucket(bucket), rest @ ..] => {
                let bucket = GroupValue::Bucket(bucket + question.first);
                once(bucket).chain(rest.iter().cloned()).collect()
            }
            _ => Arc::clone(&group.key),
        };
        match (question.stage.part, question.stage.window) {
            (Part::Buckets, _) => {
                self.events
                    .add(answer, |group| (in_series(group), group.events));
                if usage.has_users() {
                    self.users
                        .add(answer, |group| (in_series(group), group.count));
                }
            }
            (Part::Hours, _) => self
                .events
                .add(answer, |group| (in_series(group), group.count)),
            (Part::Events, Window::Before) => self.before.add(answer, count),
            (Part::Events, Window::Range) => {
                self.events.add(answer, count);
                if usage
                    .recent()
                    .is_some_and(|recent| recent <= question.slice.since)
                {
                    self.recent.add(answer, count);
                }
            }
            (Part::Graded, _) => self.add_graded(usage, question, answer),
            (Part::Whole | Part::GradedWhole, window) => {
                let whole = |group: &Group| (Key::default(), group.count);
                let (events, failed) = match window {
                    Window::Range => (&mut self.whole, &mut self.failed),
                    Window::Before => (&mut self.whole_before, &mut self.failed_before),
                };
                events.add(answer, whole);
                failed.add_some(failures(answer), answer.certainty, whole);
            }
            (Part::Crowd, _) => self.crowd.add(answer),
            (Part::FailedBuckets, _) => self
                .failed
                .add(answer, |group| (in_series(group), group.count)),
            (Part::ActionBuckets | Part::UserBuckets, _) => self
                .actions
                .add(answer, |group| (in_series(group), group.count)),
            (Part::Pairs, _) => self.actions.add(answer, count),
            (Part::Users, _) => self.users.add(answer, count),
            (Part::Bins, _) => self.bins.add(answer, count),
        }
    }

    /// Events and failures by value.
    fn add_graded(&mut self, usage: &Usage, question: &Question, answer: &Aggregate) {
        // A value is too small by what each of its outcomes is too small by.
        let sure = match answer.certainty {
            Certainty::Exact => Certainty::Exact,
            Certainty::AtLeast { error } => Certainty::AtLeast {
                error: error.saturating_mul(OUTCOMES),
            },
        };
        let value = |group: &Group| (Key::from(&group.key[..1]), group.count);
        self.events.add_some(&answer.groups, sure, value);
        let known = |group: &Group| (self.events.key(&group.key[..1]), group.count);
        let recent = usage.recent();
        if recent.is_some_and(|recent| recent <= question.slice.since) {
            self.recent.add_some(&answer.groups, sure, known);
        }
        self.failed.add_some(failures(answer), sure, known);
    }
}

/// Outcomes that one value can have, with none.
const OUTCOMES: u64 = 5;

/// The groups whose last key is the outcome of a failure.
fn failures(answer: &Aggregate) -> impl Iterator<Item = &Group> {
    answer.groups.iter().filter(|group| match group.key.last() {
        Some(GroupValue::Text(word)) => {
            Outcome::from_word(word).is_some_and(|outcome| FAILURES.contains(&outcome))
        }
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::core::aggregate::accumulator::Accumulator;
    use crate::core::calendar::Period;
    use crate::core::event::{Cursor, Event, EventId, Field, KeyPart, Payload, Values};
    use crate::core::instant::At;
    use crate::core::json::FlatJson;
    use crate::core::profile::load;
    use crate::core::query::predicate::Predicate;
    use crate::core::scalar::Scalar;
    use crate::core::usage::Report;

    /// 2026-01-01 in UTC.
    const BEGIN: Micros = Micros(1_767_225_600_000_000);
    const HOUR: i64 = 3_600 * Micros::SECOND;
    const PROFILE: &str = "name = \"x\"\n[time]\npath = \"at\"\nencoding = \"instant\"\n\
        [fields]\nactor = \"a\"\naction = \"b\"\nresource = \"c\"\nstatus = \"d\"\n\
        duration_ms = \"e\"\n[[outcome]]\nis = \"ok\"\nwhen = { has = \"f\" }\n";

    /// Hours after the beginning, user, action, whether it failed, duration.
    type Made = (i64, u8, u8, bool, u32);

    fn event(made: &Made) -> Event {
        let (hour, user, action, has_failed, millis) = made;
        let text = |letter: char, n: u8| Scalar::Text(format!("{letter}{n}").into());
        let mut values = vec![
            (Field::Action, text('a', *action)),
            (Field::Resource, text('r', *action)),
            (Field::Resource, text('r', *user)),
            (Field::Duration, Scalar::Number(millis.to_string().into())),
        ];
        if *user > 0 {
            values.push((Field::Actor, text('u', *user)));
        }
        if *has_failed {
            values.push((Field::Status, text('s', *action)));
        }
        values.sort_by_key(|(field, _)| *field);
        Event {
            id: EventId::new("1"),
            cursor: Cursor {
                at: At::Instant(BEGIN.plus(hour * HOUR + 1)),
                time: KeyPart::Null,
                key: Vec::new(),
            },
            outcome: Some(if *has_failed {
                Outcome::Failed
            } else {
                Outcome::Ok
            }),
            values: Values::of(&values),
            payload: Payload::whole("{}"),
        }
    }

    fn count(events: &[Event], request: AggregateRequest) -> Aggregate {
        let record = FlatJson::parse("{}").expect("valid");
        let mut accumulator = Accumulator::new(request);
        for event in events {
            accumulator.feed(event, &record);
        }
        accumulator.answer()
    }

    /// Asks to the end; how many questions that took.
    fn finish(course: &mut Course, events: &[Event], settled: &mut Settled) -> usize {
        let mut asked = 0;
        while let Some(question) = course.next(settled) {
            assert_eq!(course.next(settled).as_ref(), Some(&question));
            let answer = count(events, question.request.clone());
            // Partial answers are part of what is known, and leave nothing behind.
            course.partial(&question, answer.groups.clone());
            let early = course.answer();
            course.take(&question, answer, settled);
            assert_eq!(course.answer(), early);
            asked += 1;
        }
        asked
    }

    fn usage(report: Report, period: Period, hours: [i64; 2]) -> Usage {
        let profile =
            load::parse(PROFILE, crate::core::profile::Origin::BuiltIn).expect("a profile");
        let mut usage = Usage::new(report, &profile, Predicate::All);
        usage.since = BEGIN.plus(hours[0] * HOUR);
        usage.until = BEGIN.plus(hours[1] * HOUR);
        usage.tz = chrono_tz::Tz::America__St_Johns;
        usage.period = period;
        usage.top = 3;
        usage
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn slices_add_up_to_the_whole_and_are_not_asked_for_twice(
            made in prop::collection::vec(
                (-800_i64..1_700, 0_u8..6, 0_u8..6, any::<bool>(), 0_u32..5_000), 0..150,
            ),
            report in 0..Report::ALL.len(), period in 0..3_usize,
            since in 0_i64..800, length in 0_i64..900,
        ) {
            let events: Vec<Event> = made.iter().map(event).collect();
            let usage = usage(Report::ALL[report].0, Period::ALL[period].0, [since, since + length]);
            let now = usage.until;
            let whole = Course::new(usage.clone(), now, Slicing::Whole);
            let sliced = Course::new(usage.clone(), now, Slicing::ByCalendar);
            let (mut whole, mut sliced) = (whole.expect("short"), sliced.expect("short"));
            finish(&mut whole, &events, &mut Settled::default());
            let mut settled = Settled::default();
            let asked = finish(&mut sliced, &events, &mut settled);
            prop_assert_eq!(sliced.answer(), whole.answer());
            prop_assert!((sliced.fraction() - 1.0).abs() < 1e-9 || asked == 0);
            // Only what reaches into the last minutes is asked for again.
            let later = Course::new(usage.clone(), now, Slicing::ByCalendar);
            let mut again = later.expect("short");
            let anew = finish(&mut again, &events, &mut settled);
            prop_assert_eq!(again.answer(), whole.answer());
            prop_assert!(anew <= again.stages.len(), "{} of {}", anew, asked);
            let over = Course::new(usage, now.plus(HOUR), Slicing::ByCalendar);
            let mut over = over.expect("short");
            finish(&mut over, &events, &mut settled);
            let mut over = Course { done: (0, 0), numbers: Numbers::default(), ..over };
            prop_assert_eq!(over.next(&settled), None);
        }
    }

    #[test]
    fn the_newest_time_is_asked_first() {
        let usage = usage(Report::Actions, Period::Week, [0, 90 * 24]);
        let until = usage.until;
        let mut course = Course::new(usage, until, Slicing::ByCalendar).expect("short");
        let first = course.next(&Settled::default()).expect("a question");
        assert_eq!(first.slice.until, until);
        assert!(first.slice.since >= until.plus(-7 * 24 * HOUR));
        assert!(course.fraction() < 0.001);
    }
}
