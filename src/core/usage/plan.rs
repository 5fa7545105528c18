//! What a report asks: which questions, about which slices of time, in which order.
//!
//! Does not know any answer, but for the rows of a ranking that later questions are about.

use std::sync::Arc;

use crate::core::aggregate::{AggregateRequest, GroupKey, GroupValue, Measure, Subject};
use crate::core::calendar::{self, Period};
use crate::core::event::{Field, Outcome};
use crate::core::instant::Micros;
use crate::core::query::predicate::{Atom, Literal, Predicate, Test};
use crate::core::usage::sequel::WITHIN;
use crate::core::usage::{Detail, RangeError, Report, Usage};

/// Hours a heatmap adds up at most: eleven years.
const HOURS: usize = 100_000;

/// A range is cut into so many slices, where the calendar has parts that are long enough.
const SLICES: usize = 40;

/// A stretch of time that one question is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Slice {
    /// First instant.
    pub since: Micros,
    /// The instant after the last.
    pub until: Micros,
}

/// Whether a question about a part of the time costs a part of the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slicing {
    /// It does: an index leads to the rows of a time.
    ByCalendar,
    /// It costs as much as the whole.
    Whole,
}

/// Which range a question belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// The report's.
    Range,
    /// The equally long one before it.
    Before,
}

/// What is asked of a slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Events, all together.
    Whole,
    /// The same by outcome.
    GradedWhole,
    /// Events and different users by bucket. Users of one bucket are in one slice.
    Buckets,
    /// Events by hour.
    Hours,
    /// Events by value.
    Events,
    /// The same by outcome, too: failures do not cost another look at every event.
    Graded,
    /// Failures by bucket.
    FailedBuckets,
    /// Events by bucket and action.
    ActionBuckets,
    /// Events by bucket and user.
    UserBuckets,
    /// Events by user and action, or what else is ranked.
    Pairs,
    /// Events by value and user: who they are adds up, how many does not.
    Crowd,
    /// Different users by value, of the rows; where [`Part::Crowd`] has too many.
    Users,
    /// Durations by value, of the rows.
    Bins,
}

/// One of the steps that a report is made in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stage {
    /// What is asked.
    pub part: Part,
    /// Of which range.
    pub window: Window,
}

impl Part {
    /// Whether it is asked about the rows of a ranking, which must be known by then.
    pub fn is_of_rows(self) -> bool {
        matches!(self, Self::Users | Self::Bins)
    }

    /// Whether answers about slices of time add up to the answer about all of it.
    fn adds_up(self) -> bool {
        self != Self::Users
    }
}

impl Usage {
    /// What is asked, in the order in which it is of use.
    pub fn stages(&self) -> Vec<Stage> {
        let range = |part| Stage {
            part,
            window: Window::Range,
        };
        let before = Stage {
            part: Part::Events,
            window: Window::Before,
        };
        match self.report {
            // Nothing to rank, and nobody to compare.
            _ if !self.has_values() => Vec::new(),
            Report::Similar if !self.has_users() => Vec::new(),
            // Those are read from events.
            Report::Calls | Report::Followed | Report::Traces => Vec::new(),
            Report::Totals => {
                let whole = if self.has_outcomes() {
                    Part::GradedWhole
                } else {
                    Part::Whole
                };
                // Who is in both ranges is no new user.
                let users = self.has_users().then_some(Part::Events);
                let stage = |window| {
                    let parts = [whole].into_iter().chain(users);
                    parts.map(move |part| Stage { part, window })
                };
                stage(Window::Range).chain(stage(Window::Before)).collect()
            }
            Report::Users => self.series().iter().copied().map(range).collect(),
            Report::Heatmap => vec![range(Part::Hours)],
            Report::Similar => vec![range(Part::Pairs)],
            // Nobody knows which of them failed, or how long any of them took.
            Report::Errors if !self.has_outcomes() => Vec::new(),
            Report::Latency if !self.has_durations() => Vec::new(),
            _ if self.is_of_deeds() => vec![range(Part::Pairs)],
            Report::Quiet => vec![range(Part::Events), before],
            Report::Activity => {
                let mut stages = vec![range(Part::Buckets), range(Part::ActionBuckets)];
                if self.has_outcomes() {
                    stages.push(range(Part::FailedBuckets));
                }
                stages
            }
            Report::Latency => vec![range(Part::Events), range(Part::Bins)],
            Report::Actions
            | Report::Resources
            | Report::Services
            | Report::TopUsers
            | Report::NewUsers
            | Report::Errors => self.ranking(),
        }
    }

    /// What is asked for a ranking of what is there.
    fn ranking(&self) -> Vec<Stage> {
        let range = |part| Stage {
            part,
            window: Window::Range,
        };
        let events = if self.counts_failures() {
            Part::Graded
        } else {
            Part::Events
        };
        let mut stages = vec![range(events)];
        if self.detail == Detail::Full || self.report == Report::NewUsers {
            stages.push(Stage {
                part: Part::Events,
                window: Window::Before,
            });
        }
        if self.counts_users() {
            stages.extend([Part::Crowd, Part::Users].map(range));
        }
        stages
    }

    /// What is asked of a series of users.
    fn series(&self) -> &'static [Part] {
        match self.groups {
            Some(_) => &[Part::Buckets, Part::UserBuckets],
            None => &[Part::Buckets],
        }
    }

    /// Whether the rows of a ranking say how many of them failed: of failures all did.
    pub fn counts_failures(&self) -> bool {
        let is_counted = !matches!(self.report, Report::Errors | Report::Quiet);
        self.has_outcomes() && is_counted && self.detail == Detail::Full
    }

    /// Whether the rows of a ranking say how many users they have.
    pub fn counts_users(&self) -> bool {
        let is_counted = self.report != Report::Quiet && self.report.ranked() != Some(Field::Actor);
        self.has_users() && is_counted && self.detail == Detail::Full
    }

    /// Whether the rows of a ranking tell of how many users they are.
    pub fn shows_users(&self) -> bool {
        self.counts_users() || self.groups.is_some()
    }

    /// The range a window is about.
    pub fn window(&self, window: Window) -> Slice {
        match window {
            Window::Range => Slice {
                since: self.since,
                until: self.until,
            },
            Window::Before => Slice {
                since: self.since.plus(self.since.0.saturating_sub(self.until.0)),
                until: self.since,
            },
        }
    }

    /// Where the columns of a series begin, and where the last ends; empty for rankings.
    pub fn edges(&self) -> Result<Vec<Micros>, RangeError> {
        let (since, until) = (self.since, self.until);
        let (edges, most) = match self.report {
            report if report.is_by_period() => {
                (self.period.edges(since, until, self.tz), calendar::MOST)
            }
            Report::Heatmap => (calendar::hours(since, until, self.tz, HOURS), HOURS),
            _ => return Ok(Vec::new()),
        };
        edges.ok_or(RangeError::TooLong(most))
    }

    /// The slices that a stage is asked in, newest first. They begin where the calendar's days, weeks or
    /// months do, so that those of another report, or of the same one tomorrow, are the same.
    pub fn slices(&self, stage: Stage, slicing: Slicing) -> Vec<Slice> {
        let Slice { since, until } = self.window(stage.window);
        if since >= until {
            return Vec::new();
        }
        if !stage.part.adds_up() {
            return vec![Slice { since, until }];
        }
        let mut cuts = match slicing {
            Slicing::ByCalendar => self.cuts(since, until),
            Slicing::Whole => Vec::new(),
        };
        if matches!(stage.part, Part::Events | Part::Graded) {
            cuts.extend(self.recent());
        }
        cuts.extend([since, until]);
        cuts.retain(|cut| since <= *cut && *cut <= until);
        cuts.sort_unstable();
        cuts.dedup();
        let mut slices: Vec<Slice> = cuts
            .windows(2)
            .map(|pair| Slice {
                since: pair[0],
                until: pair[1],
            })
            .collect();
        slices.reverse();
        slices
    }

    /// Where parts of the calendar begin: the shortest of which there are few, and none within a bucket.
    fn cuts(&self, since: Micros, until: Micros) -> Vec<Micros> {
        let whole: &[Period] = match (self.report.is_by_period(), self.period) {
            (true, Period::Week) => &[Period::Week],
            (true, Period::Month) => &[Period::Month],
            _ => &[Period::Day, Period::Week, Period::Month],
        };
        let mut cuts = whole
            .iter()
            .filter_map(|period| period.edges(since, until, self.tz));
        let mut found = cuts.next().unwrap_or_default();
        for longer in cuts {
            if found.len() > SLICES || found.is_empty() {
                found = longer;
            }
        }
        found
    }

    /// The question of a stage about a slice. `edges` are those of the whole series, `rows` the values of
    /// the ranking. With it comes the place of the slice's first bucket in the series.
    pub fn request(
        &self,
        stage: Stage,
        slice: Slice,
        edges: &[Micros],
        rows: &[GroupValue],
    ) -> (AggregateRequest, usize) {
        let within = self.within(slice);
        let (first, buckets) = touched(edges, slice);
        let by_time = || vec![GroupKey::Time(buckets.to_vec())];
        let field = match self.report {
            Report::Totals => Field::Actor,
            report => report.ranked().unwrap_or(Field::Action),
        };
        let value = GroupKey::Value(Subject::Field(field));
        let users = Measure::Distinct(Subject::Field(Field::Actor));
        let at_once = || GroupKey::Time(vec![slice.since, slice.until]);
        let outcome = || GroupKey::Value(Subject::Outcome);
        let request = match stage.part {
            Part::Whole => ask(within, vec![at_once()], Measure::Count),
            Part::GradedWhole => ask(within, vec![at_once(), outcome()], Measure::Count),
            Part::Buckets if self.has_users() => ask(within, by_time(), users),
            Part::Buckets | Part::Hours => ask(within, by_time(), Measure::Count),
            Part::FailedBuckets => ask(within.and(failures()), by_time(), Measure::Count),
            Part::ActionBuckets | Part::UserBuckets => {
                let field = match stage.part {
                    Part::UserBuckets => Field::Actor,
                    _ => Field::Action,
                };
                let value = GroupKey::Value(Subject::Field(field));
                let keys = by_time().into_iter().chain([value]).collect();
                ask(within, keys, Measure::Count)
            }
            Part::Pairs => {
                let user = GroupKey::Value(Subject::Field(Field::Actor));
                let predicate = if self.report == Report::Similar {
                    // Nobody is like nobody else.
                    within.and(Predicate::Atom(Atom::Field(Field::Actor, Test::Exists)))
                } else {
                    within
                };
                ask(predicate, vec![user, value], Measure::Count)
            }
            Part::Events => ask(within, vec![value], Measure::Count),
            Part::Graded => ask(within, vec![value, outcome()], Measure::Count),
            Part::Crowd => {
                let user = GroupKey::Value(Subject::Field(Field::Actor));
                ask(within, vec![value, user], Measure::Count)
            }
            Part::Users => ask(within.and(among(field, rows)), vec![value], users),
            Part::Bins => {
                let length = GroupKey::Magnitude(Subject::Field(Field::Duration));
                let predicate = within.and(among(field, rows));
                ask(predicate, vec![value, length], Measure::Count)
            }
        };
        (request, first)
    }

    /// The events of a report that is read from them.
    pub fn listed(&self) -> Predicate {
        self.within(self.window(Window::Range))
    }

    /// The failures of a window.
    pub fn failures(&self, window: Window) -> Predicate {
        self.within(self.window(window)).and(failures())
    }

    /// All failures that may follow an event of a stretch, whatever the filter says of them.
    pub fn failures_after(stretch: Slice) -> Predicate {
        let range = Atom::At {
            since: Some(stretch.since),
            until: Some(stretch.until.plus(WITHIN).plus(1)),
        };
        Predicate::Atom(range).and(failures())
    }

    /// The events of a stretch of time that are meant.
    pub fn within(&self, slice: Slice) -> Predicate {
        let range = Predicate::Atom(Atom::At {
            since: Some(slice.since),
            until: Some(slice.until),
        });
        let base = range.and((*self.predicate).clone());
        match self.report {
            Report::Errors => base.and(failures()),
            Report::Latency => {
                base.and(Predicate::Atom(Atom::Field(Field::Duration, Test::Exists)))
            }
            _ => base,
        }
    }
}

/// The edges of the buckets that a slice touches, and the place of the first of them.
fn touched(edges: &[Micros], slice: Slice) -> (usize, &[Micros]) {
    let first = edges.partition_point(|edge| *edge <= slice.since);
    let first = first.saturating_sub(1);
    let end = edges.partition_point(|edge| *edge < slice.until);
    let end = (end + 1).min(edges.len());
    (first, edges.get(first..end).unwrap_or_default())
}

fn ask(predicate: Predicate, keys: Vec<GroupKey>, measure: Measure) -> AggregateRequest {
    AggregateRequest {
        predicate: Arc::new(predicate),
        keys,
        measure,
        top: None,
    }
}

/// What counts as a failure.
pub const FAILURES: [Outcome; 2] = [Outcome::Failed, Outcome::Denied];

fn failures() -> Predicate {
    Predicate::Atom(Atom::Outcome(FAILURES.to_vec()))
}

/// The events that have one of these values, or none where that is one of them.
fn among(field: Field, rows: &[GroupValue]) -> Predicate {
    let values = rows.iter().map(|row| match row {
        GroupValue::Text(text) => {
            let equal = Test::Equals(Literal::Bare(text.to_string()));
            Predicate::Atom(Atom::Field(field, equal))
        }
        GroupValue::Bucket(_) | GroupValue::None => {
            Predicate::Atom(Atom::Field(field, Test::Exists)).negated()
        }
    });
    values.fold(Predicate::Never, Predicate::or)
}
