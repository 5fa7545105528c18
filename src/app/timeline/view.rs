//! The lines of the window that fit on the screen around the selection.
//!
//! Walks from the selection outwards, so that the cost depends on the height alone.

use chrono::NaiveDate;

use super::{Entry, Gap, Timeline};
use crate::app::zone::Zone;
use crate::core::event::Event;

/// One line of the list.
#[derive(Clone, Copy, Debug)]
pub enum Line<'t> {
    /// An event.
    Event {
        /// It.
        event: &'t Event,
        /// Whether it is the selected one.
        mark: Mark,
    },
    /// A new day begins below.
    Day(NaiveDate),
    /// Rows without a usable time stand below, up to the next day.
    Undated,
    /// Events may be missing here.
    Gap(&'t Gap),
}

/// Whether a line is the selected one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// It is.
    Selected,
    /// It is not.
    Plain,
}

impl Timeline {
    /// At most `height` lines, top to bottom, with the selection where it was left.
    pub fn view(&self, height: usize, zone: &Zone) -> Vec<Line<'_>> {
        if self.entries.is_empty() || height == 0 {
            return Vec::new();
        }
        let selected = self.selected_index();
        let anchor = selected.unwrap_or(self.entries.len() - 1);
        let mark = |at| {
            if Some(at) == selected {
                Mark::Selected
            } else {
                Mark::Plain
            }
        };
        let mut above = self.heading(anchor, zone).into_iter().collect::<Vec<_>>();
        let mut at = anchor;
        while at > 0 && above.len() < height {
            at -= 1;
            above.push(self.line(at, mark(at)));
            above.extend(self.heading(at, zone));
        }
        let mut below = vec![self.line(anchor, mark(anchor))];
        at = anchor + 1;
        while at < self.entries.len() && below.len() < height {
            below.extend(self.heading(at, zone));
            below.push(self.line(at, mark(at)));
            at += 1;
        }
        // Lines that one side cannot fill go to the other one.
        let wanted = self.row.min(height - 1).min(above.len());
        let lower = below.len().min(height - wanted);
        let upper = above.len().min(height - lower);
        let mut lines: Vec<_> = above.drain(..upper).rev().collect();
        lines.extend(below.into_iter().take(height - upper));
        lines
    }

    fn line(&self, at: usize, mark: Mark) -> Line<'_> {
        match &self.entries[at] {
            Entry::Event(event) => Line::Event { event, mark },
            Entry::Gap(gap) => Line::Gap(gap),
        }
    }

    /// What stands above an event: the day when it is another one, the heading of the undated.
    fn heading(&self, at: usize, zone: &Zone) -> Option<Line<'_>> {
        let day = |event: &Event| event.at().instant().and_then(|at| zone.day(at));
        let event = self.entries[at].event()?;
        let before = self.entries.range(..at).rev().find_map(Entry::event);
        match (day(event), before.map(day)) {
            (Some(day), Some(Some(former))) if day == former => None,
            (Some(day), _) => Some(Line::Day(day)),
            (None, Some(None)) => None,
            (None, _) => Some(Line::Undated),
        }
    }
}
