//! One report of the Usage tab: how far it is, what it says, and where its lines lead.

use crate::app::filter_bar::term;
use crate::core::aggregate::{Aggregate, Group};
use crate::core::event::Field;
use crate::core::group::NO_GROUP;
use crate::core::instant::Micros;
use crate::core::scalar::Scalar;
use crate::core::usage::answer::Answer;
use crate::core::usage::course::{Course, Question};
use crate::core::usage::plan::{Slice, Slicing, Window};
use crate::core::usage::settled::Settled;
use crate::core::usage::{RangeError, Report, Usage};
use crate::store::{StoreError, TimeAccess};

/// On which side of a wide screen a report stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Across both.
    Both,
    /// The left one.
    Left,
    /// The right one.
    Right,
}

/// The reports of the tab, from top to bottom, each with its title.
pub const SECTIONS: [(Report, &str, Side); 11] = [
    (Report::Totals, "in all", Side::Both),
    (Report::Users, "users and events", Side::Left),
    (Report::Heatmap, "hours of the week", Side::Right),
    (Report::Actions, "actions", Side::Left),
    (Report::TopUsers, "users", Side::Right),
    (Report::Errors, "failures", Side::Left),
    (Report::Resources, "resources", Side::Right),
    (Report::Latency, "how long actions take", Side::Left),
    (Report::Services, "services", Side::Right),
    (Report::NewUsers, "new users", Side::Left),
    (Report::Quiet, "gone quiet", Side::Right),
];

/// How far a report is.
#[derive(Clone, Debug)]
pub enum State {
    /// It has questions.
    Asking,
    /// It is whole.
    Whole,
    /// The store cannot say it; what it does not say.
    Lacking(&'static str),
    /// The range is too long for it.
    TooLong(RangeError),
    /// The store did not answer.
    Failed(StoreError),
}

/// Where a line leads: to the events that all of these terms find, in a range of time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Aim {
    /// The first is what the line is about.
    pub terms: Vec<String>,
    /// Another one than the tab's.
    pub range: Option<String>,
}

/// A report on the tab.
#[derive(Clone, Debug)]
pub struct Section {
    /// How far it is.
    pub state: State,
    /// What it says so far.
    pub answer: Option<Answer>,
    usage: Usage,
    course: Option<Course>,
}

impl Section {
    /// Nothing is asked yet.
    pub fn new(usage: Usage, now: Micros, time: TimeAccess) -> Self {
        let slicing = match time {
            TimeAccess::Direct => Slicing::ByCalendar,
            TimeAccess::Scan => Slicing::Whole,
        };
        let lack = usage.lack();
        let (state, course) = match (lack, Course::new(usage.clone(), now, slicing)) {
            (Some(lack), _) => (State::Lacking(lack), None),
            (None, Ok(course)) => (State::Asking, Some(course)),
            (None, Err(error)) => (State::TooLong(error), None),
        };
        Self {
            state,
            answer: None,
            usage,
            course,
        }
    }

    /// What is reported.
    pub fn usage(&self) -> &Usage {
        &self.usage
    }

    /// Whether it is about what one range has and the one before has not.
    pub fn compares(&self) -> bool {
        matches!(self.usage.report, Report::NewUsers | Report::Quiet)
    }

    /// The share of its questions that are answered, 0 to 1.
    pub fn fraction(&self) -> f64 {
        self.course.as_ref().map_or(1.0, Course::fraction)
    }

    /// Its next question; `None` when it has none.
    pub fn question(&mut self, settled: &Settled) -> Option<Question> {
        if !matches!(self.state, State::Asking) {
            return None;
        }
        let course = self.course.as_mut()?;
        let next = course.next(settled);
        if next.is_none() {
            self.state = State::Whole;
            self.answer = Some(course.answer());
        }
        next
    }

    /// What is known of an answer so far; of many groups it is not worth the work.
    pub(super) fn partial(&mut self, question: &Question, groups: Vec<Group>) {
        const MANY: usize = 2_000;
        if let Some(course) = self.course.as_mut().filter(|_| groups.len() <= MANY) {
            course.partial(question, groups);
            self.answer = Some(course.answer());
        }
    }

    pub(super) fn take(&mut self, question: &Question, answer: Aggregate, settled: &mut Settled) {
        if let Some(course) = &mut self.course {
            course.take(question, answer, settled);
            self.answer = Some(course.answer());
        }
    }

    /// Where each of its lines leads, from top to bottom.
    pub fn aims(&self) -> Vec<Aim> {
        if self.compares() && !matches!(self.state, State::Whole) {
            return Vec::new();
        }
        let field = self.usage.report.ranked().unwrap_or(Field::Action);
        let of = |value: &Option<String>| self.aim(field, value.as_deref());
        match &self.answer {
            None
            | Some(
                Answer::Totals(_)
                | Answer::Shares(_)
                | Answer::Week(_)
                | Answer::Kin(_)
                | Answer::Activity(_)
                | Answer::Calls(_)
                | Answer::Followed { .. }
                | Answer::Troubles { .. },
            ) => Vec::new(),
            Some(Answer::Ranking(ranking)) => {
                ranking.rows.iter().map(|row| of(&row.value)).collect()
            }
            Some(Answer::Latency(ranking)) => {
                ranking.rows.iter().map(|row| of(&row.value)).collect()
            }
            Some(Answer::Series(buckets)) => {
                let ends = buckets.iter().skip(1).map(|bucket| bucket.start);
                let ends = ends.chain([self.usage.until]).collect::<Vec<_>>();
                let newest = buckets.iter().zip(ends).rev().take(super::ROWS);
                let aims = newest.map(|(bucket, end)| {
                    // The first one may begin before the range.
                    let since = bucket.start.max(self.usage.since);
                    Aim {
                        terms: Vec::new(),
                        range: Some(format!("since:{since} until:{end}")),
                    }
                });
                aims.collect()
            }
        }
    }

    fn aim(&self, field: Field, value: Option<&str>) -> Aim {
        let mut terms = vec![match (&self.usage.groups, value) {
            (Some(_), Some(NO_GROUP)) => "(has:user missing:group)".to_owned(),
            (Some(_), Some(group)) => {
                format!("group:{}", term::literal(&Scalar::Text(group.into())))
            }
            _ => term::field(field, value),
        }];
        match self.usage.report {
            // Not everything that says nothing, or the same, has failed.
            Report::Errors => terms.push("is:error".to_owned()),
            Report::Latency => terms.push(format!("has:{}", Field::Duration.name())),
            _ => {}
        }
        // What has gone quiet was there before.
        let before = (self.usage.report == Report::Quiet).then(|| {
            let Slice { since, until } = self.usage.window(Window::Before);
            format!("since:{since} until:{until}")
        });
        Aim {
            terms,
            range: before,
        }
    }
}
