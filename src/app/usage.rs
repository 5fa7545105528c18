//! The Usage tab: reports about the events of the filter, and the way from a number to its events.
//!
//! Questions are asked one at a time, in turns between the reports on the screen, newest time first.
//! What is out of sight is not asked.

mod enter;
mod section;

use std::sync::Arc;

pub use crate::app::usage::section::{Aim, SECTIONS, Section, Side, State};

use crate::app::asking::{Again, Stopped};
use crate::app::command::{Direction, Motion};
use crate::app::layout::Sections;
use crate::app::motion::delta;
use crate::app::usage::section::Wish;
use crate::app::{App, Effect, Focus, Generation, Page};
use crate::core::aggregate::{Aggregate, Group};
use crate::core::calendar::Period;
use crate::core::instant::Micros;
use crate::core::query::predicate::Predicate;
use crate::core::usage::answer::Answer;
use crate::core::usage::settled::Settled;
use crate::core::usage::{Report, Usage};
use crate::store::StoreError;

/// Looked at where the filter does not say since when, in days: as long as logs are usually kept.
const DAYS: i64 = 90;

/// The same in microseconds.
const LENGTH: i64 = DAYS * 24 * 3_600 * Micros::SECOND;

/// How far back the report goes that lists everything, day by day.
const ACTIVITY: i64 = 7 * 24 * 3_600 * Micros::SECOND;

/// Rows of a ranking.
pub const ROWS: usize = 6;

/// Lines of a report at most: a change of the clocks may add a day to seven.
pub fn rows_of(report: Report) -> usize {
    match report {
        Report::Activity => 8,
        _ => ROWS,
    }
}

/// What the store has told.
#[derive(Clone, Debug)]
pub enum Reply {
    /// The answer to a question.
    Numbers(Aggregate),
    /// A report that was read from events.
    Report(Box<Answer>),
}

/// The state of the tab.
#[derive(Clone, Debug, Default)]
pub struct Board {
    /// The reports, as [`SECTIONS`] has them; empty before anything was asked.
    pub sections: Vec<Section>,
    /// Of series.
    pub period: Option<Period>,
    /// How users are told.
    pub by: By,
    /// The range of time.
    pub range: Option<(Micros, Micros)>,
    /// The selected line: which report, which of its lines.
    pub selected: (usize, usize),
    /// Which events.
    of: Option<Arc<Predicate>>,
    settled: Settled,
    /// For whom the store is at work, and on what.
    asking: Option<(usize, Wish)>,
    /// Whether that one was asked again, of a new connection.
    again: Again,
    stopped: Stopped,
    /// The report that was asked last.
    turn: usize,
    pub(super) asked: Generation,
}

/// How users are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum By {
    /// One by one.
    #[default]
    Users,
    /// By the groups they are in.
    Groups,
}

impl By {
    /// All of them, with the words for them.
    pub const ALL: [(Self, &str); 2] = [(Self::Users, "users"), (Self::Groups, "groups")];
}

impl Board {
    /// The period of series: weeks unless somebody chose another.
    pub fn period(&self) -> Period {
        self.period.unwrap_or(Period::Week)
    }

    /// Whether the store is at work.
    pub fn is_asking(&self) -> bool {
        self.asking.is_some()
    }

    /// Whether somebody has stopped it.
    pub fn is_stopped(&self) -> bool {
        self.stopped == Stopped::Yes
    }

    /// Somebody else asks now; the question that was being asked is asked again later.
    pub(super) fn give_way(&mut self) {
        self.asking = None;
    }

    /// What got no answer is to be asked again.
    pub(super) fn retry(&mut self) {
        for section in &mut self.sections {
            if matches!(section.state, State::Failed(_)) {
                section.state = State::Asking;
            }
        }
    }

    /// How far it is: the reports that are whole, and whether the store is at work.
    pub(super) fn far(&self) -> (usize, bool) {
        let whole = |section: &&Section| matches!(section.state, State::Whole);
        (self.sections.iter().filter(whole).count(), self.is_asking())
    }

    /// Everything is to be asked anew when it is shown.
    pub(super) fn forget(&mut self) -> Option<Effect> {
        self.of = None;
        self.asking.take().map(|_| Effect::StopUsage)
    }

    /// The same, and nothing is settled any more: events are gone, or are back.
    pub(super) fn unsettle(&mut self) -> Option<Effect> {
        self.settled.clear();
        self.forget()
    }

    /// Moves by lines. A report without any counts as one, so that it comes into sight and is asked.
    pub(super) fn move_by(&mut self, delta: isize) {
        let lines = |section: &Section| 0..section.aims().len().max(1);
        let places: Vec<(usize, usize)> = (self.sections.iter().enumerate())
            .flat_map(|(number, section)| lines(section).map(move |line| (number, line)))
            .collect();
        // The selected line may be gone.
        let at = places.partition_point(|place| *place <= self.selected);
        let to = at.saturating_sub(1).saturating_add_signed(delta);
        if let Some(place) = places.get(to.min(places.len().saturating_sub(1))) {
            self.selected = *place;
        }
    }

    /// Moves by lines, or by reports: of those that a page away are on the screen next none is skipped.
    pub(super) fn go(&mut self, motion: Motion, seen: Sections) {
        let all = self.sections.len();
        let on_screen: Vec<usize> = (0..all).filter(|number| seen.contains(*number)).collect();
        let (number, many) = (self.selected.0, on_screen.len());
        let (Some(first), Some(last)) = (on_screen.first(), on_screen.last()) else {
            return self.move_by(delta(motion, 1));
        };
        // The selected one is seen with as many before it as fit; those at the edges are not seen whole.
        let to = match motion {
            Motion::PageDown => (last + many.saturating_sub(2)).max(number + 1),
            Motion::HalfDown => number + (many / 2).max(1),
            Motion::PageUp => (*first).min(number.saturating_sub(1)),
            Motion::HalfUp => number.saturating_sub((many / 2).max(1)),
            Motion::Up | Motion::Down | Motion::First | Motion::Last => {
                return self.move_by(delta(motion, 1));
            }
        };
        self.selected = (to.min(all.saturating_sub(1)), 0);
    }

    /// To the first line of a report.
    fn select(&mut self, report: Report) {
        let place = SECTIONS.iter().position(|(one, ..)| *one == report);
        self.selected = (place.unwrap_or(self.selected.0), 0);
    }

    /// To the first line of another report.
    fn move_to_section(&mut self, direction: Direction) {
        let count = self.sections.len().max(1);
        let step = match direction {
            Direction::Forward => 1,
            Direction::Backward => count - 1,
        };
        self.selected = ((self.selected.0 + step) % count, 0);
    }

    /// The next report on the screen for which something is to be done, in turns.
    fn next_wish(&mut self, seen: Sections) -> Option<(usize, Wish)> {
        let count = self.sections.len();
        for step in 1..=count {
            let number = (self.turn + step) % count;
            if !seen.contains(number) {
                continue;
            }
            if let Some(wish) = self.sections[number].wish(&self.settled) {
                self.turn = number;
                return Some((number, wish));
            }
        }
        None
    }
}

impl App {
    /// Shows the tab.
    pub(super) fn show_usage(&mut self) -> Vec<Effect> {
        self.page = Page::Usage;
        self.focus = Focus::List;
        let is_known = self
            .usage
            .of
            .as_ref()
            .is_some_and(|of| Arc::ptr_eq(of, &self.question.predicate));
        if is_known {
            self.ask_usage()
        } else {
            self.begin_usage()
        }
    }

    /// Asks everything about the filter as it runs, up to now. What is over and was answered is not
    /// asked again.
    pub(super) fn begin_usage(&mut self) -> Vec<Effect> {
        let Some(description) = self.description() else {
            return Vec::new();
        };
        let (profile, time) = (description.profile.clone(), description.time);
        let predicate = self.question.predicate.clone();
        let now = self.now();
        let range = self.usage_range();
        let groups = self.groups();
        let board = &mut self.usage;
        let groups = groups.filter(|_| board.by == By::Groups);
        board.sections = SECTIONS
            .iter()
            .map(|(report, ..)| {
                let mut usage = Usage::new(*report, &profile, Predicate::clone(&predicate));
                (usage.since, usage.until) = range;
                usage.tz = self.zone.tz();
                usage.period = board.period();
                usage.top = ROWS;
                // Where a line leads to exactly the events that it counts.
                if *report == Report::TopUsers {
                    usage.groups.clone_from(&groups);
                }
                if *report == Report::Activity {
                    let week = usage.until.plus(-ACTIVITY);
                    let days = Period::Day.edges(week, usage.until, usage.tz);
                    // Seven days with today: a part of an eighth would look like a quiet day.
                    let first = days.and_then(|days| days.into_iter().find(|day| *day >= week));
                    usage.since = usage.since.max(first.unwrap_or(week));
                    usage.period = Period::Day;
                }
                Section::new(usage, now, time)
            })
            .collect();
        board.range = Some(range);
        board.of = Some(predicate);
        board.stopped = Stopped::No;
        board.turn = board.sections.len().saturating_sub(1);
        // What a panel asks in the meantime goes on.
        let stopped = board.asking.take().map(|_| Effect::StopUsage);
        let mut effects: Vec<Effect> = stopped.into_iter().collect();
        effects.extend(self.ask_usage());
        effects
    }

    /// The filter's range, or the last days before now; of a log that ended long ago its last days.
    fn usage_range(&self) -> (Micros, Micros) {
        let (since, until) = self.question.predicate.time_bounds();
        let until = until.unwrap_or_else(|| match self.long_ago() {
            Some(last) if since.is_none() => last.plus(1),
            _ => self.now(),
        });
        let since = since.unwrap_or_else(|| until.plus(-LENGTH));
        (since, until.max(since))
    }

    /// The last instant of a log that ended long ago.
    fn long_ago(&self) -> Option<Micros> {
        let (_, last) = self.question.span?;
        (last < self.now().plus(-LENGTH)).then_some(last)
    }

    /// Asks the next question, when nothing is being asked and the tab is on the screen.
    pub(super) fn ask_usage(&mut self) -> Vec<Effect> {
        let board = &mut self.usage;
        let is_free = board.asking.is_none() && !self.inquiry.is_asking();
        if self.page != Page::Usage || !is_free || board.is_stopped() {
            return Vec::new();
        }
        let Some((number, wish)) = board.next_wish(self.regions.sections) else {
            return Vec::new();
        };
        board.again = Again::No;
        self.put_to_store(number, wish)
    }

    fn put_to_store(&mut self, number: usize, wish: Wish) -> Vec<Effect> {
        let generation = self.next();
        let effect = match &wish {
            Wish::Ask(question) => Effect::Usage(generation, Box::new(question.request.clone())),
            Wish::Read(usage) => Effect::ReadUsage(generation, Box::new(usage.clone())),
        };
        self.usage.asked = generation;
        self.usage.asking = Some((number, wish));
        vec![effect]
    }

    pub(super) fn usage_partly(&mut self, groups: Vec<Group>) -> Vec<Effect> {
        if let Some((number, Wish::Ask(question))) = &self.usage.asking
            && let Some(section) = self.usage.sections.get_mut(*number)
        {
            section.partial(question, groups);
        }
        Vec::new()
    }

    pub(super) fn usage_so_far(&mut self, answer: Answer) -> Vec<Effect> {
        if let Some((number, Wish::Read(_))) = &self.usage.asking
            && let Some(section) = self.usage.sections.get_mut(*number)
        {
            section.say(answer);
        }
        Vec::new()
    }

    pub(super) fn usage_told(&mut self, result: Result<Reply, StoreError>) -> Vec<Effect> {
        let board = &mut self.usage;
        let Some((number, wish)) = board.asking.take() else {
            return Vec::new();
        };
        let section = board.sections.get_mut(number);
        match (result, &wish) {
            (Ok(Reply::Numbers(answer)), Wish::Ask(question)) => {
                if let Some(section) = section {
                    section.take(question, answer, &mut board.settled);
                }
            }
            (Ok(Reply::Report(answer)), Wish::Read(_)) => {
                if let Some(section) = section {
                    section.end(*answer);
                }
            }
            // To another question than the last one.
            (Ok(_) | Err(StoreError::Cancelled), _) => return Vec::new(),
            (Err(StoreError::Lost { .. }), _) if board.again == Again::No => {
                // What was answered is not lost with the connection.
                board.again = Again::Yes;
                return self.put_to_store(number, wish);
            }
            (Err(error), _) => {
                if let Some(section) = section {
                    section.state = State::Failed(error);
                }
            }
        }
        self.ask_usage()
    }

    /// Stops asking; `None` when nothing is being asked.
    pub(super) fn stop_usage(&mut self) -> Option<Vec<Effect>> {
        self.usage.asking.take()?;
        self.usage.stopped = Stopped::Yes;
        Some(vec![Effect::StopUsage])
    }

    /// What is reported is another range, or another log.
    pub(super) fn report_anew(&mut self) -> Vec<Effect> {
        if self.page == Page::Usage {
            self.begin_usage()
        } else {
            self.usage.forget().into_iter().collect()
        }
    }

    /// Back to the events; nobody waits for reports then.
    pub(super) fn leave_usage(&mut self) -> Vec<Effect> {
        self.page = Page::Events;
        self.focus = Focus::List;
        if self.usage.asking.take().is_some() {
            return vec![Effect::StopUsage];
        }
        Vec::new()
    }

    /// Asks everything again, what is settled, too; what was stopped goes on.
    pub(super) fn refresh_usage(&mut self) -> Vec<Effect> {
        if !self.usage.is_stopped() {
            self.usage.settled.clear();
        }
        self.refresh()
    }

    pub(super) fn next_section(&mut self, direction: Direction) -> Vec<Effect> {
        self.usage.move_to_section(direction);
        Vec::new()
    }

    /// Tells users by their groups, or one by one again. Nothing is asked anew for that.
    pub(super) fn toggle_groups(&mut self) -> Vec<Effect> {
        self.usage.by = match self.usage.by {
            By::Users => By::Groups,
            By::Groups => By::Users,
        };
        self.begin_usage()
    }

    /// Counts by longer periods, after the longest by the shortest.
    pub(super) fn cycle_period(&mut self) -> Vec<Effect> {
        let all: Vec<Period> = Period::ALL.iter().map(|(period, _)| *period).collect();
        let at = all.iter().position(|one| *one == self.usage.period());
        self.usage.period = all.get((at.unwrap_or(0) + 1) % all.len()).copied();
        self.begin_usage()
    }
}

#[cfg(test)]
mod tests;
