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
    /// Takes other lines; the selection stays where it can.
    pub fn fill(&mut self, title: String, rows: Vec<Row>) {
        self.title = title;
        self.rows = rows;
        self.selected = self.selected.min(self.rows.len().saturating_sub(1));
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
