//! The list from which columns are chosen: those that are on, in their order, and what else there is.
//! What is chosen shows at once.

use tui_input::Input;

use crate::app::columns::{Chosen, name};
use crate::app::command::{ColumnAction, Direction};
use crate::app::fuzzy;
use crate::app::notice::Level;
use crate::app::overlay::Overlay;
use crate::app::{App, Effect};
use crate::core::column::{Column, Shown};
use crate::core::query::diagnostic::Diagnostic;

/// A column on offer.
#[derive(Clone, Debug)]
pub struct Line {
    /// Its name.
    pub name: String,
    /// A word about it.
    pub about: String,
    /// Its place among those that are on, from 0.
    pub place: Option<usize>,
    /// Which characters of the name were typed.
    pub hits: Vec<usize>,
    shown: Option<Shown>,
}

/// The list.
#[derive(Clone, Debug, Default)]
pub struct Chooser {
    /// What was typed.
    pub input: Input,
    lines: Vec<Line>,
    at: usize,
    /// Why what was typed is no column, where it is none.
    pub mistake: Option<String>,
}

impl Line {
    fn new(name: String, about: impl Into<String>, shown: Option<Shown>) -> Self {
        Self {
            name,
            about: about.into(),
            place: None,
            hits: Vec::new(),
            shown,
        }
    }
}

impl Chooser {
    /// Its lines: those that are on first, or what fits best to what was typed.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// Which of them has the cursor.
    pub fn at(&self) -> usize {
        self.at
    }

    /// Goes to another line, round and round.
    pub fn step(&mut self, direction: Direction) {
        let count = self.lines.len();
        if count > 0 {
            self.at = match direction {
                Direction::Forward => (self.at + 1) % count,
                Direction::Backward => (self.at + count - 1) % count,
            };
        }
    }
}

impl App {
    pub(in crate::app) fn perform_on_columns(&mut self, action: ColumnAction) -> Vec<Effect> {
        match action {
            ColumnAction::Choose => {
                self.overlays.push(Overlay::Columns(Box::default()));
                self.refill_columns(None);
            }
            ColumnAction::Shift(direction) => self.shift_column(direction),
            ColumnAction::Reset => {
                self.columns.take(Vec::new());
                self.refill_columns(None);
            }
        }
        Vec::new()
    }

    fn chooser_mut(&mut self) -> Option<&mut Chooser> {
        match self.overlays.last_mut() {
            Some(Overlay::Columns(chooser)) => Some(chooser),
            _ => None,
        }
    }

    /// The line with the cursor.
    fn chosen_line(&mut self) -> Option<Line> {
        let chooser = self.chooser_mut()?;
        chooser.lines.get(chooser.at).cloned()
    }

    /// Puts the column with the cursor behind the others, or takes it off.
    pub(in crate::app) fn toggle_column(&mut self) -> Vec<Effect> {
        let Some(line) = self.chosen_line() else {
            return Vec::new();
        };
        let mut chosen = self.columns.shown();
        match line.place {
            Some(_) if chosen.len() == 1 => {
                let text = "a list needs a column: put another one on first";
                self.notify(Level::Info, text, None);
                return Vec::new();
            }
            Some(place) => drop(chosen.remove(place)),
            None => {
                let mut column = Chosen::new(line.name.clone(), line.shown);
                column.is_told = true;
                chosen.push(column);
            }
        }
        self.change_columns(chosen, &line.name);
        Vec::new()
    }

    /// Moves the column with the cursor among those that are on.
    fn shift_column(&mut self, direction: Direction) {
        let Some(line) = self.chosen_line() else {
            return;
        };
        let mut chosen = self.columns.shown();
        let Some(from) = line.place else {
            let text = format!("{} is not on: Enter puts it on", line.name);
            self.notify(Level::Info, text, None);
            return;
        };
        let to = match direction {
            Direction::Forward => from + 1,
            Direction::Backward => from.wrapping_sub(1),
        };
        if to < chosen.len() {
            chosen.swap(from, to);
            self.change_columns(chosen, &line.name);
        }
    }

    fn change_columns(&mut self, chosen: Vec<Chosen>, keep: &str) {
        self.columns.take(chosen);
        self.measure_columns();
        self.refill_columns(Some(keep));
    }

    /// Lists anew what fits to what is typed, with the cursor on a name where that is there.
    pub(in crate::app) fn refill_columns(&mut self, keep: Option<&str>) {
        let Some(chooser) = self.chooser_mut() else {
            return;
        };
        let typed = chooser.input.value().trim().to_owned();
        let items = self.all_columns();
        let ranked = fuzzy::rank(&typed, items.iter().map(|item| item.name.as_str()));
        let mut lines: Vec<Line> = ranked
            .into_iter()
            .map(|ranked| Line {
                hits: ranked.hits,
                ..items[ranked.index].clone()
            })
            .collect();
        let mut mistake = None;
        if !typed.is_empty() {
            match self.read_column(&typed) {
                Ok((shown, warnings)) => put_typed(&mut lines, typed, shown, &warnings),
                Err(error) => mistake = Some(format!("{} · {}", error.message, error.hint)),
            }
        }
        let at = keep.and_then(|keep| lines.iter().position(|line| line.name == keep));
        if let Some(chooser) = self.chooser_mut() {
            chooser.at = at.unwrap_or(0);
            chooser.lines = lines;
            chooser.mistake = mistake;
        }
    }

    /// Every column: those that are on, and what the store has beside them.
    fn all_columns(&self) -> Vec<Line> {
        let chosen = self.columns.shown();
        let on = |(place, one): (usize, &Chosen)| {
            let about = match &one.shown {
                Some(shown) => self.about(shown),
                None => "means nothing in this store".to_owned(),
            };
            Line {
                place: Some(place),
                ..Line::new(one.name.clone(), about, one.shown.clone())
            }
        };
        let plain = [Shown::At, Shown::Id, Shown::Payload];
        let plain = plain.map(|shown| Line::new(name(&shown), self.about(&shown), Some(shown)));
        let subjects = self.said_subjects().into_iter().map(|(subject, about)| {
            let shown = Column::of("", subject).shown;
            Line::new(name(&shown), about, Some(shown))
        });
        let is_off = |line: &Line| !chosen.iter().any(|one| one.shown == line.shown);
        let off = plain.into_iter().chain(subjects).filter(is_off);
        chosen.iter().enumerate().map(on).chain(off).collect()
    }

    fn about(&self, shown: &Shown) -> String {
        match shown {
            Shown::Payload => "the whole record".to_owned(),
            Shown::Own(own) => own.about.clone(),
            Shown::Path(path) => {
                let seen = self.catalog.paths.get(path);
                let different = seen.map_or(0, |facts| facts.values.len());
                format!("payload, {different} different seen")
            }
            Shown::Id | Shown::At | Shown::Outcome | Shown::Field(_) => "event field".to_owned(),
        }
    }
}

/// What was typed to the end is meant: it comes first. A path that no event has may be a beginning,
/// and stands below the best guess.
fn put_typed(lines: &mut Vec<Line>, typed: String, shown: Shown, warnings: &[Diagnostic]) {
    let known = lines
        .iter()
        .position(|line| line.shown.as_ref() == Some(&shown));
    let about = warnings
        .first()
        .map_or("as typed", |warning| &warning.message);
    let line = known.map(|known| lines.remove(known));
    let line = line.unwrap_or_else(|| Line::new(typed, about, Some(shown)));
    let place = if warnings.is_empty() {
        0
    } else {
        lines.len().min(1)
    };
    lines.insert(place, line);
}
