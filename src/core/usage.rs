//! Usage reports: which questions a report asks a store, and what the answers say together.
//!
//! Pure: whoever runs a report asks [`Usage::first`], then [`Usage::second`] with those answers, and
//! hands all of them to [`Usage::answer`]. Where a store knows no users or no outcomes, numbers of
//! them are absent, not zero.

use std::sync::Arc;

use chrono_tz::Tz;

use crate::core::aggregate::{
    Aggregate, AggregateRequest, Certainty, GroupKey, GroupValue, Measure, Subject,
};
use crate::core::calendar::{self, Period};
use crate::core::event::{Field, Outcome};
use crate::core::instant::Micros;
use crate::core::profile::{Profile, ValueExpr};
use crate::core::query::predicate::{Atom, Literal, Predicate, Test};

/// A kind of report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    /// Different users and events per period.
    Users,
    /// Actions by their events.
    Actions,
    /// Resources by their events.
    Resources,
    /// Failures by what they said.
    Errors,
    /// Events by weekday and hour.
    Heatmap,
}

impl Report {
    /// Every report with its name on the command line.
    pub const ALL: [(Self, &str); 5] = [
        (Self::Users, "users"),
        (Self::Actions, "actions"),
        (Self::Resources, "resources"),
        (Self::Errors, "errors"),
        (Self::Heatmap, "heatmap"),
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        let name = Self::ALL.iter().find(|(report, _)| *report == self);
        name.map_or("", |(_, name)| name)
    }

    /// What a ranking ranks.
    fn ranked(self) -> Option<Field> {
        match self {
            Self::Actions => Some(Field::Action),
            Self::Resources => Some(Field::Resource),
            Self::Errors => Some(Field::Status),
            Self::Users | Self::Heatmap => None,
        }
    }
}

/// Why a report cannot be made of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// Too many columns.
    #[error("the range has more than {0} parts to count")]
    TooLong(usize),
}

/// Whether a store says something at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Says {
    Nothing,
    Something,
}

/// A report of a store, in a range of time.
#[derive(Clone, Debug)]
pub struct Usage {
    /// Which.
    pub report: Report,
    /// Which events, whenever they happened.
    pub predicate: Arc<Predicate>,
    /// First instant.
    pub since: Micros,
    /// The instant after the last.
    pub until: Micros,
    /// Whose calendar.
    pub tz: Tz,
    /// Of series.
    pub period: Period,
    /// Rows of rankings at most.
    pub top: usize,
    users: Says,
    outcomes: Says,
}

/// A period of a series. The first and the last may be cut by the range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Where it begins.
    pub start: Micros,
    /// Events in it.
    pub events: u64,
    /// Different users in it.
    pub users: Option<u64>,
}

/// A row of a ranking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// `None`: the events that have no such value.
    pub value: Option<String>,
    /// Events with it.
    pub events: u64,
    /// Different users of it.
    pub users: Option<u64>,
    /// Events with it that failed or were denied.
    pub failed: Option<u64>,
    /// Events with it in the equally long range before.
    pub before: u64,
}

/// What a report says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Oldest first.
    Series(Vec<Bucket>),
    /// Largest first.
    Ranking {
        /// At most as many as were wanted.
        rows: Vec<Row>,
        /// Whether there are more.
        has_more: bool,
        /// How sure the numbers are.
        certainty: Certainty,
    },
    /// Events by weekday, Monday first, and hour of the day.
    Week(Box<[[u64; 24]; 7]>),
}

/// Hours a heatmap adds up at most: eleven years.
const HOURS: usize = 100_000;

impl Usage {
    /// A report of a store whose rows this profile reads.
    pub fn new(report: Report, profile: &Profile, predicate: Predicate) -> Self {
        let says = |is_something: bool| {
            if is_something {
                Says::Something
            } else {
                Says::Nothing
            }
        };
        let actor = &profile.fields[Field::Actor as usize];
        Self {
            report,
            predicate: Arc::new(predicate),
            since: Micros(0),
            until: Micros(0),
            tz: Tz::UTC,
            period: Period::Week,
            top: 20,
            users: says(*actor != ValueExpr::Absent),
            outcomes: says(!profile.outcome.is_empty()),
        }
    }

    /// Whether users can be counted.
    pub fn has_users(&self) -> bool {
        self.users == Says::Something
    }

    /// Whether failures can be told.
    pub fn has_outcomes(&self) -> bool {
        self.outcomes == Says::Something
    }

    fn within(&self, since: Micros, until: Micros) -> Predicate {
        let range = Predicate::Atom(Atom::At {
            since: Some(since),
            until: Some(until),
        });
        let base = range.and((*self.predicate).clone());
        match self.report {
            Report::Errors if self.has_outcomes() => base.and(failures()),
            // Nobody knows which of them failed.
            Report::Errors => Predicate::Never,
            _ => base,
        }
    }

    /// Where the columns of a series begin; `None` for rankings.
    fn edges(&self) -> Result<Option<Vec<Micros>>, RangeError> {
        let (since, until) = (self.since, self.until);
        let (edges, most) = match self.report {
            Report::Users => (self.period.edges(since, until, self.tz), calendar::MOST),
            Report::Heatmap => (calendar::hours(since, until, self.tz, HOURS), HOURS),
            Report::Actions | Report::Resources | Report::Errors => return Ok(None),
        };
        edges.map(Some).ok_or(RangeError::TooLong(most))
    }

    /// The first questions.
    pub fn first(&self) -> Result<Vec<AggregateRequest>, RangeError> {
        let predicate = self.within(self.since, self.until);
        if let Some(field) = self.report.ranked() {
            let key = GroupKey::Value(Subject::Field(field));
            return Ok(vec![AggregateRequest {
                // One more than is shown tells whether there are more.
                top: Some(self.top.saturating_add(1)),
                ..ask(predicate, vec![key], Measure::Count)
            }]);
        }
        let edges = self.edges()?.unwrap_or_default();
        let by_time = || vec![GroupKey::Time(edges.clone())];
        let mut requests = vec![ask(predicate.clone(), by_time(), Measure::Count)];
        if self.report == Report::Users && self.has_users() {
            let users = Measure::Distinct(Subject::Field(Field::Actor));
            // Whoever is absent is nobody.
            let named = Predicate::Atom(Atom::Field(Field::Actor, Test::Exists));
            requests.push(ask(predicate.and(named), by_time(), users));
        }
        Ok(requests)
    }

    /// What is asked once the first answers are there: more about the rows of a ranking.
    pub fn second(&self, first: &[Aggregate]) -> Vec<AggregateRequest> {
        let (Some(field), Some(ranking)) = (self.report.ranked(), first.first()) else {
            return Vec::new();
        };
        let values = ranking
            .groups
            .iter()
            .take(self.top)
            .map(|group| match group.key.first() {
                Some(GroupValue::Text(text)) => Predicate::Atom(Atom::Field(
                    field,
                    Test::Equals(Literal::Bare(text.clone())),
                )),
                _ => Predicate::Atom(Atom::Field(field, Test::Exists)).negated(),
            });
        let ranked = values.fold(Predicate::Never, Predicate::or);
        let key = || vec![GroupKey::Value(Subject::Field(field))];
        let now = self.within(self.since, self.until).and(ranked.clone());
        let length = self.until.0.saturating_sub(self.since.0);
        let before = self
            .within(self.since.plus(-length), self.since)
            .and(ranked);
        let mut requests = vec![ask(before, key(), Measure::Count)];
        if self.has_users() {
            let users = Measure::Distinct(Subject::Field(Field::Actor));
            requests.push(ask(now.clone(), key(), users));
        }
        if self.has_outcomes() && self.report != Report::Errors {
            requests.push(ask(now.and(failures()), key(), Measure::Count));
        }
        requests
    }

    /// The report.
    pub fn answer(&self, first: &[Aggregate], second: &[Aggregate]) -> Result<Answer, RangeError> {
        Ok(match (self.edges()?, self.report) {
            (None, _) => self.ranking(first, second),
            (Some(edges), Report::Heatmap) => self.week(&edges, first),
            (Some(edges), _) => self.series(&edges, first),
        })
    }

    fn series(&self, edges: &[Micros], first: &[Aggregate]) -> Answer {
        let at = |answer: Option<&Aggregate>, bucket: usize| -> u64 {
            let groups = answer.map_or(&[][..], |answer| &answer.groups);
            let key = [GroupValue::Bucket(bucket)];
            groups
                .iter()
                .find(|group| group.key == key)
                .map_or(0, |group| group.count)
        };
        let buckets = (0..edges.len().saturating_sub(1)).map(|bucket| Bucket {
            start: edges[bucket],
            events: at(first.first(), bucket),
            users: self.has_users().then(|| at(first.get(1), bucket)),
        });
        Answer::Series(buckets.collect())
    }

    fn week(&self, edges: &[Micros], first: &[Aggregate]) -> Answer {
        let mut week = Box::new([[0; 24]; 7]);
        for group in first.iter().flat_map(|answer| &answer.groups) {
            let [GroupValue::Bucket(bucket)] = group.key.as_slice() else {
                continue;
            };
            let place = edges
                .get(*bucket)
                .and_then(|start| calendar::hour_of_week(*start, self.tz));
            if let Some((day, hour)) = place {
                week[day][hour] += group.count;
            }
        }
        Answer::Week(week)
    }

    fn ranking(&self, first: &[Aggregate], second: &[Aggregate]) -> Answer {
        let Some(ranking) = first.first() else {
            return Answer::Ranking {
                rows: Vec::new(),
                has_more: false,
                certainty: Certainty::Exact,
            };
        };
        let of = |answer: Option<&Aggregate>, key: &[GroupValue]| -> u64 {
            let groups = answer.map_or(&[][..], |answer| &answer.groups);
            let group = groups.iter().find(|group| group.key == key);
            group.map_or(0, |group| group.count)
        };
        let failed_at = 1 + usize::from(self.has_users());
        let rows = ranking.groups.iter().take(self.top).map(|group| Row {
            value: match group.key.first() {
                Some(GroupValue::Text(text)) => Some(text.clone()),
                _ => None,
            },
            events: group.count,
            users: self.has_users().then(|| of(second.get(1), &group.key)),
            // Of failures all failed.
            failed: (self.has_outcomes() && self.report != Report::Errors)
                .then(|| of(second.get(failed_at), &group.key)),
            before: of(second.first(), &group.key),
        });
        Answer::Ranking {
            rows: rows.collect(),
            has_more: ranking.groups.len() > self.top,
            certainty: ranking.certainty,
        }
    }
}

fn ask(predicate: Predicate, keys: Vec<GroupKey>, measure: Measure) -> AggregateRequest {
    AggregateRequest {
        predicate: Arc::new(predicate),
        keys,
        measure,
        top: None,
    }
}

fn failures() -> Predicate {
    Predicate::Atom(Atom::Outcome(vec![Outcome::Failed, Outcome::Denied]))
}
