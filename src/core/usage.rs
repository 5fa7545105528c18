//! Usage reports: what is asked of a store, in which order, and what the answers say together.
//!
//! A report is a list of questions about slices of time, newest first, whose answers add up: see
//! [`course::Course`]. Two are read from events instead: [`calls`] and what errors follow ([`sequel`]). Where a store knows no users, no outcomes or no durations, numbers of them are
//! absent, not zero. Nothing here asks anybody.

pub mod answer;
pub mod calls;
pub mod course;
pub mod crowd;
pub mod dossier;
pub mod kin;
pub mod plan;
pub mod sequel;
pub mod settled;
pub mod team;
pub mod touched;
pub mod trouble;

use std::sync::Arc;

use chrono_tz::Tz;

use crate::core::calendar::Period;
use crate::core::event::Field;
use crate::core::group::Groups;
use crate::core::instant::Micros;
use crate::core::profile::{Changes, Profile, ValueExpr};
use crate::core::query::predicate::Predicate;

/// A kind of report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    /// Events, users, new users and failures, against the equally long range before.
    Totals,
    /// Different users and events per period.
    Users,
    /// Actions by their events.
    Actions,
    /// Resources by their events.
    Resources,
    /// Services by their events.
    Services,
    /// Users by their events.
    TopUsers,
    /// Users that the equally long range before did not see.
    NewUsers,
    /// Actions of the equally long range before that nobody does any more.
    Quiet,
    /// Failures by what they said.
    Errors,
    /// What was done in each period, by how many and with how much success.
    Activity,
    /// Users who do the same things in the same proportions.
    Similar,
    /// Actions by how long they took.
    Latency,
    /// Events by weekday and hour.
    Heatmap,
    /// Who called what, when, with which inputs and outputs, how long; newest first.
    Calls,
    /// Actions that an error of the same user or session follows.
    Followed,
    /// Failures by what they said and where it happened.
    Traces,
}

impl Report {
    /// Every report with its name on the command line.
    pub const ALL: [(Self, &str); 16] = [
        (Self::Totals, "totals"),
        (Self::Users, "users"),
        (Self::Actions, "actions"),
        (Self::Resources, "resources"),
        (Self::Services, "services"),
        (Self::TopUsers, "top-users"),
        (Self::NewUsers, "new-users"),
        (Self::Quiet, "quiet"),
        (Self::Errors, "errors"),
        (Self::Activity, "activity"),
        (Self::Similar, "similar"),
        (Self::Latency, "latency"),
        (Self::Heatmap, "heatmap"),
        (Self::Calls, "calls"),
        (Self::Followed, "followed"),
        (Self::Traces, "traces"),
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        let name = Self::ALL.iter().find(|(report, _)| *report == self);
        name.map_or("", |(_, name)| name)
    }

    /// What a ranking ranks.
    pub fn ranked(self) -> Option<Field> {
        match self {
            Self::Actions | Self::Latency | Self::Quiet => Some(Field::Action),
            Self::Resources => Some(Field::Resource),
            Self::Services => Some(Field::Service),
            Self::TopUsers | Self::NewUsers => Some(Field::Actor),
            Self::Errors => Some(Field::Status),
            Self::Totals
            | Self::Users
            | Self::Heatmap
            | Self::Activity
            | Self::Similar
            | Self::Calls
            | Self::Followed
            | Self::Traces => None,
        }
    }

    /// Whether its users, or what they did, can be told by their groups.
    pub fn can_be_by_group(self) -> bool {
        let is_ranking = self.ranked().is_some() && !matches!(self, Self::Quiet | Self::Latency);
        is_ranking || matches!(self, Self::Users | Self::Similar)
    }

    /// Whether it is read from events; no counts lead to it.
    pub fn is_read(self) -> bool {
        matches!(self, Self::Calls | Self::Followed | Self::Traces)
    }

    /// Whether its numbers are by [`Period`].
    pub fn is_by_period(self) -> bool {
        matches!(self, Self::Users | Self::Activity)
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
pub enum Says {
    /// No event can have it.
    Nothing,
    /// Events may have it.
    Something,
}

impl Says {
    fn any(is_something: bool) -> Self {
        if is_something {
            Self::Something
        } else {
            Self::Nothing
        }
    }
}

/// How much a ranking says of each row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Users, failures and the time before, too.
    Full,
    /// Its events.
    Brief,
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
    /// Users are told by their groups.
    pub groups: Option<Arc<Groups>>,
    /// Of rankings.
    pub detail: Detail,
    users: Says,
    sessions: Says,
    outcomes: Says,
    durations: Says,
    /// What is ranked.
    values: Says,
    changes: Changes,
}

/// Rankings of longer ranges say what came of their last days, too.
pub const RECENT_DAYS: i64 = 14;

/// Microseconds of a day without a change of clocks.
const DAY: i64 = 24 * 3_600 * Micros::SECOND;

/// How long after their time rows may still arrive: transactions that took their time, clocks that
/// are behind.
const LATE: i64 = 300 * Micros::SECOND;

impl Usage {
    /// A report of a store whose rows this profile reads.
    pub fn new(report: Report, profile: &Profile, predicate: Predicate) -> Self {
        let says = |field: Field| Says::any(*profile.field(field) != ValueExpr::Absent);
        Self {
            report,
            // The range is asked by slices, and the one before it, too.
            predicate: Arc::new(predicate.at_any_time()),
            since: Micros(0),
            until: Micros(0),
            tz: Tz::UTC,
            period: Period::Week,
            top: 20,
            groups: None,
            detail: Detail::Full,
            users: says(Field::Actor),
            sessions: says(Field::Session),
            outcomes: Says::any(!profile.outcome.is_empty()),
            durations: says(Field::Duration),
            values: report.ranked().map_or(Says::Something, says),
            changes: profile.changes,
        }
    }

    /// Whether users can be counted.
    pub fn has_users(&self) -> bool {
        self.users == Says::Something
    }

    /// Whether it can be told what an error follows.
    pub fn can_follow(&self) -> bool {
        let has_ties = self.has_users() || self.sessions == Says::Something;
        has_ties && self.has_outcomes()
    }

    /// Whether failures can be told.
    pub fn has_outcomes(&self) -> bool {
        self.outcomes == Says::Something
    }

    /// Whether lengths can be told.
    pub fn has_durations(&self) -> bool {
        self.durations == Says::Something
    }

    /// Whether it holds the range against the one before.
    pub fn compares(&self) -> bool {
        let mut stages = self.stages().into_iter();
        // Failures are read, not asked for, and are new or known.
        self.report == Report::Traces || stages.any(|stage| stage.window == plan::Window::Before)
    }

    /// Whether it ranks what each group did.
    pub fn is_of_deeds(&self) -> bool {
        let of_users = self.report.ranked() == Some(Field::Actor);
        self.groups.is_some() && self.report.ranked().is_some() && !of_users
    }

    /// What the report cannot do without and the store does not say, for people.
    pub fn lack(&self) -> Option<&'static str> {
        match self.report {
            _ if self.groups.is_some() && !self.has_users() => Some("who acted"),
            Report::Similar if !self.has_users() => Some("who acted"),
            Report::Followed | Report::Traces if !self.has_outcomes() => Some("what failed"),
            Report::Followed if !self.can_follow() => Some("who acted, nor in which session"),
            Report::Latency if !self.has_durations() => Some("how long anything took"),
            Report::Errors if !self.has_outcomes() => Some("what failed: failures are not counted"),
            report if !self.has_values() => report.ranked().map(|field| match field {
                Field::Actor => "who acted",
                Field::Action => "what was done",
                Field::Resource => "what it was done to",
                Field::Service => "where it belongs",
                _ => "what became of it",
            }),
            _ => None,
        }
    }

    /// Whether there is something to rank.
    pub fn has_values(&self) -> bool {
        self.values == Says::Something
    }

    /// Where the last [`RECENT_DAYS`] days of a longer range begin.
    pub fn recent(&self) -> Option<Micros> {
        let recent = self.until.plus(-RECENT_DAYS * DAY);
        (self.since < recent).then_some(recent)
    }

    /// Before this instant nothing changes any more.
    pub fn settled_before(&self, now: Micros) -> Micros {
        let changing = match self.changes {
            Changes::Never => 0,
            Changes::Within(seconds) => i64::from(seconds) * Micros::SECOND,
        };
        now.plus(-changing.max(LATE))
    }
}
