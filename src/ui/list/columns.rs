//! The event list with columns that somebody has chosen: a line of their names, and each event below
//! it.
//!
//! Does not decide what they say; that is `app::columns`.

use ratatui::layout::Rect;

use crate::app::App;
use crate::app::columns::{Cell, Chosen};
use crate::app::histogram::is_failure;
use crate::core::column::Shown;
use crate::core::event::{Event, Field};
use crate::ui::list::{outcome, time};
use crate::ui::pen::{Pen, width};
use crate::ui::theme::Role;

/// No column gets narrower than this, in cells, unless all it says is shorter.
const LEAST: u16 = 8;

/// Outcomes are words of a known length.
const OUTCOME: u16 = 7;

/// How wide each column is; the last one takes what is left.
pub struct Layout {
    cells: Vec<u16>,
    /// Columns that have no room.
    hidden: usize,
}

impl Layout {
    /// The widths in a list of `room` cells, of which the first is the selection's mark. What is too
    /// much is taken from the widest; columns that still have no room are left out at the right.
    pub fn of(columns: &[Chosen], room: u16) -> Self {
        let room = usize::from(room.saturating_sub(1));
        let wished: Vec<u16> = columns.iter().map(|one| wished(one, room)).collect();
        for shown in (1..=columns.len()).rev() {
            let mut cells = wished[..shown].to_vec();
            if shrink(&mut cells, &columns[..shown], room) || shown == 1 {
                let hidden = columns.len() - shown;
                return Self { cells, hidden };
            }
        }
        Self {
            cells: Vec::new(),
            hidden: 0,
        }
    }

    /// Draws the names.
    pub fn draw_names(&self, pen: &mut Pen<'_>, row: Rect, columns: &[Chosen]) {
        let mut x = row.x + 1;
        for ((one, cells), place) in columns.iter().zip(&self.cells).zip(1..) {
            let room = self.room(place, *cells, x, row);
            pen.put(x, row.y, room, &ending(&one.name, room), Role::Dim);
            x += room + 1;
        }
        if self.hidden > 0 {
            let note = format!(" +{} more ", self.hidden);
            pen.right(row, &[(&note, Role::Warning)]);
        }
    }

    /// Draws an event.
    pub fn draw_event(&self, pen: &mut Pen<'_>, row: Rect, app: &App, event: &Event) {
        let columns = app.columns.chosen();
        let mut x = row.x + 1;
        let said = app.columns.cells(event);
        let all = columns.iter().zip(&self.cells).zip(said).zip(1..);
        for (((one, cells), cell), place) in all {
            let room = self.room(place, *cells, x, row);
            let (text, role) = match (&one.shown, cell) {
                (Some(Shown::At), _) => {
                    let time = time(app, event);
                    let time = time.chars().take(usize::from(room));
                    (time.collect::<String>(), Role::Time)
                }
                (Some(Shown::Outcome), _) => {
                    let (word, role) = outcome(event.outcome);
                    (word.to_owned(), role)
                }
                (shown, Cell::Says(text)) => (text, role(shown.as_ref(), event)),
                (_, Cell::Absent) => ("—".to_owned(), Role::Unknown),
                (_, Cell::Unread) => ("…".to_owned(), Role::Dim),
                (_, Cell::Meaningless) => ("·".to_owned(), Role::Dim),
            };
            pen.put(x, row.y, room, &text, role);
            x += room + 1;
        }
    }

    fn room(&self, place: usize, cells: u16, x: u16, row: Rect) -> u16 {
        let left = row.right().saturating_sub(x);
        if place == self.cells.len() {
            left
        } else {
            cells.min(left)
        }
    }
}

/// The width that a column has where there is room for all.
fn wished(one: &Chosen, room: usize) -> u16 {
    match one.shown {
        Some(Shown::At) if room < 59 => 8,
        Some(Shown::At) => 12,
        Some(Shown::Outcome) => OUTCOME,
        _ => u16::try_from(one.widest.max(width(&one.name)).min(room)).unwrap_or(u16::MAX),
    }
}

/// Takes width from the widest until the line fits: from names that are longer than all they stand
/// above, then from what is said; whether it does.
fn shrink(cells: &mut [u16], columns: &[Chosen], room: usize) -> bool {
    let gaps = cells.len().saturating_sub(1);
    let is_fixed = |one: &Chosen| matches!(one.shown, Some(Shown::At | Shown::Outcome));
    loop {
        let total = cells.iter().map(|cells| usize::from(*cells)).sum::<usize>() + gaps;
        if total <= room {
            return true;
        }
        let narrower = cells.iter_mut().zip(columns);
        let narrower = narrower.filter(|(cells, one)| !is_fixed(one) && **cells > LEAST);
        let widest =
            narrower.max_by_key(|(cells, one)| (usize::from(**cells) > one.widest, **cells));
        let Some((widest, _)) = widest else {
            return false;
        };
        *widest -= 1;
    }
}

/// The end of a name that is too long: that is where paths differ.
fn ending(name: &str, room: u16) -> String {
    if width(name) <= usize::from(room) || !name.starts_with('.') {
        return name.to_owned();
    }
    let mut tail = name;
    while width(tail) + 1 > usize::from(room) {
        let mut chars = tail.chars();
        if chars.next().is_none() {
            break;
        }
        tail = chars.as_str();
    }
    format!("…{tail}")
}

fn role(shown: Option<&Shown>, event: &Event) -> Role {
    match shown {
        Some(Shown::Field(Field::Actor)) => Role::Actor,
        Some(Shown::Field(Field::Action)) => Role::Action,
        Some(Shown::Field(Field::Service)) => Role::Service,
        Some(Shown::Field(Field::Resource)) => Role::Resource,
        Some(Shown::Field(Field::Status)) if is_failure(event.outcome) => outcome(event.outcome).1,
        _ => Role::Text,
    }
}
