//! What lies over the panes: help and other texts, lists to pick from, the search line; and the
//! screen that says why there is no connection.

mod columns;

use ratatui::layout::Rect;
use ratatui::widgets::{Block, Clear, Widget as _};

use tui_input::Input;

use crate::app::layout::Regions;
use crate::app::overlay::{Overlay, Picker, Reader};
use crate::app::{App, Focus};
use crate::store::StoreError;
use crate::ui::pen::{Pen, width};
use crate::ui::theme::Role;
use crate::ui::{Caret, panel, region, split_bottom, typing_over};

/// Lines of a list to pick from.
const PICKED: u16 = 14;

/// Draws what is on top; gives where its caret stands.
pub fn draw(pen: &mut Pen<'_>, area: Rect, app: &App, regions: &mut Regions) -> Caret {
    let caret = match app.overlays.last()? {
        Overlay::Reader(reader) => {
            draw_reader(pen, area, reader, regions);
            None
        }
        Overlay::Picker(picker) => draw_picker(pen, area, picker),
        Overlay::Columns(chooser) => columns::draw(pen, area, chooser),
        Overlay::Naming(input) => {
            let known = app.views.find(input.value().trim());
            let note = known.map_or("", |_| "Enter replaces the one of this name ");
            Some(draw_line(pen, area, " save this view as ", input, note))
        }
        Overlay::Panel(open) => panel::draw(pen, area, app, open, regions),
        Overlay::Search { input, within } => {
            let prompt = match within {
                Focus::Inspector => " search in the event / ",
                _ => " search in what is loaded / ",
            };
            Some(draw_line(pen, area, prompt, input, ""))
        }
    };
    caret.filter(|_| typing_over(app))
}

/// A line of text in the last line, with a note beside it.
fn draw_line(pen: &mut Pen<'_>, area: Rect, prompt: &str, input: &Input, note: &str) -> (u16, u16) {
    let (_, last) = split_bottom(area, 1);
    pen.clear(last);
    let after = pen.put(last.x, last.y, last.width, prompt, Role::Prompt);
    let noted = u16::try_from(width(note)).unwrap_or(u16::MAX);
    let room = last.right().saturating_sub(after).saturating_sub(noted);
    let end = pen.put(after, last.y, room, input.value(), Role::Text);
    pen.right(last, &[(note, Role::Warning)]);
    let typed: String = input.value().chars().take(input.cursor()).collect();
    let x = after + u16::try_from(width(&typed)).unwrap_or(u16::MAX);
    (x.min(end).min(last.right().saturating_sub(1)), last.y)
}

fn centred(area: Rect, columns: u16, rows: u16) -> Rect {
    let columns = columns.min(area.width);
    let rows = rows.min(area.height);
    Rect {
        x: area.x + (area.width - columns) / 2,
        y: area.y + (area.height - rows) / 3,
        width: columns,
        height: rows,
    }
}

/// An empty box with a title. Gives what is inside.
pub(super) fn boxed(pen: &mut Pen<'_>, area: Rect, title: &str) -> Rect {
    Clear.render(area, pen.buf);
    let text = pen.style(Role::Text);
    pen.buf.set_style(area, text);
    let block = Block::bordered().border_style(pen.style(Role::RuleFocus));
    let inner = block.inner(area);
    block.render(area, pen.buf);
    let title = format!(" {title} ");
    pen.put(
        area.x + 2,
        area.y,
        area.width.saturating_sub(4),
        &title,
        Role::TitleFocus,
    );
    inner
}

fn draw_reader(pen: &mut Pen<'_>, area: Rect, reader: &Reader, regions: &mut Regions) {
    let left = reader.lines.iter().map(|(word, _)| width(word)).max();
    let left = u16::try_from(left.unwrap_or(0))
        .unwrap_or(0)
        .min(area.width / 2);
    let right = reader.lines.iter().map(|(_, text)| width(text)).max();
    let right = u16::try_from(right.unwrap_or(0)).unwrap_or(u16::MAX);
    let columns = left
        .saturating_add(right)
        .saturating_add(6)
        .min(area.width.saturating_sub(4));
    let rows = u16::try_from(reader.lines.len() + 2).unwrap_or(u16::MAX);
    let inner = boxed(
        pen,
        centred(area, columns.max(30), rows.min(area.height)),
        &reader.title,
    );
    regions.reader = region(inner);
    let last = reader.lines.len().saturating_sub(usize::from(inner.height));
    let scroll = reader.scroll.min(last);
    for (y, (word, text)) in (inner.y..inner.bottom()).zip(reader.lines.iter().skip(scroll)) {
        let role = if text.is_empty() {
            Role::TitleFocus
        } else {
            Role::Key
        };
        let room = if text.is_empty() {
            inner.width.saturating_sub(1)
        } else {
            left
        };
        pen.put(inner.x + 1, y, room, word, role);
        let x = inner.x + 1 + left + 2;
        pen.put(x, y, inner.right().saturating_sub(x), text, Role::Text);
    }
    if last > 0 {
        let note = format!(" {}/{} ", scroll + 1, last + 1);
        let bottom = Rect {
            y: inner.bottom(),
            height: 1,
            ..inner
        };
        pen.right(bottom, &[(&note, Role::Dim)]);
    }
}

fn draw_picker(pen: &mut Pen<'_>, area: Rect, picker: &Picker) -> Caret {
    let rows = u16::try_from(picker.matches().len())
        .unwrap_or(u16::MAX)
        .clamp(1, PICKED)
        + 3;
    let columns = (area.width * 3 / 4).clamp(40, 76);
    let inner = boxed(pen, centred(area, columns, rows), picker.title);
    if inner.height == 0 {
        return None;
    }
    let after = pen.put(inner.x, inner.y, inner.width, " ▸ ", Role::Prompt);
    pen.put(
        after,
        inner.y,
        inner.right().saturating_sub(after),
        picker.input.value(),
        Role::Text,
    );
    let typed: String = picker
        .input
        .value()
        .chars()
        .take(picker.input.cursor())
        .collect();
    let caret = after + u16::try_from(width(&typed)).unwrap_or(u16::MAX);
    pick_lines(pen, inner, picker);
    Some((caret.min(inner.right().saturating_sub(1)), inner.y))
}

fn pick_lines(pen: &mut Pen<'_>, inner: Rect, picker: &Picker) {
    let matches = picker.matches();
    let shown = usize::from(inner.height - 1);
    if matches.len() == 0 && shown > 0 {
        pen.put(
            inner.x + 3,
            inner.y + 1,
            inner.width.saturating_sub(3),
            picker.nothing(),
            Role::Dim,
        );
    }
    let first = (picker.chosen() + 1).saturating_sub(shown);
    let rows = (inner.y + 1..inner.bottom()).zip(matches.enumerate().skip(first));
    for (y, (place, (item, hits))) in rows {
        let row = Rect {
            y,
            height: 1,
            ..inner
        };
        let about = u16::try_from(width(&item.about))
            .unwrap_or(0)
            .min(inner.width / 2);
        let label = inner.width.saturating_sub(about + 5);
        pen.put_hits(inner.x + 3, y, label, &item.label, (Role::Text, hits));
        pen.put(
            inner.right().saturating_sub(about + 1),
            y,
            about,
            &item.about,
            Role::Key,
        );
        if place == picker.chosen() {
            pen.put(inner.x + 1, y, 1, "▸", Role::Prompt);
            let style = pen.style(Role::Selection);
            pen.buf.set_style(row, style);
        }
    }
}

/// Why there is no connection, and what can be done.
pub fn failure(pen: &mut Pen<'_>, area: Rect, app: &App, error: &StoreError) {
    let target = format!("cannot open {}", app.settings.target);
    let message = error.to_string();
    let hint = error.hint().map(|hint| format!("hint: {hint}"));
    let columns = usize::from(area.width.saturating_sub(6)).clamp(1, 90);
    let mut lines = vec![(target, Role::Error), (String::new(), Role::Text)];
    lines.extend(wrapped(&message, columns).map(|line| (line, Role::Text)));
    if let Some(hint) = hint {
        lines.push((String::new(), Role::Text));
        lines.extend(wrapped(&hint, columns).map(|line| (line, Role::Warning)));
    }
    let rows = u16::try_from(lines.len() + 2).unwrap_or(u16::MAX);
    let columns = u16::try_from(columns).unwrap_or(u16::MAX);
    let inner = centred(area, columns, rows);
    for (y, (text, role)) in (inner.y..inner.bottom()).zip(&lines) {
        pen.put(inner.x, y, inner.width, text, *role);
    }
    let y = inner.y + u16::try_from(lines.len()).unwrap_or(0) + 1;
    if y < area.bottom() {
        let keys = [
            ("r", Role::Key),
            (" connect again   ", Role::Dim),
            ("q", Role::Key),
            (" quit", Role::Dim),
        ];
        pen.row(inner.x, y, inner.width, &keys);
    }
}

/// Words in lines of at most `columns` characters.
pub fn wrapped(text: &str, columns: usize) -> impl Iterator<Item = String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if width(line) + 1 + width(word) <= columns => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.into_iter()
}
