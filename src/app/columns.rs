//! The columns of the event list: those that were chosen, what each says of an event, and the widest
//! text that it has said so far.
//!
//! Draws nothing, and asks the store for nothing more than the list has anyway.

pub mod chooser;

use unicode_width::UnicodeWidthStr as _;

use crate::app::App;
use crate::app::filter_bar::term;
use crate::app::notice::Level;
use crate::core::aggregate::Subject;
use crate::core::column::{Column, Shown, record, texts};
use crate::core::event::{Event, Field};
use crate::core::query::diagnostic::Diagnostic;
use crate::core::query::parse::parse;
use crate::core::query::resolve::resolve;
use crate::core::query::subject::{self, Unnamed};
use crate::core::sanitise::safe;

/// What the list shows where nobody has chosen: it draws that in its own way, with the service where
/// there is room and what went wrong beside the resource.
const USUAL: [Shown; 5] = [
    Shown::At,
    Shown::Outcome,
    Shown::Field(Field::Actor),
    Shown::Field(Field::Action),
    Shown::Field(Field::Resource),
];

/// Characters of a value that are looked at: more than any terminal is wide.
const LONGEST: usize = 1_000;

/// Events on either side of the selected one that are measured when columns change.
const MEASURED: usize = 500;

/// A column that was chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// Its name, as typed.
    pub name: String,
    /// What it shows; `None` where the name means nothing in this store, as far as is known.
    pub shown: Option<Shown>,
    /// The widest text so far, in cells.
    pub widest: usize,
    /// Whether it was told what is wrong with the name.
    is_told: bool,
}

/// What a column says of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// This.
    Says(String),
    /// The event has no such value.
    Absent,
    /// The record is longer than what a list holds of it.
    Unread,
    /// Nobody knows what the column means.
    Meaningless,
}

/// Whether a sample of the store's records has told names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Sample {
    /// Not yet.
    #[default]
    Awaited,
    /// Yes.
    There,
}

/// The columns of the list.
#[derive(Clone, Debug, Default)]
pub struct Columns {
    /// From left to right; none where nobody has chosen.
    chosen: Vec<Chosen>,
    sample: Sample,
}

impl Chosen {
    fn new(name: String, shown: Option<Shown>) -> Self {
        Self {
            name,
            shown,
            widest: 0,
            is_told: false,
        }
    }

    /// Under the name that the screen has for it.
    fn usual(shown: Shown) -> Self {
        Self::new(name(&shown), Some(shown))
    }
}

/// What the screen calls a column: as a filter does.
fn name(shown: &Shown) -> String {
    match shown {
        Shown::Field(field) => term::spelling(*field).to_owned(),
        Shown::Own(own) => term::name(&Subject::Own(own.clone())),
        plain => Column::plain(plain.clone()).name,
    }
}

impl Cell {
    fn width(&self) -> usize {
        match self {
            Self::Says(text) => safe(text).width(),
            Self::Absent | Self::Unread | Self::Meaningless => 1,
        }
    }
}

impl Columns {
    /// From left to right; none where nobody has chosen.
    pub fn chosen(&self) -> &[Chosen] {
        &self.chosen
    }

    /// Their names; none where nobody has chosen.
    pub fn names(&self) -> Vec<String> {
        self.chosen.iter().map(|one| one.name.clone()).collect()
    }

    /// The same, also where nobody has chosen.
    fn shown(&self) -> Vec<Chosen> {
        if self.chosen.is_empty() {
            return USUAL.into_iter().map(Chosen::usual).collect();
        }
        self.chosen.clone()
    }

    /// Takes these; what the list shows anyway is no choice.
    fn take(&mut self, chosen: Vec<Chosen>) {
        let shown = chosen.iter().map(|one| one.shown.as_ref());
        self.chosen = if shown.eq(USUAL.iter().map(Some)) {
            Vec::new()
        } else {
            chosen
        };
    }

    /// What each says of an event. Several values are counted, because one alone would hide the
    /// others.
    pub fn cells(&self, event: &Event) -> Vec<Cell> {
        let shown = self.chosen.iter().filter_map(|one| one.shown.as_ref());
        let record = record(shown, event);
        let cell = |one: &Chosen| {
            let Some(shown) = &one.shown else {
                return Cell::Meaningless;
            };
            if shown.reads_record() && record.is_none() {
                return Cell::Unread;
            }
            match texts(shown, event, record.as_ref()).as_slice() {
                [] => Cell::Absent,
                [one] => Cell::Says(one.chars().take(LONGEST).collect()),
                [first, others @ ..] => {
                    let first: String = first.chars().take(LONGEST).collect();
                    Cell::Says(format!("{first} +{}", others.len()))
                }
            }
        };
        self.chosen.iter().map(cell).collect()
    }

    /// Takes in how wide these events are.
    pub(super) fn measure<'e>(&mut self, events: impl IntoIterator<Item = &'e Event>) {
        if self.chosen.is_empty() {
            return;
        }
        for event in events {
            let cells = self.cells(event);
            for (one, cell) in self.chosen.iter_mut().zip(cells) {
                one.widest = one.widest.max(cell.width());
            }
        }
    }

    /// Other events are shown.
    pub(super) fn forget_widths(&mut self) {
        for one in &mut self.chosen {
            one.widest = 0;
        }
    }
}

impl App {
    /// Shows the columns of these names; those that a list has anyway when there is none.
    pub(super) fn set_columns(&mut self, names: &[String]) {
        let chosen = names.iter().map(|name| Chosen::new(name.clone(), None));
        self.columns.chosen = chosen.collect();
        self.read_columns();
    }

    /// The names of the profile are known, those of the records not yet.
    pub(super) fn await_sample(&mut self) {
        self.columns.sample = Sample::Awaited;
        self.read_columns();
    }

    /// All names are known that will be.
    pub(super) fn sampled(&mut self) {
        self.columns.sample = Sample::There;
        self.read_columns();
    }

    /// Looks up what names mean; says what is wrong with them once that is certain.
    fn read_columns(&mut self) {
        if self.description().is_none() || self.columns.chosen.is_empty() {
            return;
        }
        let mut chosen = std::mem::take(&mut self.columns.chosen);
        for one in chosen.iter_mut().filter(|one| !one.is_told) {
            let read = self.read_column(&one.name);
            one.is_told = self.columns.sample == Sample::There;
            match read {
                Ok((shown, warnings)) => {
                    one.shown = Some(shown);
                    for warning in warnings.into_iter().filter(|_| one.is_told) {
                        self.notify(Level::Info, warning.message, warning.hint);
                    }
                }
                Err(error) if one.is_told => {
                    self.notify(Level::Error, error.message, Some(error.hint));
                }
                Err(_) => {}
            }
        }
        self.columns.take(chosen);
        self.measure_columns();
    }

    /// What a name shows, by the same rules as in a filter.
    fn read_column(&self, name: &str) -> Result<(Shown, Vec<Diagnostic>), Unnamed> {
        if let Some(column) = Column::known(name) {
            return Ok((column.shown, Vec::new()));
        }
        let parsed = parse(&subject::question(name));
        let resolved = resolve(&parsed, &self.catalog, self.moment());
        let (subject, warnings) = subject::answer(name, resolved)?;
        Ok((Column::of(name, subject).shown, warnings))
    }

    /// The columns are others, the events are those that are held.
    fn measure_columns(&mut self) {
        self.columns.forget_widths();
        self.columns.measure(self.timeline.near(MEASURED));
    }
}

#[cfg(test)]
mod tests;
