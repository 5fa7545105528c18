//! What a report says, from the numbers that are known.
//!
//! Does not say it to anybody: forms and pictures are made elsewhere.

use crate::core::aggregate::bins::percentile;
use crate::core::aggregate::sum::Sum;
use crate::core::aggregate::{Certainty, GroupValue};
use crate::core::calendar;
use crate::core::instant::Micros;
use crate::core::usage::calls::Call;
use crate::core::usage::course::Numbers;
use crate::core::usage::kin::{self, Kin};
use crate::core::usage::sequel::{Followed, Sequels};
use crate::core::usage::team::{Deed, Shares, deeds, shares};
use crate::core::usage::trouble::Trouble;
use crate::core::usage::{Report, Usage};

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
    /// Events with it in the last days of a longer range.
    pub recent: Option<u64>,
    /// Different users of it.
    pub users: Option<u64>,
    /// Events with it that failed or were denied.
    pub failed: Option<u64>,
    /// Events with it in the equally long range before.
    pub before: u64,
    /// Whether the range before did not have it; `None` where that was not remembered.
    pub is_new: Option<bool>,
}

/// What was done in a period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doings {
    /// When, how much, by how many.
    pub bucket: Bucket,
    /// Events that failed or were denied.
    pub failed: Option<u64>,
    /// Actions, most frequent first; at most as many as were wanted. `None` is no action.
    pub actions: Vec<(Option<String>, u64)>,
}

/// How long an action takes, in milliseconds; each within 1 %.
#[derive(Clone, Debug, PartialEq)]
pub struct Latency {
    /// The action; `None`: the events that have none.
    pub value: Option<String>,
    /// Its events that say how long they took.
    pub events: u64,
    /// Half of them took no longer. `None` where no event has a duration that can be one.
    pub p50: Option<f64>,
    /// 95 of 100 took no longer.
    pub p95: Option<f64>,
    /// 99 of 100 took no longer.
    pub p99: Option<f64>,
}

/// The largest of many.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranking<R> {
    /// Largest first; at most as many as were wanted.
    pub rows: Vec<R>,
    /// How many there are.
    pub total: usize,
    /// How sure the numbers are.
    pub certainty: Certainty,
}

/// A number of a range, and of the equally long one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compared {
    /// In the range.
    pub now: u64,
    /// In the one before.
    pub before: u64,
}

/// A range as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Totals {
    /// Events.
    pub events: Compared,
    /// Different users.
    pub users: Option<Compared>,
    /// Users that the range before did not see; `None` where not all of those were remembered.
    pub new_users: Option<u64>,
    /// Events that failed or were denied.
    pub failed: Option<Compared>,
    /// How sure the numbers of users are.
    pub certainty: Certainty,
}

impl Totals {
    /// Each number with its name.
    pub fn lines(&self) -> [(&'static str, Option<Compared>); 4] {
        // Nobody is new twice.
        let new = self.new_users.map(|now| Compared { now, before: 0 });
        [
            ("events", Some(self.events)),
            ("users", self.users),
            ("new users", new),
            ("failures", self.failed),
        ]
    }
}

/// Events by weekday and hour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Week {
    /// Monday first.
    pub days: Box<[[u64; 24]; 7]>,
    /// The hour of the range in which most happened; the earliest of equal ones.
    pub busiest: Option<Busiest>,
}

/// An hour, as far as it is in the range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Busiest {
    /// First instant.
    pub since: Micros,
    /// The instant after the last.
    pub until: Micros,
    /// Its events.
    pub events: u64,
}

/// What a report says.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// The range as a whole.
    Totals(Totals),
    /// Oldest first.
    Series(Vec<Bucket>),
    /// The same by groups of users.
    Shares(Vec<Shares>, Certainty),
    /// Values by their events.
    Ranking(Ranking<Row>),
    /// Actions by their events, with how long they took.
    Latency(Ranking<Latency>),
    /// Oldest first.
    Activity(Vec<Doings>),
    /// What groups did.
    Deeds(Ranking<Deed>),
    /// Groups of users, the largest first. The total is of users, not of groups.
    Kin(Ranking<Kin>),
    /// The newest calls; the total is one more where there are more.
    Calls(Ranking<Call>),
    /// Actions by the errors after them.
    Followed {
        /// Most errors first.
        ranking: Ranking<Followed>,
        /// From when on they were counted, where that is not all of the range.
        sampled_since: Option<Micros>,
    },
    /// Failures by what they said and where.
    Troubles {
        /// Most failures first.
        ranking: Ranking<Trouble>,
        /// From when on they were read, where that is not all of the range.
        sampled_since: Option<Micros>,
    },
    /// Events by weekday and hour.
    Week(Week),
}

impl Answer {
    /// What these numbers say.
    pub fn of(usage: &Usage, edges: &[Micros], numbers: &Numbers) -> Self {
        let Some(groups) = &usage.groups else {
            return Self::plainly(usage, edges, numbers);
        };
        let folded = match usage.report {
            Report::NewUsers => numbers.of_new_users().of_groups(groups),
            Report::TopUsers | Report::Similar => numbers.of_groups(groups),
            _ if usage.is_of_deeds() => {
                return Self::Deeds(deeds(usage, groups, &numbers.actions));
            }
            _ => return Self::plainly(usage, edges, numbers),
        };
        Self::plainly(usage, edges, &folded)
    }

    fn plainly(usage: &Usage, edges: &[Micros], numbers: &Numbers) -> Self {
        match usage.report {
            Report::Totals => Self::Totals(totals(usage, numbers)),
            Report::Users => {
                let series = series(usage, edges, numbers);
                match &usage.groups {
                    Some(groups) => Self::Shares(
                        shares(usage, groups, series, &numbers.actions),
                        numbers.actions.certainty(),
                    ),
                    None => Self::Series(series),
                }
            }
            Report::Heatmap => Self::Week(week(usage, edges, &numbers.events)),
            Report::Latency => Self::Latency(latency(usage, numbers)),
            // Not made of numbers.
            Report::Calls => Self::Calls(Ranking {
                rows: Vec::new(),
                total: 0,
                certainty: Certainty::Exact,
            }),
            Report::Followed => Self::followed(usage, &Sequels::default()),
            Report::Traces => Self::troubles(usage, (Vec::new(), None)),
            Report::Activity => Self::Activity(activity(usage, edges, numbers)),
            Report::Similar => {
                let (mut rows, total) = kin::groups(&numbers.actions);
                rows.truncate(usage.top);
                Self::Kin(Ranking {
                    rows,
                    total,
                    certainty: numbers.actions.certainty(),
                })
            }
            Report::NewUsers => {
                // Nobody is no new user; and where not all were remembered, nobody is known to be one.
                let is_known = numbers.before.certainty() == Certainty::Exact;
                let new = |key: &[GroupValue]| {
                    is_known && value(key).is_some() && numbers.before.of(key) == 0
                };
                Self::Ranking(ranking(usage, numbers, &numbers.events, new))
            }
            Report::Quiet => {
                let is_known = numbers.events.certainty() == Certainty::Exact;
                let gone = |key: &[GroupValue]| is_known && numbers.events.of(key) == 0;
                Self::Ranking(ranking(usage, numbers, &numbers.before, gone))
            }
            Report::Actions
            | Report::Resources
            | Report::Services
            | Report::TopUsers
            | Report::Errors => Self::Ranking(ranking(usage, numbers, &numbers.events, |_| true)),
        }
    }
}

impl Answer {
    /// What is followed by errors.
    pub fn followed(usage: &Usage, sequels: &Sequels) -> Self {
        let (mut rows, sampled_since) = sequels.answer();
        let total = rows.len();
        rows.truncate(usage.top);
        Self::Followed {
            ranking: Ranking {
                rows,
                total,
                certainty: Certainty::Exact,
            },
            sampled_since,
        }
    }
}

impl Answer {
    /// From when on events were read for it, where that is not all of its range.
    pub fn sampled_since(&self) -> Option<Micros> {
        match self {
            Self::Followed { sampled_since, .. } | Self::Troubles { sampled_since, .. } => {
                *sampled_since
            }
            _ => None,
        }
    }

    /// What failed, and where.
    pub fn troubles(usage: &Usage, found: (Vec<Trouble>, Option<Micros>)) -> Self {
        let (mut rows, sampled_since) = found;
        let total = rows.len();
        rows.truncate(usage.top);
        Self::Troubles {
            ranking: Ranking {
                rows,
                total,
                certainty: Certainty::Exact,
            },
            sampled_since,
        }
    }
}

impl Numbers {
    /// Different users of a value.
    fn users_of(&self, usage: &Usage, key: &[GroupValue]) -> u64 {
        match key {
            [value] if usage.counts_users() && self.crowd.is_whole() => self.crowd.of(value),
            _ => self.users.of(key),
        }
    }
}

/// Groups of which there are more than are shown, by their numbers.
type Ranked<'s> = Vec<(&'s [GroupValue], u64)>;

impl Usage {
    /// Groups by their numbers, largest first and equal ones by key.
    pub fn ranked<'s>(&self, sum: &'s Sum) -> Ranked<'s> {
        largest(sum.groups().collect(), usize::MAX)
    }

    /// As many of them as are shown.
    pub fn shown<'s>(&self, sum: &'s Sum) -> Ranked<'s> {
        largest(sum.groups().collect(), self.top)
    }
}

/// The `most` largest, in order. Answers come often; the rest of them is not sorted each time.
fn largest(mut groups: Ranked<'_>, most: usize) -> Ranked<'_> {
    let order = |a: &(&[GroupValue], u64), b: &(&[GroupValue], u64)| {
        b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0))
    };
    if most < groups.len() {
        groups.select_nth_unstable_by(most, order);
        groups.truncate(most);
    }
    groups.sort_unstable_by(order);
    groups
}

fn totals(usage: &Usage, numbers: &Numbers) -> Totals {
    let all = |sum: &Sum| sum.groups().map(|(_, number)| number).sum();
    let compared = |now: &Sum, before: &Sum| Compared {
        now: all(now),
        before: all(before),
    };
    let named = |sum: &Sum| {
        let nobody = sum.groups().any(|(key, _)| value(key).is_none());
        // Of many only those with the largest numbers are remembered, but that there were others is.
        (sum.different() - usize::from(nobody)) as u64
    };
    let (now, before) = (&numbers.events, &numbers.before);
    let is_new = |key: &[GroupValue]| value(key).is_some() && before.of(key) == 0;
    let new_users = now.groups().filter(|(key, _)| is_new(key)).count() as u64;
    let is_remembered = worse(now.certainty(), before.certainty()) == Certainty::Exact;
    Totals {
        events: compared(&numbers.whole, &numbers.whole_before),
        users: usage.has_users().then(|| Compared {
            now: named(now),
            before: named(before),
        }),
        new_users: (usage.has_users() && is_remembered).then_some(new_users),
        failed: usage
            .has_outcomes()
            .then(|| compared(&numbers.failed, &numbers.failed_before)),
        certainty: worse(now.certainty(), before.certainty()),
    }
}

fn series(usage: &Usage, edges: &[Micros], numbers: &Numbers) -> Vec<Bucket> {
    let buckets = (0..edges.len().saturating_sub(1)).map(|bucket| {
        let key = [GroupValue::Bucket(bucket)];
        Bucket {
            start: edges[bucket],
            events: numbers.events.of(&key),
            users: usage.has_users().then(|| numbers.users.of(&key)),
        }
    });
    buckets.collect()
}

fn week(usage: &Usage, edges: &[Micros], events: &Sum) -> Week {
    let mut days = Box::new([[0; 24]; 7]);
    let mut most: Option<(u64, usize)> = None;
    for (key, number) in events.groups() {
        let [GroupValue::Bucket(bucket)] = key else {
            continue;
        };
        let place = edges
            .get(*bucket)
            .and_then(|start| calendar::hour_of_week(*start, usage.tz));
        if let Some((day, hour)) = place {
            days[day][hour] += number;
        }
        let is_more = |(most, at): (u64, usize)| (number, at) > (most, *bucket);
        if number > 0 && most.is_none_or(is_more) {
            most = Some((number, *bucket));
        }
    }
    let busiest = most.and_then(|(events, bucket)| {
        Some(Busiest {
            since: (*edges.get(bucket)?).max(usage.since),
            until: (*edges.get(bucket + 1)?).min(usage.until),
            events,
        })
    });
    Week { days, busiest }
}

fn activity(usage: &Usage, edges: &[Micros], numbers: &Numbers) -> Vec<Doings> {
    let mut done: Vec<Vec<(Option<String>, u64)>> = vec![Vec::new(); edges.len()];
    for (key, number) in usage.ranked(&numbers.actions) {
        if let [GroupValue::Bucket(bucket), action] = key
            && let Some(done) = done.get_mut(*bucket).filter(|done| done.len() < usage.top)
        {
            done.push((value(std::slice::from_ref(action)), number));
        }
    }
    let buckets = series(usage, edges, numbers).into_iter().enumerate();
    buckets
        .map(|(place, bucket)| Doings {
            bucket,
            failed: usage
                .has_outcomes()
                .then(|| numbers.failed.of(&[GroupValue::Bucket(place)])),
            actions: std::mem::take(&mut done[place]),
        })
        .collect()
}

fn value(key: &[GroupValue]) -> Option<String> {
    match key.first() {
        Some(GroupValue::Text(text)) => Some(text.to_string()),
        _ => None,
    }
}

/// The largest of `by` that are meant.
fn ranking(
    usage: &Usage,
    numbers: &Numbers,
    by: &Sum,
    is_meant: impl Fn(&[GroupValue]) -> bool,
) -> Ranking<Row> {
    let meant: Ranked<'_> = by.groups().filter(|(key, _)| is_meant(key)).collect();
    let total = meant.len();
    let ranked = largest(meant, usage.top);
    let is_remembered = usage.compares() && numbers.before.certainty() == Certainty::Exact;
    let rows = ranked.iter().map(|(key, _)| {
        let before = numbers.before.of(key);
        Row {
            value: value(key),
            events: numbers.events.of(key),
            recent: usage.recent().map(|_| numbers.recent.of(key)),
            users: usage.shows_users().then(|| numbers.users_of(usage, key)),
            failed: usage.counts_failures().then(|| numbers.failed.of(key)),
            before,
            is_new: (is_remembered || before > 0).then_some(before == 0),
        }
    });
    Ranking {
        rows: rows.collect(),
        total,
        certainty: [&numbers.failed, &numbers.before]
            .into_iter()
            .fold(numbers.events.certainty(), |worst, sum| {
                worse(worst, sum.certainty())
            }),
    }
}

fn latency(usage: &Usage, numbers: &Numbers) -> Ranking<Latency> {
    let ranked = usage.shown(&numbers.events);
    let rows = ranked.iter().map(|(key, events)| {
        let mut bins: Vec<(usize, u64)> = numbers
            .bins
            .groups()
            .filter_map(|(of, count)| match of {
                [action, GroupValue::Bucket(bin)] if key.first() == Some(action) => {
                    Some((*bin, count))
                }
                _ => None,
            })
            .collect();
        bins.sort_unstable();
        Latency {
            value: value(key),
            events: *events,
            p50: percentile(&bins, 50),
            p95: percentile(&bins, 95),
            p99: percentile(&bins, 99),
        }
    });
    Ranking {
        rows: rows.collect(),
        total: numbers.events.groups().len(),
        certainty: worse(numbers.events.certainty(), numbers.bins.certainty()),
    }
}

fn worse(one: Certainty, other: Certainty) -> Certainty {
    match (one, other) {
        (Certainty::Exact, other) => other,
        (one, Certainty::Exact) => one,
        (Certainty::AtLeast { error: one }, Certainty::AtLeast { error: other }) => {
            Certainty::AtLeast {
                error: one.max(other),
            }
        }
    }
}
