//! Two events and what differs: two columns where there is room for them, one below the other
//! elsewhere.

use ratatui::layout::Rect;
use unicode_segmentation::UnicodeSegmentation as _;

use crate::app::App;
use crate::app::inquiry::compare::{Compare, Known, Line, Pair};
use crate::core::diff::{Change, Row};
use crate::core::event::{Event, Field};
use crate::core::number::grouped;
use crate::ui::list::outcome;
use crate::ui::pen::{Pen, width};
use crate::ui::split_top;
use crate::ui::theme::Role;

/// From this width of the panel on the two values stand side by side.
const TWO_COLUMNS: u16 = 96;

/// Lines of one value at most.
const TALLEST: usize = 6;

/// Draws the panel; gives where its lines are.
pub fn draw(pen: &mut Pen<'_>, area: Rect, app: &App, open: &Compare) -> Rect {
    let pair = match &open.known {
        Known::Pair(pair) => pair,
        Known::Asking => {
            return said(
                pen,
                area,
                "looking for both events… Ctrl-C stops",
                Role::Dim,
            );
        }
        Known::Nothing(why) => return said(pen, area, why, Role::Warning),
    };
    let (top, rest) = split_top(area, 2);
    let sides = [
        (&pair.before, "−", Role::Failed),
        (&pair.after, "+", Role::Ok),
    ];
    for (y, (name, (event, mark, role))) in (top.y..).zip(open.names.iter().zip(sides)) {
        let line = Rect {
            y,
            height: 1,
            ..top
        };
        if y < top.bottom() {
            heading(pen, line, app, (mark, role, name), event);
        }
    }
    let (sum, body) = split_top(rest, 1);
    summary(pen, sum, pair);
    let lines = open.lines();
    let mut y = body.y;
    for line in lines.iter().skip(open.scroll.min(lines.len())) {
        if y >= body.bottom() {
            break;
        }
        let left = Rect {
            y,
            height: body.bottom() - y,
            ..body
        };
        y += match line {
            Line::Same(count) => {
                let values = if *count == 1 { "value" } else { "values" };
                let text = format!("  · {count} {values} the same");
                pen.put(
                    left.x + 1,
                    y,
                    left.width.saturating_sub(1),
                    &text,
                    Role::Dim,
                );
                1
            }
            Line::Row(row) if area.width >= TWO_COLUMNS => beside(pen, left, row),
            Line::Row(row) => below(pen, left, row),
        };
    }
    body
}

/// A sentence instead of two events.
fn said(pen: &mut Pen<'_>, area: Rect, text: &str, role: Role) -> Rect {
    let width = area.width.saturating_sub(1);
    for (y, line) in (area.y..area.bottom()).zip(pieces(text, width.max(1))) {
        pen.put(area.x + 1, y, width, &line, role);
    }
    area
}

fn heading(
    pen: &mut Pen<'_>,
    line: Rect,
    app: &App,
    (mark, role, name): (&str, Role, &str),
    event: &Event,
) {
    let (word, how) = outcome(event.outcome);
    let field = |field| event.first(field).unwrap_or("—");
    let time = app.zone.full(event.at());
    let name = format!(" {name:<9} ");
    let pieces = [
        (" ", Role::Text),
        (mark, role),
        (&name, Role::Title),
        (&time, Role::Time),
        ("  ", Role::Text),
        (word, how),
        ("  ", Role::Text),
        (field(Field::Actor), Role::Actor),
        ("  ", Role::Text),
        (field(Field::Action), Role::Action),
        ("  #", Role::Dim),
        (event.id.as_str(), Role::Dim),
    ];
    pen.row(line.x, line.y, line.width, &pieces);
}

fn summary(pen: &mut Pen<'_>, line: Rect, pair: &Pair) {
    if line.height == 0 {
        return;
    }
    pen.rule(line, Role::Rule);
    let (text, role) = match &pair.diff {
        Err(error) => (format!("a record is {error}"), Role::Error),
        Ok(diff) if diff.changes == 0 => ("the records are equal".to_owned(), Role::Title),
        Ok(diff) => {
            let word = if diff.changes == 1 {
                "difference"
            } else {
                "differences"
            };
            let cut = match diff.cut {
                0 => String::new(),
                cut => format!("; the last {} are only counted", grouped(cut)),
            };
            (
                format!("{} {word}{cut}", grouped(diff.changes)),
                Role::Title,
            )
        }
    };
    let text = format!(" {text} ");
    pen.put(
        line.x + 2,
        line.y,
        line.width.saturating_sub(3),
        &text,
        role,
    );
}

/// The shape and the colour of a change.
fn shape(change: Change) -> (&'static str, Role) {
    match change {
        Change::Same => ("·", Role::Dim),
        Change::Added => ("+", Role::Ok),
        Change::Removed => ("−", Role::Failed),
        Change::Changed => ("~", Role::Warning),
        Change::Moved => ("↕", Role::Warning),
    }
}

/// Path, value before and value after side by side. Gives the lines that took.
fn beside(pen: &mut Pen<'_>, area: Rect, row: &Row) -> u16 {
    let (mark, role) = shape(row.change);
    pen.put(area.x + 1, area.y, 1, mark, role);
    let path = area.width / 4;
    let value = (area.width - path - 7) / 2;
    let x = area.x + 3;
    let columns = [
        (x, path, Some(row.path.as_str()), Role::JsonKey),
        (
            x + path + 1,
            value,
            row.before.as_deref(),
            before(row.change),
        ),
        (
            x + path + value + 4,
            value,
            row.after.as_deref(),
            after(row.change),
        ),
    ];
    let mut most = 1;
    for (x, room, text, role) in columns {
        let text = text.unwrap_or_default();
        most = most.max(lines(
            pen,
            Rect {
                x,
                width: room,
                ..area
            },
            text,
            role,
        ));
    }
    if row.before.is_some() && row.after.is_some() && row.change != Change::Same {
        pen.put(x + path + value + 2, area.y, 1, "→", Role::Dim);
    }
    most
}

/// The path, and the values below it. Gives the lines that took.
fn below(pen: &mut Pen<'_>, area: Rect, row: &Row) -> u16 {
    let (mark, role) = shape(row.change);
    pen.put(area.x + 1, area.y, 1, mark, role);
    let x = area.x + 3;
    let room = area.width.saturating_sub(4);
    let after_path = pen.put(x, area.y, room, &row.path, Role::JsonKey);
    if row.change == Change::Same {
        let text = row.before.as_deref().unwrap_or_default();
        pen.put(
            after_path + 2,
            area.y,
            area.right().saturating_sub(after_path + 3),
            text,
            Role::Dim,
        );
        return 1;
    }
    let mut y = area.y + 1;
    let sides = [
        ("−", row.before.as_deref(), before(row.change)),
        ("+", row.after.as_deref(), after(row.change)),
    ];
    for (mark, text, role) in sides {
        let Some(text) = text.filter(|_| y < area.bottom()) else {
            continue;
        };
        pen.put(x, y, 1, mark, role);
        let lower = Rect {
            x: x + 2,
            y,
            width: room.saturating_sub(2),
            height: area.bottom() - y,
        };
        y += lines(pen, lower, text, role);
    }
    y - area.y
}

fn before(change: Change) -> Role {
    if change == Change::Same {
        Role::Dim
    } else {
        Role::Failed
    }
}

fn after(change: Change) -> Role {
    if change == Change::Same {
        Role::Dim
    } else {
        Role::Ok
    }
}

/// A text in as many lines as it takes, up to the tallest. Gives how many.
fn lines(pen: &mut Pen<'_>, area: Rect, text: &str, role: Role) -> u16 {
    let all = pieces(text, area.width);
    let shown = all.len().min(TALLEST).min(usize::from(area.height));
    for (y, (place, line)) in (area.y..).zip(all.iter().take(shown).enumerate()) {
        pen.put(area.x, y, area.width, line, role);
        if place + 1 == shown && all.len() > shown {
            pen.put(
                (area.x + area.width).saturating_sub(1),
                y,
                1,
                "…",
                Role::Dim,
            );
        }
    }
    u16::try_from(shown.max(1)).unwrap_or(1)
}

/// A text cut into pieces of at most so many cells.
fn pieces(text: &str, room: u16) -> Vec<String> {
    let room = usize::from(room.max(1));
    let mut lines: Vec<String> = Vec::new();
    let mut used = room;
    for grapheme in text.graphemes(true) {
        let cells = width(grapheme);
        if used + cells > room {
            if lines.len() > TALLEST {
                break;
            }
            lines.push(String::new());
            used = 0;
        }
        used += cells;
        if let Some(line) = lines.last_mut() {
            line.push_str(grapheme);
        }
    }
    lines
}
