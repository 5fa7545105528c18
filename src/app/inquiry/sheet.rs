//! A list over the panes whose lines lead to events. What the lines say is computed elsewhere.

use crate::core::event::EventId;

/// How a line is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// A heading.
    Heading,
    /// Something.
    Plain,
    /// Something beside it.
    Quiet,
    /// Something rare.
    Odd,
    /// Something that was never there.
    New,
}

/// Where a line leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Aim {
    /// To the events of a filter.
    Filter(String),
    /// To a marked event.
    Mark(EventId),
}

/// What is drawn on a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Figure {
    /// Nothing but words.
    Words,
    /// A bar: so many of so many.
    Bar(u64, u64),
    /// Events by the hours of the day.
    Hours(Box<[u64; 24]>),
    /// The hours of the day, one of them pointed at.
    Scale(Option<usize>),
}

/// A line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// How it is meant.
    pub tone: Tone,
    /// What it is about, in a column of its own.
    pub label: String,
    /// What it says.
    pub text: String,
    /// A number at the right.
    pub number: String,
    /// What is drawn.
    pub figure: Figure,
    /// Where it leads.
    pub aim: Option<Aim>,
}

impl Row {
    /// A line of words.
    pub fn new(tone: Tone, label: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            tone,
            label: label.into(),
            text: text.into(),
            number: String::new(),
            figure: Figure::Words,
            aim: None,
        }
    }

    /// The same with something drawn.
    #[must_use]
    pub fn drawn(mut self, figure: Figure) -> Self {
        self.figure = figure;
        self
    }

    /// The same with a number.
    #[must_use]
    pub fn numbered(mut self, number: impl Into<String>) -> Self {
        self.number = number.into();
        self
    }

    /// Whether it is about the same, whatever it says of it.
    fn is_about(&self, other: &Self) -> bool {
        self.label == other.label && self.aim == other.aim
    }

    /// The same, leading somewhere.
    #[must_use]
    pub fn to(mut self, aim: Aim) -> Self {
        self.aim = Some(aim);
        self
    }
}

/// The list.
#[derive(Clone, Debug, Default)]
pub struct Sheet {
    /// Its heading.
    pub title: String,
    /// Its lines.
    pub rows: Vec<Row>,
    /// The selected one.
    pub selected: usize,
    /// Lines scrolled away at the top.
    pub top: usize,
}

impl Sheet {
    /// Takes other lines; the line about the same stays selected, else the one in its place.
    pub fn fill(&mut self, title: String, rows: Vec<Row>) {
        let same = self.row().and_then(|selected| {
            let before = &self.rows[..self.selected];
            let nth = before.iter().filter(|row| row.is_about(selected)).count();
            let again = rows.iter().enumerate();
            let mut again = again.filter(|(_, row)| row.is_about(selected));
            again.nth(nth).map(|(place, _)| place)
        });
        // Who has not gone anywhere sees the beginning.
        let wanted = same.filter(|_| self.selected > 0);
        let last = rows.len().saturating_sub(1);
        self.selected = wanted.unwrap_or(self.selected).min(last);
        self.title = title;
        self.rows = rows;
    }

    /// The selected line.
    pub fn row(&self) -> Option<&Row> {
        self.rows.get(self.selected)
    }

    pub(super) fn move_by(&mut self, delta: isize, height: usize) {
        let last = self.rows.len().saturating_sub(1);
        self.selected = self.selected.saturating_add_signed(delta).min(last);
        let lowest = (self.selected + 1).saturating_sub(height.max(1));
        self.top = self.top.clamp(lowest, self.selected.max(lowest));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(names: &[&str]) -> Vec<Row> {
        let row = |name: &&str| Row::new(Tone::Plain, *name, "");
        names.iter().map(row).collect()
    }

    #[test]
    fn the_selection_goes_along_with_its_line() {
        let mut sheet = Sheet::default();
        let mut filled = |names: &[&str], by: isize| {
            sheet.fill(String::new(), rows(names));
            sheet.move_by(by, 10);
            sheet.row().expect("lines").label.clone()
        };
        assert_eq!(filled(&["asking", "a", "b", "", ""], 2), "b");
        assert_eq!(filled(&["not all is known", "c", "a", "b", "", ""], 0), "b");
        // Of lines that say nothing of themselves the same one.
        assert_eq!(filled(&["b", "", ""], 2), "");
        assert_eq!(filled(&["x", "b", "", ""], 0), "");
        assert_eq!(sheet.selected, 3);
        // A line that is gone leaves its place to another.
        sheet.fill(String::new(), rows(&["x", "y"]));
        assert_eq!(sheet.selected, 1);
        // At the beginning the beginning stays.
        sheet.move_by(-1, 10);
        sheet.fill(String::new(), rows(&["new", "x", "y"]));
        assert_eq!(sheet.selected, 0);
    }
}
