//! The line in which the note of a mark is typed.

use ratatui::layout::Rect;

use crate::app::App;
use crate::app::inquiry::marks::Note;
use crate::core::event::Field;
use crate::ui::Caret;
use crate::ui::overlay::boxed;
use crate::ui::pen::Pen;
use crate::ui::sheet::{Keys, Sheet};
use crate::ui::theme::Role;

/// Draws the line over the lower part of the list; gives where its caret stands.
pub fn draw(pen: &mut Pen<'_>, area: Rect, app: &App, note: &Note) -> Caret {
    let height = area.height.min(4);
    let lower = Rect {
        y: area.bottom() - height,
        height,
        ..area
    };
    let title = if note.is_marked {
        "◆ marked: its note"
    } else {
        "◆ mark this event"
    };
    let inner = boxed(pen, lower, title);
    let mut sheet = Sheet {
        pen,
        area: Rect {
            x: inner.x + 1,
            width: inner.width.saturating_sub(2),
            ..inner
        },
    };
    let event = &note.event;
    let words = [Field::Actor, Field::Action, Field::Resource].map(|field| event.first(field));
    let about = words.into_iter().flatten().collect::<Vec<_>>().join(" ");
    let time = app.zone.full(event.at());
    sheet.line(&[
        (&time, Role::Time),
        ("  ", Role::Text),
        (&about, Role::Text),
    ]);
    sheet.input(
        "note",
        (&note.input, note.input.value()),
        "may be empty; Enter marks, Esc does not",
        Keys::Here,
    )
}
