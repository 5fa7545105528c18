//! The facets: headings with how many values there are, values with bars and counts.

use ratatui::layout::Rect;

use crate::app::command::Polarity;
use crate::app::facets::Line;
use crate::app::facets::facet::{Basis, Extent, Facet, Row, State, Variety};
use crate::app::layout::Regions;
use crate::app::{App, Focus};
use crate::core::number::grouped;
use crate::ui::number::short;
use crate::ui::pen::{Pen, width};
use crate::ui::theme::Role;
use crate::ui::{Caret, Focused, NOTHING, pane_title, region, split_top};

/// Columns that are left for a bar beside long names.
const BAR: u16 = 4;

/// Columns of a name at most; the bar begins after it.
const NAME: u16 = 48;

/// Draws title and lines; gives where the caret stands when a part of a value is being typed.
pub fn draw(pen: &mut Pen<'_>, area: Rect, app: &App, regions: &mut Regions) -> Caret {
    let (top, body) = split_top(area, 1);
    let focused = Focused::of(app, Focus::Facets);
    pane_title(pen, top, focused, "facets", note(app));
    regions.facets = region(body);
    let lines = app.facets.lines();
    let cursor = app.facets.cursor();
    let first = first(cursor, lines.len(), usize::from(body.height));
    let mut caret = None;
    let ys = body.top()..body.bottom();
    for (y, (number, line)) in ys.zip(lines.iter().enumerate().skip(first)) {
        let at = Rect {
            y,
            height: 1,
            ..body
        };
        if let Line::Heading(facet) | Line::Row(facet, _) | Line::Note(facet) = line {
            regions.seen_facets.insert(*facet);
        }
        let found = draw_line(pen, at, app, *line);
        caret = caret.or(found);
        if number == cursor {
            select(pen, at, focused);
        }
    }
    caret.filter(|_| app.is_narrowing() && app.overlays.is_empty())
}

fn note(app: &App) -> &'static str {
    if app.shows_previous() {
        "previous filter"
    } else if app.facets.is_stopped() {
        "stopped; F5 counts"
    } else if app.facets.is_asking() {
        "counting"
    } else {
        ""
    }
}

/// The first line that is shown, so that the cursor is seen and a few lines after it.
fn first(cursor: usize, lines: usize, height: usize) -> usize {
    const AFTER: usize = 3;
    let wanted = (cursor + AFTER + 1).saturating_sub(height).min(cursor);
    wanted.min(lines.saturating_sub(height))
}

fn select(pen: &mut Pen<'_>, at: Rect, focused: Focused) {
    let role = match focused {
        Focused::Yes => Role::Selection,
        Focused::No => return,
    };
    pen.put(at.x, at.y, 1, "▌", Role::Prompt);
    let style = pen.style(role);
    pen.buf.set_style(at, style);
}

fn draw_line(pen: &mut Pen<'_>, at: Rect, app: &App, line: Line) -> Caret {
    let facet = |number: usize| app.facets.list.get(number);
    match line {
        Line::Gap => {}
        Line::Lacks => {
            let lacks = app.facets.lacks.join(", no ");
            let text = format!("no {lacks}: the store does not say");
            pen.put(at.x + 1, at.y, at.width.saturating_sub(1), &text, Role::Dim);
        }
        Line::Heading(number) => {
            if let Some(facet) = facet(number) {
                let is_here = number == app.facets.facet;
                heading(pen, at, facet, is_here.into());
            }
        }
        Line::Narrow(number) => return facet(number).map(|facet| narrow(pen, at, facet)),
        Line::Row(number, place) => {
            if let Some(facet) = facet(number)
                && let Some(row) = facet.rows().nth(place)
            {
                draw_row(pen, at, facet, row);
                if facet.state == State::Due || app.shows_previous() {
                    let dim = pen.style(Role::Dim);
                    pen.buf.set_style(at, dim);
                }
            }
        }
        Line::Note(number) => {
            if let Some(facet) = facet(number) {
                let (text, role) = say(facet);
                pen.put(at.x + 2, at.y, at.width.saturating_sub(2), &text, role);
            }
        }
    }
    None
}

/// `▾ user (12)`; what is not about all events says so.
fn heading(pen: &mut Pen<'_>, at: Rect, facet: &Facet, focused: Focused) {
    let mark = match facet.extent {
        Extent::Closed => "▸ ",
        Extent::Few | Extent::Many => "▾ ",
    };
    let role = match focused {
        Focused::Yes => Role::TitleFocus,
        Focused::No => Role::Title,
    };
    let (text, about) = far(facet);
    let room = at.width.saturating_sub(2);
    let cells = u16::try_from(width(&text)).unwrap_or(room).min(room);
    let name = room.saturating_sub(cells + 1);
    let pieces = [(mark, Role::Rule), (facet.name.as_str(), role)];
    pen.row(at.x + 1, at.y, name, &pieces);
    let right = Rect {
        width: at.width.saturating_sub(1),
        ..at
    };
    pen.right(right, &[(&text, about)]);
}

/// How many values there are, or how far counting is.
fn far(facet: &Facet) -> (String, Role) {
    match (&facet.state, facet.basis()) {
        (State::Failed(_), _) => ("failed".to_owned(), Role::Error),
        (State::Due, _) if facet.extent != Extent::Closed => {
            let far = facet.far.map_or_else(
                || "…".to_owned(),
                |far| format!("{:.0} %", (far * 100.0).floor()),
            );
            (far, Role::Pending)
        }
        (_, None) => (String::new(), Role::Dim),
        (_, Some(Basis::Newest(events))) => {
            (format!("~ newest {}", grouped(events)), Role::Warning)
        }
        (_, Some(Basis::All)) => {
            let shown = facet.rows().count();
            let variety = match facet.variety() {
                Some(Variety::Values(values)) => format!("({})", grouped(values as u64)),
                Some(Variety::Many) => format!("({shown} of many)"),
                None => String::new(),
            };
            (variety, Role::Dim)
        }
    }
}

fn narrow(pen: &mut Pen<'_>, at: Rect, facet: &Facet) -> (u16, u16) {
    let input = &facet.narrow;
    let after = pen.put(at.x + 2, at.y, at.width, "/ ", Role::Prompt);
    let room = at.right().saturating_sub(after);
    // What is being typed is seen, whatever stands before it.
    let scroll = input.visual_scroll(usize::from(room.max(2)) - 1);
    let seen: String = input.value().chars().skip(scroll).collect();
    let end = pen.put(after, at.y, room, &seen, Role::Text);
    let before = input.value().chars().take(input.cursor());
    let typed: String = before.skip(scroll).collect();
    let x = after.saturating_add(u16::try_from(width(&typed)).unwrap_or(u16::MAX));
    (x.min(end).min(at.right().saturating_sub(1)), at.y)
}

fn say(facet: &Facet) -> (String, Role) {
    match (&facet.state, facet.error()) {
        (State::Failed(why), _) => (why.clone(), Role::Error),
        (State::Due, _) if facet.basis().is_none() => ("counting…".to_owned(), Role::Dim),
        (_, Some(error)) if facet.rows().next().is_some() => {
            let text = format!("too many: up to {} too small", short(error));
            (text, Role::Warning)
        }
        _ if !facet.narrow.value().is_empty() => ("no value has this".to_owned(), Role::Dim),
        _ => ("no event".to_owned(), Role::Dim),
    }
}

/// `✓ alice ███████ 842`
fn draw_row(pen: &mut Pen<'_>, at: Rect, facet: &Facet, row: &Row) {
    let (mark, role) = match row.mark {
        Some(Polarity::With) => ("✓", Role::Ok),
        Some(Polarity::Without) => ("-", Role::Failed),
        None => (" ", Role::Text),
    };
    pen.put(at.x + 1, at.y, 1, mark, role);
    let left = at.x + 3;
    let counts = facet.rows().map(|row| width(&counted(facet, row.count).0));
    let counts = u16::try_from(counts.max().unwrap_or(0)).unwrap_or(0);
    let room = at.width.saturating_sub(5 + counts);
    let names = facet.rows().map(|row| width(named(row)));
    let longest = u16::try_from(names.max().unwrap_or(0)).unwrap_or(u16::MAX);
    let most = (room.saturating_sub(BAR)).clamp(1, NAME);
    let name = longest.min(most);
    let role = match row.value {
        Some(_) => Role::Text,
        None => Role::Dim,
    };
    pen.put(left, at.y, name, named(row), role);
    let largest = facet.rows().filter_map(|row| row.count).max().unwrap_or(0);
    if let Some(count) = row.count {
        let columns = room.saturating_sub(name + 1);
        pen.bar((left + name + 1, at.y), columns, (count, largest));
    }
    let right = Rect {
        width: at.width.saturating_sub(1),
        ..at
    };
    let (count, role) = counted(facet, row.count);
    pen.right(right, &[(&count, role)]);
}

/// A value, as far as there could be room for it: it may be the text of a whole page.
fn named(row: &Row) -> &str {
    const BYTES: usize = 1_024;
    match row.value.as_deref() {
        None => NOTHING,
        Some("") => "\"\"",
        Some(value) => &value[..value.floor_char_boundary(BYTES)],
    }
}

/// What is unknown is a dash, never nothing.
fn counted(facet: &Facet, count: Option<u64>) -> (String, Role) {
    let Some(count) = count else {
        return ("—".to_owned(), Role::Unknown);
    };
    match (facet.basis(), facet.error()) {
        (Some(Basis::Newest(_)), _) => (format!("~{}", short(count)), Role::Warning),
        (_, Some(_)) => (format!("≥{}", short(count)), Role::Warning),
        _ => (short(count), Role::Text),
    }
}
