//! The Usage tab: reports about the events of the filter, and the way from a number to its events.
//!
//! Questions are asked one at a time, in turns between the reports on the screen, newest time first.
//! What is out of sight is not asked.

mod section;

use std::sync::Arc;

pub use crate::app::usage::section::{Aim, SECTIONS, Section, Side, State};

use crate::app::command::{Direction, Polarity};
use crate::app::filter_bar::term;
use crate::app::layout::Sections;
use crate::app::notice::Level;
use crate::app::{App, Effect, Focus, Generation, Page};
use crate::core::aggregate::{Aggregate, Group};
use crate::core::calendar::Period;
use crate::core::instant::Micros;
use crate::core::query::predicate::Predicate;
use crate::core::usage::Report;
use crate::core::usage::course::Question;
use crate::core::usage::settled::Settled;
use crate::store::StoreError;

/// Looked at where the filter does not say since when, in days: as long as logs are usually kept.
const DAYS: i64 = 90;

/// The same in microseconds.
const LENGTH: i64 = DAYS * 24 * 3_600 * Micros::SECOND;

/// Rows of a ranking.
pub const ROWS: usize = 6;

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
    /// Whose question the store has.
    asking: Option<(usize, Question)>,
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

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Again {
    #[default]
    No,
    Yes,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stopped {
    #[default]
    No,
    Yes,
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

    /// To the first line of another report.
    fn move_to_section(&mut self, direction: Direction) {
        let count = self.sections.len().max(1);
        let step = match direction {
            Direction::Forward => 1,
            Direction::Backward => count - 1,
        };
        self.selected = ((self.selected.0 + step) % count, 0);
    }

    /// The next report on the screen with a question, in turns.
    fn next_question(&mut self, seen: Sections) -> Option<(usize, Question)> {
        let count = self.sections.len();
        for step in 1..=count {
            let number = (self.turn + step) % count;
            if !seen.contains(number) {
                continue;
            }
            if let Some(question) = self.sections[number].question(&self.settled) {
                self.turn = number;
                return Some((number, question));
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
        let groups = self.settings.groups.clone();
        let board = &mut self.usage;
        let groups = groups.filter(|_| board.by == By::Groups);
        board.sections = SECTIONS
            .iter()
            .map(|(report, ..)| {
                let mut usage =
                    crate::core::usage::Usage::new(*report, &profile, Predicate::clone(&predicate));
                (usage.since, usage.until) = range;
                usage.tz = self.zone.tz();
                usage.period = board.period();
                usage.top = ROWS;
                // Where a line leads to exactly the events that it counts.
                if *report == Report::TopUsers {
                    usage.groups.clone_from(&groups);
                }
                Section::new(usage, now, time)
            })
            .collect();
        board.range = Some(range);
        board.of = Some(predicate);
        board.stopped = Stopped::No;
        board.turn = board.sections.len().saturating_sub(1);
        board.asking = None;
        let mut effects = vec![Effect::StopUsage];
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

    /// The range in words that a filter takes, where it has none yet.
    fn implicit_range(&self) -> Option<String> {
        let (since, until) = self.question.predicate.time_bounds();
        if since.is_some() {
            return None;
        }
        match (self.usage.range, until.or(self.long_ago())) {
            (Some((since, _)), Some(_)) => Some(format!("since:{since}")),
            _ => Some(format!("since:-{DAYS}d")),
        }
    }

    /// Asks the next question, when nothing is being asked and the tab is on the screen.
    pub(super) fn ask_usage(&mut self) -> Vec<Effect> {
        let board = &mut self.usage;
        let is_free = board.asking.is_none() && !self.inquiry.is_asking();
        if self.page != Page::Usage || !is_free || board.is_stopped() {
            return Vec::new();
        }
        let Some((number, question)) = board.next_question(self.regions.sections) else {
            return Vec::new();
        };
        board.again = Again::No;
        self.put_to_store(number, question)
    }

    fn put_to_store(&mut self, number: usize, question: Question) -> Vec<Effect> {
        let generation = self.next();
        let request = question.request.clone();
        self.usage.asked = generation;
        self.usage.asking = Some((number, question));
        vec![Effect::Usage(generation, Box::new(request))]
    }

    pub(super) fn usage_partly(&mut self, groups: Vec<Group>) -> Vec<Effect> {
        if let Some((number, question)) = &self.usage.asking
            && let Some(section) = self.usage.sections.get_mut(*number)
        {
            section.partial(question, groups);
        }
        Vec::new()
    }

    pub(super) fn usage_told(&mut self, result: Result<Aggregate, StoreError>) -> Vec<Effect> {
        let board = &mut self.usage;
        let Some((number, question)) = board.asking.take() else {
            return Vec::new();
        };
        match result {
            Ok(answer) => {
                if let Some(section) = board.sections.get_mut(number) {
                    section.take(&question, answer, &mut board.settled);
                }
            }
            Err(StoreError::Cancelled) => return Vec::new(),
            Err(StoreError::Lost { .. }) if board.again == Again::No => {
                // What was answered is not lost with the connection.
                board.again = Again::Yes;
                return self.put_to_store(number, question);
            }
            Err(error) => {
                if let Some(section) = board.sections.get_mut(number) {
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

    /// Goes to the events behind the selected line.
    pub(super) fn enter_number(&mut self, polarity: Polarity) -> Vec<Effect> {
        let (number, line) = self.usage.selected;
        let section = self.usage.sections.get(number);
        let Some(aim) = section.and_then(|section| section.aims().into_iter().nth(line)) else {
            return Vec::new();
        };
        let text = self.filter.text();
        let filter = match (polarity, aim.terms.first()) {
            (Polarity::With, _) => {
                let range = aim.range.clone().or_else(|| self.implicit_range());
                let within = match range {
                    Some(range) => term::with_range(text, Some(&range)),
                    None => text.to_owned(),
                };
                let join = |filter: String, term: &String| term::join(&filter, term, polarity);
                aim.terms.iter().fold(within, join)
            }
            (Polarity::Without, Some(term)) => term::join(text, term, polarity),
            (Polarity::Without, None) => {
                self.notify(Level::Info, "a stretch of time cannot be left out", None);
                return Vec::new();
            }
        };
        if polarity == Polarity::Without {
            return self.set_filter(&filter);
        }
        let mut effects = self.leave_usage();
        effects.extend(self.set_filter_from(&filter, Page::Usage));
        effects
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
