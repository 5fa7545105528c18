//! The facets beside the events: the most frequent values of some fields, how many events have each,
//! and the way from a value into the filter.
//!
//! The store counts, one facet at a time, and only those on the screen. What would take it long is
//! counted over the newest events instead, and says so.

pub mod facet;
mod perform;
pub mod said;

use std::sync::Arc;

use crate::app::asking::{Again, Stopped};
use crate::app::facets::facet::{Counted, Extent, Facet, How, State};
use crate::app::facets::said::Value;
use crate::app::filter_bar::term;
use crate::app::layout::Sections;
use crate::app::{App, Effect, Focus, Generation, Page};
use crate::core::aggregate::Subject;
use crate::core::event::Field;
use crate::core::profile::{OwnField, Profile, ValueExpr};
use crate::core::query::predicate::Predicate;
use crate::store::{AggregateItem, Count, StoreError, TimeAccess};

/// Facets at most: more than anybody looks through.
pub const MOST: usize = 32;

/// From this many events on a question that reads all of them, or their whole records, is asked of
/// the newest only.
const HEAVY: u64 = 1_000_000;

/// Fields that are facets from the beginning.
const FIRST: [Subject; 5] = [
    Subject::Field(Field::Actor),
    Subject::Field(Field::Action),
    Subject::Field(Field::Kind),
    Subject::Field(Field::Resource),
    Subject::Outcome,
];

/// Whether the pane is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shown {
    /// It is not.
    #[default]
    No,
    /// It is; on a narrow screen only while it has the keys.
    Yes,
}

/// Whether a part of a value is being typed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Typing {
    /// No.
    #[default]
    No,
    /// Into the line of the selected facet.
    Yes,
}

/// What of a facet is selected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Selected {
    /// Its heading.
    #[default]
    Heading,
    /// One of its values.
    Value(Value),
}

/// A line of the pane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// The name of a facet, by its number.
    Heading(usize),
    /// The line that narrows it.
    Narrow(usize),
    /// A value: the number of the facet, and of its row.
    Row(usize, usize),
    /// What there is to say of the facet beside its numbers.
    Note(usize),
    /// What the store does not say.
    Lacks,
    /// Nothing.
    Gap,
}

/// The pane.
#[derive(Clone, Debug, Default)]
pub struct Facets {
    /// Whether it is there.
    pub shown: Shown,
    /// From top to bottom.
    pub list: Vec<Facet>,
    /// The fields that the store says nothing of.
    pub lacks: Vec<&'static str>,
    /// Which facet the cursor is in.
    pub facet: usize,
    /// Where in it.
    pub selected: Selected,
    /// Whether something is being typed.
    pub typing: Typing,
    /// Which facet the store counts.
    asking: Option<usize>,
    again: Again,
    stopped: Stopped,
    pub(super) asked: Generation,
    pub(super) pause: Generation,
}

/// Whether events of a profile can have it.
fn is_said(profile: &Profile, subject: &Subject) -> bool {
    match subject {
        Subject::Outcome => !profile.outcome.is_empty(),
        Subject::Field(field) => *profile.field(*field) != ValueExpr::Absent,
        Subject::Own(_) | Subject::Path(_) => true,
    }
}

impl Facets {
    /// The pane of a store before anything is counted.
    fn of(profile: &Profile) -> Self {
        let (said, unsaid): (Vec<_>, Vec<_>) = FIRST
            .into_iter()
            .partition(|subject| is_said(profile, subject));
        let name = |subject: Subject| match subject {
            Subject::Field(field) => term::spelling(field),
            _ => "outcome",
        };
        let facet = |subject: Subject| {
            let name = term::name(&subject);
            Facet::new(subject, name)
        };
        Self {
            list: said.into_iter().map(facet).collect(),
            lacks: unsaid.into_iter().map(name).collect(),
            ..Self::default()
        }
    }

    /// Whether the store is at work.
    pub fn is_asking(&self) -> bool {
        self.asking.is_some()
    }

    /// Whether somebody has stopped it.
    pub fn is_stopped(&self) -> bool {
        self.stopped == Stopped::Yes
    }

    /// The facet with the cursor.
    pub fn focused(&self) -> Option<&Facet> {
        self.list.get(self.facet)
    }

    fn focused_mut(&mut self) -> Option<&mut Facet> {
        self.list.get_mut(self.facet)
    }

    /// The value with the cursor.
    pub fn value(&self) -> Option<(&Facet, &Value)> {
        let facet = self.focused()?;
        match &self.selected {
            Selected::Value(value) if facet.rows().any(|row| row.value == *value) => {
                Some((facet, value))
            }
            Selected::Heading | Selected::Value(_) => None,
        }
    }

    /// Its lines, from top to bottom.
    pub fn lines(&self) -> Vec<Line> {
        let mut lines = Vec::new();
        for (number, facet) in self.list.iter().enumerate() {
            lines.push(Line::Heading(number));
            let is_typing = self.typing == Typing::Yes && number == self.facet;
            if is_typing || !facet.narrow.value().is_empty() {
                lines.push(Line::Narrow(number));
            }
            let rows = facet.rows().count();
            lines.extend((0..rows).map(|row| Line::Row(number, row)));
            let is_open = facet.extent != Extent::Closed;
            let has_note = rows == 0 || facet.error().is_some();
            if is_open && (has_note || matches!(facet.state, State::Failed(_))) {
                lines.push(Line::Note(number));
            }
            if is_open {
                lines.push(Line::Gap);
            }
        }
        if !self.lacks.is_empty() {
            lines.push(Line::Lacks);
        }
        lines
    }

    /// The line with the cursor, by its number among all.
    pub fn cursor(&self) -> usize {
        let row = self.value().and_then(|(facet, value)| {
            let mut rows = facet.rows();
            rows.position(|row| row.value == *value)
        });
        let line = match row {
            Some(row) => Line::Row(self.facet, row),
            None => Line::Heading(self.facet),
        };
        let lines = self.lines();
        lines.iter().position(|one| *one == line).unwrap_or(0)
    }

    /// Moves by headings and values.
    pub(super) fn move_by(&mut self, delta: isize) {
        let places: Vec<Line> = (self.lines().into_iter())
            .filter(|line| matches!(line, Line::Heading(_) | Line::Row(..)))
            .collect();
        let here = self.lines().get(self.cursor()).copied();
        let at = places.iter().position(|place| Some(*place) == here);
        let to = at.unwrap_or(0).saturating_add_signed(delta);
        match places.get(to.min(places.len().saturating_sub(1))) {
            Some(Line::Row(number, row)) => {
                let row = self.list[*number].rows().nth(*row);
                self.selected =
                    row.map_or(Selected::Heading, |row| Selected::Value(row.value.clone()));
                self.facet = *number;
            }
            Some(Line::Heading(number)) => {
                self.facet = *number;
                self.selected = Selected::Heading;
            }
            _ => {}
        }
    }

    /// The next facet on the screen that is to be counted.
    fn next(&self, seen: Sections) -> Option<usize> {
        let due = |(number, facet): &(usize, &Facet)| {
            let is_open = facet.extent != Extent::Closed;
            seen.contains(*number) && is_open && facet.state == State::Due
        };
        let mut list = self.list.iter().enumerate();
        list.find(due).map(|(number, _)| number)
    }

    /// What got no answer is to be counted again.
    pub(super) fn retry(&mut self) {
        for facet in &mut self.list {
            if matches!(facet.state, State::Failed(_)) {
                facet.state = State::Due;
            }
        }
    }

    /// Nobody waits for the answer any more.
    fn drop_question(&mut self) -> Option<Effect> {
        let number = self.asking.take()?;
        if let Some(facet) = self.list.get_mut(number) {
            facet.far = None;
        }
        Some(Effect::StopFacets)
    }
}

impl App {
    /// The filter that runs is another one, or is asked again.
    pub(super) fn count_anew(&mut self) -> Option<Effect> {
        let predicate = self.question.predicate.clone();
        self.facets.stopped = Stopped::No;
        for facet in &mut self.facets.list {
            facet.how = How::Bounded;
            facet.expire();
            facet.heed(&predicate);
        }
        self.facets.drop_question()
    }

    /// Whether the last frame had the pane.
    fn is_pane_seen(&self) -> bool {
        let is_there = self.page == Page::Events && self.facets.shown == Shown::Yes;
        is_there && self.regions.facets.height > 0
    }

    /// Asks the next facet, when none is being asked and the pane is on the screen.
    pub(super) fn ask_facets(&mut self) -> Vec<Effect> {
        if !self.is_pane_seen() {
            return self.facets.drop_question().into_iter().collect();
        }
        let is_free = self.facets.asking.is_none() && !self.facets.is_stopped();
        let next = self.facets.next(self.regions.seen_facets);
        let Some(number) = next.filter(|_| is_free) else {
            return Vec::new();
        };
        self.facets.again = Again::No;
        self.put_facet(number).into_iter().collect()
    }

    fn put_facet(&mut self, number: usize) -> Option<Effect> {
        self.description()?;
        let generation = self.next();
        let facet = self.facets.list.get(number)?;
        let mut ask = facet.ask(&self.question.predicate);
        if ask.how == How::Bounded && self.is_heavy(&facet.subject) {
            ask.how = How::Sampled;
        }
        self.facets.asked = generation;
        self.facets.asking = Some(number);
        Some(Effect::Facet(generation, Box::new(ask)))
    }

    /// Whether counting a subject reads more than a guest should, as far as can be told before.
    fn is_heavy(&self, subject: &Subject) -> bool {
        let Some(description) = self.description() else {
            return false;
        };
        let events = match self.question.count {
            Some(Count::Exact(count) | Count::Estimate(count)) => Some(count),
            None => description.estimate,
        };
        let is_slow = description.time == TimeAccess::Scan
            || matches!(subject, Subject::Path(_) | Subject::Own(_));
        is_slow && events.is_some_and(|events| events > HEAVY)
    }

    pub(super) fn facet_partly(&mut self, item: &AggregateItem) -> Vec<Effect> {
        let AggregateItem::Partial(_, progress) = item;
        let asking = self.facets.asking;
        if let Some(facet) = asking.and_then(|number| self.facets.list.get_mut(number)) {
            facet.far = progress.fraction;
        }
        Vec::new()
    }

    pub(super) fn facet_told(&mut self, result: Result<Counted, StoreError>) -> Vec<Effect> {
        let Some(number) = self.facets.asking.take() else {
            return Vec::new();
        };
        if matches!(result, Err(StoreError::Lost { .. })) && self.facets.again == Again::No {
            self.facets.again = Again::Yes;
            return self.put_facet(number).into_iter().collect();
        }
        if let Some(facet) = self.facets.list.get_mut(number) {
            match result {
                Ok(counted) => facet.take(counted),
                Err(StoreError::Cancelled) => return Vec::new(),
                Err(error) => {
                    facet.far = None;
                    facet.state = State::Failed(error.to_string());
                }
            }
        }
        self.ask_facets()
    }

    /// Stops counting; `None` when nothing is being counted.
    pub(super) fn stop_facets(&mut self) -> Option<Vec<Effect>> {
        let stop = self.facets.drop_question()?;
        self.facets.stopped = Stopped::Yes;
        Some(vec![stop])
    }

    /// What can be added, with a word about each. Durations have too many values to list.
    pub(super) fn possible_facets(&self) -> Vec<(Subject, String)> {
        let is_new = |subject: &Subject| {
            *subject != Subject::Field(Field::Duration)
                && !self.facets.list.iter().any(|one| one.subject == *subject)
        };
        let mut possible = self.said_subjects();
        possible.retain(|(subject, _)| is_new(subject));
        possible
    }

    /// What events of the store can have: fields, the profile's own names, and the paths that sampled
    /// records have a value at; each with a word about it.
    pub(super) fn said_subjects(&self) -> Vec<(Subject, String)> {
        let Some(description) = self.description() else {
            return Vec::new();
        };
        let fields = Field::ALL.map(Subject::Field);
        let fields = fields.into_iter().chain([Subject::Outcome]);
        let fields = fields.filter(|subject| is_said(&description.profile, subject));
        let own = |own: &Arc<OwnField>| (Subject::Own(own.clone()), own.about.clone());
        let paths = self.catalog.paths.iter();
        let paths = paths.filter(|(_, facts)| facts.scalars > 0);
        fields
            .map(|subject| (subject, "event field".to_owned()))
            .chain(self.catalog.own.iter().map(own))
            .chain(paths.map(|(path, facts)| {
                let different = facts.values.len();
                let about = format!("payload, {different} different seen");
                (Subject::Path(path.clone()), about)
            }))
            .collect()
    }

    /// Who has gone somewhere else is not typing here any more.
    pub(super) fn leave_narrowing(&mut self) {
        if self.focus != Focus::Facets || self.page != Page::Events {
            self.facets.typing = Typing::No;
        }
    }

    /// Whether a part of a value is being typed.
    pub fn is_narrowing(&self) -> bool {
        self.focus == Focus::Facets && self.facets.typing == Typing::Yes
    }

    /// The predicate of the filter as it runs.
    fn running(&self) -> Arc<Predicate> {
        self.question.predicate.clone()
    }
}

#[cfg(test)]
mod tests;
