//! The columns of the list, to choose from.

use ratatui::layout::Rect;

use crate::app::columns::chooser::Chooser;
use crate::ui::Caret;
use crate::ui::overlay::{PICKED, boxed, centred, wrapped};
use crate::ui::pen::{Pen, width};
use crate::ui::theme::Role;

/// Cells of a column's number.
const NUMBER: u16 = 3;

/// Cells below which a word about a column says nothing.
const SHORTEST: u16 = 8;

/// Draws the list; gives where its caret stands.
pub fn draw(pen: &mut Pen<'_>, area: Rect, chooser: &Chooser) -> Caret {
    let columns = (area.width * 3 / 4).clamp(40, 76);
    // As high as it can get: it would jump with every letter otherwise.
    let inner = boxed(
        pen,
        centred(area, columns, PICKED + 3),
        "columns of the list",
    );
    if inner.height == 0 {
        return None;
    }
    let after = pen.put(inner.x, inner.y, inner.width, " ▸ ", Role::Prompt);
    let room = inner.right().saturating_sub(after);
    pen.put(after, inner.y, room, chooser.input.value(), Role::Text);
    let typed = chooser.input.value().chars().take(chooser.input.cursor());
    let typed = u16::try_from(width(&typed.collect::<String>())).unwrap_or(u16::MAX);
    let lines = Rect {
        y: inner.y + 1,
        height: inner.height - 1,
        ..inner
    };
    if chooser.lines().is_empty() {
        draw_mistake(pen, lines, chooser);
    } else {
        draw_lines(pen, lines, chooser);
    }
    let caret = after.saturating_add(typed);
    Some((caret.min(inner.right().saturating_sub(1)), inner.y))
}

fn draw_mistake(pen: &mut Pen<'_>, area: Rect, chooser: &Chooser) {
    let text = chooser.mistake.as_deref().unwrap_or("nothing matches");
    let room = area.width.saturating_sub(4);
    for (y, line) in (area.y..area.bottom()).zip(wrapped(text, usize::from(room))) {
        pen.put(area.x + 3, y, room, &line, Role::Dim);
    }
}

fn draw_lines(pen: &mut Pen<'_>, area: Rect, chooser: &Chooser) {
    let first = (chooser.at() + 1).saturating_sub(usize::from(area.height));
    let lines = chooser.lines().iter().enumerate().skip(first);
    for (y, (number, line)) in (area.y..area.bottom()).zip(lines) {
        let place = line
            .place
            .map_or(String::new(), |place| format!("{:>2}", place + 1));
        let x = pen
            .put(area.x + 3, y, NUMBER, &place, Role::Prompt)
            .max(area.x + 3 + NUMBER);
        let room = area.right().saturating_sub(x + 1);
        let end = pen.put_hits(x, y, room, &line.name, (Role::Text, &line.hits));
        let about = u16::try_from(width(&line.about)).unwrap_or(u16::MAX);
        let about = about.min(area.right().saturating_sub(end + 3));
        if about >= SHORTEST {
            let at = area.right() - about - 1;
            pen.put(at, y, about, &line.about, Role::Key);
        }
        if number == chooser.at() {
            pen.put(area.x + 1, y, 1, "▸", Role::Prompt);
            let style = pen.style(Role::Selection);
            pen.buf.set_style(
                Rect {
                    y,
                    height: 1,
                    ..area
                },
                style,
            );
        }
    }
}
