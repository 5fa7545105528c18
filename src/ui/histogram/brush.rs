//! The histogram while it has the keys: bars as high as there is room, with failures at their foot,
//! and the brush under them.

use ratatui::layout::Rect;

use crate::app::App;
use crate::app::brush::Stroke;
use crate::app::histogram::Cell;
use crate::core::instant::Micros;
use crate::ui::histogram::{BLOCKS, span};
use crate::ui::number::short;
use crate::ui::pen::{Pen, width};
use crate::ui::theme::Role;

/// What failures are drawn with where they fill a cell: another shape than that of other events.
const FAILED: &str = "▒";

/// Columns of a bar.
pub fn wide(cells: usize, bars: Rect) -> u16 {
    let columns = usize::from(bars.width) / cells.max(1);
    u16::try_from(columns).unwrap_or(1).max(1)
}

/// Bars with their failures at the bottom.
pub fn stacked(pen: &mut Pen<'_>, bars: Rect, cells: &[Cell]) {
    let most = cells.iter().map(|cell| cell.events).max().unwrap_or(0);
    let eighths = u128::from(bars.height) * 8;
    // Whatever is there can be seen, also beside a spike.
    let level = |events: u64| (u128::from(events) * eighths).div_ceil(u128::from(most.max(1)));
    let wide = wide(cells.len(), bars);
    for (place, cell) in (0_u16..).zip(cells) {
        let (all, failed) = (level(cell.events), level(cell.failed));
        for (step, y) in (bars.top()..bars.bottom()).rev().enumerate() {
            let below = step as u128 * 8;
            for column in 0..wide {
                let x = bars.x + place * wide + column;
                piece(
                    pen,
                    (x, y),
                    failed.saturating_sub(below),
                    all.saturating_sub(below),
                );
            }
        }
    }
}

/// One cell of the screen: so many eighths of it are failures, so many are any events.
fn piece(pen: &mut Pen<'_>, (x, y): (u16, u16), failed: u128, all: u128) {
    let block = |eighths: u128| BLOCKS[usize::try_from(eighths.clamp(1, 8) - 1).unwrap_or(0)];
    match (failed, all) {
        (8.., _) => pen.put(x, y, 1, FAILED, Role::BarFailed),
        (1.., _) => {
            let after = pen.put(x, y, 1, block(failed), Role::BarFailed);
            let above = pen.style(Role::Bar).fg;
            if let (8.., Some(colour)) = (all, above) {
                pen.buf[(x, y)].set_bg(colour);
            }
            after
        }
        (0, 1..) => pen.put(x, y, 1, block(all), Role::Bar),
        (0, 0) => x,
    };
}

/// Marks the time under the brush, and says which it is, in the line below the bars.
pub fn marks(pen: &mut Pen<'_>, bars: Rect, app: &App, cells: &[Cell], stroke: Stroke) {
    let wide = wide(cells.len(), bars);
    let place = |cell: usize| bars.x + u16::try_from(cell).unwrap_or(0) * wide;
    let (left, right) = (place(stroke.first), place(stroke.last) + wide);
    let under = Rect {
        x: left,
        width: right.min(bars.right()).saturating_sub(left),
        ..bars
    };
    let selection = pen.style(Role::Selection);
    pen.buf.set_style(under, selection);
    let y = bars.bottom();
    if stroke.is_down && under.width > 1 {
        for x in left..under.right() {
            pen.put(x, y, 1, "─", Role::Key);
        }
        pen.put(left, y, 1, "└", Role::Key);
        pen.put(under.right() - 1, y, 1, "┘", Role::Key);
    } else {
        pen.put(place(stroke.cursor), y, 1, "▲", Role::Key);
    }
    let (since, numbers) = said(app, &cells[stroke.first..=stroke.last]);
    let behind = under.right() + 1;
    let (after, before) = (
        bars.right().saturating_sub(behind),
        left.saturating_sub(bars.x + 1),
    );
    // On the side with more room; when it began gives way first.
    let room = after.max(before);
    let whole = format!("{since} · {numbers}");
    let text = if width(&whole) <= usize::from(room) {
        whole
    } else {
        numbers
    };
    let cells = u16::try_from(width(&text)).unwrap_or(u16::MAX).min(room);
    let x = if after == room {
        behind
    } else {
        left - cells - 1
    };
    pen.put(x, y, cells, &text, Role::Text);
}

/// `2026-11-17 14:10` and `75 min · 611 events · 530 failed`
fn said(app: &App, cells: &[Cell]) -> (String, String) {
    let (Some(first), Some(last)) = (cells.first(), cells.last()) else {
        return (String::new(), String::new());
    };
    let events: u64 = cells.iter().map(|cell| cell.events).sum();
    let failed: u64 = cells.iter().map(|cell| cell.failed).sum();
    let long = span(last.until.0.saturating_sub(first.since.0));
    let word = if events == 1 { "event" } else { "events" };
    let numbers = format!(
        "{long} · {} {word} · {} failed",
        short(events),
        short(failed)
    );
    (moment(app, first.since), numbers)
}

/// A time as exactly as it can be told from its neighbours.
fn moment(app: &App, at: Micros) -> String {
    if at.0.rem_euclid(60 * Micros::SECOND) == 0 {
        app.zone.minute(at)
    } else {
        app.zone.clock(at)
    }
}
