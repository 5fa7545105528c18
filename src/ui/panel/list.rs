//! A list whose lines lead to events: labels, words, numbers, bars.

use ratatui::layout::Rect;

use crate::app::inquiry::sheet::{Figure, Row, Sheet, Tone};
use crate::ui::histogram::BLOCKS;
use crate::ui::pen::{Pen, width};
use crate::ui::theme::Role;

/// Columns of an hour.
const HOUR: u16 = 2;

/// Columns of the numbers.
const NUMBER: u16 = 11;

/// Columns of the longest bar.
const LONGEST: u16 = 30;

/// Draws the lines around the selected one.
pub fn draw(pen: &mut Pen<'_>, area: Rect, sheet: &Sheet) {
    let height = usize::from(area.height);
    let last = sheet.rows.len().saturating_sub(height);
    let lowest = (sheet.selected + 1).saturating_sub(height);
    let top = sheet
        .top
        .clamp(lowest, sheet.selected.max(lowest))
        .min(last);
    let most = area.width * 2 / 5;
    let widest = |wanted: fn(&&Row) -> bool| {
        let labels = sheet.rows.iter().filter(wanted);
        let cells = labels.map(|row| width(&row.label)).max().unwrap_or(0);
        u16::try_from(cells).unwrap_or(u16::MAX)
    };
    let beside_words = widest(|row| !row.text.is_empty()).min(most);
    let beside_bars = widest(|row| matches!(row.figure, Figure::Bar(..)));
    let labels = (beside_words, beside_bars);
    let rows = sheet.rows.iter().enumerate().skip(top);
    for (y, (place, row)) in (area.y..area.bottom()).zip(rows) {
        let line = Rect {
            y,
            height: 1,
            ..area
        };
        draw_row(pen, line, row, labels);
        if place == sheet.selected {
            let style = pen.style(Role::Selection);
            pen.put(line.x, y, 1, "▌", Role::Prompt);
            pen.buf.set_style(line, style);
        }
    }
}

/// `labels` are the columns of labels beside words, and beside bars.
fn draw_row(pen: &mut Pen<'_>, line: Rect, row: &Row, labels: (u16, u16)) {
    let role = match row.tone {
        Tone::Heading => Role::Title,
        Tone::Plain => Role::Text,
        Tone::Quiet => Role::Dim,
        Tone::Odd => Role::Warning,
        Tone::New => Role::Failed,
    };
    let x = line.x + 2;
    let number = if row.number.is_empty() { 0 } else { NUMBER };
    let room = line.width.saturating_sub(3 + number);
    match &row.figure {
        Figure::Words => {
            // Without words beside it a label has all the room.
            let is_alone = row.text.is_empty();
            let own = if is_alone { room } else { labels.0.min(room) };
            pen.put(x, line.y, own, &row.label, role);
            let beside = if row.label.is_empty() { 0 } else { own + 2 };
            let left = room.saturating_sub(beside);
            pen.put(x + beside, line.y, left, &row.text, role);
        }
        Figure::Bar(part, whole) => {
            let own = labels.1.min(room.saturating_sub(14).max(room / 2));
            pen.put(x, line.y, own, &row.label, role);
            let left = room.saturating_sub(own + 2).min(LONGEST);
            bar(pen, (x + own + 1, line.y), left, (*part, *whole));
        }
        Figure::Hours(hours) => draw_hours(pen, (x, line.y), hours),
        Figure::Scale(own) => scale(pen, (x, line.y), *own),
    }
    if number > 0 {
        let cells = u16::try_from(width(&row.number)).unwrap_or(number);
        let cells = cells.min(number);
        let x = line.right().saturating_sub(cells + 1);
        pen.put(x, line.y, cells, &row.number, role);
    }
}

fn draw_hours(pen: &mut Pen<'_>, (x, y): (u16, u16), hours: &[u64; 24]) {
    let most = hours.iter().copied().max().unwrap_or(0).max(1);
    for (column, events) in (0..).step_by(usize::from(HOUR)).zip(hours) {
        let step = (u128::from(*events) * 8).div_ceil(u128::from(most));
        let step = usize::try_from(step)
            .ok()
            .and_then(|step| step.checked_sub(1));
        let (glyph, role) = match step.and_then(|step| BLOCKS.get(step)) {
            Some(glyph) => (*glyph, Role::Bar),
            None => ("·", Role::Dim),
        };
        pen.put(x + column, y, 1, glyph, role);
    }
}

fn scale(pen: &mut Pen<'_>, (x, y): (u16, u16), own: Option<usize>) {
    for hour in (0..24_u16).step_by(3) {
        pen.put(x + hour * HOUR, y, 2, &format!("{hour:02}"), Role::Dim);
    }
    if let Some(own) = own.and_then(|own| u16::try_from(own).ok()) {
        pen.put(x + own * HOUR, y, 2, "▲ ", Role::Warning);
        pen.put(x + 24 * HOUR + 1, y, 14, "▲ this event", Role::Warning);
    }
}

fn bar(pen: &mut Pen<'_>, (x, y): (u16, u16), room: u16, (part, whole): (u64, u64)) {
    let cells = (u128::from(part) * u128::from(room)).div_ceil(u128::from(whole.max(1)));
    let cells = u16::try_from(cells).unwrap_or(room).min(room);
    for column in 0..cells {
        pen.put(x + column, y, 1, "█", Role::Bar);
    }
}
