//! The window of events that is held, in the store's order, oldest at the top: selection by id,
//! following and pausing, and what is left to load at both ends.
//!
//! Does not ask the store for anything; `App` does when an end is near.

pub mod view;

use std::cmp::Ordering;
use std::collections::{HashMap, VecDeque};

use unicode_width::UnicodeWidthStr as _;

use crate::core::event::{Cursor, Event, EventId, Field};
use crate::core::instant::{At, Micros};
use crate::core::sanitise::safe;
use crate::store::{Change, TailEvent};

/// Bytes of events held at most.
pub const BUDGET: usize = 24 * 1024 * 1024;

/// A part of time that the tail could not follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// First instant not followed.
    pub from: Micros,
    /// Last instant not followed.
    pub to: Micros,
    /// Why.
    pub because: String,
}

/// A row of the window.
#[derive(Clone, Debug)]
pub enum Entry {
    /// An event.
    Event(Box<Event>),
    /// A line that says that events may be missing here.
    Gap(Gap),
}

/// Whether the end of the window moves along with new events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follow {
    /// The newest event is selected and stays so.
    Following,
    /// The view stands still.
    Paused {
        /// Events that have come since.
        new: u64,
    },
}

/// What lies beyond an end of the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// Perhaps more events.
    Open,
    /// Nothing.
    End,
}

/// Widest texts seen in the columns of a list, so that columns do not jump while scrolling.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Widths {
    /// Of actors, in cells.
    pub actor: usize,
    /// Of actions, in cells.
    pub action: usize,
    /// Of services, in cells.
    pub service: usize,
}

/// The window.
#[derive(Clone, Debug)]
pub struct Timeline {
    entries: VecDeque<Entry>,
    places: HashMap<EventId, Cursor>,
    weight: usize,
    budget: usize,
    selected: Option<Cursor>,
    /// The screen line on which the selection stands, so that events that arrive above or below do
    /// not move what is being read.
    row: usize,
    follow: Follow,
    /// What lies beyond the oldest event.
    pub older: Edge,
    /// What lies beyond the newest event.
    pub newer: Edge,
    widths: Widths,
}

impl Default for Timeline {
    fn default() -> Self {
        Self::with_budget(BUDGET)
    }
}

/// The order of the window: rows without a usable time first, then dated ones, oldest to newest.
/// It is the reverse of [`crate::store::PageFrom`]'s newest first.
pub(super) fn order(a: &Cursor, b: &Cursor) -> Ordering {
    section(a.at).cmp(&section(b.at)).then_with(|| a.cmp(b))
}

fn section(at: At) -> u8 {
    match at {
        At::Absent => 0,
        At::PosInfinity => 1,
        At::NegInfinity => 2,
        At::Instant(_) => 3,
    }
}

impl Entry {
    fn event(&self) -> Option<&Event> {
        match self {
            Self::Event(event) => Some(event),
            Self::Gap(_) => None,
        }
    }

    fn is_before(&self, cursor: &Cursor) -> bool {
        match self {
            Self::Event(event) => order(&event.cursor, cursor) == Ordering::Less,
            // A gap stands behind the events of its last instant.
            Self::Gap(gap) => section(cursor.at) == 3 && At::Instant(gap.to) < cursor.at,
        }
    }
}

impl Timeline {
    /// An empty window that holds at most `budget` bytes.
    pub fn with_budget(budget: usize) -> Self {
        Self {
            entries: VecDeque::new(),
            places: HashMap::new(),
            weight: 0,
            budget,
            selected: None,
            row: usize::MAX,
            follow: Follow::Following,
            older: Edge::Open,
            newer: Edge::End,
            widths: Widths::default(),
        }
    }

    /// How many events are held.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether no event is held.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Whether the end moves along.
    pub fn follow(&self) -> Follow {
        self.follow
    }

    /// The widest texts so far.
    pub fn widths(&self) -> Widths {
        self.widths
    }

    /// Bytes held.
    pub fn weight(&self) -> usize {
        self.weight
    }

    /// The event with this id, if it is held.
    pub fn find(&self, id: &EventId) -> Option<&Event> {
        self.entries.get(self.index(self.places.get(id)?)?)?.event()
    }

    /// The selected event.
    pub fn selected(&self) -> Option<&Event> {
        self.entries.get(self.selected_index()?)?.event()
    }

    /// The oldest event that is held, where paging back begins.
    pub fn oldest(&self) -> Option<&Event> {
        self.entries.iter().find_map(Entry::event)
    }

    /// The newest event that is held, where paging forward begins.
    pub fn newest(&self) -> Option<&Event> {
        self.entries.iter().rev().find_map(Entry::event)
    }

    /// The selected event and at most so many on either side of it.
    pub fn near(&self, most: usize) -> impl Iterator<Item = &Event> {
        let at = self.selected_index().unwrap_or(self.entries.len());
        let from = at.saturating_sub(most);
        let to = (at + most + 1).min(self.entries.len());
        self.entries.range(from..to).filter_map(Entry::event)
    }

    /// Events after the selected one, to know when an end is near.
    pub fn below(&self) -> usize {
        self.selected_index()
            .map_or(0, |at| self.entries.len() - 1 - at)
    }

    /// Events before the selected one.
    pub fn above(&self) -> usize {
        self.selected_index().unwrap_or(0)
    }

    fn selected_index(&self) -> Option<usize> {
        self.index(self.selected.as_ref()?)
    }

    fn index(&self, cursor: &Cursor) -> Option<usize> {
        let at = self.slot(cursor);
        let event = self.entries.get(at)?.event()?;
        (event.cursor == *cursor).then_some(at)
    }

    fn slot(&self, cursor: &Cursor) -> usize {
        self.entries
            .partition_point(|entry| entry.is_before(cursor))
    }

    /// Begins with one event, on line `row`, with more to load on both sides.
    pub fn begin_around(&mut self, event: Event, row: usize) {
        self.pause();
        self.older = Edge::Open;
        self.newer = Edge::Open;
        let id = event.id.clone();
        self.insert_page(vec![event]);
        self.select(&id, row);
    }

    /// Takes events of a page; those already held are replaced.
    pub fn insert_page(&mut self, events: Vec<Event>) {
        for event in events {
            self.put(event);
        }
        self.settle();
    }

    /// Takes what the tail brought. Gives the number of events that were not held before.
    pub fn insert_tail(&mut self, events: Vec<TailEvent>) -> u64 {
        let mut new = 0;
        for TailEvent { change, event } in events {
            match change {
                Change::Unmatched => self.remove(&event.id),
                Change::New | Change::Update => {
                    let known = self.places.contains_key(&event.id);
                    if known || self.covers(&event.cursor) {
                        self.put(event);
                    }
                    new += u64::from(!known && change == Change::New);
                }
            }
        }
        if let Follow::Paused { new: count } = &mut self.follow {
            *count += new;
        }
        self.settle();
        new
    }

    /// Draws a line where the tail could not follow.
    pub fn insert_gap(&mut self, gap: Gap) {
        let at = self.entries.partition_point(|entry| match entry {
            Entry::Event(event) => !event.at().is_dated() || event.at() <= At::Instant(gap.to),
            Entry::Gap(other) => other.to <= gap.to,
        });
        self.entries.insert(at, Entry::Gap(gap));
    }

    /// Whether an event at this place belongs into the window: between its ends, or beyond an end
    /// where nothing is left to load.
    pub fn covers(&self, cursor: &Cursor) -> bool {
        let Some((oldest, newest)) = self.oldest().zip(self.newest()) else {
            return self.newer == Edge::End;
        };
        let after_start = self.older == Edge::End || order(cursor, &oldest.cursor).is_ge();
        let before_end = self.newer == Edge::End || order(cursor, &newest.cursor).is_le();
        after_start && before_end
    }

    fn put(&mut self, event: Event) {
        if let Some(old) = self.places.get(&event.id).cloned() {
            if let Some(at) = self.index(&old)
                && let Some(Entry::Event(gone)) = self.entries.remove(at)
            {
                self.weight -= gone.weight();
            }
            if self.selected.as_ref() == Some(&old) {
                self.selected = Some(event.cursor.clone());
            }
        }
        self.measure(&event);
        self.weight += event.weight();
        self.places.insert(event.id.clone(), event.cursor.clone());
        let at = self.slot(&event.cursor);
        self.entries.insert(at, Entry::Event(Box::new(event)));
    }

    fn measure(&mut self, event: &Event) {
        let width = |field| event.first(field).map_or(0, |text| safe(text).width());
        self.widths.actor = self.widths.actor.max(width(Field::Actor));
        self.widths.action = self.widths.action.max(width(Field::Action));
        self.widths.service = self.widths.service.max(width(Field::Service));
    }

    fn remove(&mut self, id: &EventId) {
        let Some(at) = self
            .places
            .remove(id)
            .and_then(|cursor| self.index(&cursor))
        else {
            return;
        };
        let was_selected = self.selected_index() == Some(at);
        if let Some(Entry::Event(gone)) = self.entries.remove(at) {
            self.weight -= gone.weight();
        }
        if was_selected {
            self.selected = None;
            self.select_near(at);
        }
    }

    /// Keeps the promises after every change: the budget, and a selection.
    fn settle(&mut self) {
        while self.weight > self.budget && self.len() > 1 {
            let near_end = self.follow == Follow::Following
                || self.selected_index().unwrap_or(0) * 2 >= self.entries.len();
            let gone = if near_end {
                self.older = Edge::Open;
                self.entries.pop_front()
            } else {
                self.newer = Edge::Open;
                self.entries.pop_back()
            };
            if let Some(Entry::Event(event)) = gone {
                self.weight -= event.weight();
                self.places.remove(&event.id);
            }
        }
        if self.follow == Follow::Following {
            self.select_newest();
        } else if self.selected_index().is_none() {
            self.select_near(self.entries.len());
        }
    }

    fn select_newest(&mut self) {
        self.selected = self.newest().map(|event| event.cursor.clone());
        self.row = usize::MAX;
    }

    fn select_near(&mut self, at: usize) {
        let before = self.entries.iter().take(at).rev().find_map(Entry::event);
        let found = before.or_else(|| self.entries.iter().skip(at).find_map(Entry::event));
        self.selected = found.map(|event| event.cursor.clone());
    }

    /// Stops following; the view stands still.
    pub fn pause(&mut self) {
        if self.follow == Follow::Following {
            self.follow = Follow::Paused { new: 0 };
        }
    }

    /// Follows again. The window must reach the newest event: see [`Timeline::newer`].
    pub fn resume(&mut self) {
        self.follow = Follow::Following;
        self.select_newest();
    }

    /// Moves the selection by whole events within a list of `height` lines; moving up pauses.
    pub fn move_by(&mut self, delta: isize, height: usize) {
        if delta < 0 {
            self.pause();
        }
        let Some(from) = self.selected_index() else {
            return;
        };
        let mut at = from;
        let mut left = delta.unsigned_abs();
        while left > 0 {
            let next = if delta < 0 {
                at.checked_sub(1)
            } else {
                Some(at + 1)
            };
            let Some(next) = next.filter(|next| *next < self.entries.len()) else {
                break;
            };
            at = next;
            left -= usize::from(self.entries[at].event().is_some());
        }
        // The first line of all may be a gap, which cannot be selected.
        while at < from && self.entries[at].event().is_none() {
            at += 1;
        }
        while at > from && self.entries[at].event().is_none() {
            at -= 1;
        }
        let last = height.saturating_sub(1);
        let row = self.row.min(last);
        self.row = if at < from {
            row.saturating_sub(from - at)
        } else {
            (row + (at - from)).min(last)
        };
        self.select_at(at);
    }

    /// Selects an event by id and shows it on line `row`.
    pub fn select(&mut self, id: &EventId, row: usize) {
        if let Some(cursor) = self.places.get(id) {
            self.selected = Some(cursor.clone());
            self.row = row;
        }
    }

    /// Selects the oldest event that is held; pauses.
    pub fn select_oldest(&mut self) {
        self.pause();
        self.selected = self.oldest().map(|event| event.cursor.clone());
        self.row = 0;
    }

    fn select_at(&mut self, at: usize) {
        if let Some(event) = self.entries.get(at).and_then(Entry::event) {
            self.selected = Some(event.cursor.clone());
        }
    }

    /// Goes to the next event from the selected one, in a direction, that satisfies `wanted`.
    /// Gives whether there is one; going there pauses.
    pub fn seek(&mut self, forward: Seek, wanted: impl Fn(&Event) -> bool) -> bool {
        let from = self.selected_index().unwrap_or(0);
        let hit = |at: &usize| {
            self.entries
                .get(*at)
                .and_then(Entry::event)
                .is_some_and(&wanted)
        };
        let found = match forward {
            Seek::Newer => (from + 1..self.entries.len()).find(hit),
            Seek::Older => (0..from).rev().find(hit),
        };
        let Some(at) = found else {
            return false;
        };
        self.pause();
        self.select_at(at);
        true
    }
}

/// The way [`Timeline::seek`] goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seek {
    /// Towards newer events.
    Newer,
    /// Towards older events.
    Older,
}

#[cfg(test)]
mod tests;
