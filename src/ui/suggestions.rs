//! The suggestions under the filter's caret.

use ratatui::layout::Rect;

use crate::app::App;
use crate::app::filter_bar::{Popup, Suggestion};
use crate::ui::pen::{Pen, width};
use crate::ui::theme::Role;

/// Suggestions shown at once.
const SHOWN: usize = 8;

/// Columns of a label or of what stands beside it, at most.
const WIDEST: u16 = 40;

/// Draws them below `top`, from the caret's column on where there is room.
pub fn draw(pen: &mut Pen<'_>, top: Rect, caret: u16, app: &App) {
    let Some(popup) = app.filter.popup() else {
        return;
    };
    let (first, visible) = visible(popup);
    let widest = |text: fn(&Suggestion) -> &str| {
        let cells = visible.iter().map(|suggestion| width(text(suggestion)));
        u16::try_from(cells.max().unwrap_or(0)).map_or(WIDEST, |cells| cells.min(WIDEST))
    };
    let label = widest(|suggestion| &suggestion.completion.label);
    let about = widest(|suggestion| &suggestion.completion.about);
    let all = *pen.buf.area();
    let columns = (label + about + 5).min(all.width);
    let lines = u16::try_from(visible.len()).unwrap_or(0);
    let area = Rect {
        x: caret.min(all.right() - columns),
        y: top.y + 1,
        width: columns,
        height: lines.min(all.bottom().saturating_sub(top.y + 1)),
    };
    pen.clear(area);
    for ((y, place), suggestion) in (area.y..area.bottom()).zip(first..).zip(visible) {
        let row = Rect {
            y,
            height: 1,
            ..area
        };
        let role = if popup.chosen == Some(place) {
            Role::Selection
        } else {
            Role::Popup
        };
        let style = pen.style(role);
        pen.buf.set_style(row, style);
        if popup.chosen == Some(place) {
            pen.put(row.x, y, 1, "▸", Role::Prompt);
        }
        let completion = &suggestion.completion;
        let hits = (Role::Text, suggestion.hits.as_slice());
        let room = label.min(columns.saturating_sub(3));
        pen.put_hits(row.x + 2, y, room, &completion.label, hits);
        let x = row.x + 2 + label + 2;
        let room = row.right().saturating_sub(x + 1);
        pen.put(x, y, room, &completion.about, Role::Dim);
    }
}

/// The part of the list around the chosen one, and the place of its first line.
fn visible(popup: &Popup) -> (usize, &[Suggestion]) {
    let shown = popup.suggestions.len().min(SHOWN);
    let first = popup
        .chosen
        .map_or(0, |chosen| chosen.saturating_sub(shown - 1));
    (first, &popup.suggestions[first..first + shown])
}
