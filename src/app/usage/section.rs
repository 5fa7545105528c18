//! One report of the Usage tab: how far it is, what it says, and where its lines lead.

use crate::app::filter_bar::term;
use crate::core::aggregate::{Aggregate, Group};
use crate::core::event::Field;
use crate::core::group::NO_GROUP;
use crate::core::instant::Micros;
use crate::core::scalar::Scalar;
use crate::core::usage::answer::Answer;
use crate::core::usage::calls::Call;
use crate::core::usage::course::{Course, Question};
use crate::core::usage::kin::Kin;
use crate::core::usage::plan::{Slice, Slicing, Window};
use crate::core::usage::settled::Settled;
use crate::core::usage::trouble::{Trouble, words};
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
pub const SECTIONS: [(Report, &str, Side); 16] = [
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
    (Report::Followed, "followed by an error", Side::Left),
    (Report::Similar, "users alike", Side::Right),
    (
        Report::Traces,
        "failures by where they happened",
        Side::Both,
    ),
    (Report::Activity, "the last 7 days", Side::Both),
    (Report::Calls, "newest calls", Side::Both),
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
    /// Not to events, but to another report.
    pub report: Option<Report>,
}

/// What is to be done for a report.
#[derive(Clone, Debug)]
pub(super) enum Wish {
    /// The store is asked for numbers.
    Ask(Question),
    /// Events are read.
    Read(Usage),
}

/// Users that a filter names at most.
const MOST_USERS: usize = 50;

/// A report on the tab.
#[derive(Clone, Debug)]
pub struct Section {
    /// How far it is.
    pub state: State,
    /// What it says so far.
    pub answer: Option<Answer>,
    aims: Vec<Aim>,
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
            aims: Vec::new(),
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

    /// What is to be done next for it; `None` when nothing is.
    pub(super) fn wish(&mut self, settled: &Settled) -> Option<Wish> {
        if !matches!(self.state, State::Asking) {
            return None;
        }
        if self.usage.report.is_read() {
            return Some(Wish::Read(self.usage.clone()));
        }
        let course = self.course.as_mut()?;
        let next = course.next(settled);
        if next.is_none() {
            let answer = course.answer();
            self.end(answer);
        }
        next.map(Wish::Ask)
    }

    /// It is whole.
    pub(super) fn end(&mut self, answer: Answer) {
        self.state = State::Whole;
        // The numbers behind it are many where values are.
        self.course = None;
        self.say(answer);
    }

    /// What is known of it.
    pub(super) fn say(&mut self, answer: Answer) {
        self.answer = Some(answer);
        self.aims = self.lead();
    }

    /// What is known of an answer so far; of many groups it is not worth the work.
    pub(super) fn partial(&mut self, question: &Question, groups: Vec<Group>) {
        const MANY: usize = 5_000;
        let Some(course) = &mut self.course else {
            return;
        };
        if course.size() + groups.len() <= MANY {
            course.partial(question, groups);
            let answer = course.answer();
            self.say(answer);
        }
    }

    pub(super) fn take(&mut self, question: &Question, answer: Aggregate, settled: &mut Settled) {
        if let Some(course) = &mut self.course {
            course.take(question, answer, settled);
            let answer = course.answer();
            self.say(answer);
        }
    }

    /// Where each of its lines leads, from top to bottom.
    pub fn aims(&self) -> &[Aim] {
        &self.aims
    }

    fn lead(&self) -> Vec<Aim> {
        if self.compares() && !matches!(self.state, State::Whole) {
            return Vec::new();
        }
        let field = self.usage.report.ranked().unwrap_or(Field::Action);
        let of = |value: &Option<String>| self.aim(field, value.as_deref());
        match &self.answer {
            None | Some(Answer::Shares(..) | Answer::Deeds(_)) => Vec::new(),
            Some(Answer::Troubles { ranking, .. }) => ranking.rows.iter().map(trouble).collect(),
            Some(Answer::Totals(_)) => cards(),
            Some(Answer::Week(week)) => {
                let busiest = week.busiest.iter();
                busiest.map(|hour| span(hour.since, hour.until)).collect()
            }
            Some(Answer::Kin(ranking)) => ranking.rows.iter().map(kin).collect(),
            Some(Answer::Activity(done)) => {
                self.periods(done.iter().map(|one| one.bucket.start).collect())
            }
            Some(Answer::Calls(ranking)) => ranking.rows.iter().map(call).collect(),
            Some(Answer::Followed { ranking, .. }) => {
                ranking.rows.iter().map(|row| of(&row.value)).collect()
            }
            Some(Answer::Ranking(ranking)) => {
                ranking.rows.iter().map(|row| of(&row.value)).collect()
            }
            Some(Answer::Latency(ranking)) => {
                ranking.rows.iter().map(|row| of(&row.value)).collect()
            }
            Some(Answer::Series(buckets)) => {
                self.periods(buckets.iter().map(|bucket| bucket.start).collect())
            }
        }
    }

    /// The newest periods, which begin there.
    fn periods(&self, starts: Vec<Micros>) -> Vec<Aim> {
        let ends = starts.iter().skip(1).copied();
        let ends: Vec<Micros> = ends.chain([self.usage.until]).collect();
        let newest = starts
            .into_iter()
            .zip(ends)
            .rev()
            .take(super::rows_of(self.usage.report));
        // The first one may begin before the range.
        let aim = |(start, end): (Micros, Micros)| span(start.max(self.usage.since), end);
        newest.map(aim).collect()
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
            report: None,
        }
    }
}

/// A stretch of time.
fn span(since: Micros, until: Micros) -> Aim {
    Aim {
        range: Some(format!("since:{since} until:{until}")),
        ..Aim::default()
    }
}

/// In the order of [`crate::core::usage::answer::Totals::lines`].
fn cards() -> Vec<Aim> {
    let to = |report| Aim {
        report: Some(report),
        ..Aim::default()
    };
    let failures = Aim {
        terms: vec!["is:error".to_owned()],
        ..Aim::default()
    };
    vec![
        Aim::default(),
        to(Report::TopUsers),
        to(Report::NewUsers),
        failures,
    ]
}

/// All of the users, or where they are too many to be named, the one whom the others are like.
fn kin(kin: &Kin) -> Aim {
    let most = if kin.users.len() > MOST_USERS {
        1
    } else {
        kin.users.len()
    };
    let each = kin.users.iter().take(most);
    let each: Vec<String> = each
        .map(|(name, _)| term::field(Field::Actor, Some(name)))
        .collect();
    let term = match each.as_slice() {
        [one] => one.clone(),
        many => format!("({})", many.join(" OR ")),
    };
    Aim {
        terms: vec![term],
        ..Aim::default()
    }
}

/// The failures whose status has the words that those of a group share. What was folded away and where
/// it happened is in no filter. One term, so that all of it can be left out.
fn trouble(trouble: &Trouble) -> Aim {
    let name = term::spelling(Field::Status);
    let contains = |words: &str| format!("{name}:~{}", term::literal(&Scalar::Text(words.into())));
    let mut terms: Vec<String> = match &trouble.status {
        None => vec![term::field(Field::Status, None)],
        Some(status) => words(status).map(contains).collect(),
    };
    if terms.is_empty() {
        terms.push(format!("has:{name}"));
    }
    Aim {
        terms: vec![format!("({} is:error)", terms.join(" "))],
        ..Aim::default()
    }
}

/// The very event.
fn call(call: &Call) -> Aim {
    let id = term::literal(&Scalar::Text(call.id.as_str().into()));
    let range = call.at.instant().map(|at| span(at, at.plus(1)).range);
    Aim {
        terms: vec![format!("id:{id}")],
        range: range.flatten(),
        report: None,
    }
}
